//! Stock clients that nobody here wrote, in groups as in rooms (XEP-0045), beside one of the protocol's own: on a real
//! Prosody and a real ejabberd. What each does is in `tests/clients`; what it can is told in `docs/clients.md`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use groupchat_tests::real::{Account, Addresses, Component, Domain, Ejabberd, Prosody};

/// What a client is to say that it could, for the table of `docs/clients.md`.
const SLIXMPP: &[&str] = &[
    "discover",
    "create",
    "configure",
    "invite",
    "join",
    "talk",
    "stanza-id",
    "occupant-id",
    "subject",
    "private message",
    "self-ping",
    "archive",
    "nick",
    "affiliations",
    "remove",
    "kick",
    "ban",
    "destroy",
];

#[test]
fn slixmpp_on_prosody() -> Result<()> {
    let (domain, accounts) = cast("slixmpp-prosody.lit");
    let host = Prosody::start(std::slice::from_ref(&domain), &accounts)?;
    slixmpp(&domain, host.addresses)
}

#[test]
fn slixmpp_on_ejabberd() -> Result<()> {
    let (domain, accounts) = cast("slixmpp-ejabberd.lit");
    let host = Ejabberd::start(std::slice::from_ref(&domain), &accounts)?;
    slixmpp(&domain, host.addresses)
}

fn cast(name: &str) -> (Domain, Vec<Account>) {
    let domain = Domain { name: name.into(), component_secret: "s3cret".into() };
    let account = |user: &str| Account { domain: name.into(), user: user.into(), password: "secret".into() };
    (domain, ["alice", "bob", "carol"].map(account).to_vec())
}

/// Debian's Python, for which Debian's slixmpp is installed.
fn slixmpp(domain: &Domain, host: Addresses) -> Result<()> {
    let component = Component::start(domain, &host, &[])?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/slixmpp_rooms.py");
    let mut python = Command::new("/usr/bin/python3");
    python.arg(script).arg(host.clients.ip().to_string()).arg(host.clients.port().to_string());
    python.arg(&domain.name).arg(domain.component());
    let output = python.output().context("cannot run /usr/bin/python3")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    let could: BTreeSet<&str> = said.lines().filter_map(|line| line.strip_prefix("ok ")).collect();
    let missing: Vec<_> = SLIXMPP.iter().filter(|what| !could.contains(**what)).collect();
    ensure!(
        output.status.success() && missing.is_empty(),
        "slixmpp could not: {missing:?}\n{said}\n{complaints}\nThe service's log:\n{}",
        component.log_tail()
    );
    Ok(())
}
