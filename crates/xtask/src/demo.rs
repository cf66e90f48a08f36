//! `cargo xtask demo`: installs what it takes, builds, and hands over to the demo program in `examples/`.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::packages::{self, NODEJS, NPM, PROSODY};
use crate::shell::{cargo, cargo_of_examples, heading, run, say};

/// What the demo is to do.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// End after the conversation instead of staying up to be tried
    #[arg(long)]
    once: bool,
    /// Also draw what is shown as an SVG picture
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Prepares everything and becomes the demo program, so that it alone hears Ctrl-C.
pub(crate) fn run_in_place(options: &Options) -> Result<()> {
    prepare()?;
    heading("The page for the browser");
    if let Err(problem) = packages::ensure(&[NODEJS, NPM]) {
        say(&format!("it will be left out: {problem:#}"));
    }
    Err(program(options).exec()).context("cannot start the demo program")
}

/// Plays the demo's conversation once, as a test.
pub(crate) fn run_once() -> Result<()> {
    prepare()?;
    run(&mut program(&Options { once: true, svg: None }))
}

fn prepare() -> Result<()> {
    heading("Prosody");
    packages::ensure(&[PROSODY])?;
    heading("Building (the first time takes some minutes)");
    // The component as the demo program will ask for it: by itself, or cargo would build parts of it twice.
    run(&mut cargo(["build", "--package", "xmpp-groupchat"]))?;
    run(&mut cargo(["build", "--package", "groupchat-examples", "--example", "demo"]))?;
    // The client for terminals and the bot, where the demo program looks for them.
    run(&mut cargo_of_examples(["build", "--locked", "--workspace"]))
}

fn program(options: &Options) -> Command {
    let mut command = cargo(["run", "--quiet", "--package", "groupchat-examples", "--example", "demo", "--"]);
    command.args(options.once.then_some("--once"));
    if let Some(file) = &options.svg {
        command.arg("--svg").arg(file);
    }
    command
}
