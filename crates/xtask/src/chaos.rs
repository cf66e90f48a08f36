//! `cargo xtask chaos`: the long form of `tests/tests/chaos.rs`, in release, with figures as Markdown tables.

use std::time::Instant;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::packages::{self, EJABBERD, POSTGRESQL, PROSODY};
use crate::shell::{cargo, heading, root, run, say, spoken};

/// What is to go wrong, and how often. Without a seed each run is another one.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Kill the service (-9) and start it again, this often
    #[arg(long, value_name = "N", default_value_t = 100)]
    kills: usize,
    /// Stop or kill the host and start it again, this often
    #[arg(long, value_name = "N", default_value_t = 20)]
    host_restarts: usize,
    /// Reset the link between them, this often
    #[arg(long, value_name = "N", default_value_t = 20)]
    cuts: usize,
    /// Let the link pass nothing on for 1 to 5 seconds, this often
    #[arg(long, value_name = "N", default_value_t = 10)]
    freezes: usize,
    /// Lock the SQLite file or stop PostgreSQL for up to 7 seconds, this often
    #[arg(long, value_name = "N", default_value_t = 20)]
    database_stops: usize,
    /// Where the service keeps everything
    #[arg(long, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
    /// Where it is played
    #[arg(long, value_enum, default_value_t = Host::Both)]
    host: Host,
    /// Messages a second, all senders together
    #[arg(long, value_name = "N", default_value_t = 60)]
    rate: u32,
    /// Who is to pass one stanza on to many: the host itself, also a process beside it, nobody
    #[arg(long, value_enum, default_value_t = Multicast::Auto)]
    multicast: Multicast,
    /// Play the same plan again
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Multicast {
    Auto,
    External,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Host {
    Prosody,
    Ejabberd,
    Both,
}

/// Prepares everything and plays it: one host after the other, so that neither slows the other down.
pub(crate) fn play(options: &Options) -> Result<()> {
    let start = Instant::now();
    let mut needed = Vec::new();
    needed.extend((options.host != Host::Ejabberd).then_some(PROSODY));
    needed.extend((options.host != Host::Prosody).then_some(EJABBERD));
    needed.extend((options.database == Database::Postgres).then_some(POSTGRESQL));
    heading("Servers");
    packages::ensure(&needed)?;
    heading("Building in release (the first time takes some minutes)");
    run(cargo(["build", "--release", "--package", "xmpp-groupchat"]).current_dir(root()))?;
    run(cargo(TEST).arg("--no-run").current_dir(root()))?;
    heading("Chaos");
    let mut command = cargo(TEST);
    command.args(["--", "--nocapture", "--test-threads", "1"]).envs(variables(options));
    let played = run(command.current_dir(root()));
    say(&format!("together {}", spoken(start.elapsed())));
    played
}

const TEST: [&str; 7] = ["test", "--quiet", "--release", "--package", "groupchat-tests", "--test", "chaos"];

/// As `tests/README.md` has them.
fn variables(options: &Options) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("CHAOS_KILLS", options.kills.to_string()),
        ("CHAOS_HOST_RESTARTS", options.host_restarts.to_string()),
        ("CHAOS_CUTS", options.cuts.to_string()),
        ("CHAOS_FREEZES", options.freezes.to_string()),
        ("CHAOS_DATABASE_STOPS", options.database_stops.to_string()),
        ("CHAOS_DATABASE", word(options.database)),
        ("CHAOS_HOST", word(options.host)),
        ("CHAOS_RATE", options.rate.to_string()),
        ("CHAOS_MULTICAST", word(options.multicast)),
    ];
    variables.extend(options.seed.map(|seed| ("CHAOS_SEED", seed.to_string())));
    variables
}

fn word(value: impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}
