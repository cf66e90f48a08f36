//! `xmpp-groupchat import`: groups into the database, while the component is stopped.

mod each;
mod ejabberd;
mod file;
mod prosody;

use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Subcommand;
use groupchat_core::BareJid;
use groupchat_store::Store;
use groupchat_store::portable::WhenThere;
use tokio::net::UnixStream;

use super::{ConfigFile, say};
use crate::clock::Clock;
use crate::config::Config;
use crate::transfer::intake::Intake;

/// What is imported, and how.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    pub(super) file: ConfigFile,
    /// Only try: tell what would be imported and what not, and keep nothing
    #[arg(long, global = true)]
    dry_run: bool,
    /// Let a group that is there go for the one that comes, with all that was said in it
    #[arg(long, global = true)]
    replace: bool,
    /// The component is stopped: say so where this program cannot find out
    #[arg(long, global = true)]
    component_is_stopped: bool,
    #[command(subcommand)]
    from: Source,
}

#[derive(Debug, Subcommand)]
enum Source {
    /// A file that `export group` wrote, or several of them one behind the other
    File {
        /// The file; `-` for standard input
        file: PathBuf,
    },
    /// The rooms of a Prosody with internal storage, which should be stopped
    ProsodyMuc {
        /// Its data folder
        #[arg(long, value_name = "FOLDER", default_value = "/var/lib/prosody")]
        data: PathBuf,
        /// The host of its rooms, as conference.example.org
        #[arg(long, value_name = "HOST")]
        host: String,
    },
    /// The rooms of an ejabberd, from what `ejabberdctl export2sql` wrote
    EjabberdMuc {
        /// The file
        #[arg(long, value_name = "FILE")]
        sql: PathBuf,
        /// The host of its rooms, as conference.example.org
        #[arg(long, value_name = "HOST")]
        host: String,
    },
}

/// Imports, and prints what came of each group.
pub(super) async fn import(config: Config, options: &Options) -> anyhow::Result<()> {
    refuse_running(&config, options.component_is_stopped).await?;
    let store = open(&config.database.url, options.dry_run).await?;
    let domain = BareJid::parse(&config.component.domain)?;
    let when_there = if options.replace { WhenThere::Replace } else { WhenThere::Refuse };
    let now = Clock::real().now();
    let intake = Intake { store: store.clone(), domain, when_there, is_dry: options.dry_run, now };
    let outcome = match &options.from {
        Source::File { file } => file::import(&intake, file).await,
        Source::EjabberdMuc { sql, host } => ejabberd::import(&intake, sql, host).await,
        Source::ProsodyMuc { data, host } => prosody::import(&intake, data, host).await,
    };
    store.close().await.context("closing the database")?;
    let groups = outcome?;
    let what = if options.dry_run { "would be imported" } else { "imported" };
    say(&format!("{groups} groups {what}"));
    Ok(())
}

/// A component that runs has groups in memory, and would not see what is imported.
async fn refuse_running(config: &Config, is_said_stopped: bool) -> anyhow::Result<()> {
    let socket = &config.control.socket;
    if socket.as_os_str().is_empty() {
        if is_said_stopped {
            return Ok(());
        }
        bail!(
            "no control socket is configured, so whether the component runs cannot be found out: stop it, and \
             say --component-is-stopped"
        );
    }
    match UnixStream::connect(socket).await {
        Err(none) if none.kind() == ErrorKind::ConnectionRefused => Ok(()),
        Err(none) if none.kind() == ErrorKind::NotFound => {
            if is_said_stopped || is_seen_from_here(config) {
                return Ok(());
            }
            bail!(
                "there is no control socket {} to be seen from here: the component may run all the same, in another \
                 folder or on another machine. Stop it, and say --component-is-stopped",
                socket.display()
            )
        }
        Err(problem) => Err(problem)
            .with_context(|| format!("finding out whether the component runs, by {}", socket.display())),
        Ok(_) => bail!(
            "the component runs (it listens at {}): stop it first, for it has groups in memory",
            socket.display()
        ),
    }
}

/// Would the socket of a component with this configuration, which has this database, be found? One that was started in another folder
/// has its socket there; but if the database is a file of the folder as well, it has another database. And a database server may be asked
/// from another machine.
fn is_seen_from_here(config: &Config) -> bool {
    let file = Store::file_of(&config.database.url);
    file.is_some_and(|file| config.control.socket.is_absolute() || file.is_relative())
}

/// The database, up to date. A dry run changes nothing, and makes no file.
async fn open(url: &str, is_dry: bool) -> anyhow::Result<Store> {
    const OPENING: &str = "opening the database";
    if is_dry && Store::file_of(url).is_none_or(|file| file.is_file()) {
        return Store::open(url).await.context(OPENING);
    }
    let store = Store::open(if is_dry { "sqlite::memory:" } else { url }).await.context(OPENING)?;
    store.migrate().await.context("bringing the database up to date")?;
    Ok(store)
}
