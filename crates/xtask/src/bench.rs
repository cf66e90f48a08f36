//! `cargo xtask bench`: how fast the service is, by itself and on real hosts beside what they have themselves; in release,
//! with figures as Markdown tables, which go into `docs/performance.md` if that is wanted.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::packages::{self, EJABBERD, PROSODY};
use crate::shell::{cargo, heading, output_of, root, run, say};

/// What is measured, and for how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Hosts, with commas between them
    #[arg(long, value_name = "HOSTS", default_value = "prosody,ejabberd")]
    hosts: String,
    /// Members of the groups, all of them online
    #[arg(long, value_name = "NUMBERS", default_value = "10,100,1000")]
    members: String,
    /// How long each load lasts
    #[arg(long, value_name = "N", default_value_t = 8)]
    seconds: u32,
    /// Put the figures into docs/performance.md
    #[arg(long)]
    write: bool,
}

/// Where the figures go.
const DOCUMENT: &str = "docs/performance.md";
const BEGIN: &str = "<!-- figures: cargo xtask bench --write -->\n";
const END: &str = "<!-- end of figures -->\n";

/// Builds everything and measures.
pub(crate) fn measure(options: &Options) -> Result<()> {
    heading("Servers");
    packages::ensure(&[PROSODY, EJABBERD])?;
    heading("Building in release (the first time takes some minutes)");
    run(cargo(["build", "--release", "--package", "xmpp-groupchat"]).current_dir(root()))?;
    let benches = ["bench", "--quiet", "--package", "groupchat-tests"];
    run(cargo(benches).args(["--benches", "--no-run"]).current_dir(root()))?;
    let mut figures = format!("\n{}\n", machine());
    for (bench, title) in [("alone", "By itself"), ("hosts", "On real hosts")] {
        heading(title);
        let mut command = cargo(benches);
        command.args(["--bench", bench]).current_dir(root());
        command.env("BENCH_HOST", &options.hosts).env("BENCH_MEMBERS", &options.members);
        command.env("BENCH_SECONDS", options.seconds.to_string());
        figures.push_str(&format!("\n### {title}\n\n{}\n", overheard(&mut command)?.trim()));
    }
    figures.push('\n');
    if options.write {
        write(&figures)?;
    }
    Ok(())
}

/// What it was measured on.
fn machine() -> String {
    let first_of = |program: &str, arguments: &[&str]| {
        let text = output_of(Command::new(program).args(arguments)).unwrap_or_default();
        text.lines().next().unwrap_or_default().trim().to_owned()
    };
    let version = |package: &str| first_of("dpkg-query", &["--show", package]).replace('\t', " ");
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let versions = [version("prosody"), version("ejabberd"), first_of("rustc", &["--version"])];
    format!(
        "{cores} cores of {}, shared by everything; {}.",
        model.unwrap_or("an unknown processor"),
        versions.join(", ")
    )
}

/// Runs it, and says and returns what it says.
fn overheard(command: &mut Command) -> Result<String> {
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot run cargo")?;
    let mut text = String::new();
    for line in BufReader::new(child.stdout.take().context("no output")?).lines() {
        let line = line?;
        say(&line);
        text.push_str(&line);
        text.push('\n');
    }
    ensure!(child.wait()?.success(), "the measurement failed");
    Ok(text)
}

fn write(figures: &str) -> Result<()> {
    let path = root().join(DOCUMENT);
    let text = std::fs::read_to_string(&path)?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.with_context(|| format!("{DOCUMENT} has no place for figures"))?;
    std::fs::write(&path, [before, BEGIN, figures, END, after].concat())?;
    say(&format!("The figures are in {DOCUMENT}."));
    Ok(())
}
