//! The subcommands of the program: what operators type.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};
use groupchat_link::LinkConfig;
use groupchat_link::queue::{QueueLimits, queue};
use groupchat_store::Store;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::clock::Clock;
use crate::config::{Config, Multicast};
use crate::{app, logging, signals};

/// Stanzas that may wait between the link and the service, each way.
const STANZAS_MAX: usize = 1_024;
/// How long a stop waits for what is still to be said.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// Configuration is not usable: what `sysexits.h` calls EX_CONFIG.
const EXIT_CONFIG: u8 = 78;

/// WhatsApp-style groups for any XMPP server: an external component (XEP-0114).
#[derive(Debug, Parser)]
#[command(name = "xmpp-groupchat", version, about, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Every setting of the file can be given in the environment instead: GROUPCHAT_<SECTION>__<KEY>,
for example GROUPCHAT_COMPONENT__SECRET. deploy/groupchat.toml shows all of them with their defaults.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the component until SIGTERM or SIGINT; connects again for ever when the XMPP server is away
    Run(ConfigFile),
    /// Check the configuration only, and tell every problem at once with its place and remedy
    Check(ConfigFile),
    /// Bring the database up to date, or show what that would do
    Migrate {
        #[command(flatten)]
        config: ConfigFile,
        #[command(subcommand)]
        action: Migration,
    },
}

#[derive(Debug, clap::Args)]
struct ConfigFile {
    /// The configuration file
    #[arg(long, short, value_name = "FILE", default_value = "groupchat.toml", global = true)]
    config: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Migration {
    /// Apply what is missing; `run` does the same when it starts
    Up,
    /// Show which migrations are applied
    Status,
}

/// Does what the command line asks; 0 when it worked, 78 when the configuration cannot be used, 1 otherwise.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Command::Run(file) => with_config(&file, |config| block_on(run(config))),
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
        Command::Migrate { config, action } => {
            with_config(&config, |config| block_on(migrate(config, &action)))
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
        ExitCode::from(EXIT_CONFIG)
    })?;
    logging::start(&config.log);
    command(config).map_err(|problem| {
        error!("{problem:#}");
        ExitCode::FAILURE
    })?;
    Ok(ExitCode::SUCCESS)
}

fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    runtime.block_on(future)
}

fn link_config(config: &Config) -> LinkConfig {
    let component = &config.component;
    let mut link = LinkConfig::new(&component.domain, &component.server, component.secret.clone());
    if config.delivery.multicast != Multicast::Off {
        link.server_domain = component.domain.split_once('.').map(|(_, server)| server.to_owned());
        link.external_multicast = config.delivery.multicast == Multicast::External;
    }
    link
}

/// The component: the service behind a link, until a signal. The service stops first, so that what it still has to
/// say goes out before the link closes.
async fn run(config: Config) -> anyhow::Result<()> {
    let component = &config.component;
    info!(
        version = env!("CARGO_PKG_VERSION"),
        domain = component.domain,
        server = component.server,
        database = scheme(&config.database.url),
        "Starting {} for the XMPP server at {}",
        component.domain,
        component.server
    );
    let link_config = link_config(&config);
    let (to_service, incoming) = mpsc::channel(STANZAS_MAX);
    let (outgoing, to_link) = queue(QueueLimits::default());
    let (stop_service, stop_link) = (CancellationToken::new(), CancellationToken::new());
    let link = tokio::spawn(groupchat_link::run(link_config, to_service, to_link, stop_link.clone()));
    let service = app::Service::new(config, Clock::real()).run(incoming, outgoing, stop_service.clone());
    tokio::pin!(service);
    let served = tokio::select! {
        served = &mut service => served,
        heard = signals::stop_requested() => {
            heard.context("listening to signals")?;
            stop_service.cancel();
            // With the XMPP server away nobody takes what there is still to say; it is in the database.
            tokio::time::timeout(STOP_PATIENCE, service).await.unwrap_or(Ok(()))
        }
    };
    stop_link.cancel();
    link.await.context("the link task failed")?;
    info!("Stopped");
    served
}

async fn migrate(config: Config, action: &Migration) -> anyhow::Result<()> {
    let store = Store::open(&config.database.url).await.context("opening the database")?;
    if matches!(action, Migration::Up) {
        store.migrate().await.context("bringing the database up to date")?;
    }
    for migration in store.migrations().await.context("reading the migrations")? {
        say(&format!("{}  {}", if migration.applied { "applied" } else { "missing" }, migration.name));
    }
    store.close().await.context("closing the database")
}

/// The kind of database; the rest of its URL may hold a password.
fn scheme(url: &str) -> &str {
    url.split(':').next().unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "what an operator asked to see")]
fn say(line: &str) {
    println!("{line}");
}

#[expect(clippy::print_stderr, reason = "there is no log before there is a configuration")]
fn complain(line: &str) {
    eprintln!("{line}");
}
