//! The inbox: one's groups with what is unread in them, for the first screen of an app. PROTOCOL: history and catching up.

use groupchat_core::page::Paged;
use groupchat_core::{GroupId, Receive, Role, StanzaId, Timestamp};
use groupchat_payloads::{self as payloads, ns};
use minidom::Element;

use crate::archive::Shown;
use crate::{Paging, date, paging};

/// Characters of the last message that are shown.
const PREVIEW_CHARS_MAX: usize = 200;

/// One's group in the inbox.
#[derive(Debug, Clone, PartialEq)]
pub struct InboxItem {
    /// The group.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// One's role.
    pub role: Role,
    /// Messages of others that are not read.
    pub unread: i64,
    /// Those of them that mention one.
    pub mentions: i64,
    /// One's read position.
    pub read: StanzaId,
    /// What reaches one's devices.
    pub receive: Receive,
    /// Nothing does until then.
    pub mute_until: Option<Timestamp>,
    /// The newest message.
    pub last: Option<Shown>,
}

/// Sums over all groups, not over the page alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxTotals {
    /// Messages that are not read.
    pub unread: i64,
    /// Those of them that mention one.
    pub mentions: i64,
    /// Groups with messages that are not read.
    pub groups: i64,
}

/// The answer to `#inbox`.
pub fn answer(domain: &str, paging: &Paging, found: &Paged<InboxItem>, totals: InboxTotals) -> Element {
    let mut query = Element::bare("query", ns::INBOX);
    payloads::set(&mut query, "unread", &totals.unread.to_string());
    payloads::set(&mut query, "mentions", &totals.mentions.to_string());
    payloads::set(&mut query, "unread-groups", &totals.groups.to_string());
    paging::write(&mut query, paging, found, |group| (item(domain, group), group.id.to_string()));
    query
}

fn item(domain: &str, group: &InboxItem) -> Element {
    let mut item = Element::bare("item", ns::INBOX);
    let jid = group.id.at(domain);
    payloads::set(&mut item, "id", group.id.as_str());
    payloads::set(&mut item, "jid", &jid);
    payloads::set(&mut item, "name", &group.name);
    payloads::set(&mut item, "role", group.role.as_str());
    payloads::set(&mut item, "unread", &group.unread.to_string());
    payloads::set(&mut item, "mentions", &group.mentions.to_string());
    if group.read != StanzaId::default() {
        payloads::set(&mut item, "read-id", &group.read.to_string());
    }
    payloads::set(&mut item, "receive", group.receive.as_str());
    if let Some(until) = group.mute_until {
        payloads::set(&mut item, "muted", &date::write(until));
    }
    if let Some(last) = &group.last {
        item.append_child(preview(&jid, last));
    }
    item
}

fn preview(group: &str, last: &Shown) -> Element {
    let mut element = Element::bare("last", ns::INBOX);
    payloads::set(&mut element, "stanza-id", &last.row.id.to_string());
    payloads::set(&mut element, "stamp", &date::write(last.row.at));
    payloads::set(&mut element, "from", &format!("{group}/{}", last.row.mid));
    if last.retracted.is_none() {
        let body = last.row.body.as_deref().unwrap_or_default();
        element.append_text(body.chars().take(PREVIEW_CHARS_MAX).collect::<String>());
    }
    element
}
