//! What happens in the demo. A line is shown when the stanzas that it tells of have arrived, and with what was in them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use groupchat_tests::real::Domain;
use groupchat_tests::xml::escape;
use minidom::Element;

use crate::person::Person;
use crate::screen::{Screen, Tone, pad, width};
use crate::{DOMAIN, PEOPLE};

/// The id of the group.
pub(crate) const GROUP: &str = "tea";
const GROUP_NAME: &str = "Tea at five";

const GC: &str = "http://jabber.org/protocol/groupchat";
const CHATSTATES: &str = "http://jabber.org/protocol/chatstates";
const CLIENT: &str = "jabber:client";
const REFERENCE: &str = "urn:xmpp:reference:0";

/// How long the component may take to connect on a busy machine.
const START_TIME_MAX: Duration = Duration::from_secs(30);

/// Columns for the names at the left.
const NAMES: usize = 7;

/// Plays it from beginning to end.
pub(crate) async fn play(screen: &mut Screen, address: SocketAddr, domain: &Domain) -> Result<()> {
    let mut story = Story { screen, service: domain.component(), people: Vec::new(), nicks: Vec::new() };
    story.two_log_in(address).await?;
    story.create().await?;
    story.add_the_third().await?;
    story.screen.gap();
    story.say(0, "m1", "Five o'clock at my place. Milk or lemon?", "").await?;
    story.read(1, 0, "m1").await?;
    story.say(1, "m2", "Lemon, please. I bring the biscuits.", "").await?;
    story.read(0, 1, "m2").await?;
    let away = PEOPLE[2];
    let mention = format!(
        "<reference xmlns='{REFERENCE}' type='mention' begin='0' end='3' uri='xmpp:{away}@{DOMAIN}'/>"
    );
    story.say(0, "m3", &format!("@{away} have you still got that oolong?"), &mention).await?;
    story.third_comes_online(address, &["m1", "m2", "m3"]).await?;
    story.read(2, 0, "m3").await?;
    story.say(2, "m4", "有，我带来。五点见！", "").await?;
    story.screen.gap();
    Ok(())
}

struct Story<'a> {
    screen: &'a mut Screen,
    service: String,
    people: Vec<Person>,
    /// Member ids and the names that go with them.
    nicks: Vec<(String, String)>,
}

impl Story<'_> {
    fn group(&self) -> String {
        format!("{GROUP}@{}", self.service)
    }

    async fn two_log_in(&mut self, address: SocketAddr) -> Result<()> {
        for name in &PEOPLE[..2] {
            self.people.push(Person::login(address, name).await?);
        }
        let name = self.service_name().await?;
        self.screen.show(&[(Tone::Dim, &format!("the service {} answers as “{name}”", self.service))]);
        self.screen.gap();
        for position in 0..self.people.len() {
            self.announce(position).await?;
        }
        Ok(())
    }

    /// The component connects when it is ready; until then the host answers in its place.
    async fn service_name(&mut self) -> Result<String> {
        let question = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
        let until = Instant::now() + START_TIME_MAX;
        while Instant::now() < until {
            if let Ok(answer) = self.people[0].iq("get", &self.service, question).await {
                let query = answer.children().next();
                let identity =
                    query.and_then(|query| query.children().find(|child| child.name() == "identity"));
                let name = identity.and_then(|identity| identity.attr("name"));
                return Ok(name.context("the service does not say its name")?.to_owned());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the component did not connect to the server")
    }

    /// Tells the service that the device is there; nothing comes back but what is sent to the groups.
    async fn announce(&mut self, position: usize) -> Result<()> {
        let person = &self.people[position];
        person.send(&format!("<presence to='{}'/>", self.service)).await?;
        let line = format!("online as {}", person.jid());
        self.tell(position, &[(Tone::Dim, &line)]);
        Ok(())
    }

    async fn create(&mut self) -> Result<()> {
        let (group, second) = (self.group(), PEOPLE[1]);
        let payload = format!(
            "<query xmlns='{GC}#creategroup'><properties><property name='name'>{GROUP_NAME}</property>\
             <property name='members'><item jid='{second}@{DOMAIN}' role='member'/></property></properties></query>"
        );
        let answer = self.people[0].iq("set", &group, &payload).await?;
        let item = answer.children().flat_map(Element::children).find(|item| item.name() == "item");
        let jid = item.and_then(|item| item.attr("jid")).context("the answer does not name the new group")?;
        let told = self.announced("creategroup").await?;
        let name = property(&told[0], "name").context("the announcement does not name the group")?;
        let line = format!("creates the group “{name}”");
        self.tell(0, &[(Tone::Plain, &line), (Tone::Dim, &format!("  {jid}"))]);
        self.show_told(&told);
        Ok(())
    }

    async fn add_the_third(&mut self) -> Result<()> {
        let (group, third) = (self.group(), PEOPLE[2]);
        let payload =
            format!("<query xmlns='{GC}#addmember'><item jid='{third}@{DOMAIN}' role='member'/></query>");
        self.people[0].iq("set", &group, &payload).await?;
        let told = self.announced("addmember").await?;
        let item = told[0].children().find(|child| child.name() == "item");
        let nick =
            item.and_then(|item| item.attr("nick")).context("the announcement names nobody")?.to_owned();
        self.tell(0, &[(Tone::Plain, "adds "), (Tone::Person(2), &nick), (Tone::Dim, ", who is not online")]);
        self.show_told(&told);
        let answer = self.people[0].iq("get", &group, &format!("<query xmlns='{GC}#members'/>")).await?;
        let items = answer.children().flat_map(Element::children).filter(|item| item.name() == "item");
        let named =
            items.filter_map(|item| Some((item.attr("mid")?.to_owned(), item.attr("nick")?.to_owned())));
        self.nicks = named.collect();
        ensure!(self.nicks.len() == PEOPLE.len(), "the group should have {} members", PEOPLE.len());
        Ok(())
    }

    /// Everybody who is online hears of an operation.
    async fn announced(&mut self, operation: &str) -> Result<Vec<Element>> {
        let (group, namespace) = (self.group(), format!("{GC}#{operation}"));
        let mut told = Vec::new();
        for person in &mut self.people {
            let wanted = |stanza: &Element| {
                stanza.name() == "presence"
                    && stanza.attr("from") == Some(&group)
                    && stanza.attr("type").is_none()
                    && stanza.has_child("x", namespace.as_str())
            };
            told.push(person.expect(&format!("the announcement of #{operation}"), wanted).await?);
        }
        Ok(told)
    }

    fn show_told(&mut self, told: &[Element]) {
        let names: Vec<String> = told.iter().filter_map(recipient).collect();
        self.screen.show(&[
            (Tone::Plain, &" ".repeat(NAMES)),
            (Tone::Good, &format!("✓ told {}", names.join(", "))),
        ]);
    }

    /// Somebody says something; shown are the copies that everybody online got.
    async fn say(&mut self, author: usize, id: &str, text: &str, more: &str) -> Result<()> {
        let group = self.group();
        let stanza = format!(
            "<message to='{group}' type='groupchat' id='{id}'><body>{}</body>{more}</message>",
            escape(text)
        );
        self.people[author].send(&stanza).await?;
        let mut copies = Vec::new();
        for person in &mut self.people {
            let wanted =
                |stanza: &Element| is_message(stanza, &group, id) && stanza.attr("type") == Some("groupchat");
            copies.push(person.expect(&format!("a copy of the message {id}"), wanted).await?);
        }
        let same =
            copies.iter().all(|copy| stanza_id(copy).is_some() && stanza_id(copy) == stanza_id(&copies[0]));
        ensure!(same, "the copies of {id} have different ids in the archive");
        let (author, body) = (self.author(&copies[0])?, body(&copies[0])?);
        self.show_said(&author, &body);
        let mut line = vec![(Tone::Plain, " ".repeat(NAMES)), (Tone::Dim, "│ ".to_owned())];
        for copy in &copies {
            line.push((Tone::Good, format!("✓ {}  ", recipient(copy).context("a copy for nobody")?)));
        }
        if let Some(mentioned) = copies[0].get_child("reference", REFERENCE).and_then(|to| to.attr("uri")) {
            line.push((Tone::Dim, format!("mentions {}", mentioned.trim_start_matches("xmpp:"))));
        }
        self.show_line(&line);
        Ok(())
    }

    /// Somebody has read it, and the author is told.
    async fn read(&mut self, reader: usize, author: usize, id: &str) -> Result<()> {
        let group = self.group();
        let receipt = format!("<read xmlns='{CHATSTATES}' id='{id}'/>");
        let stanza = format!("<message to='{group}' type='groupchat'>{receipt}</message>");
        self.people[reader].send(&stanza).await?;
        let what = format!("the receipt for {id}");
        let wanted = |stanza: &Element| {
            let read = stanza.get_child("read", CHATSTATES);
            stanza.name() == "message" && read.is_some_and(|read| read.attr("id") == Some(id))
        };
        let told = self.people[author].expect(&what, wanted).await?;
        let (reader, told) = (self.author(&told)?, recipient(&told).context("a receipt for nobody")?);
        let line = format!("✓✓ read by {reader}");
        self.screen.show(&[
            (Tone::Plain, &" ".repeat(NAMES)),
            (Tone::Dim, "│ "),
            (Tone::Read, &line),
            (Tone::Dim, &format!("  ({told} was told)")),
        ]);
        Ok(())
    }

    /// Who was away finds what was said, kept by the server.
    async fn third_comes_online(&mut self, address: SocketAddr, missed: &[&str]) -> Result<()> {
        let group = self.group();
        let mut third = Person::login(address, PEOPLE[2]).await?;
        let invitation = third
            .expect("the news of having been added", |stanza| {
                stanza.attr("from") == Some(&group)
                    && stanza.has_child("x", format!("{GC}#addmember").as_str())
            })
            .await?;
        let mut kept = Vec::new();
        for id in missed {
            let what = format!("the message {id}, which was missed");
            let wanted = |stanza: &Element| is_message(stanza, &group, id) && is_kept(stanza);
            kept.push(third.expect(&what, wanted).await?);
        }
        self.people.push(third);
        self.screen.gap();
        self.announce(2).await?;
        let line =
            [(Tone::Plain, " ".repeat(NAMES)), (Tone::Good, "✓ kept for her by her server:".to_owned())];
        self.show_line(&line);
        let indent = " ".repeat(NAMES);
        self.screen.show(&[(Tone::Plain, &indent), (Tone::Dim, "│ "), (Tone::Dim, &body(&invitation)?)]);
        for message in &kept {
            let (author, said) = (self.author(message)?, body(message)?);
            let tone = tone_of(&author);
            self.screen.show(&[
                (Tone::Plain, &indent),
                (Tone::Dim, "│ "),
                (tone, &pad(&author, NAMES)),
                (Tone::Plain, &said),
            ]);
        }
        Ok(())
    }

    /// The name of the member that a message is from.
    fn author(&self, message: &Element) -> Result<String> {
        let mid = message.attr("from").and_then(|from| from.split_once('/')).map(|(_, mid)| mid);
        let known = self.nicks.iter().find(|(known, _)| Some(known.as_str()) == mid);
        Ok(known.context("a message from somebody who is no member")?.1.clone())
    }

    fn tell(&mut self, who: usize, what: &[(Tone, &str)]) {
        let name = pad(PEOPLE[who], NAMES);
        let mut line = vec![(Tone::Person(who), name.as_str())];
        line.extend_from_slice(what);
        self.screen.show(&line);
    }

    fn show_said(&mut self, author: &str, text: &str) {
        let name = pad(author, NAMES.max(width(author) + 1));
        self.screen.show(&[(tone_of(author), &name), (Tone::Dim, "│ "), (Tone::Plain, text)]);
    }

    fn show_line(&mut self, line: &[(Tone, String)]) {
        let line: Vec<_> = line.iter().map(|(tone, text)| (*tone, text.as_str())).collect();
        self.screen.show(&line);
    }
}

fn tone_of(name: &str) -> Tone {
    PEOPLE.iter().position(|known| *known == name).map_or(Tone::Strong, Tone::Person)
}

/// The localpart of the user that a stanza was delivered to.
fn recipient(stanza: &Element) -> Option<String> {
    stanza.attr("to")?.split('@').next().map(str::to_owned)
}

fn is_message(stanza: &Element, group: &str, id: &str) -> bool {
    let from_group = stanza.attr("from").and_then(|from| from.split('/').next()) == Some(group);
    stanza.name() == "message" && from_group && stanza.attr("id") == Some(id)
}

/// Kept by the server while its recipient was away (XEP-0203).
fn is_kept(stanza: &Element) -> bool {
    stanza.has_child("delay", "urn:xmpp:delay") && stanza.has_child("x", format!("{GC}#offline").as_str())
}

fn stanza_id(copy: &Element) -> Option<&str> {
    copy.get_child("stanza-id", "urn:xmpp:sid:0")?.attr("id")
}

fn body(message: &Element) -> Result<String> {
    Ok(message.get_child("body", CLIENT).context("a message without a text")?.text())
}

fn property(stanza: &Element, name: &str) -> Option<String> {
    let properties = stanza.children().find(|child| child.name() == "properties")?;
    properties.children().find(|property| property.attr("name") == Some(name)).map(Element::text)
}
