//! Joining a group as a room, and what a presence there says. XEP-0045 §7.2.

use std::sync::Arc;

use groupchat_core::{GroupId, Refusal, Timestamp};
use groupchat_payloads::ns;
use minidom::Element;

use super::{MUC, MUC_USER, OCCUPANT_ID};
use crate::decode::{To, answered};
use crate::{Carrier, Decoded, Origin, date, xml};

/// Bytes of what a presence says that is passed on: each occupant gets it of each other one.
const PRESENCE_BYTES_MAX: usize = 4_096;

/// A device wants to be present in a group as in a room.
#[derive(Debug, Clone, PartialEq)]
pub struct Enter {
    /// Who, and how he is answered.
    pub origin: Origin,
    /// Where.
    pub group: GroupId,
    /// By which nick.
    pub nick: Arc<str>,
    /// How much of what was said it wants.
    pub history: HistoryAsked,
    /// What its presence says, as XML text.
    pub presence: Arc<str>,
}

/// How much of what was said a client wants when it joins; each that is named is a limit. XEP-0045 §7.2.14.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HistoryAsked {
    /// Messages.
    pub stanzas_max: Option<usize>,
    /// Characters of all of them together.
    pub chars_max: Option<usize>,
    /// Those of so many seconds.
    pub seconds: Option<i64>,
    /// Those since then.
    pub since: Option<Timestamp>,
}

/// The join that a presence with the payload of XEP-0045 is.
pub(crate) fn decode(stanza: &Element, mut origin: Origin, to: &To) -> Decoded {
    if let Carrier::Presence { operation, .. } = &mut origin.carrier {
        *operation = Some(MUC.into());
    }
    if origin.from.resource().is_none() {
        let refused = Refusal::Malformed("a room is joined from a full address".into());
        return answered(stanza, &origin, &refused);
    }
    let Some(group) = to.group.clone() else {
        return answered(stanza, &origin, &Refusal::Malformed("join a group, not the service".into()));
    };
    let Some(nick) = to.resource.clone() else {
        let refused = Refusal::Address("a room is joined by a nick: group@service/nick".into());
        return answered(stanza, &origin, &refused);
    };
    let asked = stanza.get_child("x", MUC).and_then(|x| x.get_child("history", MUC));
    let history = asked.map(history).unwrap_or_default();
    let presence = says(stanza);
    Decoded::Enter(Box::new(Enter { origin, group, nick, history, presence }))
}

/// What cannot be read is left out: it was to narrow what comes.
fn history(asked: &Element) -> HistoryAsked {
    let number = |name: &str| asked.attr(name).and_then(|text| text.parse::<u32>().ok());
    HistoryAsked {
        stanzas_max: number("maxstanzas").map(|n| n as usize),
        chars_max: number("maxchars").map(|n| n as usize),
        seconds: number("seconds").map(i64::from),
        since: asked.attr("since").and_then(date::read),
    }
}

/// What a presence says of its device, for the other occupants: without what only a room may say, and what is for the
/// room alone. Nothing, if it is very long.
pub(crate) fn says(stanza: &Element) -> Arc<str> {
    let is_for_all = |child: &&Element| {
        let namespace = child.ns();
        let is_of_delay = ["urn:xmpp:delay", "jabber:x:delay"].contains(&namespace.as_str());
        let is_ours = namespace.starts_with(ns::GROUPCHAT) || child.has_ns("urn:xmpp-groupchat:multicast:0");
        !is_ours && !is_of_delay && ![MUC, MUC_USER, OCCUPANT_ID].contains(&namespace.as_str())
    };
    let content = xml::content(stanza.children().filter(is_for_all));
    if content.len() > PRESENCE_BYTES_MAX { "".into() } else { content.into() }
}
