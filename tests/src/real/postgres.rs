//! A PostgreSQL as Debian ships it. Usually with its own defaults: what it says is stored is on the disk.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use super::{Process, STOP_TIME_MAX, free_address, wait_until};

/// Below this Debian keeps each version in a folder of its own.
const VERSIONS: &str = "/usr/lib/postgresql";
/// It refuses to be run by root, so root runs it as this user, who comes with the package.
const USER: &str = "postgres";

/// How it is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// As at an upgrade: transactions under way are rolled back, everything is written out.
    Fast,
    /// Without writing anything out: the next start recovers from the log.
    Immediate,
}

/// A PostgreSQL that can be stopped and started again with the same port and data; ends on drop.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    port: u16,
    // Before the folder, so that nothing is written there any more when it is removed.
    process: Option<Process>,
    folder: TempDir,
    settings: Vec<String>,
}

/// A machine that fails takes the test along, so nothing need be on the disk. Connections: several conversations at once.
const HASTY: &[&str] =
    &["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200"];

impl Postgres {
    /// Makes one and waits until it takes connections.
    pub fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// One that does not wait for the disk: for tests that do not end it before its time.
    pub fn start_hasty() -> Result<Self> {
        Self::start_with(HASTY)
    }

    /// One with these settings, written `name=value`.
    pub fn start_with(settings: &[&str]) -> Result<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("groupchat-postgres-").tempdir()?;
        give_away(folder.path())?;
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let mut postgres = Self { programs, port: free_address()?.port(), process: None, folder, settings };
        let mut initdb = postgres.command("initdb")?;
        // What was not written to the disk while it was being made is of no interest to anybody.
        initdb.args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username=groupchat"]);
        let output = initdb.arg("-D").arg(postgres.data()).output().context("cannot run initdb")?;
        ensure!(output.status.success(), "initdb failed:\n{}", String::from_utf8_lossy(&output.stderr));
        postgres.restart()?;
        Ok(postgres)
    }

    /// As the service's configuration has it.
    pub fn url(&self) -> String {
        format!("{}/postgres", self.server())
    }

    /// The same without a database.
    pub fn server(&self) -> String {
        format!("postgres://groupchat@127.0.0.1:{}", self.port)
    }

    /// Starts it again after it was stopped, and waits until it takes connections.
    pub fn restart(&mut self) -> Result<()> {
        let mut command = self.command("postgres")?;
        command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        command.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let log = self.log();
        let mut process = Process::start("postgres", &command, &log)?;
        wait_until(&mut process, &log, || self.is_ready())?;
        self.process = Some(process);
        Ok(())
    }

    /// Stops it, and waits for its end.
    pub fn stop(&mut self, how: Stop) -> Result<()> {
        let signal = match how {
            Stop::Fast => "INT",
            Stop::Immediate => "QUIT",
        };
        if let Some(mut process) = self.process.take()
            && !process.end_by(signal, STOP_TIME_MAX)
        {
            bail!("postgres did not end within {STOP_TIME_MAX:?} of SIG{signal}");
        }
        Ok(())
    }

    /// All of its log so far.
    pub fn log_text(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.log()).unwrap_or_default()).into_owned()
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("postgres.log")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn is_ready(&self) -> bool {
        let mut ask = Command::new(self.programs.join("pg_isready"));
        ask.args(["--quiet", "--host=127.0.0.1", "--port", &self.port.to_string()]);
        ask.status().is_ok_and(|status| status.success())
    }

    /// A program of its own, to be run by a user who may.
    fn command(&self, program: &str) -> Result<Command> {
        let program = self.programs.join(program);
        let mut command = if is_root()? {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", USER, "--regid", USER, "--clear-groups", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder.path());
        Ok(command)
    }
}

/// The folder with the programs of the newest version.
fn programs() -> Result<PathBuf> {
    let number = |folder: &PathBuf| folder.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let versions = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten().map(|entry| entry.path());
    let complete = versions.filter(|version| version.join("bin/postgres").is_file());
    complete.max_by_key(number).map(|version| version.join("bin")).with_context(|| {
        format!("there is no PostgreSQL below {VERSIONS}: run `cargo xtask test`, which installs it")
    })
}

fn is_root() -> Result<bool> {
    // What a process makes belongs to whoever runs it.
    Ok(std::fs::metadata("/proc/self")?.uid() == 0)
}

/// Gives a folder to the user who is to write there.
fn give_away(folder: &Path) -> Result<()> {
    if is_root()? {
        let done = Command::new("chown").arg(format!("{USER}:{USER}")).arg(folder).status()?;
        ensure!(done.success(), "cannot give {} to {USER}", folder.display());
    }
    Ok(())
}
