//! The component as it is installed: its binary, with a configuration and a database of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::settings::Settings;

use super::{Addresses, Domain, Process, Usage, stop, tail};

/// A component process that can be killed, stopped and started again with the same database; ends on drop.
#[derive(Debug)]
pub struct Component {
    config: PathBuf,
    log: PathBuf,
    database: String,
    // Before the folder, so that nothing is written there any more when it is removed.
    process: Option<Process>,
    _folder: TempDir,
}

impl Component {
    /// Starts it. `settings` are further lines of its configuration, written `section.key = value`.
    pub fn start(domain: &Domain, host: &Addresses, settings: &[String]) -> Result<Self> {
        Self::start_between(domain, host.components, None, settings)
    }

    /// Starts it with this address as its server's and this URL as its database's, instead of a SQLite file of its own.
    pub fn start_between(
        domain: &Domain,
        server: SocketAddr,
        database: Option<&str>,
        settings: &[String],
    ) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("groupchat-component-").tempdir()?;
        let own = format!("sqlite://{}", folder.path().join("groupchat.db").display());
        let database = database.unwrap_or(&own).to_owned();
        let config = folder.path().join("groupchat.toml");
        let settings = Settings {
            domain: &domain.component(),
            secret: &domain.component_secret,
            server: &server.to_string(),
            database: &database,
            more: settings,
        };
        std::fs::write(&config, settings.to_string())?;
        let log = folder.path().join("component.log");
        let mut component = Self { config, log, database, process: None, _folder: folder };
        component.restart()?;
        Ok(component)
    }

    /// Starts it again after it was killed or stopped. It may not be connected yet when this returns.
    pub fn restart(&mut self) -> Result<()> {
        if self.process.is_some() {
            bail!("the service is running already");
        }
        let mut command = Command::new(build_component()?);
        command.arg("run").arg("--config").arg(&self.config);
        self.process = Some(Process::start("xmpp-groupchat", &command, &self.log)?);
        Ok(())
    }

    /// Ends it without a warning.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Asks it to end, and waits.
    pub fn stop(&mut self) -> Result<()> {
        stop(self.process.take())
    }

    /// Its configuration file.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Has it read its configuration again.
    pub fn hang_up(&self) -> Result<()> {
        let id = self.process.as_ref().and_then(Process::id).context("the service is not running")?;
        let status = Command::new("kill").arg("-HUP").arg(id.to_string()).status()?;
        anyhow::ensure!(status.success(), "kill ended with {status}");
        Ok(())
    }

    /// Another run of the program with the same configuration: the exit code, and what it says on both outputs. The first
    /// of the words is the command.
    pub fn program(&self, words: &[&str]) -> Result<(Option<i32>, String)> {
        let mut command = Command::new(build_component()?);
        command.args(words.first()).arg("--config").arg(&self.config).args(words.iter().skip(1));
        let output = command.output()?;
        let said = [output.stdout, output.stderr].concat();
        Ok((output.status.code(), String::from_utf8_lossy(&said).into_owned()))
    }

    /// The same, which has to go well: what it says.
    pub fn succeed(&self, words: &[&str]) -> Result<String> {
        let (code, said) = self.program(words)?;
        anyhow::ensure!(code == Some(0), "{words:?}: {code:?} {said}");
        Ok(said)
    }

    /// The URL of its database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Whether it was started and has not been killed or stopped; an error if it ended by itself.
    pub fn is_running(&mut self) -> Result<bool> {
        let Some(process) = &mut self.process else { return Ok(false) };
        if process.has_ended() {
            bail!("the service ended by itself; its log:\n{}", self.log_tail());
        }
        Ok(true)
    }

    /// What it takes of the machine.
    pub fn usage(&self) -> Result<Usage> {
        self.process.as_ref().context("the service is not running")?.usage()
    }

    /// None of its files can be written beyond so many bytes from now on, as if the disk were full; `None`: they can.
    pub fn limit_files(&self, bytes_max: Option<u64>) -> Result<()> {
        let id = self.process.as_ref().and_then(Process::id).context("the service is not running")?;
        let max = bytes_max.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        let mut command = Command::new("prlimit");
        command.arg("--pid").arg(id.to_string()).arg(format!("--fsize={max}:unlimited"));
        let status = command.status().context("cannot run prlimit (of Debian's util-linux)")?;
        anyhow::ensure!(status.success(), "prlimit ended with {status}");
        Ok(())
    }

    /// All of its log so far.
    pub fn log_text(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        tail(&self.log)
    }
}

/// The component's binary beside the running tests, built when it is missing or older than its sources. Once a run.
pub fn build_component() -> Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}"))).clone().map_err(anyhow::Error::msg)
}

/// Where cargo puts the programs of this build.
pub(super) fn profile_folder() -> Result<PathBuf> {
    // …/target/debug/deps/conversations-1a2b3c or …/target/debug/examples/demo
    let tests = std::env::current_exe().context("where am I?")?;
    let profile = tests.parent().and_then(Path::parent);
    Ok(profile.context("this is not run from cargo's target folder")?.to_owned())
}

fn build() -> Result<PathBuf> {
    let profile = profile_folder()?;
    let release = profile.file_name().is_some_and(|name| name == "release");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // Cargo itself knows best whether anything is stale; it takes a moment when nothing is.
    command.args(["build", "--quiet", "--package", "xmpp-groupchat"]).args(release.then_some("--release"));
    if let Some(target) = profile.parent() {
        command.arg("--target-dir").arg(target);
    }
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let output = command.output().context("cannot run cargo to build the component")?;
    if !output.status.success() {
        bail!("`cargo build --package xmpp-groupchat` failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(profile.join("xmpp-groupchat"))
}
