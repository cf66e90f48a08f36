//! What a device makes of the stanzas that come to it.

use std::time::{Duration, Instant};

use minidom::Element;

use super::evidence::{Message, Way, What};
use super::load::Actor;
use crate::client::Received;
use crate::xml::CLIENT_NS;

/// How long after an error the device announces itself again.
const AFTER_ERROR: Duration = Duration::from_millis(300);

impl Actor {
    pub(super) fn hear(&mut self, received: &Received) {
        let Received { at, stanza } = received;
        match (stanza.name(), stanza.attr("type")) {
            ("presence", Some("error")) if self.is_from_service(stanza) => self.not_heard(),
            ("iq", Some(kind)) if stanza.attr("id") == Some(&self.announcement.id()) => match kind {
                "result" => self.heard(*at),
                _ => self.not_heard(),
            },
            ("message", Some("error")) => {
                if let Some(id) = stanza.attr("id") {
                    self.refused(id, *at);
                }
            }
            ("message", kind) => {
                let way = if kind == Some("groupchat") { Way::Live } else { Way::Absent };
                if let Some((group, message)) = copy(stanza, &self.scene.domain.component()) {
                    let resent = stanza.has_child("delay", "urn:xmpp:delay");
                    self.took(What::Copy { group, way, resent, message }, *at);
                }
            }
            _ => {}
        }
    }

    fn is_from_service(&self, stanza: &Element) -> bool {
        stanza.attr("from") == Some(&self.scene.domain.component())
    }

    fn heard(&mut self, at: Instant) {
        self.announcement.again_at = None;
        if !std::mem::replace(&mut self.announcement.is_heard, true) {
            self.scene.count_online(1);
            self.note(at, What::Settled);
        }
    }

    /// What was asked so far is not waited for any more.
    fn not_heard(&mut self) {
        if !self.announcement.is_heard {
            self.announcement.asked += 1;
            self.announcement.again_at = Some(Instant::now() + AFTER_ERROR);
        }
    }

    fn refused(&mut self, id: &str, at: Instant) {
        let given_up = self.outbox.refused(id, Instant::now());
        if given_up {
            self.scene.count_unanswered(-1);
        }
        self.note(at, What::Refused { id: id.into(), given_up });
    }

    fn took(&mut self, copy: What, at: Instant) {
        self.scene.count_heard();
        if let What::Copy { way: Way::Live, message, .. } = &copy
            && self.outbox.reflected(&message.id)
        {
            self.scene.count_unanswered(-1);
        }
        self.note(at, copy);
    }
}

/// The group and what was said in it, if the stanza is a copy of a message. Invitations have a text, too, but nobody
/// wrote it.
pub(super) fn copy(stanza: &Element, service: &str) -> Option<(String, Message)> {
    let from = stanza.attr("from")?;
    let (group, rest) = from.split_once('@')?;
    let is_ours = rest.split('/').next() == Some(service);
    let is_welcome = stanza.has_child("x", "http://jabber.org/protocol/groupchat#addmember");
    let body = stanza.get_child("body", CLIENT_NS).filter(|_| is_ours && !is_welcome)?;
    let by = format!("{group}@{service}");
    let stanza_id = stanza
        .children()
        .find(|child| child.is("stanza-id", "urn:xmpp:sid:0") && child.attr("by") == Some(&by))
        .and_then(|child| child.attr("id"))
        .unwrap_or_default();
    let id = stanza.attr("id").unwrap_or_default();
    let message = Message { id: id.into(), stanza_id: stanza_id.into(), body: body.text() };
    Some((group.to_owned(), message))
}
