//! `cargo xtask`: the project's own commands. Each is one file; what they have in common is in `shell.rs`.
//!
//! Nothing of the project itself is used here, so that these commands are built in seconds on a fresh machine: what
//! needs the service or the hosts is a program of its own that is started from here.

mod bench;
mod chaos;
mod deb;
mod demo;
mod fuzz;
mod licences;
mod packages;
mod pictures;
mod shell;
mod simulate;
mod soak;
mod test;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Commands of the project. All of them work on a fresh Debian machine that has Rust and nothing else.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the service at work: three people and a group on a Prosody of its own, then yours to try
    Demo(demo::Options),
    /// Measure how fast the service is, by itself and on real hosts beside what they have themselves
    Bench(bench::Options),
    /// Let everything go wrong around the service, for many minutes, and count what is lost
    Chaos(chaos::Options),
    /// Build the Debian package, and try to install, upgrade and remove it in a root of its own
    Deb(deb::Options),
    /// Look for inputs that break a promise of the service: hours of what `cargo test --test fuzz` does for seconds
    Fuzz(fuzz::Options),
    /// Draw the pictures of docs/operations.md anew, of a real service under load
    Pictures,
    /// Send messages into a large group for half an hour, and see whether the memory stays and nothing is lost
    Soak(soak::Options),
    /// Check everything that a change must pass, step by step, until one fails
    Test(test::Options),
    /// Simulate worlds that go wrong at random, and check that nothing is lost
    Simulate(simulate::Options),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Demo(options) => demo::run_in_place(&options),
        Command::Bench(options) => bench::measure(&options),
        Command::Chaos(options) => chaos::play(&options),
        Command::Deb(options) => deb::make(&options),
        Command::Fuzz(options) => fuzz::run_targets(&options),
        Command::Pictures => pictures::draw(),
        Command::Soak(options) => soak::run_load(&options),
        Command::Test(options) => test::run_steps(&options),
        Command::Simulate(options) => simulate::play(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            shell::complain(&problem);
            ExitCode::FAILURE
        }
    }
}
