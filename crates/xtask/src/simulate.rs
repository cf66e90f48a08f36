//! `cargo xtask simulate`: the long form of `tests/tests/simulation.rs`, in release.

use anyhow::Result;
use clap::Args;

use crate::shell::{cargo, heading, root, run};

/// Which worlds are simulated.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// This many, one for each seed
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    seeds: u64,
    /// Beginning with this seed; a failure names its own, to be played again with `--seeds 1`
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    first: u64,
}

/// Builds it and runs it; no server is needed.
pub(crate) fn play(options: &Options) -> Result<()> {
    heading("Simulation, in release (building it takes some minutes the first time)");
    let mut command = cargo(["test", "--quiet", "--release", "--package", "groupchat-tests"]);
    command.args(["--test", "simulation", "--", "--nocapture"]);
    command.env("SIMULATION_SEEDS", options.seeds.to_string());
    command.env("SIMULATION_FIRST", options.first.to_string());
    run(command.current_dir(root()))
}
