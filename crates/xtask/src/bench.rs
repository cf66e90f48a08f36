//! `cargo xtask bench`: how fast the service is: in its parts, by itself, on real hosts beside what they have themselves, and
//! on a large database; in release, with figures as Markdown tables, which go into `docs/performance.md` if that is wanted,
//! and pictures of them beside it.

mod document;
mod micro;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::packages::{self, EJABBERD, POSTGRESQL, PROSODY};
use crate::shell::{cargo, heading, output_of, root, run, say};

/// What is measured, for how long and with how much. All of it takes about half an hour.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only these; `--only alone,micro` or given several times
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<Part>,
    /// Put the figures into docs/performance.md, and draw its pictures
    #[arg(long)]
    write: bool,
    /// On real hosts: which, with commas between them
    #[arg(long, value_name = "HOSTS", default_value = "prosody,ejabberd")]
    hosts: String,
    /// By itself and on real hosts: members of the groups, all of them online
    #[arg(long, value_name = "NUMBERS", default_value = "10,100,1000")]
    members: String,
    /// By itself and on real hosts: how long each load lasts
    #[arg(long, value_name = "N", default_value_t = 8)]
    seconds: u32,
    #[command(flatten)]
    scale: Scale,
}

/// How much there is in the large database. It lies in the folder for temporary files (`TMPDIR`) until it was measured.
#[derive(Debug, Args)]
struct Scale {
    /// On a large database: `sqlite`, `postgres` or both
    #[arg(long, value_name = "DATABASES", default_value = "sqlite,postgres")]
    database: String,
    /// On a large database: groups
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    groups: u64,
    /// On a large database: memberships of all groups together
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    memberships: u64,
    /// On a large database: archived messages, a tenth of them in one group; ten million need 12 GB of disk at most
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    messages: u64,
    /// On a large database: members of the largest group
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    large: u64,
    /// On a large database: groups of the user who is in most
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    busy: u64,
    /// On a large database: groups in use
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    active: u64,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Parts of the service: reading, deciding, writing, storing
    Micro,
    /// The service by itself, in front of a host that only counts
    Alone,
    /// The service on real hosts, beside their own rooms
    Hosts,
    /// The service on a large database
    Scale,
    /// Nothing: the pictures of docs/performance.md, and the table of capacity in docs/operations.md, are made again from its tables
    Plots,
}

const TESTS: [&str; 3] = ["--quiet", "--package", "groupchat-tests"];

/// Builds everything and measures.
pub(crate) fn measure(options: &Options) -> Result<()> {
    let parts: Vec<Part> =
        Part::value_variants().iter().copied().filter(|part| options.wants(*part)).collect();
    let mut needed = Vec::new();
    if parts.contains(&Part::Hosts) {
        needed.extend([PROSODY, EJABBERD]);
    }
    if parts.contains(&Part::Scale) && options.scale.database.contains("postgres") {
        needed.push(POSTGRESQL);
    }
    if !needed.is_empty() {
        heading("Servers");
        packages::ensure(&needed)?;
    }
    for part in &parts {
        let Some(bench) = part.bench() else { continue };
        heading(&format!("{}: building in release (the first time takes some minutes)", part.word()));
        run(cargo(["build", "--release", "--package", "xmpp-groupchat"]).current_dir(root()))?;
        run(cargo(["bench"]).args(TESTS).args(["--bench", bench, "--no-run"]).current_dir(root()))?;
        heading(&format!("{}: measuring", part.word()));
        let figures = part.figures(bench, options)?;
        if options.write {
            document::put(*part, &format!("{}\n\n{figures}", machine()))?;
        }
    }
    if options.write || parts == [Part::Plots] {
        heading("Pictures");
        let mut draw = cargo(["test"]);
        draw.args(TESTS).args(["--release", "--test", "plots", "--test", "capacity"]).env("PLOTS_WRITE", "1");
        run(draw.current_dir(root()))?;
    }
    Ok(())
}

impl Options {
    fn wants(&self, part: Part) -> bool {
        if self.only.is_empty() { part != Part::Plots } else { self.only.contains(&part) }
    }

    /// As `tests/README.md` has them.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let Scale { database, groups, memberships, messages, large, busy, active } = &self.scale;
        vec![
            ("BENCH_HOST", self.hosts.clone()),
            ("BENCH_MEMBERS", self.members.clone()),
            ("BENCH_SECONDS", self.seconds.to_string()),
            ("BENCH_DATABASE", database.clone()),
            ("BENCH_GROUPS", groups.to_string()),
            ("BENCH_MEMBERSHIPS", memberships.to_string()),
            ("BENCH_MESSAGES", messages.to_string()),
            ("BENCH_LARGE", large.to_string()),
            ("BENCH_BUSY", busy.to_string()),
            ("BENCH_ACTIVE", active.to_string()),
        ]
    }
}

impl Part {
    fn word(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The program that measures it.
    fn bench(self) -> Option<&'static str> {
        match self {
            Self::Micro => Some("micro"),
            Self::Alone => Some("alone"),
            Self::Hosts => Some("hosts"),
            Self::Scale => Some("scale"),
            Self::Plots => None,
        }
    }

    fn figures(self, bench: &str, options: &Options) -> Result<String> {
        let mut command = cargo(["bench"]);
        command.args(TESTS).args(["--bench", bench]).envs(options.variables());
        if self != Self::Micro {
            return overheard(command.current_dir(root()));
        }
        let printed = overheard(command.args(["--", "--output-format", "bencher"]).current_dir(root()))?;
        let table = micro::table(&printed);
        say(&table);
        Ok(table)
    }
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
    let versions = ["prosody", "ejabberd", "postgresql"].map(version);
    let versions = versions.into_iter().chain([first_of("rustc", &["--version"])]);
    let versions: Vec<_> = versions.filter(|version| !version.is_empty()).collect();
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
