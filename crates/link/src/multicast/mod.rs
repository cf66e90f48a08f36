//! One stanza for many recipients (XEP-0033), where the server has a service for that.
//!
//! A link is a narrow door: one stanza with a hundred addresses costs a server a fraction of a hundred stanzas. Whether
//! there is such a service is asked anew on each connection (`discovery`); until it is known, and when the service
//! refuses, every recipient gets a stanza of his own, as without one. Nothing is lost by a refusal: what the server has
//! not acknowledged is written again.
//! Not here: how such a stanza looks (`stanza`; with a list that the server remembers, `lists`), and what waits to be written (`queue`).

mod discovery;
mod lists;
mod stanza;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minidom::Element;
use tokio::sync::Notify;
use tokio_xmpp::jid::Jid;

use crate::queue::Slice;
use crate::{LinkConfig, Outgoing};
use discovery::Discovery;
pub(crate) use lists::Lists;
pub(crate) use stanza::{Together, content};

/// What naming a recipient or a list takes, and more: an address has 3,071 bytes at most, before escaping.
const ADDRESS_BYTES: usize = 20 * 1024;

/// Of the module's lists of recipients.
const LISTS_NS: &str = "urn:xmpp-groupchat:multicast:0";

/// A service that passes a stanza on to many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    /// Where to send it.
    pub(crate) address: Arc<str>,
    /// The server whose users it reaches for certain, and whose users alone it is used for.
    pub(crate) server: Arc<str>,
    /// Recipients of one stanza.
    pub(crate) recipients_max: usize,
    /// Does it remember lists of recipients?
    pub(crate) has_lists: bool,
}

impl Service {
    /// Is this recipient a user of its server? One of an address that the server might not read gets a stanza of his own:
    /// it would refuse the whole of one with that address in it.
    pub(crate) fn reaches(&self, recipient: &str) -> bool {
        let Some((_, rest)) = recipient.split_once('@') else { return false };
        rest.split_once('/').map_or(rest, |(domain, _)| domain) == &*self.server
            && (recipient.is_ascii() || Jid::new(recipient).is_ok())
    }

    /// Does it pass on these copies? What works beside its server is a queue of its own, which single stanzas would
    /// overtake: there the copy of one goes the same way as that of many, if it is in a lane. What is in none, as answers
    /// of several stanzas, keeps its order without it. Requests and errors it does not take.
    pub(crate) fn carries(&self, slice: &Slice, stanza_bytes_max: usize) -> bool {
        let Outgoing { head, tail, lane, .. } = slice.outgoing();
        let is_for_it = head.starts_with("<message ") || head.starts_with("<presence ");
        let some = if self.is_server() { 2 } else { 1 };
        is_for_it
            && lane.is_some()
            && head.len() + tail.len() + ADDRESS_BYTES <= stanza_bytes_max
            && !head.contains(" type='error'")
            && slice.recipients().iter().filter(|to| self.reaches(to)).nth(some - 1).is_some()
    }

    /// Is it the server itself, which takes a link's stanzas one after the other?
    pub(crate) fn is_server(&self) -> bool {
        self.address == self.server
    }
}

/// The multicast of one connection, for both its halves.
#[derive(Debug)]
pub(crate) struct Multicast {
    state: Mutex<State>,
    /// Something was answered.
    heard: Notify,
}

#[derive(Debug)]
enum State {
    Off,
    Asking(Discovery),
    On(Arc<Service>),
    /// It refused. What else it refuses of what was written before is no news.
    Refused(Arc<Service>),
}

/// What a stanza meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing: it is for others.
    Nothing,
    /// It is dealt with; these stanzas are to be written.
    Answer(Vec<String>),
    /// The service does not pass on what was sent to it.
    Refusal,
}

impl Multicast {
    /// For a connection; the server's domain is asked for a service, or none is used. `nonce` makes the questions
    /// unguessable; an answer counts from whoever was asked. With it come the first stanzas to be written.
    pub(crate) fn new(config: &LinkConfig, nonce: u64) -> (Self, Vec<String>) {
        let of = |state| Self { state: Mutex::new(state), heard: Notify::new() };
        let Some(server) = &config.server_domain else { return (of(State::Off), Vec::new()) };
        let (discovery, first) = Discovery::new(&config.domain, server, config.external_multicast, nonce);
        (of(State::Asking(discovery)), vec![first])
    }

    /// Waits for an answer, if one is still to come; `false`: none is.
    pub(crate) async fn answered(&self) -> bool {
        let is_asking = matches!(&*self.lock(), State::Asking(discovery) if discovery.is_asking());
        if is_asking {
            self.heard.notified().await;
        }
        is_asking
    }

    /// The service to be used now.
    pub(crate) fn service(&self) -> Option<Arc<Service>> {
        match &*self.lock() {
            State::On(service) => Some(service.clone()),
            State::Off | State::Asking(_) | State::Refused(_) => None,
        }
    }

    /// Is this stanza from the server for us? Then the program need not see it.
    pub(crate) fn hear(&self, stanza: &Element) -> Heard {
        let heard = self.take(stanza);
        if heard != Heard::Nothing {
            self.heard.notify_one();
        }
        heard
    }

    fn take(&self, stanza: &Element) -> Heard {
        let mut state = self.lock();
        match &mut *state {
            State::Asking(discovery) => {
                let Some(answer) = discovery.hear(stanza) else { return Heard::Nothing };
                if let Some(service) = answer.found {
                    tracing::info!(
                        service = &*service.address,
                        recipients_max = service.recipients_max,
                        "The server passes on copies for many users at once (multicast)"
                    );
                    *state = State::On(Arc::new(service));
                }
                Heard::Answer(answer.questions)
            }
            State::On(service) if is_refusal(stanza, service) => {
                tracing::warn!(
                    service = &*service.address,
                    reason = reason(stanza),
                    "The server's multicast refused a stanza; until the next connection each user gets one of his own"
                );
                *state = State::Refused(service.clone());
                Heard::Refusal
            }
            State::Refused(service) if is_refusal(stanza, service) => Heard::Answer(Vec::new()),
            State::Off | State::On(_) | State::Refused(_) => Heard::Nothing,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here is left half done by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Users' bounces come from the users; from the service itself only what it did not pass on, for it is nobody's member. And
/// an echo that went to it and was not answered by it: the server does not find it any more.
fn is_refusal(stanza: &Element, service: &Service) -> bool {
    let is_about_it = matches!(stanza.name(), "message" | "presence") || !service.is_server();
    is_about_it && stanza.attr("type") == Some("error") && stanza.attr("from") == Some(&service.address)
}

/// The defined condition (RFC 6120 §8.3.3).
fn reason(stanza: &Element) -> &str {
    let error = stanza.children().find(|child| child.name() == "error");
    error.and_then(|error| error.children().next()).map_or("not said", Element::name)
}

#[cfg(test)]
mod tests;
