//! `xmpp-groupchat health`: asks the running component whether it is ready, for whoever starts and stops containers.

use std::process::ExitCode;

use super::{complain, exit, say};
use crate::config::Config;
use crate::http::ask;

/// Asks, and ends with 0 if it is.
pub(super) async fn ask_for_health(config: Config) -> ExitCode {
    let listen = &config.http.listen;
    if listen.is_empty() {
        complain("http.listen is empty: nobody can be asked");
        return ExitCode::from(exit::CONFIG);
    }
    match ask::ask(listen, "/ready").await {
        Some((200, text)) => {
            say(text.trim_end());
            ExitCode::SUCCESS
        }
        Some((_, text)) => {
            complain(text.trim_end());
            ExitCode::from(exit::UNAVAILABLE)
        }
        None => {
            complain(&format!("nobody answers at {listen}"));
            ExitCode::from(exit::UNAVAILABLE)
        }
    }
}
