//! What the host does with a client's stanza before it is routed: the sender's address, its presence, and what is
//! addressed to nobody.

use anyhow::{Context, Result};
use minidom::Element;

use super::state::{SessionState, State, unavailable};
use crate::script::{bare_jid, split_user};
use crate::xml::set_attribute;

impl State {
    /// Handles a stanza that a device sent.
    pub(crate) fn hear_client(&mut self, user: &str, resource: &str, mut stanza: Element) -> Result<()> {
        self.session(user, resource).context("the host has ended this session")?;
        set_attribute(&mut stanza, "from", &format!("{}/{resource}", bare_jid(user)));
        match (stanza.name(), stanza.attr("to").map(str::to_owned)) {
            ("presence", None) => self.broadcast(user, resource, &stanza),
            ("presence", Some(to)) => self.directed(user, resource, &to, stanza),
            (_, None) => {
                // RFC 6120 §10.3: the sender's own account is meant.
                set_attribute(&mut stanza, "to", &bare_jid(user));
                self.route(stanza);
            }
            (_, Some(_)) => self.route(stanza),
        }
        Ok(())
    }

    /// Presence to nobody in particular. The users of conversations have no rosters, so it reaches only those who
    /// got directed presence before, and only when the device goes.
    fn broadcast(&mut self, user: &str, resource: &str, stanza: &Element) {
        self.tell_service(user, stanza);
        let Some(session) = self.session(user, resource) else { return };
        if stanza.attr("type") == Some("unavailable") {
            session.presence = None;
            for to in std::mem::take(&mut session.directed) {
                let mut farewell = unavailable(user, resource, &to);
                stanza.children().for_each(|child| {
                    farewell.append_child(child.clone());
                });
                self.route(farewell);
            }
            return;
        }
        let reachable = |session: &SessionState| session.priority().is_some_and(|priority| priority >= 0);
        let was_reachable = reachable(session);
        session.presence = Some(stanza.clone());
        if !was_reachable && reachable(session) {
            self.replay(user, resource);
        }
    }

    /// Messages that waited for the user go to the device that came first.
    fn replay(&mut self, user: &str, resource: &str) {
        let stored = self.stored.remove(user).unwrap_or_default();
        let Some(session) = self.session(user, resource) else { return };
        for mut stanza in stored {
            let mut delay = Element::bare("delay", "urn:xmpp:delay");
            set_attribute(&mut delay, "from", split_user(user).1);
            // The time does not matter: templates ignore it.
            set_attribute(&mut delay, "stamp", "2026-01-01T00:00:00Z");
            stanza.append_child(delay);
            session.deliver(stanza);
        }
    }

    fn directed(&mut self, user: &str, resource: &str, to: &str, mut stanza: Element) {
        let Some(session) = self.session(user, resource) else { return };
        match stanza.attr("type") {
            None => {
                session.directed.insert(to.to_owned());
                stanza.append_child(Element::bare("x", "vcard-temp:x:update"));
            }
            Some("unavailable") => {
                session.directed.remove(to);
            }
            Some(kind) => {
                if kind == "subscribe" {
                    self.asked.insert((user.to_owned(), to.to_owned()));
                }
                // RFC 6121 §3.1.2: subscriptions are between accounts.
                set_attribute(&mut stanza, "from", &bare_jid(user));
            }
        }
        self.route(stanza);
    }
}
