//! The service in small: two groups, an archive, and answers to what the view asks. Written from the protocol's
//! specification, and as simple as that allows: everything is looked up anew for each question.

mod acts;

use groupchat_client::payloads::ns;
use minidom::Element;

pub(crate) use acts::{Act, acts, posts};

pub(crate) const SERVICE: &str = "g.lit";
pub(crate) const ACCOUNT: &str = "bob@s.lit";
pub(crate) const GROUPS: [&str; 2] = ["milk@g.lit", "tea@g.lit"];
const ME: &str = "bob";
const PEOPLE: [&str; 4] = ["alice", ME, "carol", "dora"];

#[derive(Debug, Clone)]
struct Row {
    id: String,
    group: usize,
    /// Number of the author; none: the group.
    by: Option<usize>,
    children: String,
    is_text: bool,
    /// A text, even if it was taken back.
    counts: bool,
    mentions_me: bool,
    corrects: Option<String>,
}

#[derive(Debug, Clone)]
struct Room {
    name: String,
    /// Present members: number and nick.
    members: Vec<(usize, String)>,
    read: Option<String>,
    joined: String,
}

pub(crate) struct Model {
    rows: Vec<Row>,
    rooms: Vec<Room>,
    clock: u64,
}

pub(crate) fn is_answer(stanza: &Element) -> bool {
    stanza.name() == "iq" || stanza.children().any(|child| child.is("result", "urn:xmpp:mam:2"))
}

impl Model {
    pub(crate) fn new() -> Self {
        let everybody = || (0..PEOPLE.len()).map(|who| (who, PEOPLE[who].to_owned())).collect();
        let room =
            |name: &str| Room { name: name.into(), members: everybody(), read: None, joined: String::new() };
        Self { rows: Vec::new(), rooms: vec![room("Milk"), room("Tea")], clock: 0 }
    }

    /// The groups that the member is in, with what is unread.
    pub(crate) fn listed(&self) -> Vec<(String, u32)> {
        (0..2)
            .filter(|group| self.is_in(*group))
            .map(|group| (GROUPS[group].to_owned(), self.unread(group).0))
            .collect()
    }

    /// The newest row of the archive.
    pub(crate) fn newest(&self) -> Option<String> {
        self.rows.last().map(|row| row.id.clone())
    }

    fn is_in(&self, group: usize) -> bool {
        self.rooms[group].members.iter().any(|(who, _)| PEOPLE[*who] == ME)
    }

    fn has(&self, group: usize, who: usize) -> bool {
        self.rooms[group].members.iter().any(|(member, _)| *member == who)
    }

    /// What the member's device is told of it.
    pub(crate) fn act(&mut self, act: &Act) -> Vec<Element> {
        match *act {
            Act::Post { group, by, mention } if self.has(group, by) => {
                let mention_me = mention && PEOPLE[by] != ME;
                let mention =
                    if mention_me { "<x xmlns='jabber:x:data' type='at' id='bob@s.lit'/>" } else { "" };
                let text = format!("<body>text {}</body>{mention}", self.clock);
                let row = Row {
                    is_text: true,
                    counts: true,
                    mentions_me: mention_me,
                    ..self.row(group, Some(by), text)
                };
                self.store(row)
            }
            Act::Correct { group, of } => {
                let Some(target) = self.target(group, of) else { return Vec::new() };
                let sent = format!("m{}", target.id);
                let children = format!(
                    "<body>better {}</body><replace xmlns='urn:xmpp:message-correct:0' id='{sent}'/>",
                    self.clock
                );
                let row =
                    Row { corrects: Some(target.id), is_text: true, ..self.row(group, target.by, children) };
                self.store(row)
            }
            Act::Retract { group, of } => {
                let Some(target) = self.target(group, of) else { return Vec::new() };
                for row in &mut self.rows {
                    if row.id == target.id || row.corrects.as_ref() == Some(&target.id) {
                        row.children = "<retracted xmlns='urn:xmpp:message-retract:1'/>".into();
                        row.is_text = false;
                        row.mentions_me = false;
                        row.corrects = None;
                    }
                }
                let children =
                    format!("<body>x</body><retract xmlns='urn:xmpp:message-retract:1' id='{}'/>", target.id);
                let row = self.row(group, target.by, children);
                self.store(row)
            }
            Act::Subject { group } => {
                let row = self.row(group, Some(0), format!("<subject>subject {}</subject>", self.clock));
                if self.has(group, 0) { self.store(row) } else { Vec::new() }
            }
            Act::Rename { group } => {
                let name = format!("Name {}", self.clock);
                self.rooms[group].name.clone_from(&name);
                let id = GROUPS[group].split('@').next().unwrap();
                self.announce(group, "updategroup", &format!(
                    "<properties><property name='name'>{name}</property><property name='id'>{id}</property></properties>"
                ))
            }
            Act::Add { group, who } if !self.has(group, who) => {
                self.rooms[group].members.push((who, PEOPLE[who].to_owned()));
                let name = self.rooms[group].name.clone();
                let told = self.announce(
                    group,
                    "addmember",
                    &format!(
                        "{}<properties><property name='name'>{name}</property></properties>",
                        item(who, PEOPLE[who])
                    ),
                );
                if PEOPLE[who] == ME {
                    self.rooms[group].joined = self.rows.last().unwrap().id.clone();
                }
                told
            }
            Act::Remove { group, who } if self.has(group, who) && who != 0 => {
                let was_in = self.is_in(group);
                self.rooms[group].members.retain(|(member, _)| *member != who);
                let told = format!("<item jid='{0}@s.lit' mid='{0}'/>", PEOPLE[who]);
                let told = self.announce_to(group, "removemember", &told, was_in);
                if PEOPLE[who] == ME {
                    self.rooms[group].read = None;
                }
                told
            }
            Act::Nick { group, who } if self.has(group, who) => {
                let nick = format!("nick {}", self.clock);
                for member in self.rooms[group].members.iter_mut().filter(|member| member.0 == who) {
                    member.1.clone_from(&nick);
                }
                self.announce(group, "updatemember", &item(who, &nick))
            }
            Act::ReadElsewhere { group, by_sent_id } if self.is_in(group) => {
                let Some(last) = self.rows.iter().rfind(|row| row.group == group && row.counts) else {
                    return Vec::new();
                };
                let id = last.id.clone();
                self.move_read(group, &id);
                let sent = if by_sent_id { "m" } else { "" };
                vec![parse(&format!(
                    "<message xmlns='jabber:client' from='{}/{ME}' type='groupchat'>\
                     <read xmlns='http://jabber.org/protocol/chatstates' id='{sent}{id}'/></message>",
                    GROUPS[group]
                ))]
            }
            _ => Vec::new(),
        }
    }

    fn row(&mut self, group: usize, by: Option<usize>, children: String) -> Row {
        self.clock += 1;
        let id = format!("{:016x}", self.clock * 16);
        Row { id, group, by, children, is_text: false, counts: false, mentions_me: false, corrects: None }
    }

    fn target(&self, group: usize, of: usize) -> Option<Row> {
        let texts: Vec<&Row> =
            self.rows.iter().filter(|row| row.group == group && row.counts && row.is_text).collect();
        let target = texts.get(texts.len().checked_sub(of + 1)?)?;
        target.by.is_some_and(|by| self.has(group, by)).then(|| (*target).clone())
    }

    fn store(&mut self, row: Row) -> Vec<Element> {
        let copy = message(&row);
        let hears = self.is_in(row.group);
        self.rows.push(row);
        if hears { vec![copy] } else { Vec::new() }
    }

    fn announce(&mut self, group: usize, what: &str, children: &str) -> Vec<Element> {
        let hears = self.is_in(group);
        self.announce_to(group, what, children, hears)
    }

    fn announce_to(&mut self, group: usize, what: &str, children: &str, hears: bool) -> Vec<Element> {
        let children = format!("<x xmlns='{}#{what}'/>{children}", ns::GROUPCHAT);
        let row = self.row(group, None, children.clone());
        self.rows.push(row);
        let told = format!("<presence xmlns='jabber:client' from='{}'>{children}</presence>", GROUPS[group]);
        if hears { vec![parse(&told)] } else { Vec::new() }
    }

    fn move_read(&mut self, group: usize, id: &str) {
        let read = &mut self.rooms[group].read;
        if read.as_deref().is_none_or(|read| read < id) {
            *read = Some(id.to_owned());
        }
    }

    fn unread(&self, group: usize) -> (u32, u32) {
        let room = &self.rooms[group];
        let read = room.read.as_deref().unwrap_or_default();
        let unread: Vec<&Row> = self
            .rows
            .iter()
            .filter(|row| {
                row.group == group && row.counts && row.is_text && row.by.is_some_and(|by| PEOPLE[by] != ME)
            })
            .filter(|row| row.id.as_str() > read && row.id > room.joined)
            .collect();
        let mentions = unread.iter().filter(|row| row.mentions_me).count();
        (u32::try_from(unread.len()).unwrap(), u32::try_from(mentions).unwrap())
    }

    /// What the service sends back.
    pub(crate) fn take(&mut self, stanza: &Element) -> Vec<Element> {
        let to = stanza.attr("to").unwrap().to_owned();
        let group = GROUPS.iter().position(|address| *address == to);
        if let (Some(group), Some(read)) = (group, stanza.get_child("read", ns::CHATSTATES)) {
            let id = read.attr("id").unwrap();
            if self.is_in(group) && self.rows.iter().any(|row| row.id == id) {
                self.move_read(group, id);
            }
        }
        if stanza.name() != "iq" {
            return Vec::new();
        }
        let id = stanza.attr("id").unwrap();
        let query = stanza.children().next().unwrap();
        let refused = || {
            vec![parse(&format!(
                "<iq xmlns='jabber:client' from='{to}' id='{id}' type='error'><error type='cancel'>\
             <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
            ))]
        };
        if group.is_some_and(|group| !self.is_in(group)) {
            return refused();
        }
        let namespace = query.ns();
        let answer = match (namespace.as_str(), group) {
            (ns::INBOX, None) => self.inbox(),
            (ns::MEMBERS, Some(group)) => {
                self.rooms[group].members.iter().map(|(who, nick)| item(*who, nick)).collect()
            }
            (ns::MEMBERINFO, Some(group)) => {
                let nick = self.rooms[group].members.iter().find(|(who, _)| PEOPLE[*who] == ME);
                item(1, &nick.unwrap().1)
            }
            (ns::GROUPINFO, Some(group)) => {
                let name = &self.rooms[group].name;
                format!(
                    "<item jid='{to}' name='{name}' role='member'><property name='name' value='{name}'/></item>"
                )
            }
            ("urn:xmpp:mam:2", _) => return self.archive(query, group, &to, id).unwrap_or_else(refused),
            other => panic!("the view asks {other:?}"),
        };
        let query = format!("<query xmlns='{namespace}'>{answer}</query>");
        vec![parse(&format!("<iq xmlns='jabber:client' from='{to}' id='{id}' type='result'>{query}</iq>"))]
    }

    fn inbox(&self) -> String {
        let line = |group: usize| {
            let (room, (unread, mentions)) = (&self.rooms[group], self.unread(group));
            let read = room.read.as_ref().map(|read| format!("read-id='{read}'")).unwrap_or_default();
            let last = self.rows.iter().rfind(|row| row.group == group && row.is_text);
            let last =
                last.map(|last| format!("<last stanza-id='{}' from='{}/x'>…</last>", last.id, GROUPS[group]));
            format!(
                "<item jid='{}' name='{}' role='member' unread='{unread}' mentions='{mentions}' {read}>{}</item>",
                GROUPS[group],
                room.name,
                last.unwrap_or_default()
            )
        };
        (0..2).filter(|group| self.is_in(*group)).map(line).collect()
    }

    /// A page of at most three, so that there are many; none: the place is not there.
    fn archive(&self, query: &Element, group: Option<usize>, from: &str, id: &str) -> Option<Vec<Element>> {
        const RSM: &str = "http://jabber.org/protocol/rsm";
        let seen: Vec<&Row> = self
            .rows
            .iter()
            .filter(|row| self.is_in(row.group) && group.is_none_or(|group| row.group == group))
            .collect();
        let set = query.get_child("set", RSM).unwrap();
        let value = |name: &str| set.get_child(name, RSM).map(Element::text);
        let start = query.children().find(|child| child.name() == "x").and_then(|form| {
            form.children()
                .find(|field| field.attr("var") == Some("start"))?
                .children()
                .next()
                .map(Element::text)
        });
        let place = |id: &str| seen.iter().position(|row| row.id == id);
        let begin = match (value("after"), start) {
            (Some(after), _) => place(&after)? + 1,
            (None, Some(start)) => seen.iter().position(|row| stamp(row) >= start).unwrap_or(seen.len()),
            (None, None) => 0,
        };
        let (page, complete) = match value("before") {
            Some(before) => {
                let end = if before.is_empty() { seen.len() } else { place(&before)? };
                (&seen[end.saturating_sub(3)..end], end <= 3)
            }
            None => {
                let end = (begin + 3).min(seen.len());
                (&seen[begin..end], end == seen.len())
            }
        };
        let query_id = query.attr("queryid").unwrap();
        let mut answer: Vec<Element> = page.iter().map(|row| {
            let forwarded = String::from(&message(row));
            parse(&format!(
                "<message xmlns='jabber:client' from='{from}'><result xmlns='urn:xmpp:mam:2' queryid='{query_id}' \
                 id='{}'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='{}'/>{forwarded}\
                 </forwarded></result></message>", row.id, stamp(row)
            ))
        }).collect();
        let ends = page
            .first()
            .zip(page.last())
            .map(|(first, last)| format!("<first>{}</first><last>{}</last>", first.id, last.id));
        answer.push(parse(&format!(
            "<iq xmlns='jabber:client' from='{from}' id='{id}' type='result'><fin xmlns='urn:xmpp:mam:2' \
             complete='{complete}'><set xmlns='{RSM}'>{}</set></fin></iq>",
            ends.unwrap_or_default()
        )));
        Some(answer)
    }
}

fn stamp(row: &Row) -> String {
    format!("2026-{}", row.id)
}

fn item(who: usize, nick: &str) -> String {
    let name = PEOPLE[who];
    let role = if who == 0 { "owner" } else { "member" };
    format!("<item jid='{name}@s.lit' mid='{name}' nick='{nick}' role='{role}'/>")
}

fn message(row: &Row) -> Element {
    let (group, id) = (GROUPS[row.group], &row.id);
    let from = row.by.map_or_else(|| group.to_owned(), |by| format!("{group}/{}", PEOPLE[by]));
    parse(&format!(
        "<message xmlns='jabber:client' from='{from}' type='groupchat' id='m{id}'>{}\
         <stanza-id xmlns='urn:xmpp:sid:0' by='{group}' id='{id}'/></message>",
        row.children
    ))
}

fn parse(xml: &str) -> Element {
    xml.parse().unwrap_or_else(|error| panic!("{error}: {xml}"))
}
