//! `cargo xtask fuzz`: the targets of `tests/fuzz`, one after the other, for as long as one likes.
//!
//! No sanitizer and no nightly compiler: our code is safe Rust, and what is looked for is promises that are broken.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::shell::{cargo, heading, output_of, root, run, say, spoken, target};
use crate::tools::Tool;

const CARGO_FUZZ: Tool = Tool { name: "cargo-fuzz", version: "0.13" };

const TARGETS: [&str; 4] = ["reader", "payloads", "addresses", "stanzas"];

/// Longer inputs take longer and say little more.
const INPUT_BYTES_MAX: usize = 4_096;

/// More memory than this is a finding; an input of the length above needs a few megabytes.
const MEMORY_MB_MAX: usize = 1_024;

/// What is to be run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How long, over all targets together
    #[arg(long, value_name = "N", default_value_t = 10)]
    minutes: u64,
    /// Only this one
    #[arg(long, value_name = "TARGET", value_parser = TARGETS)]
    target: Option<String>,
}

/// Runs them all, also when one has found something.
pub(crate) fn run_targets(options: &Options) -> Result<()> {
    build()?;
    let chosen = |name: &&&str| options.target.as_deref().is_none_or(|target| target == **name);
    let targets: Vec<&str> = TARGETS.iter().filter(chosen).copied().collect();
    let each = Duration::from_secs(options.minutes * 60) / u32::try_from(targets.len())?;
    let mut found = Vec::new();
    for name in targets {
        heading(&format!("{name}, for {}", spoken(each)));
        if !fuzz(name, each)? {
            found.push(name);
        }
    }
    if !found.is_empty() {
        bail!("something was found by {}", found.join(", "));
    }
    Ok(())
}

fn build() -> Result<()> {
    let fuzz = CARGO_FUZZ.ensure()?;
    heading("Building with instruments (the first time takes some minutes)");
    let mut command = Command::new(fuzz);
    command.args(["fuzz", "build", "--sanitizer", "none", "--fuzz-dir"]).arg(root().join("tests/fuzz"));
    run(command.arg("--target-dir").arg(folder()).current_dir(root()))
}

/// Runs one; false if it found something.
fn fuzz(name: &str, time: Duration) -> Result<bool> {
    let (corpus, findings, log) =
        (folder().join("corpus").join(name), folder().join("artifacts").join(name), log_of(name));
    for folder in [&corpus, &findings] {
        std::fs::create_dir_all(folder)?;
    }
    let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut command = Command::new(folder().join(host()?).join("release").join(name));
    command
        .arg(format!("-max_total_time={}", time.as_secs().max(1)))
        .arg(format!("-max_len={INPUT_BYTES_MAX}"))
        .arg(format!("-rss_limit_mb={MEMORY_MB_MAX}"))
        .arg(format!("-artifact_prefix={}/", findings.display()))
        .args(["-timeout=60", "-print_final_stats=1"])
        // Where threads run beside each other, how often a line was passed is chance.
        .args((name == "stanzas").then_some("-use_counters=0"))
        // What is new goes into the first folder.
        .args([corpus, root().join("tests/fuzz/corpus").join(name)])
        .stdout(output.try_clone()?)
        .stderr(output);
    let since = Instant::now();
    let status = command.status().with_context(|| format!("cannot run {name}"))?;
    let text = std::fs::read_to_string(&log)?;
    say(&format!("{} runs, {} edges, {}", runs(&text), edges(&text), spoken(since.elapsed())));
    if !status.success() {
        let told = finding(&text).unwrap_or("the log has no more to say");
        say(&format!(
            "found something: {told}\nthe log: {}\nagain: FUZZ_INPUT=<file> cargo test -p groupchat-tests --test fuzz {name}",
            log.display()
        ));
    }
    Ok(status.success())
}

fn folder() -> PathBuf {
    target().join("fuzz")
}

fn log_of(name: &str) -> PathBuf {
    folder().join(format!("{name}.log"))
}

/// The machine that programs are built for.
fn host() -> Result<String> {
    let version =
        output_of(&mut cargo(["--version", "--verbose"])).context("cargo does not say who it is")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("cargo does not say which machine this is")?.to_owned())
}

/// What libFuzzer says at the end.
fn runs(log: &str) -> &str {
    let line = log.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    line.map_or("?", str::trim)
}

/// How many edges of the program were reached, as the last line says that tells.
fn edges(log: &str) -> &str {
    let told = log.lines().rev().find_map(|line| line.split_once(" cov: "));
    told.and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or("?")
}

/// The file that holds the input.
fn finding(log: &str) -> Option<&str> {
    log.lines().find_map(|line| line.split_once("Test unit written to ")).map(|(_, file)| file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_says_is_understood() {
        let log = "#10\tINITED cov: 1618 ft: 3672\n#11\tNEW    cov: 1620 ft: 3680 corp: 10\n\
                   artifact_prefix='a/'; Test unit written to a/crash-8\nstat::number_of_executed_units: 357\n";
        assert_eq!((runs(log), edges(log), finding(log)), ("357", "1620", Some("a/crash-8")));
        assert_eq!((runs(""), edges(""), finding("")), ("?", "?", None));
    }
}
