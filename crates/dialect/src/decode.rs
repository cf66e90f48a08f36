//! The door for what comes in: every stanza becomes a request, a question, news, an answer, or nothing.
//!
//! Hosts validate little, so nothing is taken for granted; and a stanza of type error is never answered.

use std::sync::Arc;

use groupchat_core::{Addable, BareJid, Command, GroupId, Jid, Limits, Mid, Refusal};
use minidom::Element;
use xmpp_parsers::ns::{DISCO_INFO, MAM};

use crate::xml::STREAM;
use crate::{
    Adhoc, Bounce, Carrier, Decoded, Origin, Outbound, Presence, Query, adhoc, archive, avatar, disco, muc,
    native, private, privilege, refusal, xml,
};

/// A longer id or namespace is not repeated in an answer: it must not outgrow what hosts take.
const REPEATED_BYTES_MAX: usize = 8_192;

/// What a stanza from the host means to the service at `domain`.
pub fn decode(stanza: &Element, domain: &BareJid, limits: &Limits) -> Decoded {
    let Some(from) = stanza.attr("from").and_then(|from| Jid::parse(from).ok()) else {
        return Decoded::Ignored("its sender cannot be answered");
    };
    if from.bare().domain() == domain.as_str() {
        return Decoded::Ignored("it is our own");
    }
    let to = match address(stanza.attr("to"), domain) {
        Ok(Some(to)) => to,
        Ok(None) => return Decoded::Ignored("it is not for this service"),
        Err(refused) => {
            let origin = Origin { from, at: domain.to_string(), carrier: carrier(stanza) };
            return answered(stanza, &origin, &refused);
        }
    };
    let origin = Origin { from, at: to.text.clone(), carrier: carrier(stanza) };
    match stanza.name() {
        "message" => message(stanza, origin, to, domain),
        "presence" => presence(stanza, origin, &to, domain),
        "iq" => iq(stanza, origin, &to, limits, domain),
        _ => Decoded::Ignored("it is no stanza"),
    }
}

/// What a stanza means of which only the start tag is left, because the rest broke a limit.
pub fn oversized(
    name: &str,
    head: [(&str, Option<String>); 4],
    domain: &BareJid,
    limits: &Limits,
) -> Decoded {
    let mut stanza = Element::bare(name, STREAM);
    for (key, value) in head {
        if let Some(value) = value {
            groupchat_payloads::set(&mut stanza, key, &value);
        }
    }
    let (Some(from), Ok(Some(to))) =
        (stanza.attr("from").and_then(|from| Jid::parse(from).ok()), address(stanza.attr("to"), domain))
    else {
        return Decoded::Ignored("its sender cannot be answered");
    };
    let origin = Origin { from, at: to.text.clone(), carrier: carrier(&stanza) };
    if name == "message" && stanza.attr("type") == Some("error") {
        // Hosts return a message with its content and their error: more than it was when it passed.
        return message(&stanza, origin, to, domain);
    }
    answered(&stanza, &origin, &Refusal::TooLarge { bytes_max: limits.message_bytes })
}

/// An address of ours.
pub(crate) struct To {
    /// The group; `None`: the service.
    pub(crate) group: Option<GroupId>,
    /// The member.
    pub(crate) resource: Option<Arc<str>>,
    /// As text, canonical.
    pub(crate) text: String,
}

/// The address that a stanza is for; `None` when it is none of ours.
fn address(to: Option<&str>, domain: &BareJid) -> Result<Option<To>, Refusal> {
    let Some(to) = to else { return Ok(None) };
    let jid = Jid::parse(to).map_err(|invalid| Refusal::Address(invalid.to_string()))?;
    if jid.bare().domain() != domain.as_str() {
        return Ok(None);
    }
    let group = jid.bare().local().map(GroupId::parse).transpose();
    let group = group.map_err(|invalid| Refusal::Address(invalid.to_string()))?;
    Ok(Some(To { group, resource: jid.resource().map(Arc::from), text: jid.to_string() }))
}

/// How an answer to this stanza travels, before it is known what is in it.
fn carrier(stanza: &Element) -> Carrier {
    let id = stanza.attr("id").filter(|id| !id.is_empty() && id.len() <= REPEATED_BYTES_MAX).map(Arc::from);
    let namespace = stanza.children().next().map(Element::ns);
    let namespace = || namespace.filter(|ns| ns.len() <= REPEATED_BYTES_MAX).unwrap_or_default().into();
    match stanza.name() {
        "iq" => Carrier::Iq { id: id.unwrap_or_else(|| "".into()), namespace: namespace() },
        "presence" => Carrier::Presence { id, operation: None },
        _ => Carrier::Message { id, is_of_rooms: false },
    }
}

/// A refusal at the door, unless the stanza is one that is never answered.
pub(crate) fn answered(stanza: &Element, origin: &Origin, refused: &Refusal) -> Decoded {
    let kind = stanza.attr("type").unwrap_or_default();
    if kind == "error" || (stanza.name() == "iq" && kind == "result") {
        return Decoded::Ignored("answers are not answered");
    }
    Decoded::Answered(refusal::answer(origin, refused))
}

fn message(stanza: &Element, mut origin: Origin, to: To, domain: &BareJid) -> Decoded {
    if stanza.attr("type") == Some("error") {
        let Some(group) = to.group else { return Decoded::Ignored("an error for the service itself") };
        let mid = to.resource.as_deref().map(Mid::from_stored);
        let id =
            stanza.attr("id").filter(|id| !id.is_empty() && id.len() <= REPEATED_BYTES_MAX).map(Arc::from);
        let errors = || stanza.children().filter(|child| is_plain(child, "error"));
        let condition = errors().flat_map(Element::children).find(|child| is_condition(child));
        let mut condition = condition.map(|child| child.name().to_owned()).unwrap_or_default();
        let mut error = xml::content(errors());
        if error.len() > REPEATED_BYTES_MAX || condition.len() > REPEATED_BYTES_MAX {
            error = "<error type='cancel'/>".to_owned();
            condition.clear();
        }
        let error = error.into();
        return Decoded::Bounce(Bounce { from: origin.from, group, mid, id, error, condition });
    }
    if to.group.is_none() && origin.from.bare().local().is_none() {
        // Servers tell their components what is so, and wait for no answer.
        let granted = privilege::read(stanza, &origin.from, domain);
        return granted.map_or(Decoded::Ignored("a server tells something"), Decoded::Granted);
    }
    if to.resource.is_some() {
        return private::message(stanza, origin, &to);
    }
    if let Some(group) = &to.group
        && let Some(read) =
            muc::invitation(stanza, domain).or_else(|| muc::registration_answer(stanza, domain))
    {
        if let Carrier::Message { is_of_rooms, .. } = &mut origin.carrier {
            *is_of_rooms = true;
        }
        return match read {
            Ok(command) => Decoded::Command(crate::Request { group: Some(group.clone()), origin, command }),
            Err(refused) => answered(stanza, &origin, &refused),
        };
    }
    match native::message(stanza, &origin, to, domain) {
        Ok((group, command)) => Decoded::Command(crate::Request { origin, group: Some(group), command }),
        Err(refused) => answered(stanza, &origin, &refused),
    }
}

fn presence(stanza: &Element, mut origin: Origin, to: &To, domain: &BareJid) -> Decoded {
    let address = Jid::from_stored(&to.text);
    match stanza.attr("type") {
        Some("unavailable") => return announced(stanza, origin.from, to, address, false),
        Some("subscribe") => return Decoded::Answered(unsubscribed(&origin)),
        Some("error") => return lost_occupant(stanza, origin.from, to),
        Some("subscribed" | "unsubscribe" | "unsubscribed" | "probe") => {
            return Decoded::Ignored("a presence that asks for nothing");
        }
        Some(_) => return answered(stanza, &origin, &Refusal::Malformed("unknown type of presence".into())),
        None => {}
    }
    if stanza.has_child("x", muc::MUC) {
        return muc::enter(stanza, origin, to);
    }
    let Some(head) = stanza.children().find(|child| child.name() == "x" && native::is_operation(&child.ns()))
    else {
        return announced(stanza, origin.from, to, address, true);
    };
    if let Carrier::Presence { operation, .. } = &mut origin.carrier {
        *operation = Some(head.ns()).filter(|ns| ns.len() <= REPEATED_BYTES_MAX).map(Arc::from);
    }
    if origin.from.resource().is_none() {
        // Clients have a resource. What comes without one is the announcement of a group somewhere else that is a member
        // here: taken for a request, and announced there, it would go round for ever.
        let refused = Refusal::Malformed("an operation by presence comes from a full address".into());
        return answered(stanza, &origin, &refused);
    }
    let rest = stanza.children().filter(|child| *child != head);
    match native::operation(&head.ns(), head, rest, to, domain) {
        Ok((group, command)) => Decoded::Command(crate::Request { origin, group, command }),
        Err(refused) => answered(stanza, &origin, &refused),
    }
}

/// A device comes or goes, or says something of itself.
fn announced(stanza: &Element, from: Jid, to: &To, address: Jid, available: bool) -> Decoded {
    let says = (to.group.is_some() && to.resource.is_some()).then(|| muc::says(stanza));
    Decoded::Presence(Presence { from, address, available, says })
}

/// Presence comes back when its device is gone, or cannot be reached.
fn lost_occupant(stanza: &Element, from: Jid, to: &To) -> Decoded {
    let conditions = stanza.children().filter(|child| is_plain(child, "error")).flat_map(Element::children);
    let is_lost = conditions.filter(|child| is_condition(child)).any(|child| LOST.contains(&child.name()));
    match &to.group {
        Some(group) if is_lost && from.resource().is_some() => {
            Decoded::LostOccupant { from, group: group.clone() }
        }
        _ => Decoded::Ignored("a presence that asks for nothing"),
    }
}

/// What is said of a device that is there no more.
const LOST: [&str; 6] = [
    "gone",
    "item-not-found",
    "recipient-unavailable",
    "remote-server-not-found",
    "remote-server-timeout",
    "service-unavailable",
];

fn iq(stanza: &Element, origin: Origin, to: &To, limits: &Limits, domain: &BareJid) -> Decoded {
    let mut payloads = stanza.children();
    let is_answer = matches!(stanza.attr("type"), Some("result" | "error"));
    let (payload, kind) = match (stanza.attr("type"), payloads.next(), payloads.next()) {
        _ if is_answer && to.resource.is_some() => return private::iq(stanza, origin, to),
        _ if is_answer => return Decoded::Ignored("answers are not answered"),
        (Some(kind @ ("get" | "set")), Some(payload), None) => (payload, kind),
        _ => {
            let refused = Refusal::Malformed("an iq needs a type, an id and one payload".into());
            return answered(stanza, &origin, &refused);
        }
    };
    if to.resource.is_some() {
        return private::iq(stanza, origin, to);
    }
    let asked = if to.group.is_none() { adhoc::read(payload, kind) } else { None };
    match asked {
        Some(Ok(wish)) => return Decoded::Adhoc(Box::new(Adhoc { origin, wish })),
        Some(Err(error)) => return Decoded::Answered(adhoc::failed(&origin, error, None)),
        None => {}
    }
    let namespace = payload.ns();
    if kind == "set" && namespace != MAM {
        return match request(payload, to, domain) {
            Ok(Asked::Command(group, command)) => {
                Decoded::Command(crate::Request { origin, group, command: *command })
            }
            Ok(Asked::Consent(addable)) => Decoded::Consent { origin, addable },
            Err(refused) => answered(stanza, &origin, &refused),
        };
    }
    let shows_session = native::is_operation(&namespace);
    let query = match namespace.as_str() {
        groupchat_payloads::ns::AVATAR if to.group.is_some() => Ok(Query::Avatar),
        _ if shows_session => native::query(payload, to, limits),
        MAM => archive::query(payload, kind, domain, limits),
        muc::MUC_ADMIN if to.group.is_some() => muc::admin_query(payload, limits),
        muc::MUC_UNIQUE if to.group.is_none() => Ok(Query::UniqueName),
        muc::REGISTER if to.group.is_some() => Ok(Query::Registration),
        avatar::VCARD if to.group.is_some() => Ok(Query::VCard),
        DISCO_INFO if to.group.is_some() && payload.attr("node") == Some(disco::NICK_NODE) => {
            Ok(Query::ReservedNick)
        }
        DISCO_INFO if to.group.is_some() && payload.attr("node") == Some(disco::TRAFFIC_NODE) => {
            Ok(Query::Traffic)
        }
        muc::MUC_OWNER if to.group.is_some() => Ok(Query::RoomForm),
        _ => disco::query(payload, limits),
    };
    match query {
        Ok(query) => {
            Decoded::Query(crate::Question { origin, group: to.group.clone(), query, shows_session })
        }
        Err(refused) => answered(stanza, &origin, &refused),
    }
}

/// What an iq of type set asks for.
enum Asked {
    Command(Option<GroupId>, Box<Command>),
    Consent(Addable),
}

fn request(payload: &Element, to: &To, domain: &BareJid) -> Result<Asked, Refusal> {
    let namespace = payload.ns();
    if to.group.is_none() && namespace == groupchat_payloads::ns::MYSETTINGS {
        return native::consent(payload).map(Asked::Consent);
    }
    if let Some(group) = &to.group {
        let of_room = match namespace.as_str() {
            muc::MUC_ADMIN => Some(muc::admin_command(payload, domain)?),
            muc::MUC_OWNER => Some(muc::owner_command(payload)?),
            muc::REGISTER => Some(muc::registration_command(payload)?),
            avatar::VCARD => Some(avatar::from_vcard(payload)?),
            groupchat_payloads::ns::AVATAR => Some(avatar::from_query(payload)?),
            _ => None,
        };
        if let Some(command) = of_room {
            return Ok(Asked::Command(Some(group.clone()), Box::new(command)));
        }
    }
    let (group, command) = match native::moderation(payload, to) {
        Some(read) => read?,
        None => native::operation(&namespace, payload, payload.children(), to, domain)?,
    };
    Ok(Asked::Command(group, Box::new(command)))
}

/// The group that an address of ours is, if it is one.
pub(crate) fn group_of(address: &BareJid) -> Option<GroupId> {
    GroupId::parse(address.local()?).ok()
}

/// Nobody needs a subscription to an address of ours. RFC 6121 §3.1.
fn unsubscribed(origin: &Origin) -> Outbound {
    let bare = origin.at.split('/').next();
    let id = origin.carrier.id().map(|id| &**id);
    let head = xml::open("presence", &[("from", bare), ("id", id), ("type", Some("unsubscribed"))]);
    xml::stanza(head, vec![origin.from.bare().text()], "", "presence")
}

/// Does it say what went wrong? RFC 6120 §8.3.3.
fn is_condition(child: &Element) -> bool {
    child.has_ns("urn:ietf:params:xml:ns:xmpp-stanzas") && child.name() != "text"
}

/// Does the element stand in the stream's own namespace?
pub(crate) fn is_plain(element: &Element, name: &str) -> bool {
    element.is(name, STREAM)
}

#[cfg(test)]
mod tests;
