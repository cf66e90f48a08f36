//! Who logs in, and where.

use std::io::{BufRead as _, IsTerminal as _};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use groupchat_client::Service;
use rand::RngExt as _;
use tokio_xmpp::jid::{BareJid, FullJid, ResourcePart};

use crate::options::Options;

/// An account, its password, and the way to its server.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub jid: FullJid,
    pub password: String,
    /// Where its server takes clients, without encryption.
    pub server: SocketAddr,
    pub service: Service,
}

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5222);

impl Login {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let jid = options.jid.as_deref().context("which account? --jid user@domain, or GROUPCHAT_JID")?;
        let jid: BareJid = jid.parse().with_context(|| format!("`{jid}` is no account"))?;
        anyhow::ensure!(jid.node().is_some(), "`{jid}` is no account: it is written user@domain");
        let resource = match &options.resource {
            Some(resource) => resource.clone(),
            // The same as long as the program runs, so that what it sends again is known to be the same.
            None => format!("groupchat-cli-{}", letters(6)),
        };
        let resource = ResourcePart::new(&resource).context("such a resource cannot be")?.into_owned();
        let server = match options.server.as_deref() {
            Some(server) => server
                .parse()
                .with_context(|| format!("`{server}` is not address:port, such as {LOOPBACK}"))?,
            None => LOOPBACK,
        };
        if !(server.ip().is_loopback() || options.plain) {
            bail!(
                "this program speaks without encryption: say --plain if your password may be seen on the way to {server}"
            );
        }
        let service = match &options.service {
            Some(domain) => Service::new(domain),
            None => Service::of_account(jid.as_str()),
        };
        let password = password(options.password_file.as_deref(), &jid)?;
        Ok(Self { jid: jid.with_resource(&resource), password, server, service })
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
