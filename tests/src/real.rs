//! Real servers for the tests: Prosody, ejabberd, PostgreSQL, MariaDB, Prometheus and the component, started as child processes on free ports
//! of the loopback interface, with everything they write in a temporary folder; and a proxy to put between two of them.
//! Not here: clients (`client.rs`), conversations.

mod certificate;
mod component;
mod databases;
mod ejabberd;
mod examples;
mod mariadb;
mod postgres;
mod process;
mod prometheus;
mod prosody;
mod proxy;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rand::RngExt as _;

pub use certificate::Certificate;
pub use component::{Component, build_component};
pub use databases::{DatabaseKind, DatabaseServer, new_database};
pub use ejabberd::Ejabberd;
pub use examples::build_examples;
pub use mariadb::Mariadb;
pub use postgres::{Postgres, Stop};
pub use process::Usage;
pub use prometheus::Prometheus;
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

/// What a host serves.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// Domains with a component below them. A domain that only accounts name has none.
    pub domains: Vec<Domain>,
    /// Names of the domains whose component is told the presence of all their users (XEP-0356).
    pub telling: BTreeSet<String>,
    /// Does it take one stanza for many of its users (XEP-0033)?
    pub multicast: bool,
    /// Does it have rooms of its own (XEP-0045), at `rooms.` before each domain, that tell nobody who comes and goes?
    pub rooms: bool,
    /// Does it take clients by WebSocket (RFC 7395), as those in browsers come?
    pub websocket: bool,
    /// The certificate of its domains; with one it takes no client without encryption, without one nothing is encrypted.
    pub certificate: Option<Certificate>,
    /// Everybody.
    pub accounts: Vec<Account>,
}

impl Site {
    /// A host of these and nothing beyond.
    pub fn of(domains: &[Domain], accounts: &[Account]) -> Self {
        Self { domains: domains.to_vec(), accounts: accounts.to_vec(), ..Self::default() }
    }

    /// The names of all domains that users live at.
    fn domains(&self) -> BTreeSet<&str> {
        let served = self.domains.iter().map(|domain| domain.name.as_str());
        served.chain(self.accounts.iter().map(|account| account.domain.as_str())).collect()
    }
}

/// Where a started host listens.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// For clients.
    pub clients: SocketAddr,
    /// For components.
    pub components: SocketAddr,
    /// For clients that come by WebSocket, if the site takes them.
    pub web: SocketAddr,
}

impl Addresses {
    fn free() -> Result<Self> {
        Ok(Self { clients: free_address()?, components: free_address()?, web: free_address()? })
    }

    /// Where clients find the WebSocket of a site that takes them.
    pub fn websocket(&self) -> String {
        format!("ws://{}/xmpp-websocket", self.web)
    }

    /// Waits until both ports accept connections, and somebody speaks there: a server with hundreds of domains goes on
    /// starting for a while after its ports are open.
    fn wait(&self, server: &mut Process, log: &Path) -> Result<()> {
        wait_until(server, log, || TcpStream::connect(self.components).is_ok() && is_greeted(self.clients))
    }

    /// Waits until the port for WebSockets accepts connections.
    fn wait_for_web(&self, server: &mut Process, log: &Path) -> Result<()> {
        wait_until(server, log, || TcpStream::connect(self.web).is_ok())
    }
}

/// Does the server answer a client? What it says does not matter.
fn is_greeted(address: SocketAddr) -> bool {
    const HELLO: &[u8] = b"<stream:stream to='nobody.lit' version='1.0' xmlns='jabber:client' \
        xmlns:stream='http://etherx.jabber.org/streams'>";
    let ask = || -> std::io::Result<()> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(START_TIME_MAX))?;
        stream.write_all(HELLO)?;
        stream.read_exact(&mut [0])
    };
    ask().is_ok()
}

/// A loopback address that nobody listens on. Below the range from which the system takes ports for outgoing
/// connections, so that no client connection of another test takes it before the server does.
pub fn free_address() -> Result<SocketAddr> {
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
