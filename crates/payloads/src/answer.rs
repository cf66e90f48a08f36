//! What answers to questions hold. Reading alone: the service makes them of what its database says.

use minidom::Element;

use crate::{is, ns, property};

/// A group in answers to `#items`, `#groupinfo` and `#creategroup`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupItem {
    /// The group id.
    pub id: String,
    /// The group's address.
    pub jid: String,
    /// The shown name.
    pub name: Option<String>,
    /// How many members it has.
    pub members: Option<u32>,
    /// The asker's role, if he is a member.
    pub role: Option<String>,
    /// A longer text.
    pub description: Option<String>,
    /// The settings, told to members.
    pub properties: Vec<(String, String)>,
}

impl GroupItem {
    /// Reads the element if it is an item with an address, in `namespace`.
    pub fn read(element: &Element, namespace: &str) -> Option<Self> {
        if !is(element, "item", namespace) {
            return None;
        }
        let text = |name: &str| element.attr(name).map(str::to_owned);
        let jid = text("jid")?;
        let properties = element.children().filter_map(|child| property::read(child, namespace).ok()?);
        Some(Self {
            id: text("id").unwrap_or_else(|| jid.split('@').next().unwrap_or_default().to_owned()),
            jid,
            name: text("name"),
            members: element.attr("members").and_then(|members| members.parse().ok()),
            role: text("role"),
            description: text("description"),
            properties: properties.collect(),
        })
    }
}

/// A group in the inbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InboxItem {
    /// The group id.
    pub id: String,
    /// The group's address.
    pub jid: String,
    /// The shown name.
    pub name: String,
    /// The asker's role.
    pub role: String,
    /// Countable messages of others behind the read position.
    pub unread: u32,
    /// Messages behind it that mention the asker, or everybody.
    pub mentions: u32,
    /// The read position; none if nothing was read.
    pub read_id: Option<String>,
    /// Which messages reach the asker's devices.
    pub receive: Option<String>,
    /// Until when none do, as long as that lasts.
    pub muted: Option<String>,
    /// The newest message with a body.
    pub last: Option<LastMessage>,
}

/// The newest message of a group, as the inbox shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LastMessage {
    /// Its stanza-id.
    pub stanza_id: String,
    /// When it was stored.
    pub stamp: Option<String>,
    /// The author's address in the group.
    pub from: Option<String>,
    /// The beginning of its text.
    pub preview: String,
}

impl InboxItem {
    /// Reads the element if it is an item with an address.
    pub fn read(element: &Element) -> Option<Self> {
        let group = GroupItem::read(element, ns::INBOX)?;
        let text = |name: &str| element.attr(name).map(str::to_owned);
        let number = |name: &str| element.attr(name).and_then(|number| number.parse().ok()).unwrap_or(0);
        let last = element.children().find(|child| is(child, "last", ns::INBOX));
        Some(Self {
            name: group.name.unwrap_or_else(|| group.id.clone()),
            id: group.id,
            jid: group.jid,
            role: group.role.unwrap_or_default(),
            unread: number("unread"),
            mentions: number("mentions"),
            read_id: text("read-id"),
            receive: text("receive"),
            muted: text("muted"),
            last: last.and_then(LastMessage::read),
        })
    }
}

impl LastMessage {
    fn read(element: &Element) -> Option<Self> {
        let text = |name: &str| element.attr(name).map(str::to_owned);
        Some(Self {
            stanza_id: text("stanza-id")?,
            stamp: text("stamp"),
            from: text("from"),
            preview: element.text(),
        })
    }
}

/// Who has read a message, in the answer to `#receipts`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readers {
    /// Member ids with the time at which each told so; empty for those who are told the numbers alone.
    pub who: Vec<(String, Option<String>)>,
    /// How many have read it.
    pub read: u32,
    /// How many have not.
    pub unread: u32,
}

impl Readers {
    /// Reads the `<query/>` of the answer.
    pub fn read(query: &Element) -> Option<Self> {
        let items = query.children().filter(|child| is(child, "item", ns::RECEIPTS));
        let count = query.children().find(|child| is(child, "count", ns::RECEIPTS))?;
        let number = |name: &str| count.attr(name).and_then(|number| number.parse().ok()).unwrap_or(0);
        let who = items
            .filter_map(|item| Some((item.attr("mid")?.to_owned(), item.attr("stamp").map(str::to_owned))));
        Some(Self { who: who.collect(), read: number("read"), unread: number("unread") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_of_the_inbox() {
        let item: Element =
            "<item xmlns='http://jabber.org/protocol/groupchat#inbox' id='tea' jid='tea@g.lit' \
            name='Tea' role='member' unread='2' mentions='1' read-id='0001' receive='all'>\
            <last stanza-id='0003' stamp='2026-11-20T17:01:00Z' from='tea@g.lit/alice'>Milk?</last></item>"
                .parse()
                .unwrap();
        let read = InboxItem::read(&item).unwrap();
        assert_eq!((read.unread, read.mentions, read.read_id.as_deref()), (2, 1, Some("0001")));
        let last = read.last.unwrap();
        assert_eq!((last.stanza_id.as_str(), last.preview.as_str()), ("0003", "Milk?"));
    }

    #[test]
    fn a_group_with_its_settings() {
        let item: Element =
            "<item xmlns='http://jabber.org/protocol/groupchat#groupinfo' jid='tea@g.lit' members='2'>\
            <property name='post' value='admins'/></item>"
                .parse()
                .unwrap();
        let read = GroupItem::read(&item, ns::GROUPINFO).unwrap();
        assert_eq!((read.id.as_str(), read.members), ("tea", Some(2)));
        assert_eq!(read.properties, [("post".to_owned(), "admins".to_owned())]);
    }

    #[test]
    fn who_has_read() {
        let query: Element = "<query xmlns='http://jabber.org/protocol/groupchat#receipts'>\
            <item mid='dora' stamp='2026-11-20T17:00:05Z'/><count read='1' unread='2'/></query>"
            .parse()
            .unwrap();
        let read = Readers::read(&query).unwrap();
        assert_eq!((read.who[0].0.as_str(), read.read, read.unread), ("dora", 1, 2));
    }
}
