//! `cargo xtask soak`: does the component hold its memory under a long steady load? The test `soak`, in release and long.

use anyhow::Result;
use clap::Args;

use crate::shell::{cargo, heading, root, run};

const SOAK: [&str; 7] = ["test", "--quiet", "--release", "--package", "groupchat-tests", "--test", "soak"];

/// How much, how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How long messages are sent; the first two minutes are warm-up
    #[arg(long, value_name = "N", default_value_t = 30)]
    minutes: u32,
    /// Messages a second
    #[arg(long, value_name = "N", default_value_t = 50)]
    rate: u32,
    /// Members of the group, a fifth of whom are gone at any time
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    members: u32,
}

/// Runs it, and fails if the memory is not flat or anything is lost.
pub(crate) fn run_load(options: &Options) -> Result<()> {
    let Options { minutes, rate, members } = options;
    heading("Building (the first time takes some minutes)");
    // By itself, or cargo would build parts of it twice.
    run(&mut cargo(["build", "--release", "--package", "xmpp-groupchat"]))?;
    run(cargo(SOAK).arg("--no-run"))?;
    heading(&format!("{minutes} minutes of {rate} messages a second to {members} members"));
    let mut command =
        cargo(["test", "--quiet", "--release", "--package", "groupchat-tests", "--test", "soak"]);
    command.args(["--", "--nocapture"]).current_dir(root());
    for (name, value) in [("SOAK_SECONDS", minutes * 60), ("SOAK_RATE", *rate), ("SOAK_MEMBERS", *members)] {
        command.env(name, value.to_string());
    }
    run(&mut command)
}
