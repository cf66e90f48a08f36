//! A message in a group, whichever way it came.

use groupchat_payloads::{Announcement, ns};
use minidom::Element;

use crate::address;
use crate::xml::{
    self, CORRECTION, DATA, FASTEN, MODERATE, REFERENCE, RETRACT, RETRACT_0, STANZA_ID, attribute, child,
};

/// By which way a message came. The same one may come by several, and has the same stanza-id then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// To this device, as it was said.
    Live,
    /// Kept by one's server while one was away (`#offline`).
    Offline,
    /// From an archive.
    Archive,
}

/// A message in a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The group's address.
    pub group: String,
    /// The member id of who says it; none: the group itself.
    pub mid: Option<String>,
    /// The `id` that its sender gave it.
    pub id: Option<String>,
    /// Its id in the archive, by which messages are told apart and sorted, as text. What has none is not stored.
    pub stanza_id: Option<String>,
    /// When it was stored (XEP-0082), if that came with it: not with live copies.
    pub stamp: Option<String>,
    /// How it came.
    pub via: Via,
    /// What it says.
    pub content: Content,
    /// Who is mentioned.
    pub mentions: Vec<Mention>,
    /// The stanza, for payloads that are not read here.
    pub stanza: Element,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A text.
    Text(String),
    /// A text that takes the place of an earlier message's (XEP-0308).
    Correction {
        /// That message, by `id` or stanza-id.
        of: String,
        /// The new text.
        text: String,
    },
    /// An earlier message is taken back (XEP-0424, XEP-0425).
    Retraction {
        /// That message, by stanza-id or `id`.
        of: String,
        /// Why, if an owner or admin did it and says so.
        reason: Option<String>,
    },
    /// There was a message, which was taken back.
    Retracted,
    /// The group's subject; an empty one takes it away.
    Subject(String),
    /// A change of the group, as the archive has it.
    Event(Announcement),
    /// A chat state (XEP-0085), which is not stored.
    ChatState(String),
    /// Something without a text: a reaction, something encrypted, …. It is in the [stanza](Message::stanza).
    Other,
}

/// Who is mentioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mention {
    /// Everybody in the group.
    Everybody,
    /// A member, by member id.
    Member(String),
    /// An account, by bare JID.
    Account(String),
}

impl Message {
    /// Reads a message; the address that it is from is that of a group or a member.
    pub(crate) fn read(stanza: &Element, via: Via, stamp: Option<String>) -> Option<Self> {
        let from = stanza.attr("from")?;
        let group = address::bare(from);
        let mid = address::resource(from);
        let by_group = |child: &&Element| child.is("stanza-id", STANZA_ID) && child.attr("by") == Some(group);
        Some(Self {
            content: content(stanza, mid.is_none())?,
            mentions: stanza.children().filter_map(|child| mention(child, group)).collect(),
            stanza_id: stanza.children().find(by_group).and_then(|child| attribute(child, "id")),
            group: group.to_owned(),
            mid: mid.map(str::to_owned),
            id: attribute(stanza, "id"),
            stamp,
            via,
            stanza: stanza.clone(),
        })
    }

    /// Its text, if it has one of its own. That of a correction counts.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) | Content::Correction { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Does it count as unread where it is somebody else's? Stored texts do; corrections and retractions do not.
    pub fn is_countable(&self) -> bool {
        self.stanza_id.is_some() && self.mid.is_some() && matches!(self.content, Content::Text(_))
    }

    /// Does it mention this member? `account` is a bare JID.
    pub fn mentions(&self, account: &str, mid: Option<&str>) -> bool {
        self.mentions.iter().any(|mention| match mention {
            Mention::Everybody => true,
            Mention::Member(member) => Some(member.as_str()) == mid,
            Mention::Account(jid) => jid == account,
        })
    }

    /// The author's address in the group; the group's own where it speaks itself.
    pub fn author(&self) -> String {
        self.mid.as_ref().map_or_else(|| self.group.clone(), |mid| format!("{}/{mid}", self.group))
    }
}

fn content(stanza: &Element, of_group: bool) -> Option<Content> {
    let body = xml::plain(stanza, "body").map(Element::text);
    if child(stanza, "retracted", RETRACT).is_some() {
        return Some(Content::Retracted);
    }
    if let Some(retract) = child(stanza, "retract", RETRACT) {
        let reason =
            [MODERATE, RETRACT].into_iter().find_map(|ns| child(retract, "reason", ns)).map(Element::text);
        return Some(Content::Retraction { of: attribute(retract, "id")?, reason });
    }
    // Version 0 of the same.
    let fastened = child(stanza, "apply-to", FASTEN);
    if let Some(of) = fastened.filter(|fastened| child(fastened, "retract", RETRACT_0).is_some()) {
        return Some(Content::Retraction { of: attribute(of, "id")?, reason: None });
    }
    if let Some(text) = body {
        let of = child(stanza, "replace", CORRECTION).and_then(|replace| attribute(replace, "id"));
        return Some(match of {
            Some(of) => Content::Correction { of, text },
            None => Content::Text(text),
        });
    }
    if of_group && let Some(announcement) = Announcement::read(stanza) {
        return Some(Content::Event(announcement));
    }
    if let Some(subject) = xml::plain(stanza, "subject") {
        return Some(Content::Subject(subject.text()));
    }
    let states = ["composing", "paused", "active", "inactive", "gone"];
    let state =
        stanza.children().find(|child| child.has_ns(ns::CHATSTATES) && states.contains(&child.name()));
    let only_state = state.filter(|_| child(stanza, "stanza-id", STANZA_ID).is_none());
    Some(only_state.map_or(Content::Other, |state| Content::ChatState(state.name().to_owned())))
}

/// The legacy form and that of XEP-0372.
fn mention(child: &Element, group: &str) -> Option<Mention> {
    let address = if child.is("x", DATA) && child.attr("type") == Some("at") {
        attribute(child, "id")?
    } else if child.is("reference", REFERENCE) && child.attr("type") == Some("mention") {
        address::of_uri(child.attr("uri")?)?
    } else {
        return None;
    };
    Some(match address::resource(&address) {
        _ if address == "all" => Mention::Everybody,
        Some(mid) if address::bare(&address) == group => Mention::Member(mid.to_owned()),
        _ => Mention::Account(address::bare(&address).to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(children: &str) -> Message {
        let xml = format!(
            "<message xmlns='jabber:client' from='tea@g.lit/al' type='groupchat' id='m'>{children}</message>"
        );
        Message::read(&xml.parse().unwrap(), Via::Live, None).unwrap()
    }

    #[test]
    fn mentions_of_both_forms() {
        let said = message(
            "<body>@bob</body><x xmlns='jabber:x:data' type='at' id='bob@s.lit/pda'/>\
             <reference xmlns='urn:xmpp:reference:0' type='mention' uri='xmpp:tea@g.lit/%E5%B0%8F'/>",
        );
        assert_eq!(said.mentions, [Mention::Account("bob@s.lit".into()), Mention::Member("小".into())]);
        assert!(said.mentions("bob@s.lit", None) && said.mentions("x@s.lit", Some("小")));
        assert!(!said.mentions("carol@s.lit", Some("carol")));
        let all = message("<body>@all</body><x xmlns='jabber:x:data' type='at' id='all'/>");
        assert!(all.mentions("anybody@s.lit", None));
    }

    #[test]
    fn a_stanza_id_by_somebody_else_is_none() {
        let said = message("<body>x</body><stanza-id xmlns='urn:xmpp:sid:0' by='bob@s.lit' id='1'/>");
        assert_eq!((said.stanza_id.as_deref(), said.is_countable()), (None, false));
    }

    #[test]
    fn contents() {
        let corrected = message("<body>new</body><replace xmlns='urn:xmpp:message-correct:0' id='m0'/>");
        assert_eq!(corrected.content, Content::Correction { of: "m0".into(), text: "new".into() });
        let back = message("<body>fallback</body><retract xmlns='urn:xmpp:message-retract:1' id='1'/>");
        assert_eq!(back.content, Content::Retraction { of: "1".into(), reason: None });
        let state = message("<composing xmlns='http://jabber.org/protocol/chatstates'/>");
        assert_eq!(state.content, Content::ChatState("composing".into()));
        assert_eq!(message("<encrypted xmlns='x'/>").content, Content::Other);
    }
}
