//! Messages: what members say, and the copies of it.

use std::borrow::Cow;
use std::sync::Arc;

use groupchat_core::{
    BareJid, Command, Correction, GroupId, Mid, Post, Refusal, Retraction, Storage, Timestamp,
};
use groupchat_payloads::ns;
use minidom::Element;
use xmpp_parsers::ns::MAM;

use super::{mentions, receipt, retraction};
use crate::decode::{To, is_plain};
use crate::{Origin, Outbound, date, xml};

const HINTS: &str = "urn:xmpp:hints";
const STANZA_ID: &str = "urn:xmpp:sid:0";
const DELIVERY_RECEIPTS: &str = "urn:xmpp:receipts";
const CORRECTION: &str = "urn:xmpp:message-correct:0";

/// The command that a message asks for: to say something, or to note that something was read.
pub(crate) fn decode(
    stanza: &Element,
    origin: &Origin,
    to: To,
    domain: &BareJid,
) -> Result<(GroupId, Command), Refusal> {
    let group = to.group.ok_or(Refusal::Unknown)?;
    // Legacy clients send `group`; COMPAT: ejabberd takes that type away.
    if !matches!(stanza.attr("type"), None | Some("groupchat" | "group" | "normal")) {
        return Err(Refusal::Malformed("messages to a group have the type groupchat".into()));
    }
    let client_id = origin.carrier.id().cloned();
    let body = stanza.children().find(|child| is_plain(child, "body"));
    if body.is_none() {
        if let Some(receipt) = receipt::decode(stanza, client_id.clone()) {
            return Ok((group, Command::Read(receipt)));
        }
        // A new thread may begin with a subject of its own. XEP-0045 §8.1.
        let begins_thread = stanza.children().any(|child| is_plain(child, "thread"));
        let subject = stanza.children().find(|child| is_plain(child, "subject"));
        if let Some(subject) = subject.filter(|_| !begins_thread) {
            return Ok((group, Command::Subject { client_id, subject: subject.text().into() }));
        }
    }
    let at = group.at(domain.as_str());
    let kept: Vec<&Element> = stanza.children().filter(|child| !is_forged(child, &at)).collect();
    if kept.is_empty() {
        return Err(Refusal::Malformed("the message is empty".into()));
    }
    let storage = if body.is_none() && !is_lasting(&kept) { Storage::LiveOnly } else { Storage::Stored };
    let mentions = mentions::decode(&kept, &at, domain);
    let corrects =
        kept.iter().find(|child| child.is("replace", CORRECTION)).and_then(|child| child.attr("id"));
    let corrects = corrects.map(|id| Correction { id: id.into(), found: None });
    let retracts = retraction::named(&kept);
    // What is taken back is taken back for everybody, whatever its sender says of keeping it.
    let storage = if retracts.is_some() { Storage::Stored } else { storage };
    let payload = xml::content(kept).into();
    let body = body.map(|body| body.text().into());
    let post = Post { client_id, body, payload, storage, mentions, corrects };
    let command = match retracts {
        Some(id) => Command::Retract(Retraction { id, found: None, reason: None, post: Some(post) }),
        None => Command::Post(post),
    };
    Ok((group, command))
}

/// What only the group itself may say, and what hosts would act on.
pub(crate) fn is_forged(child: &Element, group: &str) -> bool {
    let by_group = |attribute| {
        child.attr(attribute).and_then(|by| BareJid::parse(by).ok()).is_some_and(|by| by.as_str() == group)
    };
    match (child.name(), child.ns().as_str()) {
        ("stanza-id", STANZA_ID) => by_group("by"),
        ("delay", "urn:xmpp:delay") => by_group("from"),
        ("occupant-id", "urn:xmpp:occupant-id:0")
        | ("addresses", "http://jabber.org/protocol/address")
        | ("x", "http://jabber.org/protocol/muc#user" | ns::OFFLINE)
        // A page of an archive; a client that does not look whom it comes from would take any words for anybody's.
        | ("result", MAM)
        // What the link says to the server's module about whom a stanza is for.
        | (_, "urn:xmpp-groupchat:multicast:0") => true,
        _ => false,
    }
}

/// Is there anything in a message without a body that is worth keeping? Chat states and receipts pass; XEP-0334 §4.2 is heeded.
pub(crate) fn is_lasting(children: &[&Element]) -> bool {
    let is_about_it = |child: &Element| {
        child.has_ns(ns::CHATSTATES)
            || child.has_ns(HINTS)
            || child.has_ns(STANZA_ID)
            || child.has_ns(DELIVERY_RECEIPTS)
            || child.has_ns(ns::CHAT_MARKERS)
            || is_plain(child, "thread")
    };
    let unwanted = children.iter().any(|child| child.is("no-store", HINTS));
    !unwanted && !children.iter().all(|child| is_about_it(child))
}

/// A stored message's copies: as `groupchat` for devices that are there, or (`absent`) as `chat` for a member who
/// is away, which hosts keep and push.
pub fn copy(domain: &str, message: &groupchat_core::Archived, to: Vec<Arc<str>>, absent: bool) -> Outbound {
    stored(domain, message, to, absent, "")
}

/// The same said again later, with the time when it was said. XEP-0203.
pub fn late_copy(
    domain: &str,
    message: &groupchat_core::Archived,
    to: Vec<Arc<str>>,
    absent: bool,
) -> Outbound {
    stored(domain, message, to, absent, &delay(&message.group.at(domain), message.at))
}

/// When something was said that is said again. XEP-0203 §2.
pub(crate) fn delay(group: &str, at: Timestamp) -> String {
    let stamp = date::write(at);
    let delay = [("xmlns", Some("urn:xmpp:delay")), ("from", Some(group)), ("stamp", Some(&stamp))];
    xml::open("delay", &delay) + "/>"
}

fn stored(
    domain: &str,
    message: &groupchat_core::Archived,
    to: Vec<Arc<str>>,
    absent: bool,
    more: &str,
) -> Outbound {
    let group = message.group.at(domain);
    let stanza_id = message.id.to_string();
    let id = message.client_id.as_deref().unwrap_or(&stanza_id);
    let mut content = String::with_capacity(message.payload.len() + 256);
    if absent {
        content.push_str(&without_hints(&message.payload));
    } else {
        content.push_str(&message.payload);
    }
    content.push_str(&stanza_id_of(&group, &stanza_id));
    content.push_str(more);
    if absent {
        content.push_str(&xml::open("x", &[("xmlns", Some(ns::OFFLINE))]));
        content.push_str("/><store xmlns='urn:xmpp:hints'/>");
    }
    let kind = if absent { "chat" } else { "groupchat" };
    message_from(&group, Some(&message.mid), Some(id), Some(kind), to, &content)
}

/// The mark by which a copy is found in the archive. XEP-0359 §3.
pub(crate) fn stanza_id_of(group: &str, id: &str) -> String {
    xml::open("stanza-id", &[("xmlns", Some(STANZA_ID)), ("by", Some(group)), ("id", Some(id))]) + "/>"
}

/// A payload without its sender's hints on storage, which would keep a host from storing the copy that it is to store.
fn without_hints(payload: &str) -> Cow<'_, str> {
    if !payload.contains(HINTS) {
        return Cow::Borrowed(payload);
    }
    match format!("<message xmlns='{}'>{payload}</message>", xml::STREAM).parse::<Element>() {
        Ok(message) => Cow::Owned(xml::content(message.children().filter(|child| !child.has_ns(HINTS)))),
        Err(_) => Cow::Borrowed(payload),
    }
}

/// The copies of something that is not kept: no stanza-id, for there is nothing to find by it.
pub fn ephemeral(domain: &str, group: &GroupId, author: &Mid, post: &Post, to: Vec<Arc<str>>) -> Outbound {
    message_from(
        &group.at(domain),
        Some(author),
        post.client_id.as_deref(),
        Some("groupchat"),
        to,
        &post.payload,
    )
}

pub(crate) fn message_from(
    group: &str,
    mid: Option<&Mid>,
    id: Option<&str>,
    kind: Option<&str>,
    to: Vec<Arc<str>>,
    content: &str,
) -> Outbound {
    let from = mid.map_or_else(|| group.to_owned(), |mid| format!("{group}/{mid}"));
    let head = xml::open("message", &[("from", Some(&from)), ("id", id), ("type", kind)]);
    xml::stanza(head, to, content, "message")
}
