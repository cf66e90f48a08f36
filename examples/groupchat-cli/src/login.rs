//! Who logs in, and where.

use std::fmt;
use std::io::{BufRead as _, IsTerminal as _};
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use groupchat_client::Service;
use rand::RngExt as _;
use tokio_xmpp::connect::DnsConfig;
use tokio_xmpp::jid::{BareJid, FullJid, ResourcePart};

use crate::options::Options;

/// An account, its password, and the way to its server.
#[derive(Clone)]
pub(crate) struct Login {
    pub jid: FullJid,
    pub password: String,
    pub server: Server,
    pub service: Service,
}

/// Where its server takes clients.
#[derive(Clone)]
pub(crate) enum Server {
    /// There, with TLS (RFC 6120 §5); its certificate is the domain's.
    Encrypted(Box<DnsConfig>),
    /// There, on this machine, without.
    Plain(SocketAddr),
}

/// The port that clients try by themselves. RFC 6120 §14.7.
const PORT: u16 = 5222;

impl Login {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let jid = options.jid.as_deref().context("which account? --jid user@domain, or GROUPCHAT_JID")?;
        let jid: BareJid = jid.parse().with_context(|| format!("`{jid}` is no account"))?;
        ensure!(jid.node().is_some(), "`{jid}` is no account: it is written user@domain");
        let resource = match &options.resource {
            Some(resource) => resource.clone(),
            // The same as long as the program runs, so that what it sends again is known to be the same.
            None => format!("groupchat-cli-{}", letters(6)),
        };
        let resource = ResourcePart::new(&resource).context("such a resource cannot be")?.into_owned();
        let server = Server::new(options.server.as_deref(), options.plain, jid.domain().as_str())?;
        let service = match &options.service {
            Some(domain) => Service::new(domain),
            None => Service::of_account(jid.as_str()),
        };
        let password = password(options.password_file.as_deref(), &jid)?;
        Ok(Self { jid: jid.with_resource(&resource), password, server, service })
    }
}

impl Server {
    fn new(named: Option<&str>, is_plain: bool, domain: &str) -> Result<Self> {
        if is_plain {
            let address = named.map_or_else(|| Ok(SocketAddr::from(([127, 0, 0, 1], PORT))), str::parse);
            let address = address.context("with --plain the server is named as address:port")?;
            ensure!(
                address.ip().is_loopback(),
                "--plain is for servers on this machine, and {address} is none"
            );
            return Ok(Self::Plain(address));
        }
        let place = match named {
            None => DnsConfig::srv_default_client(domain),
            Some(address) if address.parse::<SocketAddr>().is_ok() => DnsConfig::addr(address),
            Some(named) => {
                let place = named.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
                let (host, port) = place.with_context(|| format!("`{named}` is not host:port"))?;
                DnsConfig::no_srv(host, port)
            }
        };
        Ok(Self::Encrypted(Box::new(place)))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encrypted(place) => write!(f, "{place}"),
            Self::Plain(address) => write!(f, "{address}"),
        }
    }
}

fn password(file: Option<&Path>, jid: &BareJid) -> Result<String> {
    if let Some(password) = std::env::var_os("GROUPCHAT_PASSWORD") {
        return password.into_string().ok().context("GROUPCHAT_PASSWORD is not UTF-8");
    }
    if let Some(file) = file {
        let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let line =
            text.lines().next().transpose().with_context(|| format!("{} is not UTF-8", file.display()))?;
        return line.with_context(|| format!("{} is empty", file.display()));
    }
    if !std::io::stdin().is_terminal() {
        bail!("no password: set GROUPCHAT_PASSWORD, or name a file by --password-file");
    }
    rpassword::prompt_password(format!("Password of {jid}: ")).context("cannot ask for the password")
}

/// So many letters and digits that nobody guesses.
pub(crate) fn letters(count: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnpqrstuvwxyz2345678";
    let mut random = rand::rng();
    (0..count).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_encryption_nothing_leaves_the_machine() {
        let plain = |named| Server::new(named, true, "shakespeare.lit");
        assert!(matches!(plain(None), Ok(Server::Plain(address)) if address.to_string() == "127.0.0.1:5222"));
        assert!(plain(Some("[::1]:5223")).is_ok());
        assert!(plain(Some("192.0.2.1:5222")).is_err() && plain(Some("localhost:5222")).is_err());
    }

    #[test]
    fn servers() {
        let shown =
            |named| Server::new(named, false, "shakespeare.lit").map(|server| server.to_string()).ok();
        assert_eq!(shown(None).as_deref(), Some("shakespeare.lit"));
        assert_eq!(shown(Some("xmpp.shakespeare.lit:5269")).as_deref(), Some("xmpp.shakespeare.lit:5269"));
        assert_eq!(shown(Some("127.0.0.1:5222")).as_deref(), Some("127.0.0.1:5222"));
        assert_eq!(shown(Some("xmpp.shakespeare.lit")), None);
    }
}
