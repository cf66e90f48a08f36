//! Users, sessions and what is kept for them. Not here: where a stanza goes (`route.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use minidom::Element;
use tokio::sync::mpsc;

use crate::client::Received;
use crate::script::{SERVICE, bare_jid};
use crate::xml::{CLIENT_NS, own_text, set_attribute};

/// Everything that the host remembers.
#[derive(Debug)]
pub(crate) struct State {
    /// As conversations name them.
    pub(crate) users: BTreeSet<String>,
    /// By user and resource.
    pub(crate) sessions: BTreeMap<(String, String), SessionState>,
    /// Messages for users who have no device to take them.
    pub(crate) stored: BTreeMap<String, Vec<Element>>,
    /// Users who asked for somebody's presence, with the address asked, and got no answer yet.
    pub(crate) asked: BTreeSet<(String, String)>,
    /// The service is told who is online (XEP-0356).
    pub(crate) tells_presence: bool,
    /// The component's link, if it is up.
    pub(crate) service: Option<mpsc::UnboundedSender<Element>>,
    /// The first thing that must fail the conversation.
    pub(crate) trouble: Option<String>,
}

/// A bound resource.
#[derive(Debug)]
pub(crate) struct SessionState {
    /// Its last presence to everybody; `None` if it is not available.
    pub(crate) presence: Option<Element>,
    /// Addresses that got directed presence and must hear of the end.
    pub(crate) directed: BTreeSet<String>,
    pub(crate) link: Link,
}

/// Whether stanzas reach the device.
#[derive(Debug)]
pub(crate) enum Link {
    Up(mpsc::UnboundedSender<Received>),
    /// Cut; the host keeps what comes (XEP-0198).
    Down(Vec<Element>),
}

impl State {
    pub(crate) fn new(users: BTreeSet<String>) -> Self {
        Self {
            users,
            sessions: BTreeMap::new(),
            stored: BTreeMap::new(),
            asked: BTreeSet::new(),
            tells_presence: false,
            service: None,
            trouble: None,
        }
    }

    pub(crate) fn bind(
        &mut self,
        user: &str,
        resource: &str,
        arrivals: mpsc::UnboundedSender<Received>,
    ) -> Result<()> {
        if !self.users.contains(user) {
            bail!("{user} has no account");
        }
        // A new session with the same resource replaces the old one.
        self.expire(user, resource);
        self.end(user, resource);
        let session = SessionState { presence: None, directed: BTreeSet::new(), link: Link::Up(arrivals) };
        self.sessions.insert((user.to_owned(), resource.to_owned()), session);
        Ok(())
    }

    pub(crate) fn resume(
        &mut self,
        user: &str,
        resource: &str,
        arrivals: mpsc::UnboundedSender<Received>,
    ) -> Result<()> {
        let session = self.session(user, resource).context("the host has given the session up")?;
        let Link::Down(kept) = std::mem::replace(&mut session.link, Link::Up(arrivals)) else {
            bail!("{user}/{resource} has not vanished");
        };
        for stanza in kept {
            session.deliver(stanza);
        }
        Ok(())
    }

    pub(crate) fn session(&mut self, user: &str, resource: &str) -> Option<&mut SessionState> {
        self.sessions.get_mut(&(user.to_owned(), resource.to_owned()))
    }

    pub(crate) fn set_link(&mut self, user: &str, resource: &str, link: Link) {
        if let Some(session) = self.session(user, resource) {
            session.link = link;
        }
    }

    /// Ends a session: everybody who got directed presence hears of it.
    pub(crate) fn end(&mut self, user: &str, resource: &str) {
        let Some(session) = self.sessions.remove(&(user.to_owned(), resource.to_owned())) else { return };
        if session.presence.is_some() {
            self.tell_service(user, &unavailable(user, resource, SERVICE));
        }
        for to in session.directed {
            self.route(unavailable(user, resource, &to));
        }
        if let Link::Down(kept) = session.link {
            for stanza in kept {
                self.give_back(stanza);
            }
        }
    }

    /// Ends a session whose link is still cut.
    pub(crate) fn expire(&mut self, user: &str, resource: &str) {
        if self.session(user, resource).is_some_and(|session| matches!(session.link, Link::Down(_))) {
            self.end(user, resource);
        }
    }

    pub(crate) fn fail(&mut self, trouble: impl Into<String>) {
        self.trouble.get_or_insert(trouble.into());
    }
}

impl SessionState {
    /// Priority of its presence; `None` if it is not available.
    pub(crate) fn priority(&self) -> Option<i8> {
        let presence = self.presence.as_ref()?;
        let told = presence.get_child("priority", CLIENT_NS).and_then(|child| own_text(child).parse().ok());
        Some(told.unwrap_or(0))
    }

    pub(crate) fn deliver(&mut self, stanza: Element) {
        match &mut self.link {
            // Fails only when the conversation is over.
            Link::Up(arrivals) => drop(arrivals.send(Received { at: Instant::now(), stanza })),
            Link::Down(kept) => kept.push(stanza),
        }
    }
}

/// The presence that a host sends for a device that is gone.
pub(crate) fn unavailable(user: &str, resource: &str, to: &str) -> Element {
    let mut presence = Element::bare("presence", CLIENT_NS);
    set_attribute(&mut presence, "type", "unavailable");
    set_attribute(&mut presence, "from", &format!("{}/{resource}", bare_jid(user)));
    set_attribute(&mut presence, "to", to);
    presence
}
