//! `xmpp-groupchat`: the program as operators see it. Commands are in `commands.rs`.

use std::process::ExitCode;

fn main() -> ExitCode {
    xmpp_groupchat::commands::main()
}
