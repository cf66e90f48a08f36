//! Messages as a room says them: from the sender's nick, with his occupant-id. XEP-0045 §7.4–§7.5, §8.1, §10.2.1;
//! XEP-0359; XEP-0421.

use std::borrow::Cow;
use std::sync::Arc;

use groupchat_core::{Archived, Mid, Post};
use groupchat_payloads::{Receipt, ReceiptForm};
use minidom::Element;

use super::{OCCUPANT_ID, code, item, user};
use crate::encode::Group;
use crate::{Outbound, native, xml};

/// The mark by which an occupant is known whatever his nick is: the member id. XEP-0421 §3.
pub(crate) fn occupant_id(mid: &Mid) -> String {
    xml::open("occupant-id", &[("xmlns", Some(OCCUPANT_ID)), ("id", Some(mid.as_str()))]) + "/>"
}

/// A stored message's live copy; `nick` is its author's.
pub fn copy(domain: &str, message: &Archived, nick: &str, to: Vec<Arc<str>>) -> Outbound {
    stored(domain, message, nick, "", to)
}

/// The same for somebody who just joined: as history, with the time when it was said.
pub fn past(domain: &str, message: &Archived, nick: &str, to: Arc<str>) -> Outbound {
    let delay = native::delay(&message.group.at(domain), message.at);
    stored(domain, message, nick, &delay, vec![to])
}

fn stored(domain: &str, message: &Archived, nick: &str, more: &str, to: Vec<Arc<str>>) -> Outbound {
    let group = message.group.at(domain);
    let stanza_id = message.id.to_string();
    let id = message.client_id.as_deref().unwrap_or(&stanza_id);
    let mut content = String::with_capacity(message.payload.len() + 256);
    content.push_str(&message.payload);
    content.push_str(&native::stanza_id(&group, &stanza_id));
    content.push_str(&occupant_id(&message.mid));
    content.push_str(more);
    from_occupant(&group, nick, Some(id), "groupchat", to, &content)
}

/// The copies of something that is not kept.
pub fn ephemeral(group: &Group<'_>, author: (&Mid, &str), post: &Post, to: Vec<Arc<str>>) -> Outbound {
    let (mid, nick) = author;
    let content = format!("{}{}", post.payload, occupant_id(mid));
    from_occupant(&group.id.at(group.domain), nick, post.client_id.as_deref(), "groupchat", to, &content)
}

/// The group's subject, for somebody who just joined. XEP-0045 §7.2.15.
pub fn subject(group: &Group<'_>, text: &str, to: Arc<str>) -> Outbound {
    let subject = Element::builder("subject", xml::STREAM).append(text).build();
    from_room(&group.id.at(group.domain), None, vec![to], &xml::content([&subject]))
}

/// Something about the room itself, by its code. XEP-0045 §10.2.1.
pub fn status(group: &Group<'_>, codes: &[&str], to: Vec<Arc<str>>) -> Outbound {
    let x = user(codes.iter().map(|number| code(number)));
    from_room(&group.id.at(group.domain), None, to, &xml::content([&x]))
}

/// The affiliation of somebody who is not there has changed. XEP-0045 §9.3.
pub fn item_message(
    group: &Group<'_>,
    jid: &str,
    affiliation: &str,
    nick: Option<&str>,
    reason: Option<&str>,
    to: Vec<Arc<str>>,
) -> Outbound {
    let mut says = item(&[
        ("affiliation", Some(affiliation)),
        ("role", Some("none")),
        ("jid", Some(jid)),
        ("nick", nick),
    ]);
    if let Some(reason) = reason {
        says.append_child(Element::builder("reason", super::MUC_USER).append(reason).build());
    }
    let content = xml::content([&user([says])]);
    let from = group.id.at(group.domain);
    let head = xml::open("message", &[("from", Some(&from))]);
    xml::stanza(head, to, &content, "message")
}

/// That a moderator took a message back, from its row in the archive: which names him as the protocol's own clients do.
pub fn moderated(group: &Group<'_>, row: &Archived, nick: &str, to: Vec<Arc<str>>) -> Outbound {
    let room = group.id.at(group.domain);
    let id = row.id.to_string();
    let content = format!("{}{}", by_nick(&room, row, nick), native::stanza_id(&room, &id));
    from_room(&room, Some(&id), to, &content)
}

/// What a row says, its doer named by his nick.
pub(crate) fn by_nick<'a>(room: &str, row: &'a Archived, nick: &str) -> Cow<'a, str> {
    if row.mid.as_str() == nick {
        return Cow::Borrowed(&row.payload);
    }
    let text = format!("<message xmlns='{}'>{}</message>", xml::STREAM, row.payload);
    let Ok(mut message) = text.parse::<Element>() else { return Cow::Borrowed(&row.payload) };
    name_by_nick(&mut message, &format!("{room}/{}", row.mid), &format!("{room}/{nick}"));
    Cow::Owned(xml::content(message.children()))
}

fn name_by_nick(element: &mut Element, from: &str, to: &str) {
    for child in element.children_mut() {
        if child.name() == "moderated" && child.attr("by") == Some(from) {
            groupchat_payloads::set(child, "by", to);
        }
        name_by_nick(child, from, to);
    }
}

/// A read receipt, in the form that the reader sent.
pub fn receipt(
    group: &Group<'_>,
    reader: (&Mid, &str),
    message_id: &str,
    client_id: Option<&str>,
    displayed: bool,
    to: Vec<Arc<str>>,
) -> Outbound {
    let (mid, nick) = reader;
    let form = if displayed { ReceiptForm::Displayed } else { ReceiptForm::Read };
    let mut content = xml::content([&Receipt { form, id: Some(message_id.to_owned()) }.write()]);
    content.push_str(&occupant_id(mid));
    from_occupant(&group.id.at(group.domain), nick, client_id, "groupchat", to, &content)
}

/// A private message. XEP-0045 §7.5.
pub fn private(
    group: &Group<'_>,
    sender: (&Mid, &str),
    id: Option<&str>,
    content: &str,
    to: Vec<Arc<str>>,
) -> Outbound {
    let (mid, nick) = sender;
    let content = format!("{content}{}{}", xml::content([&user([])]), occupant_id(mid));
    from_occupant(&group.id.at(group.domain), nick, id, "chat", to, &content)
}

fn from_occupant(
    group: &str,
    nick: &str,
    id: Option<&str>,
    kind: &str,
    to: Vec<Arc<str>>,
    content: &str,
) -> Outbound {
    let from = format!("{group}/{nick}");
    let head = xml::open("message", &[("from", Some(&from)), ("id", id), ("type", Some(kind))]);
    xml::stanza(head, to, content, "message")
}

fn from_room(group: &str, id: Option<&str>, to: Vec<Arc<str>>, content: &str) -> Outbound {
    let head = xml::open("message", &[("from", Some(group)), ("id", id), ("type", Some("groupchat"))]);
    xml::stanza(head, to, content, "message")
}
