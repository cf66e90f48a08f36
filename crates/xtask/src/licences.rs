//! The licences and origins of everything that is built in, checked by cargo-deny against `deny.toml`.

use std::process::Command;

use anyhow::Result;

use crate::shell::{root, run};
use crate::tools::Tool;

/// In the version that `deny.toml` is written for.
const CARGO_DENY: Tool = Tool { name: "cargo-deny", version: "0.20" };

/// Checks them; installs cargo-deny into the target folder first if it is missing.
pub(crate) fn check() -> Result<()> {
    let deny = CARGO_DENY.ensure()?;
    // Advisories are left out: they are fetched from the network and change without any change of ours.
    let what = ["check", "licenses", "bans", "sources"];
    run(Command::new(&deny).args(what).current_dir(root()))?;
    run(Command::new(&deny).args(what).current_dir(root().join("examples/groupchat-cli")))
}
