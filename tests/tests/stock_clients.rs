//! Stock clients that nobody here wrote, in groups as in rooms (XEP-0045), beside one of the protocol's own: on a real
//! Prosody and a real ejabberd. What each does is in `tests/clients`; what it can is told in `docs/clients.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
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
    "picture",
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
    "invited through the room",
    "create",
    "configure",
    "invite",
    "join",
    "picture",
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
const GAJIM: &[&str] =
    &["discover", "join", "picture", "talk", "stanza-id", "archive", "remove", "kick", "ban"];
const XMPPJS: &[&str] = &[
    "discover",
    "create",
    "configure",
    "invite",
    "join",
    "picture",
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

/// The rows of the table in `docs/clients.md`: what clients for rooms are to say that they could, and the conversation in which
/// the protocol's own do it; none, where that has nothing of the kind.
const ROWS: &[(&str, &[&str], Option<&str>)] = &[
    ("find the service, and what a group is", &["discover"], Some("native/disco-group-info")),
    ("create a group, configure it", &["create", "configure"], Some("native/settings-created")),
    ("join", &["join"], Some("native/join-open")),
    ("invite, be invited", &["invite"], Some("native/consent-accepted")),
    (
        "talk with clients of the other kind, one stanza-id for both",
        &["talk", "stanza-id"],
        Some("mixed/slim-and-stock"),
    ),
    ("occupant ids (XEP-0421)", &["occupant-id"], None),
    ("subject", &["subject"], Some("native/subject")),
    ("private messages", &["private message"], Some("native/private-message")),
    ("another nick", &["nick"], Some("native/member-nick-own")),
    ("self-ping (XEP-0410)", &["self-ping"], None),
    ("history at joining", &["history"], None),
    ("catch up by the archive (XEP-0313), in the room or not", &["archive"], Some("native/archive")),
    ("the group's picture", &["picture"], Some("native/avatar")),
    ("lists of owners, admins, members, banned", &["affiliations"], Some("native/members")),
    ("send somebody away from the room", &["kick"], None),
    ("remove, ban", &["remove", "ban"], Some("native/ban")),
    ("delete the group", &["destroy"], Some("native/delete")),
];
/// Its columns.
const COLUMNS: &[(&str, &[&str])] = &[
    ("slixmpp", SLIXMPP),
    ("Converse.js", CONVERSE),
    ("Profanity", PROFANITY),
    ("Gajim", GAJIM),
    ("xmpp.js", XMPPJS),
];

/// What an administrator is to be able to do with a client (XEP-0050).
const ADMINISTRATOR: &[&str] =
    &["list commands", "status", "create", "list groups", "freeze", "refusal", "forbidden"];

/// If this is set, the picture of Converse is put into `docs/`.
const PICTURES: &str = "STOCK_CLIENTS_PICTURES";

#[test]
fn what_clients_can_is_what_the_page_says() -> Result<()> {
    let page = page()?;
    let header =
        page.lines().find(|line| line.starts_with("| | own clients")).context("there is no table")?;
    let columns: Vec<_> = COLUMNS.iter().map(|(client, _)| *client).collect();
    assert_eq!(cells(header)[2..], columns);
    let rows =
        page.lines().skip_while(|line| *line != header).skip(2).take_while(|line| line.starts_with('|'));
    let written: BTreeMap<&str, Vec<&str>> = rows.map(cells).map(|row| (row[0], row[1..].to_vec())).collect();
    let conversation =
        |name: &&str| Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("conversations/{name}.txt"));
    for (row, wanted, native) in ROWS {
        let missing = native.as_ref().map(conversation).filter(|path| !path.is_file());
        ensure!(missing.is_none(), "{row}: there is no {missing:?}");
        let can = |could: &[&str]| if wanted.iter().all(|what| could.contains(what)) { "ok" } else { "" };
        let own = if native.is_some() { "ok" } else { "–" };
        let cells: Vec<_> = [own].into_iter().chain(COLUMNS.iter().map(|(_, could)| can(could))).collect();
        ensure!(written.get(row) == Some(&cells), "{row}: {:?}, but it is {cells:?}", written.get(row));
    }
    assert_eq!(written.len(), ROWS.len(), "there are other rows: {written:?}");
    Ok(())
}

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
fn gajim_on_prosody() -> Result<()> {
    let keeps_bookmarks =
        format!("VirtualHost \"{}\"\n\tmodules_enabled = {{ \"bookmarks\" }}\n", domain().name);
    gajim(Prosody::serve_with(&site(), &keeps_bookmarks)?.addresses)
}

#[test]
fn gajim_on_ejabberd() -> Result<()> {
    gajim(Ejabberd::serve_with(&site(), "  mod_private: {}\n")?.addresses)
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

/// A client for the desktop, which joins what is bookmarked.
fn gajim(host: Addresses) -> Result<()> {
    python("gajim_rooms.py", GAJIM, &host).map(drop)
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

/// What is told of clients.
fn page() -> Result<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/clients.md");
    std::fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))
}

/// The cells of a line of a table.
fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// Is this the version of a client that the page names? A story says it in a line of its own, as `Gajim 1.7.3-2`.
fn is_named(said: &str) -> Result<bool> {
    let page = page()?;
    let named = page.lines().filter(|line| line.starts_with('|')).map(cells).filter(|row| row.len() == 4);
    let said: BTreeSet<&str> = said.lines().map(|line| line.split('-').next().unwrap_or(line)).collect();
    let version = |row: &[&str]| {
        let client = row[0].split(" (").next()?;
        Some(format!("{client} {}", row[1].split(',').next()?))
    };
    Ok(named.filter_map(|row| version(&row)).any(|version| said.contains(version.as_str())))
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
        ensure!(is_named(&said)?, "docs/clients.md names another version: {said}");
        return Ok(folder);
    }
    bail!(
        "the client could not: {missing:?}\n{said}\n{complaints}\nWhat it left is in {}. The service's log:\n{}",
        folder.keep().display(),
        component.log_tail()
    )
}
