//! `xmpp-groupchat ctl`: has the running component show or do something.

use anyhow::{Context, bail};

use super::{ConfigFile, say};
use crate::admin::AdminCommand;
use crate::config::Config;
use crate::control;

/// What is to be done.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    pub(super) file: ConfigFile,
    /// Print the answer as JSON, for programs
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: AdminCommand,
}

/// Asks, and prints the answer.
pub(super) async fn ask(config: Config, command: &AdminCommand, json: bool) -> anyhow::Result<()> {
    let path = &config.control.socket;
    if path.as_os_str().is_empty() {
        bail!("control.socket is empty: nobody can be asked");
    }
    let said = control::ask(path, command, control::ANSWER_PATIENCE).await;
    let said = said.with_context(|| format!("asking the component at {}", path.display()))?;
    match said {
        Ok(report) => {
            say(&if json { serde_json::to_string(&report)? } else { report.text() });
            Ok(())
        }
        Err(why) => bail!("{why}"),
    }
}
