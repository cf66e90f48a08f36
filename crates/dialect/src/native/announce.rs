//! Announcements: what the group tells its members of itself, by presence; and the message for those who are added
//! while away. PROTOCOL: operations on groups.

use std::sync::Arc;

use groupchat_core::{BareJid, Event, GroupId, Member, Removed, StanzaId};
use groupchat_payloads::{Item, ns, properties, property, set};
use minidom::Element;

use super::{message, query};
use crate::xml::{self, STREAM};
use crate::{Outbound, encode::Group};

/// An announcement's children as they are archived: without what is for one recipient alone.
pub(crate) fn event_content(group: &Group<'_>, event: &Event) -> String {
    content(group, event, false)
}

/// An announcement to the actor's own devices (`own`), or to everybody else.
pub(crate) fn announcement(
    group: &Group<'_>,
    event: &Event,
    own: bool,
    id: Option<&str>,
    to: Vec<Arc<str>>,
) -> Outbound {
    let head = xml::open("presence", &[("from", Some(&group.id.at(group.domain))), ("id", id)]);
    xml::stanza(head, to, &content(group, event, own), "presence")
}

/// The message to somebody who was added while away: for slim clients the announcement, for stock ones the
/// invitation (XEP-0045 §7.8.2), for people a sentence, which also makes hosts keep it.
pub(crate) fn welcome(group: &Group<'_>, member: &Member, adder: &BareJid, id: StanzaId) -> Outbound {
    let mut children = elements(group, &Event::Added(vec![member.clone()]), false);
    let mut invite = Element::bare("invite", MUC_USER);
    set(&mut invite, "from", adder.as_str());
    children.push(Element::builder("x", MUC_USER).append(invite).build());
    let text = format!("{adder} added you to the group “{}” ({}).", group.name, group.id.at(group.domain));
    children.push(Element::builder("body", STREAM).append(text).build());
    children.push(Element::bare("store", "urn:xmpp:hints"));
    let to = vec![member.jid.text()];
    message::message_from(
        &group.id.at(group.domain),
        None,
        Some(&id.to_string()),
        None,
        to,
        &xml::content(&children),
    )
}

const MUC_USER: &str = "http://jabber.org/protocol/muc#user";

fn content(group: &Group<'_>, event: &Event, own: bool) -> String {
    xml::content(&elements(group, event, own))
}

fn elements(group: &Group<'_>, event: &Event, own: bool) -> Vec<Element> {
    let name_and_id = || properties([("name", group.name), ("id", group.id.as_str())], STREAM);
    let (namespace, rest): (&str, Vec<Element>) = match event {
        Event::Created { .. } => (ns::CREATEGROUP, vec![name_and_id()]),
        Event::Updated(changed) => (ns::UPDATEGROUP, vec![changed_properties(group.id, changed)]),
        Event::Deleted => (ns::DELETEGROUP, Vec::new()),
        Event::Added(members) => {
            let mut rest: Vec<_> = members.iter().map(|member| query::item(member, STREAM)).collect();
            rest.push(name_and_id());
            (ns::ADDMEMBER, rest)
        }
        Event::Removed { who, .. } => (ns::REMOVEMEMBER, who.iter().map(removed_item).collect()),
    };
    let mut x = Element::bare("x", namespace);
    for code in codes(event, own) {
        let mut status = Element::bare("status", namespace);
        set(&mut status, "code", code);
        x.append_child(status);
    }
    std::iter::once(x).chain(rest).collect()
}

/// Status codes in the sense of XEP-0045 §15.6.
fn codes(event: &Event, own: bool) -> impl Iterator<Item = &'static str> {
    let code = match event {
        Event::Created { .. } => Some("201"),
        Event::Updated(_) => Some("104"),
        Event::Removed { banned: true, .. } => Some("301"),
        Event::Removed { left: false, .. } => Some("307"),
        Event::Removed { .. } | Event::Deleted | Event::Added(_) => None,
    };
    code.into_iter().chain(own.then_some("110"))
}

fn changed_properties(id: &GroupId, changed: &[(String, String)]) -> Element {
    let mut element = properties(changed.iter().map(|(name, value)| (name.as_str(), value.as_str())), STREAM);
    element.append_child(property("id", id.as_str(), STREAM));
    element
}

fn removed_item(removed: &Removed) -> Element {
    let mid = removed.mid.as_ref().map(ToString::to_string);
    Item { jid: Some(removed.jid.to_string()), mid, ..Item::default() }.write(STREAM)
}
