//! Real servers for the tests: Prosody, ejabberd, PostgreSQL and the component, started as child processes on free ports
//! of the loopback interface, with everything they write in a temporary folder; and a proxy to put between two of them.
//! Not here: clients (`client.rs`), conversations.

mod component;
mod ejabberd;
mod postgres;
mod process;
mod prosody;
mod proxy;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rand::RngExt as _;

pub use component::{Component, build_component};
pub use ejabberd::Ejabberd;
pub use postgres::{Postgres, Stop};
pub use prosody::Prosody;
pub use proxy::Proxy;

use process::Process;

/// How long a server may take to start on a busy machine.
const START_TIME_MAX: Duration = Duration::from_secs(60);

/// How long a server may take to end when it is asked to.
const STOP_TIME_MAX: Duration = Duration::from_secs(20);

/// A host's domain with the component below it.
#[derive(Debug, Clone)]
pub struct Domain {
    /// The users' domain; the component is `groupchat.` before it.
    pub name: String,
    /// The component's secret.
    pub component_secret: String,
}

impl Domain {
    /// The component's domain.
    pub fn component(&self) -> String {
        format!("groupchat.{}", self.name)
    }
}

/// A user of a host.
#[derive(Debug, Clone)]
pub struct Account {
    /// The user's domain.
    pub domain: String,
    /// The localpart.
    pub user: String,
    /// The password.
    pub password: String,
}

/// Where a started host listens.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// For clients.
    pub clients: SocketAddr,
    /// For components.
    pub components: SocketAddr,
}

impl Addresses {
    fn free() -> Result<Self> {
        Ok(Self { clients: free_address()?, components: free_address()? })
    }

    /// Waits until both ports accept connections.
    fn wait(&self, server: &mut Process, log: &Path) -> Result<()> {
        wait_until(server, log, || {
            [self.clients, self.components].iter().all(|address| TcpStream::connect(address).is_ok())
        })
    }
}

/// A loopback address that nobody listens on. Below the range from which the system takes ports for outgoing
/// connections, so that no client connection of another test takes it before the server does.
fn free_address() -> Result<SocketAddr> {
    for _ in 0..100 {
        let address = SocketAddr::from(([127, 0, 0, 1], rand::rng().random_range(10_000..32_000)));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!("found no free port on 127.0.0.1")
}

fn wait_until(server: &mut Process, log: &Path, mut ready: impl FnMut() -> bool) -> Result<()> {
    let start = Instant::now();
    while !ready() {
        if server.has_ended() {
            bail!("{} ended while starting; the end of its log:\n{}", server.name(), tail(log));
        }
        if start.elapsed() > START_TIME_MAX {
            bail!(
                "{} did not start within {START_TIME_MAX:?}; the end of its log:\n{}",
                server.name(),
                tail(log)
            );
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Asks a server to end, and waits.
fn stop(server: Option<Process>) -> Result<()> {
    if let Some(mut server) = server
        && !server.terminate(STOP_TIME_MAX)
    {
        bail!("{} did not end within {STOP_TIME_MAX:?} of SIGTERM", server.name());
    }
    Ok(())
}

/// The last lines of a log file, for failure reports.
pub fn tail(log: &Path) -> String {
    const LINES_MAX: usize = 60;
    let text =
        std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES_MAX)..].join("\n")
}

/// The first of the programs that is installed.
fn program(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .with_context(|| format!("`{name}` is not installed: run `cargo xtask test`, which installs it"))
}
