//! Stock clients that nobody here wrote, in groups as in rooms (XEP-0045), beside one of the protocol's own: on a real
//! Prosody and a real ejabberd. What each does is in `tests/clients`; what it can is told in `docs/clients.md`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use groupchat_tests::npm;
use groupchat_tests::real::{Account, Addresses, Component, Domain, Ejabberd, Prosody, Site};
use tempfile::TempDir;

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
    "history",
    "archive",
    "nick",
    "affiliations",
    "remove",
    "kick",
    "ban",
    "destroy",
];

const CONVERSE: &[&str] = &[
    "discover",
    "create",
    "configure",
    "invite",
    "join",
    "talk",
    "stanza-id",
    "occupant-id",
    "subject",
    "self-ping",
    "nick",
    "archive",
    "affiliations",
    "remove",
    "kick",
    "ban",
    "destroy",
];
const PROFANITY: &[&str] = &[
    "discover",
    "create",
    "configure",
    "invite",
    "join",
    "talk",
    "stanza-id",
    "subject",
    "nick",
    "history",
    "affiliations",
    "remove",
    "kick",
    "ban",
    "destroy",
];
const XMPPJS: &[&str] = &[
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
    "nick",
    "self-ping",
    "archive",
    "history",
    "affiliations",
    "remove",
    "kick",
    "ban",
    "destroy",
];

/// What an administrator is to be able to do with a client (XEP-0050).
const ADMINISTRATOR: &[&str] =
    &["list commands", "status", "create", "list groups", "freeze", "refusal", "forbidden"];

/// If this is set, the picture of Converse is put into `docs/`.
const PICTURES: &str = "STOCK_CLIENTS_PICTURES";

#[test]
fn slixmpp_on_prosody() -> Result<()> {
    slixmpp(Prosody::serve(&site())?.addresses)
}

#[test]
fn slixmpp_on_ejabberd() -> Result<()> {
    slixmpp(Ejabberd::serve(&site())?.addresses)
}

#[test]
fn slixmpp_as_an_administrator_on_prosody() -> Result<()> {
    python("slixmpp_commands.py", ADMINISTRATOR, &Prosody::serve(&site())?.addresses).map(drop)
}

#[test]
fn slixmpp_as_an_administrator_on_ejabberd() -> Result<()> {
    python("slixmpp_commands.py", ADMINISTRATOR, &Ejabberd::serve(&site())?.addresses).map(drop)
}

#[test]
fn converse_on_prosody() -> Result<()> {
    let folder = converse(Prosody::serve(&site())?.addresses)?;
    if std::env::var_os(PICTURES).is_some() {
        let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/converse.png");
        std::fs::copy(folder.path().join("converse.png"), picture).context("cannot keep the picture")?;
    }
    Ok(())
}

#[test]
fn converse_on_ejabberd() -> Result<()> {
    converse(Ejabberd::serve(&site())?.addresses).map(drop)
}

#[test]
fn profanity_on_prosody() -> Result<()> {
    profanity(Prosody::serve(&site())?.addresses)
}

#[test]
fn profanity_on_ejabberd() -> Result<()> {
    profanity(Ejabberd::serve(&site())?.addresses)
}

#[test]
fn xmppjs_on_prosody() -> Result<()> {
    xmppjs(Prosody::serve(&site())?.addresses)
}

#[test]
fn xmppjs_on_ejabberd() -> Result<()> {
    xmppjs(Ejabberd::serve(&site())?.addresses)
}

fn domain() -> Domain {
    Domain { name: "shakespeare.lit".into(), component_secret: "s3cret".into() }
}

fn site() -> Site {
    let domain = domain();
    let account =
        |user: &str| Account { domain: domain.name.clone(), user: user.into(), password: "secret".into() };
    let accounts = ["alice", "bob", "carol"].map(account);
    Site { websocket: true, ..Site::of(&[domain], &accounts) }
}

/// Where the programs are that play the stories.
fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// A library for Python.
fn slixmpp(host: Addresses) -> Result<()> {
    python("slixmpp_rooms.py", SLIXMPP, &host).map(drop)
}

/// A client for the terminal.
fn profanity(host: Addresses) -> Result<()> {
    python("profanity_rooms.py", PROFANITY, &host).map(drop)
}

/// A library for JavaScript.
fn xmppjs(host: Addresses) -> Result<()> {
    javascript("xmppjs_rooms.js", XMPPJS, &host).map(drop)
}

/// A story for Debian's Python, for which Debian's slixmpp is installed; gives the folder with what is left of it.
fn python(story: &str, wanted: &[&str], host: &Addresses) -> Result<TempDir> {
    let folder = folder()?;
    let mut python = Command::new("/usr/bin/python3");
    python.arg("-B").arg(clients().join(story));
    python.arg(host.clients.ip().to_string()).arg(host.clients.port().to_string());
    python.arg(&domain().name).arg(domain().component()).arg(folder.path());
    play(python, wanted, host, folder)
}

/// Where a story leaves what is to be looked at.
fn folder() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("groupchat-stock-").tempdir()?)
}

/// Converse.js in Debian's Chromium.
fn converse(host: Addresses) -> Result<TempDir> {
    javascript("converse_rooms.js", CONVERSE, &host)
}

/// A story in JavaScript; gives the folder with what is left of it.
fn javascript(story: &str, wanted: &[&str], host: &Addresses) -> Result<TempDir> {
    npm::install(&clients())?;
    let folder = folder()?;
    let mut node = Command::new("node");
    node.arg(clients().join(story)).arg(host.websocket()).arg(format!("xmpp://{}", host.clients));
    node.arg(&domain().name).arg(domain().component()).arg(folder.path());
    play(node, wanted, host, folder)
}

/// Plays a story with the service at this host, and sees that the client could all that is wanted. What a failure left
/// in the folder is kept.
fn play(mut story: Command, wanted: &[&str], host: &Addresses, folder: TempDir) -> Result<TempDir> {
    let administrator = format!("service.admins = [\"alice@{}\"]", domain().name);
    let component = Component::start(&domain(), host, &[administrator])?;
    let program = story.get_program().to_owned();
    let output = story.output().with_context(|| format!("cannot run {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    let could: BTreeSet<&str> = said.lines().filter_map(|line| line.strip_prefix("ok ")).collect();
    let missing: Vec<_> = wanted.iter().filter(|what| !could.contains(**what)).collect();
    if output.status.success() && missing.is_empty() {
        return Ok(folder);
    }
    bail!(
        "the client could not: {missing:?}\n{said}\n{complaints}\nWhat it left is in {}. The service's log:\n{}",
        folder.keep().display(),
        component.log_tail()
    )
}
