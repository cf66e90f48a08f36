//! Rooms of ejabberd from what its command `export2sql` writes: `muc_room`, and `archive` of `mod_mam`.
//!
//! Not here: how a room becomes a group (`rooms`), and dumps of SQL databases, whose lines are others.

mod erlang;
mod sql;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use anyhow::{Context, bail};
use erlang::Term;
use groupchat_core::{BareJid, Role};
use groupchat_dialect::taken;
use groupchat_link::COMPONENT_NS;
use minidom::Element;
use sql::Row;

use super::bounded::{BYTES_MAX, BoundedLines, Extent};
use super::rooms::{Complaints, Line, Lines, Person, Room, Speaker};

/// Elements in elements of a message that is read.
const DEPTH_MAX: i64 = 100;

/// The tables that are read. Lines of others are passed over, whatever they hold.
const TABLES: [&str; 2] = ["muc_room", "archive"];

/// The rooms of one host, and where in the file things are.
pub(crate) struct Ejabberd {
    file: RefCell<BufReader<File>>,
    host: String,
    /// The options of each room, by its name; or why they cannot be read.
    rooms: BTreeMap<String, Result<String, String>>,
    /// Where each message of a room stands, in their order.
    said: BTreeMap<String, Vec<Place>>,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// When it was said, in microseconds.
    when: i64,
    /// The byte at which its line begins, and how many bytes that has.
    at: u64,
    bytes: u64,
    /// The number of the line.
    line: u64,
}

impl Ejabberd {
    /// Looks through the file.
    ///
    /// # Errors
    /// It cannot be read, a row of a room or of a message ends in its midst or is too long, or it holds no rooms of this host.
    pub(crate) fn open(path: &Path, host: &str) -> anyhow::Result<Self> {
        let reading = || format!("reading {}", path.display());
        let file = File::open(path).with_context(reading)?;
        let mut lines = BoundedLines::new(BufReader::new(file), BYTES_MAX);
        let (mut rooms, mut said) = (BTreeMap::new(), BTreeMap::<String, Vec<Place>>::new());
        let mut line = Vec::new();
        while let Some(extent) = lines.next(&mut line).with_context(reading)? {
            let number = lines.number();
            let Some(table) = TABLES.into_iter().find(|table| sql::is_row(&line, table)) else { continue };
            let wrong = |why: String| anyhow::anyhow!("{}, line {number}: {why}", path.display());
            if extent == Extent::Cut {
                return Err(wrong(format!("a row of {table} that is longer than {BYTES_MAX} bytes")));
            }
            // What is no UTF-8 is told with the room that it belongs to.
            let text = String::from_utf8_lossy(&line);
            let Some(mut row) = sql::row(&text, table).map_err(wrong)? else { continue };
            if table == "muc_room" {
                if row.get("host").is_some_and(|of| of == host) {
                    let options = row.remove("opts").unwrap_or_default();
                    let is_utf8 = std::str::from_utf8(&line).is_ok();
                    let options =
                        if is_utf8 { Ok(options) } else { Err(format!("line {number} is no UTF-8")) };
                    rooms.insert(row.remove("name").unwrap_or_default(), options);
                }
            } else if let Some((room, of)) = row.get("username").and_then(|name| name.rsplit_once('@'))
                && of == host
                && row.get("kind").is_some_and(|kind| kind == "groupchat")
                && let Some(when) = row.get("timestamp").and_then(|when| when.parse().ok())
            {
                let place = Place { when, at: lines.begin(), bytes: line.len() as u64, line: number };
                said.entry(room.to_owned()).or_default().push(place);
            }
        }
        if rooms.is_empty() {
            bail!("there are no rooms of {host} in {}", path.display());
        }
        for messages in said.values_mut() {
            messages.sort_unstable();
            // The archive is written twice: for messages of users, and for those of rooms.
            messages.dedup_by_key(|place| place.when);
        }
        Ok(Self { file: RefCell::new(lines.into_inner()), host: host.to_owned(), rooms, said })
    }

    /// The ids of its rooms, in their order.
    pub(crate) fn rooms(&self) -> impl Iterator<Item = &str> {
        self.rooms.keys().map(String::as_str)
    }

    /// What was said in rooms that are not there.
    pub(crate) fn lost(&self) -> impl Iterator<Item = &str> {
        self.said.keys().filter(|room| !self.rooms.contains_key(*room)).map(String::as_str)
    }

    /// One room.
    ///
    /// # Errors
    /// Its options cannot be read, or it is to end with those who are in it.
    pub(crate) fn room(&self, id: &str, complaints: &mut Complaints) -> anyhow::Result<Room> {
        let options = match self.rooms.get(id) {
            Some(Ok(options)) => options.as_str(),
            Some(Err(why)) => bail!("{why}"),
            None => "",
        };
        let options = erlang::read(options).map_err(|why| anyhow::anyhow!("its options: {why}"))?;
        let is = |name: &str| options.of(name).and_then(Term::atom) == Some("true");
        if !is("persistent") {
            bail!("it is not persistent");
        }
        for (is_so, what) in [
            (is("password_protected"), "its password: groups have none, so nobody can join on his own"),
            (is("anonymous"), "hidden addresses: members of groups see each other's"),
            (is("moderated") && !is("members_by_default"), "its moderation: every member may post"),
        ] {
            if is_so {
                complaints.add(what);
            }
        }
        let mut room = Room {
            id: id.to_owned(),
            properties: properties(&options, is),
            subject: subject(&options),
            ..Room::default()
        };
        for affiliation in options.of("affiliations").map(Term::items).unwrap_or_default() {
            let [who, what] = affiliation.items() else { continue };
            let what = what.items().first().unwrap_or(what).atom().unwrap_or_default();
            let part = |at: usize| who.items().get(at).and_then(Term::text).unwrap_or_default();
            let account = BareJid::parse(&format!("{}@{}", part(0), part(1))).ok();
            match (account, Role::parse(what)) {
                (Some(jid), None) if what == "outcast" => room.banned.push(jid),
                (Some(jid), Some(role)) => room.people.push(Person { jid, role, nick: None }),
                (_, None) if what == "none" => {}
                _ => complaints.add(format!(
                    "`{}@{}` as {what}: only accounts can be members",
                    part(0),
                    part(1)
                )),
            }
        }
        Ok(room)
    }

    /// What was said in it.
    pub(crate) fn lines<'a>(&'a self, id: &str) -> Lines<'a> {
        let address = format!("{id}@{}", self.host);
        let messages = self.said.get(id).map(Vec::as_slice).unwrap_or_default();
        Box::new(messages.iter().filter_map(move |place| {
            let line = self.row(place).and_then(|row| line(&row, place.when, &address));
            line.map_err(|why| format!("the message in line {}: {why}", place.line)).transpose()
        }))
    }

    fn row(&self, place: &Place) -> Result<Row, String> {
        let mut file = self.file.borrow_mut();
        let mut line = Vec::new();
        file.seek(SeekFrom::Start(place.at)).map_err(|problem| problem.to_string())?;
        let read = (&mut *file).take(place.bytes).read_to_end(&mut line);
        read.map_err(|problem| problem.to_string())?;
        let text = String::from_utf8(line).map_err(|_| "it is no UTF-8".to_owned())?;
        sql::row(&text, "archive")?.ok_or_else(|| "the file was changed".to_owned())
    }
}

fn line(row: &Row, when: i64, address: &str) -> Result<Option<Line>, String> {
    let text = |name: &str| row.get(name).map(String::as_str).unwrap_or_default();
    let xml = text("xml");
    if depth(xml) > DEPTH_MAX {
        return Err("it is nested too deep".to_owned());
    }
    // What clients say is in the namespace of whatever stream it goes through.
    let xml = xml.replacen("xmlns='jabber:client'", &format!("xmlns='{COMPONENT_NS}'"), 1);
    let stanza: Element = xml.parse().map_err(|problem| format!("it is no XML: {problem}"))?;
    let Some(said) = taken(&stanza, address) else { return Ok(None) };
    let speaker = BareJid::parse(text("bare_peer")).map_err(|problem| problem.to_string())?;
    let client_id = stanza.attr("id").map(str::to_owned);
    let nick = text("nick").to_owned();
    Ok(Some(Line { at: when / 1_000, speaker: Speaker::Known(speaker), nick, client_id, said }))
}

/// How deep it goes, or more, without reading it. What ejabberd never writes (comments, CDATA, tags that do not end) is as deep as can
/// be: whoever reads on may see tags where here are none.
fn depth(xml: &str) -> i64 {
    let (mut now, mut most) = (0, 0);
    for piece in xml.split('<').skip(1) {
        let Some(tag) = tag(piece).filter(|tag| !tag.starts_with(['!', '?'])) else { return i64::MAX };
        if tag.starts_with('/') {
            now -= 1;
            continue;
        }
        now += 1;
        most = most.max(now);
        now -= i64::from(tag.ends_with('/'));
    }
    most
}

/// From behind its bracket to the one that ends it: a bracket in a value does not.
fn tag(piece: &str) -> Option<&str> {
    let mut quote = None;
    let end = piece.bytes().position(|byte| {
        match (byte, quote) {
            (b'\'' | b'"', None) => quote = Some(byte),
            (byte, Some(open)) if byte == open => quote = None,
            _ => {}
        }
        byte == b'>' && quote.is_none()
    });
    end.map(|end| &piece[..end])
}

fn properties(options: &Term, is: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let text = |name: &str| options.of(name).and_then(Term::text).unwrap_or_default();
    let is_closed = is("members_only") || is("password_protected");
    let all = [
        ("name", text("title")),
        ("description", text("description")),
        ("visibility", if is("public") { "public" } else { "private" }),
        ("join", if is_closed { "closed" } else { "open" }),
        ("invite", if is("allow_user_invites") { "members" } else { "admins" }),
    ];
    let said = all.into_iter().filter(|(_, value)| !value.is_empty());
    said.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A text, or one for each language.
fn subject(options: &Term) -> String {
    let Some(subject) = options.of("subject") else { return String::new() };
    let first = subject.items().first().and_then(|text| text.items().last()).and_then(Term::text);
    subject.text().or(first).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_never_told_too_low() {
        assert_eq!(depth("<a><b/><c/><d x='/>'>t</d></a>"), 2);
        for (deep, count) in [("<a>", 500), ("<d x='/>'>", 5_000), ("<d x=\"'/>\" y='\"'>", 5_000)] {
            assert_eq!(depth(&deep.repeat(count)), i64::try_from(count).unwrap(), "{deep}");
        }
        for hidden in ["<a><![CDATA[</a></a>]]>", "<a><!--</a>-->", "<?x </a>?>", "<a x='</a></a>'>"] {
            assert_eq!(depth(hidden), i64::MAX, "{hidden}");
        }
    }
}
