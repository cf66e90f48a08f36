//! The inbox: one's groups with what is unread in them, for the first screen of an app. PROTOCOL: history and catching up.

use groupchat_core::StanzaId;
use groupchat_core::reading::{Inbox, InboxItem, Preview};
use groupchat_payloads::{self as payloads, ns};
use minidom::Element;

use crate::{Paging, date, paging};

/// The answer to `#inbox`.
pub fn answer(domain: &str, paging: &Paging, found: &Inbox) -> Element {
    let mut query = Element::bare("query", ns::INBOX);
    payloads::set(&mut query, "unread", &found.total_unread.to_string());
    payloads::set(&mut query, "mentions", &found.total_mentions.to_string());
    payloads::set(&mut query, "unread-groups", &found.unread_groups.to_string());
    paging::write(&mut query, paging, &found.page, |group| (item(domain, group), group.id.to_string()));
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

fn preview(group: &str, last: &Preview) -> Element {
    let mut element = Element::bare("last", ns::INBOX);
    payloads::set(&mut element, "stanza-id", &last.id.to_string());
    payloads::set(&mut element, "stamp", &date::write(last.at));
    payloads::set(&mut element, "from", &format!("{group}/{}", last.mid));
    element.append_text(last.text.as_str());
    element
}
