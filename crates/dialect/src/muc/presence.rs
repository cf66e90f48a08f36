//! Presence of occupants, as a room tells it: who is there, under which nick, with which rights; who went, and why.
//! XEP-0045 §7.2.3, §7.6, §7.14, §8.2, §9; XEP-0421.

use std::sync::Arc;

use groupchat_core::{Farewell, Member, Nick, Settings};
use minidom::Element;

use super::{MUC_USER, affiliation, code, item, message::occupant_id, room_role, user};
use crate::encode::Group;
use crate::{Outbound, xml};

/// An occupant as others see him: a member, by one of his devices.
#[derive(Debug, Clone, Copy)]
pub struct Occupant<'a> {
    /// The member.
    pub member: &'a Member,
    /// The settings of the group, which say what he may do.
    pub settings: &'a Settings,
    /// The full JID of his device: everybody in a group knows everybody.
    pub jid: &'a str,
    /// What the device's presence says, as XML text.
    pub presence: &'a str,
}

/// He is there.
pub fn present(
    group: &Group<'_>,
    occupant: &Occupant<'_>,
    codes: &[&str],
    id: Option<&str>,
    to: Vec<Arc<str>>,
) -> Outbound {
    let Occupant { member, settings, jid, presence } = occupant;
    let says = item(&[
        ("affiliation", Some(affiliation(member.role))),
        ("role", Some(room_role(member.role, settings))),
        ("jid", Some(jid)),
    ]);
    let x = user(std::iter::once(says).chain(codes.iter().map(|number| code(number))));
    let mut content = (*presence).to_owned();
    content.push_str(&xml::content([&x]));
    content.push_str(&occupant_id(&member.mid));
    if !member.nick.is_resource() {
        // XEP-0172: it cannot stand in the address.
        let nick = Element::builder("nick", "http://jabber.org/protocol/nick").append(member.nick.as_str());
        content.push_str(&xml::content([&nick.build()]));
    }
    let head = xml::open("presence", &[("from", Some(&at(group, member))), ("id", id)]);
    xml::stanza(head, to, &content, "presence")
}

/// Why somebody is there no more.
#[derive(Debug, Clone, Copy)]
pub enum Absence<'a> {
    /// He went, or his device did. What his presence said at last, as XML text.
    Left(&'a str),
    /// He is there under another nick.
    Renamed(&'a str),
    /// Somebody sent him away; he may come back.
    Kicked,
    /// He is no member any more.
    Removed,
    /// He is kept out.
    Banned,
    /// The group is no more.
    Destroyed(&'a Farewell),
    /// The service does not know him any more: he could not be reached.
    Lost,
}

/// He is there no more: an occupant, as he was; by whom and why, if that was said.
pub fn absent(
    group: &Group<'_>,
    occupant: &Occupant<'_>,
    why: Absence<'_>,
    (actor, reason): (Option<&Nick>, Option<&str>),
    own: bool,
    to: Vec<Arc<str>>,
) -> Outbound {
    let Occupant { member, settings, jid, .. } = occupant;
    let (affiliation, role, codes): (_, _, &[&str]) = match why {
        Absence::Left(_) => (affiliation(member.role), "none", &[]),
        Absence::Renamed(_) => (affiliation(member.role), room_role(member.role, settings), &["303"]),
        Absence::Kicked => (affiliation(member.role), "none", &["307"]),
        Absence::Removed => ("none", "none", &["321"]),
        Absence::Banned => ("outcast", "none", &["301"]),
        Absence::Destroyed(_) => ("none", "none", &[]),
        Absence::Lost => (affiliation(member.role), "none", &["307", "333"]),
    };
    let new_nick = if let Absence::Renamed(nick) = why { Some(nick) } else { None };
    let mut says = item(&[
        ("affiliation", Some(affiliation)),
        ("role", Some(role)),
        ("jid", Some(jid)),
        ("nick", new_nick),
    ]);
    if let Some(actor) = actor {
        let mut by = Element::bare("actor", MUC_USER);
        groupchat_payloads::set(&mut by, "nick", actor.as_str());
        says.append_child(by);
    }
    if let Some(reason) = reason {
        says.append_child(Element::builder("reason", MUC_USER).append(reason).build());
    }
    let mut children = vec![says];
    if let Absence::Destroyed(farewell) = why {
        children.push(destroyed(farewell));
    }
    children.extend(codes.iter().chain(own.then_some(&"110")).map(|number| code(number)));
    let mut content = if let Absence::Left(said) = why { said.to_owned() } else { String::new() };
    content.push_str(&xml::content([&user(children)]));
    content.push_str(&occupant_id(&member.mid));
    let from = at(group, member);
    let head = xml::open("presence", &[("from", Some(&from)), ("type", Some("unavailable"))]);
    xml::stanza(head, to, &content, "presence")
}

fn destroyed(farewell: &Farewell) -> Element {
    let mut destroy = Element::bare("destroy", MUC_USER);
    if let Some(alternate) = &farewell.alternate {
        groupchat_payloads::set(&mut destroy, "jid", &alternate.to_string());
    }
    if let Some(reason) = &farewell.reason {
        destroy.append_child(Element::builder("reason", MUC_USER).append(reason.to_string()).build());
    }
    destroy
}

/// An occupant's address.
fn at(group: &Group<'_>, member: &Member) -> String {
    format!("{}/{}", group.id.at(group.domain), member.room_name())
}
