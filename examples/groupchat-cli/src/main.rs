//! Groups in a terminal and in scripts: what `groupchat-client` offers, on tokio-xmpp.
//!
//! `options.rs` is what may be said on the command line, `link.rs` the connection, `session.rs` the picture of one's
//! groups on it; `command.rs` does one thing and ends, `watch.rs` and `chat.rs` stay.

mod chat;
mod command;
mod lines;
mod link;
mod login;
mod options;
mod output;
mod session;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

use options::{Action, Options};
use output::Output;
use session::Problem;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let output = Output::new(options.json);
    let problem = match run(options, &output).await {
        Ok(()) => return ExitCode::SUCCESS,
        Err(problem) => problem,
    };
    output.problem(&problem);
    match problem.downcast_ref::<Problem>() {
        Some(Problem::Refused(_)) => ExitCode::from(1),
        Some(Problem::Login(_)) => ExitCode::from(3),
        Some(Problem::Silent) => ExitCode::from(4),
        None => ExitCode::from(2),
    }
}

async fn run(options: Options, output: &Output) -> anyhow::Result<()> {
    let login = login::Login::new(&options)?;
    match options.action.unwrap_or(Action::Chat { group: None }) {
        Action::Chat { group } => chat::run(&login, output, group).await,
        Action::Watch { groups, mark_read, seconds } => {
            watch::run(&login, output, &groups, mark_read, seconds).await
        }
        action => command::run(&login, output, action).await,
    }
}
