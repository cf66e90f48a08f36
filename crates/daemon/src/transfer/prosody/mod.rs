//! Rooms of Prosody from its internal storage: configurations in `config`, what was said in `muc_log` (of `mod_muc_mam`).
//!
//! Not here: how a room becomes a group (`rooms`), and Prosody's SQL storage (its own migrator writes this one from it).

mod lua;
mod stanza;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use groupchat_core::{BareJid, Role, Timestamp};
use groupchat_dialect::taken;
use hmac::{Hmac, KeyInit as _, Mac as _};
use lua::{Table, Value};
use minidom::Element;
use sha2::Sha256;

use super::bounded::{BYTES_MAX, BoundedLines, Extent};
use super::rooms::{Complaints, Line, Lines, Person, Room, Speaker};

/// The rooms of one host.
pub(crate) struct Prosody {
    folder: PathBuf,
    host: String,
}

/// A room, with what is needed to read what was said in it.
pub(crate) struct Found {
    /// The room.
    pub(crate) room: Room,
    address: String,
    log: PathBuf,
    /// Of what ids of occupants are made besides addresses; a room that has none never gave any.
    salt: Option<String>,
    /// Everybody's real address is shown, and so the room writes it into what it archives.
    shows_addresses: bool,
    /// Whose the ids of occupants are.
    occupants: BTreeMap<String, BareJid>,
    /// Who has reserved a nick.
    reserved: BTreeMap<String, BareJid>,
}

impl Prosody {
    /// The rooms of this host in Prosody's data folder.
    ///
    /// # Errors
    /// There is nothing of that host.
    pub(crate) fn open(data: &Path, host: &str) -> anyhow::Result<Self> {
        let folder = data.join(encoded(host));
        if !folder.join("config").is_dir() {
            bail!(
                "there are no rooms of {host} in {}: no folder {}",
                data.display(),
                folder.join("config").display()
            );
        }
        Ok(Self { folder, host: host.to_owned() })
    }

    /// The ids of its rooms, in their order.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn rooms(&self) -> anyhow::Result<Vec<String>> {
        let mut ids = Vec::new();
        for entry in fs::read_dir(self.folder.join("config")).context("reading the folder of rooms")? {
            let name = entry.context("reading the folder of rooms")?.file_name();
            ids.extend(name.to_str().and_then(|name| name.strip_suffix(".dat")).and_then(decoded));
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// What was said in rooms that are not there.
    pub(crate) fn lost(&self, rooms: &[String]) -> Vec<String> {
        let names = fs::read_dir(self.folder.join("muc_log")).into_iter().flatten().flatten();
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        let ids = names.filter_map(|name| name.strip_suffix(".list").and_then(decoded));
        ids.filter(|id| !rooms.contains(id)).collect()
    }

    /// One room, as it is at that time.
    ///
    /// # Errors
    /// Its configuration cannot be read, or it is none that stays.
    pub(crate) fn room(
        &self,
        id: &str,
        now: Timestamp,
        complaints: &mut Complaints,
    ) -> anyhow::Result<Found> {
        let file = self.folder.join("config").join(format!("{}.dat", encoded(id)));
        let mut text = Vec::new();
        File::open(&file)?.take(BYTES_MAX as u64 + 1).read_to_end(&mut text)?;
        if text.len() > BYTES_MAX {
            bail!("{} is larger than {BYTES_MAX} bytes", file.display());
        }
        let config = lua::read(&text).map_err(|why| anyhow::anyhow!("{}: {why}", file.display()))?;
        let nothing = Table::default();
        let data = config.table("_data").unwrap_or(&nothing);
        refuse_passing(data, now)?;
        let mut room = Room {
            id: id.to_owned(),
            properties: properties(data),
            subject: data.text("subject").unwrap_or_default().to_owned(),
            ..Room::default()
        };
        told(data, complaints);
        let about = config.table("_affiliation_data").unwrap_or(&nothing);
        let mut reserved = BTreeMap::new();
        // Before 0.11 they were in a table of their own.
        let affiliations = config.table("_affiliations").unwrap_or(&config);
        for (jid, affiliation) in &affiliations.named {
            let Value::Text(affiliation) = affiliation else { continue };
            if jid.starts_with('_') && !jid.contains('@') {
                continue;
            }
            let account = BareJid::parse(jid).ok().filter(|account| account.local().is_some());
            let role = Role::parse(affiliation);
            match (account, role) {
                (Some(jid), None) if affiliation == "outcast" => room.banned.push(jid),
                (Some(account), Some(role)) => {
                    let nick = about.table(jid).and_then(|about| about.text("reserved_nickname"));
                    reserved.extend(nick.map(|nick| (nick.to_owned(), account.clone())));
                    room.people.push(Person { jid: account, role, nick: nick.map(str::to_owned) });
                }
                _ => complaints.add(format!("`{jid}` as {affiliation}: only accounts can be members")),
            }
        }
        let salt = data.text("occupant_id_salt").map(str::to_owned);
        let people = room.people.iter().map(|person| &person.jid).chain(&room.banned);
        let of = |jid: &BareJid| Some((occupant_id(jid, salt.as_deref()?), jid.clone()));
        let occupants = people.filter_map(of).collect();
        let log = self.folder.join("muc_log").join(format!("{}.list", encoded(id)));
        let address = format!("{id}@{}", self.host);
        let shows_addresses = data.text("whois") == Some("anyone");
        Ok(Found { room, address, log, salt, shows_addresses, occupants, reserved })
    }
}

impl Found {
    /// What was said in it.
    ///
    /// # Errors
    /// The file is there, and cannot be read.
    pub(crate) fn lines(&self) -> anyhow::Result<Lines<'_>> {
        if !self.log.exists() {
            return Ok(Box::new(std::iter::empty()));
        }
        let file = File::open(&self.log).with_context(|| format!("reading {}", self.log.display()))?;
        let items = Items::new(file);
        Ok(Box::new(items.filter_map(|(number, item)| {
            let line = item.and_then(|item| self.line(&item));
            line.map_err(|why| format!("line {number} of {}: {why}", self.log.display())).transpose()
        })))
    }

    fn line(&self, item: &Table) -> Result<Option<Line>, String> {
        let stanza = stanza::element(item)?;
        let when = item.number("when").ok_or("it has no time")?;
        let from = stanza.attr("from").unwrap_or_default();
        let Some(nick) = from.strip_prefix(&self.address).and_then(|rest| rest.strip_prefix('/')) else {
            // What the room itself said.
            return Ok(None);
        };
        let Some(said) = taken(&stanza, &self.address) else { return Ok(None) };
        #[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds is far below 2^53")]
        let at = (when * 1_000.0) as i64;
        let client_id = stanza.attr("id").map(str::to_owned);
        Ok(Some(Line { at, speaker: self.speaker(&stanza, nick), nick: nick.to_owned(), client_id, said }))
    }

    /// Prosody takes ids of occupants away that a client made up (XEP-0421), and writes the true one. Addresses it adds behind
    /// what the client said, if everybody may see them, and leaves what the client made up.
    fn speaker(&self, stanza: &Element, nick: &str) -> Speaker {
        let address = self.shown_address(stanza);
        let Some((id, salt)) = only_id(stanza).zip(self.salt.as_deref()) else {
            let known = address.or_else(|| self.reserved.get(nick).cloned());
            return known.map_or_else(|| Speaker::Unknown(nick.to_owned()), Speaker::Known);
        };
        let shown = address.filter(|jid| occupant_id(jid, salt) == id);
        let known = shown.or_else(|| self.occupants.get(id).cloned());
        known.map_or_else(|| Speaker::Unknown(id.to_owned()), Speaker::Known)
    }

    /// What the room itself wrote of the speaker stands last.
    fn shown_address(&self, stanza: &Element) -> Option<BareJid> {
        let shown = stanza.children().filter(|child| child.is("x", "http://jabber.org/protocol/muc#user"));
        let last = shown.last().filter(|_| self.shows_addresses)?;
        let jid = last.children().find_map(|item| item.attr("jid"))?;
        BareJid::parse(jid).ok()
    }
}

/// The id of the occupant, unless there are several: then Prosody did not look.
fn only_id(stanza: &Element) -> Option<&str> {
    let mut ids = stanza.children().filter(|child| child.is("occupant-id", "urn:xmpp:occupant-id:0"));
    ids.next().filter(|_| ids.next().is_none())?.attr("id")
}

/// Prosody also saves, when it stops, rooms that would end with those who are in them, and for a while the names of those that
/// were destroyed.
fn refuse_passing(data: &Table, now: Timestamp) -> anyhow::Result<()> {
    if data.is_set("destroyed") {
        bail!("it was destroyed");
    }
    if !data.is_set("persistent") {
        bail!("it is not persistent");
    }
    #[expect(clippy::cast_precision_loss, reason = "a time in milliseconds is far below 2^53")]
    let is_locked = |until: f64| until * 1_000.0 > now.0 as f64;
    if data.is_set("locked") || data.number("locked").is_some_and(is_locked) {
        bail!("it was never configured");
    }
    Ok(())
}

/// What the room says of itself, as the protocol's settings have it.
fn properties(data: &Table) -> Vec<(String, String)> {
    let texts = ["name", "description"].map(|name| (name, data.text(name).unwrap_or_default()));
    let choices = [
        ("visibility", if data.is_set("hidden") { "private" } else { "public" }),
        (
            "join",
            if data.is_set("members_only") || data.text("password").is_some() { "closed" } else { "open" },
        ),
        ("invite", if data.is_set("allow_member_invites") { "members" } else { "admins" }),
    ];
    let all = texts.into_iter().filter(|(_, text)| !text.is_empty()).chain(choices);
    all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What groups do not have.
fn told(data: &Table, complaints: &mut Complaints) {
    if data.text("password").is_some_and(|password| !password.is_empty()) {
        complaints.add("its password: groups have none, so nobody can join on his own");
    }
    if data.text("whois").is_some_and(|whois| whois != "anyone") || data.text("whois").is_none() {
        complaints.add("hidden addresses: members of groups see each other's");
    }
    if data.is_set("moderated") {
        complaints.add("its moderation: every member may post, unless `post` is set to admins");
    }
}

/// The items of an archive, with the lines at which they begin.
struct Items {
    lines: BoundedLines<BufReader<File>>,
    /// What cannot be read once is not asked again.
    is_over: bool,
}

impl Items {
    fn new(file: File) -> Self {
        Self { lines: BoundedLines::new(BufReader::new(file), BYTES_MAX), is_over: false }
    }
}

impl Iterator for Items {
    type Item = (u64, Result<Table, String>);

    fn next(&mut self) -> Option<Self::Item> {
        let (mut item, mut line, mut first, mut is_large) = (Vec::new(), Vec::new(), 0, false);
        while !self.is_over {
            match self.lines.next(&mut line) {
                Err(problem) => {
                    self.is_over = true;
                    return Some((self.lines.number() + 1, Err(problem.to_string())));
                }
                Ok(None) => {
                    self.is_over = true;
                    return (first > 0).then(|| (first, Err("it ends in its midst".to_owned())));
                }
                Ok(Some(_)) if first == 0 && line.trim_ascii().is_empty() => {}
                Ok(Some(extent)) => {
                    if first == 0 {
                        first = self.lines.number();
                    }
                    is_large |= extent == Extent::Cut || item.len() + line.len() > BYTES_MAX;
                    if is_large {
                        item.clear();
                    } else {
                        item.extend_from_slice(&line);
                    }
                    // Texts have no line ends of their own in it.
                    if extent == Extent::Whole && line.trim_ascii() == b"});" {
                        let too_large = || Err(format!("it is larger than {BYTES_MAX} bytes"));
                        return Some((first, if is_large { too_large() } else { lua::read(&item) }));
                    }
                }
            }
        }
        None
    }
}

/// The id by which a room lets its people tell each other apart (XEP-0421), as Prosody makes it.
fn occupant_id(jid: &BareJid, salt: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(jid.as_str().as_bytes()) else { return String::new() };
    mac.update(salt.as_bytes());
    base64(&mac.finalize().into_bytes())
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Prosody's names of files: each byte that is no ASCII letter or digit as `%xx`.
fn encoded(name: &str) -> String {
    let mut encoded = String::new();
    for byte in name.bytes() {
        match byte {
            byte if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            byte => encoded.push_str(&format!("%{byte:02x}")),
        }
    }
    encoded
}

fn decoded(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
