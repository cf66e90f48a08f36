//! `groupchat-cli` as a program that tests run: in scripts, one command after another, and as a program that goes on.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::real::build_examples;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The programs of `examples`, built, and the server that they log in to.
#[derive(Debug, Clone)]
pub struct Cli {
    folder: PathBuf,
    domain: String,
    password: String,
    server: SocketAddr,
    /// The certificate that is trusted; without it the connection is not encrypted.
    certificate: Option<PathBuf>,
}

impl Cli {
    /// Builds them, if they are not built. All accounts of the domain have this password.
    pub fn build(domain: &str, password: &str, server: SocketAddr) -> Result<Self> {
        let (domain, password) = (domain.to_owned(), password.to_owned());
        Ok(Self { folder: build_examples()?, domain, password, server, certificate: None })
    }

    /// By another way, such as a proxy.
    #[must_use]
    pub fn by(mut self, server: SocketAddr) -> Self {
        self.server = server;
        self
    }

    /// Encrypted, trusting this certificate and no other.
    #[must_use]
    pub fn trusting(mut self, certificate: &Path) -> Self {
        self.certificate = Some(certificate.to_owned());
        self
    }

    /// The program, about to log in.
    pub fn command(&self, who: &str) -> Command {
        let mut command = Command::new(self.folder.join("groupchat-cli"));
        command
            .env("GROUPCHAT_JID", format!("{who}@{}", self.domain))
            .env("GROUPCHAT_PASSWORD", &self.password);
        command.env("GROUPCHAT_SERVER", self.server.to_string()).env("TERM", "xterm");
        match &self.certificate {
            Some(certificate) => command.env("SSL_CERT_FILE", certificate),
            None => command.arg("--plain"),
        };
        command
    }

    /// The bot, about to log in.
    pub fn bot(&self, who: &str) -> Command {
        let mut command = Command::new(self.folder.join("echo-bot"));
        command.arg(format!("{who}@{}", self.domain)).arg(self.server.to_string());
        command.env("GROUPCHAT_PASSWORD", &self.password);
        command
    }

    /// Runs a command to its end; its objects.
    pub fn run(&self, who: &str, arguments: &[&str]) -> Result<Vec<Value>> {
        let output = self.command(who).arg("--json").args(arguments).output()?;
        let said = String::from_utf8(output.stdout)?;
        ensure!(output.status.success(), "{who} {arguments:?} ended with {}: {said}", output.status);
        said.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
    }

    /// The one object that a command says, of this type.
    pub fn one(&self, who: &str, arguments: &[&str], kind: &str) -> Result<Value> {
        let mut said = self.run(who, arguments)?;
        ensure!(said.len() == 1 && said[0]["type"] == kind, "{who} {arguments:?} says {said:?}");
        Ok(said.remove(0))
    }

    /// A command that goes on.
    pub fn start(&self, who: &str, arguments: &[&str]) -> Result<Running> {
        let mut command = self.command(who);
        command.args(arguments);
        Running::start(command)
    }

    /// Watches, once everything that was missed is told.
    pub fn watch(&self, who: &str) -> Result<Running> {
        let mut watch = self.start(who, &["--json", "watch"])?;
        watch.object("ready", |_| true)?;
        Ok(watch)
    }

    /// Waits for the service, which connects when it is ready.
    pub fn until_connected(&self, who: &str) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while let Err(problem) = self.run(who, &["groups"]) {
            ensure!(Instant::now() < until, "the service does not answer: {problem:#}");
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

/// A program that goes on; ends on drop.
#[derive(Debug)]
pub struct Running {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Running {
    /// Starts it.
    pub fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().context("no output")?;
        let input = child.stdin.take();
        let (said, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| said.send(line).ok())
        });
        Ok(Self { child, input, lines })
    }

    /// Types something.
    pub fn types(&mut self, text: &str) -> Result<()> {
        let input = self.input.as_mut().context("nothing more can be typed")?;
        input.write_all(text.as_bytes())?;
        Ok(input.flush()?)
    }

    /// Types nothing more, and waits for its end.
    pub fn finish(mut self) -> Result<()> {
        self.input = None;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "it ended with {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("it does not end")
    }

    /// The next line, if one comes in time.
    pub fn next_line(&mut self, wait: Duration) -> Option<String> {
        self.lines.recv_timeout(wait).ok()
    }

    /// The next line that is looked for; those before it are dropped.
    pub fn line(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let until = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if wanted(&line) => return Ok(line),
                Ok(line) => seen.push(line),
                Err(RecvTimeoutError::Timeout) => bail!("no {what} came, but {seen:#?}"),
                Err(RecvTimeoutError::Disconnected) => bail!("it ended without {what}: {seen:#?}"),
            }
        }
    }

    /// The next object of this type that is looked for; what is before it is dropped.
    pub fn object(&mut self, kind: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let is_it = |line: &str| {
            serde_json::from_str::<Value>(line).is_ok_and(|object| object["type"] == kind && wanted(&object))
        };
        Ok(serde_json::from_str(&self.line(kind, is_it)?)?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
