//! `cargo xtask test`: everything that a change must pass, in the order in which it is cheapest to fail.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::shell::{cargo, cargo_of_examples, heading, paint, root, run, say, spoken};
use crate::{deb, demo, licences, packages};

/// What is to be checked.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only these steps, in their usual order; `--only lints,tests` or given several times
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    only: Vec<Step>,
}

/// The steps, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    /// Install the Debian packages that the tests start or drive, if they are missing; no service is started. They are listed
    /// in tests/README.md
    Packages,
    /// cargo fmt --check
    Format,
    /// cargo clippy, warnings are errors
    Lints,
    /// cargo build of everything there is
    Build,
    /// cargo test of everything, with the conversations on all hosts
    Tests,
    /// The conversations alone: in-process, on Prosody and on ejabberd (otherwise a part of `tests`)
    Conversations,
    /// cargo doc, warnings are errors
    Docs,
    /// Licences and origins of all dependencies, with cargo-deny
    Licences,
    /// The Debian package with what the tests have built: installed, upgraded, removed, in a root of its own
    Package,
    /// cargo xtask demo --once
    Demo,
}

/// How a step ended.
enum Outcome {
    Passed(Duration),
    Failed(Duration),
    NotRun,
}

/// Runs the steps until one fails, and sums up.
pub(crate) fn run_steps(options: &Options) -> Result<()> {
    let start = Instant::now();
    let steps = chosen(&options.only);
    let mut outcomes = Vec::new();
    let mut failure = None;
    for (position, step) in steps.iter().enumerate() {
        if failure.is_some() {
            outcomes.push(Outcome::NotRun);
            continue;
        }
        heading(&format!("{} ({} of {})", name(*step), position + 1, steps.len()));
        let began = Instant::now();
        match step.run() {
            Ok(()) => outcomes.push(Outcome::Passed(began.elapsed())),
            Err(problem) => {
                outcomes.push(Outcome::Failed(began.elapsed()));
                failure = Some((*step, problem));
            }
        }
        say(&format!("{} took {}", name(*step), spoken(began.elapsed())));
    }
    summary(&steps, &outcomes, start.elapsed());
    match failure {
        Some((step, problem)) => Err(problem).with_context(|| format!("the step `{}` failed", name(step))),
        None => Ok(()),
    }
}

/// All steps but those that are parts of others, unless some are asked for by name.
fn chosen(only: &[Step]) -> Vec<Step> {
    let wanted =
        |step: &Step| if only.is_empty() { *step != Step::Conversations } else { only.contains(step) };
    Step::value_variants().iter().copied().filter(wanted).collect()
}

fn name(step: Step) -> String {
    step.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

impl Step {
    fn run(self) -> Result<()> {
        match self {
            Self::Packages => hosts(),
            Self::Format => everywhere(&["fmt", "--all", "--check"]),
            Self::Lints => everywhere(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
            Self::Build => everywhere(&["build", "--workspace", "--all-targets"]),
            // Documentation's examples, too.
            Self::Tests => everywhere(&["test", "--workspace"]),
            Self::Conversations => {
                hosts()?;
                // The whole workspace, or cargo would build the dependencies again with other features.
                here(&["test", "--workspace", "--test", "conversations"])
            }
            Self::Docs => {
                let mut command = cargo(["doc", "--no-deps", "--workspace"]);
                run(command.current_dir(root()).env("RUSTDOCFLAGS", "-D warnings"))
            }
            Self::Licences => licences::check(),
            Self::Package => deb::try_development(),
            Self::Demo => demo::run_once(),
        }
    }
}

fn hosts() -> Result<()> {
    packages::ensure(&[
        packages::PROSODY,
        packages::PROSODY_MODULES,
        packages::EJABBERD,
        packages::POSTGRESQL,
        packages::MARIADB,
        packages::MARIADB_TOOLS,
        packages::CHROMIUM,
        packages::NODEJS,
        packages::NPM,
        packages::OPENSSL,
        packages::SYSTEMD,
        packages::PROMETHEUS,
        packages::SHELLCHECK,
        packages::DPKG_DEV,
        packages::SLIXMPP,
        packages::PROFANITY,
        packages::TMUX,
        packages::GAJIM,
        packages::XVFB,
        packages::XAUTH,
        packages::DBUS,
        packages::GDBUS,
    ])
}

/// In both workspaces.
fn everywhere(arguments: &[&str]) -> Result<()> {
    here(arguments)?;
    run(&mut cargo_of_examples(arguments.iter().copied()))
}

fn here(arguments: &[&str]) -> Result<()> {
    run(cargo(arguments.iter().copied()).current_dir(root()))
}

fn summary(steps: &[Step], outcomes: &[Outcome], total: Duration) {
    heading("Summary");
    for (step, outcome) in steps.iter().zip(outcomes) {
        // Padded before it is painted: the codes of colours have no width.
        let (word, time) = match outcome {
            Outcome::Passed(time) => (paint("32", &format!("{:<8}", "passed")), Some(*time)),
            Outcome::Failed(time) => (paint("1;31", &format!("{:<8}", "FAILED")), Some(*time)),
            Outcome::NotRun => (paint("2", &format!("{:<8}", "not run")), None),
        };
        let time = time.map(spoken).unwrap_or_default();
        say(&format!("  {:<14} {word} {time:>12}", name(*step)));
    }
    say(&format!("  {:<14} {:<8} {:>12}", "together", "", spoken(total)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_once_unless_asked() {
        let all = chosen(&[]);
        assert_eq!(all.first(), Some(&Step::Packages));
        assert_eq!(all.last(), Some(&Step::Demo));
        assert!(!all.contains(&Step::Conversations), "they are a part of the tests");
        assert_eq!(chosen(&[Step::Docs, Step::Conversations]), [Step::Conversations, Step::Docs]);
    }
}
