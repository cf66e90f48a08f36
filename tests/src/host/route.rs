//! Where a stanza goes: the measured routing rules of a host. Not here: what clients may say without an address
//! (`client_side.rs`), what the service may say at all (`accept.rs`).

use groupchat_link::COMPONENT_NS;
use minidom::Element;

use super::state::State;
use crate::script::{ELSEWHERE, HOST, SERVICE};
use crate::xml::{CLIENT_NS, change_namespace, set_attribute};

const STANZAS_NS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";

/// Who a stanza is for.
enum Target {
    Service,
    /// One of its own domains.
    Host,
    User(String),
    Device(String, String),
    /// An unknown user.
    Nobody,
    /// A domain that it has no way to.
    Unreachable,
}

impl State {
    /// Delivers a stanza that has `from` and `to`, in the clients' namespace.
    pub(crate) fn route(&mut self, stanza: Element) {
        match self.target(stanza.attr("to").unwrap_or(HOST)) {
            Target::Service => self.hand_to_service(&stanza),
            Target::Host => self.hand_to_host(&stanza),
            Target::User(_) if stanza.name() == "iq" => self.iq_to_user(&stanza),
            Target::User(user) => self.hand_to_user(&user, stanza),
            Target::Device(user, resource) => match self.session(&user, &resource) {
                Some(session) => session.deliver(stanza),
                None => self.hand_to_gone_device(&user, stanza),
            },
            Target::Nobody if dropped_without_a_device(&stanza) => {}
            // The same as of a device that is gone: hosts do not tell who has an account.
            Target::Nobody => self.bounce(&stanza, "service-unavailable"),
            // What Prosody says when it has no links to other servers.
            Target::Unreachable => self.bounce(&stanza, "not-allowed"),
        }
    }

    fn target(&self, to: &str) -> Target {
        let (bare, resource) =
            to.split_once('/').map_or((to, None), |(bare, resource)| (bare, Some(resource)));
        match (bare.split_once('@'), resource) {
            (None, _) if bare == SERVICE => Target::Service,
            (Some((_, SERVICE)), _) => Target::Service,
            (None, _) if [HOST, ELSEWHERE].contains(&bare) => Target::Host,
            (Some((user, domain @ (HOST | ELSEWHERE))), resource) => {
                let user = if domain == HOST { user } else { bare };
                match resource {
                    _ if !self.users.contains(user) => Target::Nobody,
                    None => Target::User(user.to_owned()),
                    Some(resource) => Target::Device(user.to_owned(), resource.to_owned()),
                }
            }
            _ => Target::Unreachable,
        }
    }

    fn hand_to_service(&mut self, stanza: &Element) {
        let accepted = change_namespace(stanza, CLIENT_NS, COMPONENT_NS);
        let delivered = self.service.as_ref().is_some_and(|service| service.send(accepted).is_ok());
        if !delivered {
            self.answer_error(stanza, "wait", "remote-server-timeout");
        }
    }

    /// What Prosody's own modules answer.
    fn hand_to_host(&mut self, stanza: &Element) {
        if stanza.name() != "iq" || stanza.attr("type") != Some("get") {
            if stanza.attr("type") == Some("set") {
                self.bounce(stanza, "service-unavailable");
            }
            return;
        }
        let Some(query) = stanza.children().next() else { return self.bounce(stanza, "service-unavailable") };
        let mut answer = Element::bare(query.name(), query.ns());
        match query.ns().as_str() {
            "urn:xmpp:ping" => return self.answer(stanza, None),
            "http://jabber.org/protocol/disco#items" => {
                let mut item = Element::bare("item", query.ns());
                set_attribute(&mut item, "jid", SERVICE);
                answer.append_child(item);
            }
            "http://jabber.org/protocol/disco#info" => {
                let mut identity = Element::bare("identity", query.ns());
                set_attribute(&mut identity, "category", "server");
                set_attribute(&mut identity, "type", "im");
                answer.append_child(identity);
            }
            _ => return self.bounce(stanza, "service-unavailable"),
        }
        self.answer(stanza, Some(answer));
    }

    /// The host answers in the user's place.
    fn iq_to_user(&mut self, stanza: &Element) {
        if stanza.has_child("ping", "urn:xmpp:ping") && stanza.attr("type") == Some("get") {
            self.answer(stanza, None);
        } else {
            self.bounce(stanza, "service-unavailable");
        }
    }

    fn hand_to_user(&mut self, user: &str, stanza: Element) {
        if stanza.name() == "presence" {
            let is_answer = matches!(stanza.attr("type"), Some("subscribed" | "unsubscribed"));
            let asked = (user.to_owned(), stanza.attr("from").unwrap_or_default().to_owned());
            // An answer that nobody asked for is not passed on.
            if !is_answer || self.asked.remove(&asked) {
                self.deliver_to(user, i8::MIN, &stanza);
            }
            return;
        }
        let best = self.priorities(user).into_iter().filter(|priority| *priority >= 0).max();
        match (stanza.attr("type"), best) {
            (Some("groupchat"), _) => self.bounce(&stanza, "service-unavailable"),
            (Some("headline"), Some(_)) => self.deliver_to(user, 0, &stanza),
            (Some("headline" | "error"), _) => {}
            (_, Some(best)) => self.deliver_to(user, best, &stanza),
            (_, None) => self.stored.entry(user.to_owned()).or_default().push(stanza),
        }
    }

    fn hand_to_gone_device(&mut self, user: &str, stanza: Element) {
        match (stanza.name(), stanza.attr("type")) {
            _ if dropped_without_a_device(&stanza) => {}
            ("message", Some("groupchat")) | ("iq", _) => self.bounce(&stanza, "service-unavailable"),
            _ => self.hand_to_user(user, stanza),
        }
    }

    /// A stanza that was kept for a session which did not come back.
    pub(crate) fn give_back(&mut self, stanza: Element) {
        match (stanza.name(), stanza.attr("type")) {
            ("presence", _) | ("message", Some("error")) => {}
            ("message", Some("groupchat" | "headline")) | ("iq", _) => {
                self.bounce(&stanza, "recipient-unavailable");
            }
            _ => self.route_again(stanza),
        }
    }

    fn route_again(&mut self, mut stanza: Element) {
        let to = stanza.attr("to").unwrap_or_default();
        let bare = to.split_once('/').map_or(to, |(bare, _)| bare).to_owned();
        set_attribute(&mut stanza, "to", &bare);
        self.route(stanza);
    }

    fn priorities(&self, user: &str) -> Vec<i8> {
        let own = self.sessions.iter().filter(|((name, _), _)| name == user);
        own.filter_map(|(_, session)| session.priority()).collect()
    }

    /// To all available devices of at least this priority.
    fn deliver_to(&mut self, user: &str, priority_min: i8, stanza: &Element) {
        for ((name, _), session) in &mut self.sessions {
            if name == user && session.priority().is_some_and(|priority| priority >= priority_min) {
                session.deliver(stanza.clone());
            }
        }
    }

    /// An error without the payload that it is about.
    pub(crate) fn bounce(&mut self, stanza: &Element, condition: &str) {
        self.answer_error(stanza, "cancel", condition);
    }

    fn answer_error(&mut self, stanza: &Element, kind: &str, condition: &str) {
        if matches!(stanza.attr("type"), Some("error" | "result")) {
            return;
        }
        let mut error = Element::bare("error", CLIENT_NS);
        set_attribute(&mut error, "type", kind);
        error.append_child(Element::bare(condition, STANZAS_NS));
        self.reply(stanza, "error", Some(error));
    }

    pub(crate) fn answer(&mut self, request: &Element, payload: Option<Element>) {
        self.reply(request, "result", payload);
    }

    fn reply(&mut self, to: &Element, kind: &str, payload: Option<Element>) {
        let mut reply = Element::bare(to.name(), CLIENT_NS);
        set_attribute(&mut reply, "type", kind);
        for (theirs, ours) in [("id", "id"), ("to", "from"), ("from", "to")] {
            if let Some(value) = to.attr(theirs) {
                set_attribute(&mut reply, ours, value);
            }
        }
        if let Some(payload) = payload {
            reply.append_child(payload);
        }
        self.route(reply);
    }
}

fn dropped_without_a_device(stanza: &Element) -> bool {
    stanza.name() == "presence" || matches!(stanza.attr("type"), Some("headline" | "error" | "result"))
}
