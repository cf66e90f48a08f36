//! The users of the simulation and what they know: what they sent, what came back, what their devices got.

use std::collections::HashMap;

use minidom::Element;
use tokio::sync::mpsc;

use crate::client::Received;
use crate::script::SERVICE;

/// Users with an account; the first one makes the groups.
pub(super) const USERS: [&str; 6] = ["alice", "bob", "carol", "dora", "ernie", "fritz"];
/// A member without an account.
pub(super) const GHOST: &str = "ghost";
/// He comes into the second group and goes again.
pub(super) const GUEST: &str = "fritz";
/// Groups, with the users who are in them all the time.
pub(super) const GROUPS: [(&str, &[&str]); 2] =
    [("tea", &["alice", "bob", "carol", "dora", "ernie", GHOST]), ("cup", &["alice", "bob", "carol"])];

/// Members who have, beside their other devices, one on a desk that joins the first group as a room (XEP-0045).
pub(super) const IN_ROOM: [&str; 2] = ["bob", "carol"];
/// That device.
pub(super) const DESK: &str = "desk";

/// The address of a group.
pub(super) fn address(group: &str) -> String {
    format!("{group}@{SERVICE}")
}

/// A device of a user.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) user: &'static str,
    pub(super) resource: &'static str,
    pub(super) link: DeviceLink,
    /// It has been there at all.
    pub(super) was_there: bool,
    /// Since when, as a number of messages sent by anybody, it is there without a break.
    pub(super) since: usize,
    /// The service heard that it is there, and nothing to the contrary; of a device in a room: it heard that it is in it.
    pub(super) is_known: bool,
    /// The id of the presence by which it joined the room last.
    pub(super) join: String,
    pub(super) got: Got,
}

/// Is it there?
#[derive(Debug)]
pub(super) enum DeviceLink {
    Off,
    On(mpsc::UnboundedReceiver<Received>, mpsc::UnboundedSender<Received>),
    /// Without a link; the host keeps its session.
    Vanished(mpsc::UnboundedReceiver<Received>, mpsc::UnboundedSender<Received>),
}

impl Device {
    pub(super) fn is_on(&self) -> bool {
        matches!(self.link, DeviceLink::On(..))
    }

    /// Does it join the first group as a room, and hear nothing of others?
    pub(super) fn is_of_room(&self) -> bool {
        self.resource == DESK
    }

    /// The room says where it is: it is in, since so many messages, or out.
    fn hears_of_itself(&mut self, stanza: &Element, sent: usize) {
        let is_own = |x: &Element| x.children().any(|status| status.attr("code") == Some("110"));
        if stanza.name() != "presence" || !stanza.children().any(|x| x.name() == "x" && is_own(x)) {
            return;
        }
        match stanza.attr("type") {
            Some("unavailable") => self.is_known = false,
            None if stanza.attr("id") == Some(&self.join) => (self.is_known, self.since) = (true, sent),
            _ => {}
        }
    }

    /// Reads what arrived, when so many messages have been sent by anybody.
    pub(super) fn read(&mut self, sent: usize) -> Vec<Element> {
        let mut read = Vec::new();
        if let DeviceLink::On(inbox, _) | DeviceLink::Vanished(inbox, _) = &mut self.link {
            while let Ok(received) = inbox.try_recv() {
                self.got.note(&received.stanza, self.since);
                read.push(received.stanza);
            }
        }
        if self.is_of_room() {
            read.iter().for_each(|stanza| self.hears_of_itself(stanza, sent));
        }
        read
    }
}

/// A copy of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copy {
    pub(super) group: String,
    pub(super) stanza_id: String,
    pub(super) id: String,
    pub(super) body: String,
    pub(super) is_live: bool,
    /// It is what a room says: from a nick, with the mark of the occupant.
    pub(super) is_of_room: bool,
    /// It was said before the device that got it logged in; that asks the archive for it.
    pub(super) is_older: bool,
}

impl Copy {
    /// Reads a copy; `None`: it is something else.
    pub(super) fn of(stanza: &Element) -> Option<Self> {
        let from = stanza.attr("from")?;
        let group = from.split('/').next()?.to_owned();
        if stanza.name() != "message" || stanza.attr("type") == Some("error") || !group.ends_with(SERVICE) {
            return None;
        }
        let mark = stanza.children().find(|child| child.is("stanza-id", "urn:xmpp:sid:0"))?;
        let body = stanza.children().find(|child| child.name() == "body")?;
        Some(Self {
            group,
            stanza_id: mark.attr("id")?.to_owned(),
            id: stanza.attr("id")?.to_owned(),
            body: body.text(),
            is_live: stanza.attr("type") == Some("groupchat"),
            is_of_room: stanza.children().any(|child| child.is("occupant-id", "urn:xmpp:occupant-id:0")),
            is_older: false,
        })
    }
}

/// What a device got.
#[derive(Debug, Default)]
pub(super) struct Got {
    /// Copies in the order in which they came, repeats too.
    pub(super) copies: Vec<Copy>,
    /// Names of groups that were announced.
    pub(super) names: Vec<String>,
}

impl Got {
    fn note(&mut self, stanza: &Element, since: usize) {
        let copy = Copy::of(stanza);
        let is_older = |copy: &Copy| Messages::number(&copy.id).is_some_and(|number| number < since);
        self.copies.extend(copy.map(|copy| Copy { is_older: is_older(&copy), ..copy }));
        if stanza.name() == "presence" {
            self.names.extend(announced_name(stanza));
        }
    }
}

/// The name that an announcement of new settings tells.
pub(super) fn announced_name(stanza: &Element) -> Option<String> {
    let is_update = |child: &Element| child.is("x", "http://jabber.org/protocol/groupchat#updategroup");
    stanza.children().find(|child| is_update(child)).filter(|_| stanza.attr("type").is_none())?;
    let properties = stanza.children().find(|child| child.name() == "properties")?;
    properties
        .children()
        .find(|property| property.attr("name") == Some("name"))
        .map(|property| property.attr("value").map_or_else(|| property.text(), str::to_owned))
}

/// A message as its sender knows it.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) device: usize,
    pub(super) group: &'static str,
    /// How often it was sent.
    pub(super) times: usize,
    /// The stanza-id of the copy that came back.
    pub(super) reflected: Option<String>,
}

/// All messages, by `id`; their number is in it.
#[derive(Debug, Default)]
pub(super) struct Messages {
    pub(super) sent: Vec<Sent>,
    /// Why a member may have a message only in the archive: what would have brought it was lost.
    pub(super) excused: HashMap<(String, String), &'static str>,
}

impl Messages {
    pub(super) fn id(number: usize) -> String {
        format!("m{number}")
    }

    pub(super) fn number(id: &str) -> Option<usize> {
        id.strip_prefix('m')?.parse().ok()
    }

    /// A copy came to this device: perhaps its own message's.
    pub(super) fn reflect(&mut self, device: usize, copy: &Copy) {
        if let Some(sent) = Self::number(&copy.id).and_then(|number| self.sent.get_mut(number))
            && sent.device == device
            && copy.is_live
        {
            sent.reflected.get_or_insert_with(|| copy.stanza_id.clone());
        }
    }

    /// What the host kept for a session of this user is gone, and nobody is told.
    pub(super) fn excuse_kept(&mut self, user: &str, kept: &[Element], why: &'static str) {
        let ids = kept.iter().filter_map(|stanza| stanza.attr("id"));
        self.excused.extend(ids.map(|id| ((user.to_owned(), id.to_owned()), why)));
    }

    /// What was lost on its way from the host: of copies that came back, those who did not get them are excused.
    pub(super) fn excuse(&mut self, stanza: &Element, why: &'static str) {
        if let (Some(from), Some(id)) = (stanza.attr("from"), stanza.attr("id")) {
            let user = from.split('@').next().unwrap_or(from).to_owned();
            self.excused.insert((user, id.to_owned()), why);
        }
    }
}
