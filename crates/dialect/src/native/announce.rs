//! Announcements: what the group tells its members of itself, by presence; and the message for those who are added
//! while away. PROTOCOL: operations on groups.

use std::sync::Arc;

use groupchat_core::{BareJid, Event, GroupId, Member, Receive, Removed, Role, StanzaId, Timestamp};
use groupchat_payloads::{Item, ns, properties, property, set};
use minidom::Element;

use super::{message, query};
use crate::xml::{self, STREAM};
use crate::{Outbound, date, encode::Group};

/// An announcement's children as they are archived: without what is for one recipient alone.
pub fn event_content(group: &Group<'_>, event: &Event) -> String {
    content(group, event, false)
}

/// An announcement to the actor's own devices (`own`), or to everybody else.
pub fn announcement(
    group: &Group<'_>,
    event: &Event,
    own: bool,
    id: Option<&str>,
    to: Vec<Arc<str>>,
) -> Outbound {
    let head = xml::open("presence", &[("from", Some(&group.id.at(group.domain))), ("id", id)]);
    xml::stanza(head, to, &content(group, event, own), "presence")
}

/// What a message about a group says it with, beside its payload for this protocol's clients and the invitation through the
/// room (XEP-0045 §7.8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// With a sentence, too, for people whose client understands nothing else of it, and with a direct invitation.
    Body,
    /// With a direct invitation (XEP-0249): there are stock clients that know no other. They take what has a body for a
    /// conversation of two under the group's address, and cannot open the room there any more.
    Invitation,
    /// With nothing: somebody else invites him directly.
    None,
}

/// The message to somebody who was added while away: for slim clients the announcement, for stock ones the
/// invitation, for people a sentence.
pub fn welcome(
    group: &Group<'_>,
    member: &Member,
    by: (&BareJid, Option<&str>),
    words: Words,
    id: StanzaId,
) -> Outbound {
    let text = format!("{} added you to the group “{}” ({}).", by.0, group.name, group.id.at(group.domain));
    let news = elements(group, &Event::Added(vec![member.clone()]), false);
    letter(group, news, by, (words, text), &id.to_string(), member.jid.text())
}

/// The message to somebody who wants to be asked before he is added: `#join` accepts, `#removemember` declines.
pub fn invite(
    group: &Group<'_>,
    (jid, role): (&BareJid, Role),
    by: (&BareJid, Option<&str>),
    words: Words,
    since: Timestamp,
) -> Outbound {
    // The same whenever it is said.
    let id = format!("invitation-{:x}", since.0);
    let text = format!("{} invites you to the group “{}” ({}).", by.0, group.name, group.id.at(group.domain));
    let item = Item { jid: Some(jid.to_string()), role: Some(role.as_str().into()), ..Item::default() };
    let news = vec![Element::bare("x", ns::JOIN), item.write(STREAM), name_and_id(group)];
    letter(group, news, by, (words, text), &id, jid.text())
}

fn letter(
    group: &Group<'_>,
    mut children: Vec<Element>,
    (by, reason): (&BareJid, Option<&str>),
    (words, text): (Words, String),
    id: &str,
    to: Arc<str>,
) -> Outbound {
    let address = group.id.at(group.domain);
    let mut invite = Element::bare("invite", MUC_USER);
    set(&mut invite, "from", by.as_str());
    if let Some(reason) = reason {
        invite.append_child(Element::builder("reason", MUC_USER).append(reason).build());
    }
    children.push(Element::builder("x", MUC_USER).append(invite).build());
    children.extend((words != Words::None).then(|| direct_invitation(&address, reason)));
    children.extend((words == Words::Body).then(|| Element::builder("body", STREAM).append(text).build()));
    children.push(Element::bare("store", "urn:xmpp:hints"));
    let content = xml::content(&children);
    message::message_from(&address, None, Some(id), None, vec![to], &content)
}

/// As one user invites another. XEP-0249 §2.
fn direct_invitation(address: &str, reason: Option<&str>) -> Element {
    let mut invitation = Element::bare("x", "jabber:x:conference");
    set(&mut invitation, "jid", address);
    if let Some(reason) = reason {
        set(&mut invitation, "reason", reason);
    }
    invitation
}

/// A request to join, as it is archived and told to owners and admins.
pub fn request_content(jid: &BareJid, nick: Option<&str>) -> String {
    let item = Item { jid: Some(jid.to_string()), nick: nick.map(str::to_owned), ..Item::default() };
    xml::content([&Element::bare("x", ns::JOIN), &item.write(STREAM)])
}

/// What the group tells these by presence, as it is archived.
pub fn news(group: &Group<'_>, content: &str, to: Vec<Arc<str>>) -> Outbound {
    presence(group, content, to)
}

/// A request or an invitation was declined.
pub fn declined(group: &Group<'_>, jid: &BareJid, to: Arc<str>) -> Outbound {
    let item = Item { jid: Some(jid.to_string()), ..Item::default() };
    let content = xml::content([&Element::bare("x", ns::REMOVEMEMBER), &item.write(STREAM)]);
    presence(group, &content, vec![to])
}

/// What reaches one's devices, for one's other ones.
pub fn my_settings(
    group: &Group<'_>,
    receive: Receive,
    mute_until: Option<Timestamp>,
    to: Vec<Arc<str>>,
) -> Outbound {
    let until = mute_until.map(date::write).unwrap_or_default();
    let mine = [("receive", receive.as_str()), ("mute_until", &until), ("id", group.id.as_str())];
    let content = xml::content([&Element::bare("x", ns::MYSETTINGS), &properties(mine, STREAM)]);
    presence(group, &content, to)
}

fn presence(group: &Group<'_>, content: &str, to: Vec<Arc<str>>) -> Outbound {
    let head = xml::open("presence", &[("from", Some(&group.id.at(group.domain)))]);
    xml::stanza(head, to, content, "presence")
}

fn name_and_id(group: &Group<'_>) -> Element {
    properties([("name", group.name), ("id", group.id.as_str())], STREAM)
}

const MUC_USER: &str = "http://jabber.org/protocol/muc#user";

fn content(group: &Group<'_>, event: &Event, own: bool) -> String {
    xml::content(&elements(group, event, own))
}

fn elements(group: &Group<'_>, event: &Event, own: bool) -> Vec<Element> {
    let (namespace, rest): (&str, Vec<Element>) = match event {
        Event::Created { .. } => (ns::CREATEGROUP, vec![name_and_id(group)]),
        Event::Updated { properties, .. } => {
            (ns::UPDATEGROUP, vec![changed_properties(group.id, properties)])
        }
        Event::Deleted(_) => (ns::DELETEGROUP, Vec::new()),
        Event::Added(members) => {
            let mut rest: Vec<_> = members.iter().map(|member| query::item(member, STREAM)).collect();
            rest.push(name_and_id(group));
            (ns::ADDMEMBER, rest)
        }
        Event::MembersUpdated { now, .. } => {
            (ns::UPDATEMEMBER, now.iter().map(|member| query::item(member, STREAM)).collect())
        }
        // Told as a message, see `subject`.
        Event::Subject { subject, .. } => {
            return vec![Element::builder("subject", STREAM).append(subject.to_string()).build()];
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
        Event::Updated { .. } => Some("104"),
        Event::Removed { banned: true, .. } => Some("301"),
        Event::Removed { left: false, .. } => Some("307"),
        Event::Removed { .. }
        | Event::Deleted(_)
        | Event::Added(_)
        | Event::MembersUpdated { .. }
        | Event::Subject { .. } => None,
    };
    code.into_iter().chain(own.then_some("110"))
}

fn changed_properties(id: &GroupId, changed: &[(String, String)]) -> Element {
    let mut element = properties(changed.iter().map(|(name, value)| (name.as_str(), value.as_str())), STREAM);
    element.append_child(property("id", id.as_str(), STREAM));
    element
}

fn removed_item(removed: &Removed) -> Element {
    let mid = removed.mid().map(ToString::to_string);
    Item { jid: Some(removed.jid.to_string()), mid, ..Item::default() }.write(STREAM)
}
