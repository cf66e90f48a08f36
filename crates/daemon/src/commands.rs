//! The subcommands of the program: what operators type, and how the program ends. What they do is in a file each.

mod backup;
mod copy;
mod ctl;
mod doctor;
mod exit;
mod export;
mod health;
mod import;
mod migrate;
mod run;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tracing::error;

use crate::config::{self, Config, Log};
use crate::logging;

/// WhatsApp-style groups for any XMPP server: an external component (XEP-0114).
#[derive(Debug, Parser)]
#[command(name = "xmpp-groupchat", version, about, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Every setting of the file can be given in the environment instead: GROUPCHAT_<SECTION>__<KEY>,
for example GROUPCHAT_COMPONENT__SECRET. `xmpp-groupchat config` shows all of them with their defaults.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the component until SIGTERM or SIGINT; connects again for ever when the XMPP server is away
    Run(ConfigFile),
    /// Check the configuration only, and tell every problem at once with its place and remedy
    Check(ConfigFile),
    /// Print a configuration file: every setting with its default and what it is for
    Config,
    /// Look at everything that the component needs: configuration, database, XMPP server; stop it first for all of it
    Doctor(doctor::Options),
    /// Ask the running component whether it is ready: 0 if it is
    Health(ConfigFile),
    /// Have the running component show or do something
    Ctl(ctl::Options),
    /// Bring the database up to date, or show what that would do
    Migrate {
        #[command(flatten)]
        config: ConfigFile,
        #[command(subcommand)]
        action: migrate::Action,
    },
    /// Copy everything from one database to another, empty one, of whatever kinds, and compare; stop the component first
    Copy(copy::Options),
    /// Write what is kept of a group, or of an account, as lines of JSON, while the component runs
    Export(export::Options),
    /// Bring groups into the database; stop the component first
    Import(import::Options),
    /// Write the SQLite database into a new file, while the component runs
    Backup {
        #[command(flatten)]
        config: ConfigFile,
        /// The new file
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
struct ConfigFile {
    /// The configuration file
    #[arg(long, short, value_name = "FILE", default_value = "groupchat.toml", global = true)]
    config: PathBuf,
}

/// Does what the command line asks; 0 when it worked, else what `commands/exit.rs` says.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut health = ExitCode::SUCCESS;
    let outcome = match arguments.command {
        Command::Run(file) => with_config(&file, |config| block_on(run::run(config, &file.config))),
        Command::Check(file) => with_config(&file, |config| {
            say(&format!(
                "{}: everything is in order: {} at {}, database {}",
                file.config.display(),
                config.component.domain,
                config.component.server,
                scheme(&config.database.url),
            ));
            Ok(())
        }),
        Command::Config => {
            say(config::example_file().trim_end());
            Ok(ExitCode::SUCCESS)
        }
        Command::Doctor(options) => Ok(doctor::examine(&options)),
        Command::Health(file) => with_config(&file, |config| {
            health = block_on(async { Ok(health::ask_for_health(config).await) })?;
            Ok(())
        })
        .map(|_| health),
        Command::Ctl(ctl::Options { file, json, command }) => {
            with_config(&file, |config| block_on(ctl::ask(config, &command, json)))
        }
        Command::Migrate { config, action } => {
            with_config(&config, |config| block_on(migrate::migrate(config, &action)))
        }
        Command::Copy(options) => {
            logging::start(&Log::default());
            done(block_on(copy::copy(&options)))
        }
        Command::Export(options) => {
            with_config(&options.file, |config| block_on(export::export(config, &options)))
        }
        Command::Import(options) => {
            with_config(&options.file, |config| block_on(import::import(config, &options)))
        }
        Command::Backup { config, to } => {
            with_config(&config, |config| block_on(backup::back_up(config, &to)))
        }
    };
    outcome.unwrap_or_else(|code| code)
}

fn with_config(
    file: &ConfigFile,
    command: impl FnOnce(Config) -> anyhow::Result<()>,
) -> Result<ExitCode, ExitCode> {
    let config = Config::load(&file.config, std::env::vars()).map_err(|problems| {
        for problem in &problems {
            complain(&problem.to_string());
        }
        let count = problems.len();
        complain(&format!(
            "{count} {} in the configuration",
            if count == 1 { "problem" } else { "problems" }
        ));
        ExitCode::from(exit::CONFIG)
    })?;
    logging::start(&config.log);
    done(command(config))
}

fn done(outcome: anyhow::Result<()>) -> Result<ExitCode, ExitCode> {
    outcome.map_err(|problem| {
        error!("{problem:#}");
        ExitCode::from(exit::of(&problem))
    })?;
    Ok(ExitCode::SUCCESS)
}

fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    let outcome = runtime.block_on(future);
    // A name that is still looked up, on a thread that cannot be stopped, holds up nobody.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// The kind of database; the rest of its URL may hold a password.
fn scheme(url: &str) -> &str {
    url.split(':').next().unwrap_or_default()
}

/// What an operator asked to see. He may have stopped reading (`… | head`), which is no failure.
fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").ok();
}

#[expect(clippy::print_stderr, reason = "there is no log before there is a configuration")]
fn complain(line: &str) {
    eprintln!("{line}");
}
