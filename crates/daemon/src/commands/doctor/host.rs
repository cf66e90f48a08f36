//! The XMPP server: does it let us in, does it pass on what we need, what else can it do, is its clock ours?
//!
//! Everything is sent from our domain to our own domain, which servers pass back; users see nothing of it. What they send
//! meanwhile is for the component, which is not there: they are told to try again.

use std::time::Duration;

use groupchat_core::{Jid, Refusal, Timestamp};
use groupchat_dialect::{Carrier, Origin, Outbound, encode};
use groupchat_link::queue::{QueueLimits, Sender, queue};
use groupchat_link::{Incoming, LinkConfig, Outgoing};
use minidom::Element;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::finding::Finding;
use crate::clock::Clock;
use crate::commands::exit;
use crate::config::Config;
use crate::fanout::outgoing_of;

const TOPIC: &str = "XMPP server";
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How far apart the clocks may be. Beyond it the times of messages confuse people.
const CLOCK_MS_MAX: i64 = 5_000;
/// Beside what a user wrote, a stanza has addresses and marks of ours.
const STANZA_EXTRA_BYTES: usize = 16 * 1_024;
const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
const ADDRESSES: &str = "http://jabber.org/protocol/address";
const TIME: &str = "urn:xmpp:time";

/// Looks at the server.
pub(super) async fn look(config: &Config, link: LinkConfig) -> Vec<Finding> {
    if let Err(problem) = groupchat_link::probe(&link).await {
        return vec![Finding::error(TOPIC, problem.to_string(), exit::of_link(&problem))];
    }
    let text = format!("{} accepts {} and its secret", link.server, link.domain);
    let mut findings = vec![Finding::ok(TOPIC, text)];
    let stop = CancellationToken::new();
    let (to_us, incoming) = mpsc::channel(64);
    let (outgoing, to_link) = queue(QueueLimits::default());
    let domain = link.domain.clone();
    // Multicast is asked about here, and must not be used.
    let link = LinkConfig { server_domain: None, ..link };
    let running = tokio::spawn(groupchat_link::run(link, to_us, to_link, stop.clone()));
    let mut talk = Talk { domain, incoming, outgoing, privileges: Vec::new(), next: 0 };
    if talk.is_up().await {
        findings.extend(talk.all(config).await);
    } else {
        let text = "the link came up and was lost at once: is another copy of the component connected?";
        findings.push(Finding::error(TOPIC, text, exit::TAKEN));
    }
    talk.refuse_the_rest().await;
    stop.cancel();
    // What is read no more need not hold the end up.
    drop(talk);
    let _ = timeout(PATIENCE, running).await;
    findings
}

struct Talk {
    domain: String,
    incoming: mpsc::Receiver<Incoming>,
    outgoing: Sender,
    /// What the server said it grants (XEP-0356).
    privileges: Vec<String>,
    next: u32,
}

impl Talk {
    /// What came after the last question.
    async fn refuse_the_rest(&mut self) {
        while let Ok(incoming) = self.incoming.try_recv() {
            if let Incoming::Stanza(stanza) = incoming {
                self.other(&stanza).await;
            }
        }
    }

    async fn is_up(&mut self) -> bool {
        matches!(timeout(PATIENCE, self.incoming.recv()).await, Ok(Some(Incoming::Up)))
    }

    async fn all(&mut self, config: &Config) -> Vec<Finding> {
        let mut findings = vec![self.loopback().await];
        if let Some(server) = self.domain.split_once('.').map(|(_, server)| server.to_owned()) {
            findings.push(self.listing(&server).await);
            findings.push(self.multicast(&server).await);
            findings.push(self.clock(&server).await);
        }
        findings.push(self.privileges());
        // The last: a server that takes no such stanza ends the link.
        findings.push(self.size(config.limits.message_bytes + STANZA_EXTRA_BYTES).await);
        findings
    }

    /// Does every kind of stanza come through the server?
    async fn loopback(&mut self) -> Finding {
        let mut lost = Vec::new();
        for kind in ["normal", "chat", "groupchat", "headline", "error"] {
            let back = self.ask("message", &format!("type='{kind}'"), "<body>A test</body>", None).await;
            lost.extend(back.is_none().then(|| format!("messages of type {kind}")));
        }
        lost.extend(self.ask("presence", "", "", None).await.is_none().then(|| "presence".to_owned()));
        let ping = "<ping xmlns='urn:xmpp:ping'/>";
        lost.extend(
            self.ask("iq", "type='get'", ping, None).await.is_none().then(|| "requests (iq)".to_owned()),
        );
        if lost.is_empty() {
            Finding::ok("routing", "every kind of stanza comes through the server")
        } else {
            let text = format!(
                "the server does not pass on {}: does a module or a firewall rule of it hold them up?",
                lost.join(", ")
            );
            Finding::error("routing", text, exit::UNAVAILABLE)
        }
    }

    /// Do clients find the service?
    async fn listing(&mut self, server: &str) -> Finding {
        let query = format!("<query xmlns='{DISCO_ITEMS}'/>");
        let answer = self.ask("iq", "type='get'", &query, Some(server)).await;
        let domain = self.domain.clone();
        let items = answer.as_ref().and_then(|iq| iq.get_child("query", DISCO_ITEMS));
        match items {
            Some(items) if items.children().any(|item| item.attr("jid") == Some(&domain)) => {
                Finding::ok("discovery", format!("{server} lists {domain}"))
            }
            Some(_) => {
                let text = format!(
                    "{server} does not list {domain}: clients do not find it by themselves; on Prosody \
                    add it to disco_items, on ejabberd it must be below a domain that it serves"
                );
                Finding::warning("discovery", text)
            }
            None => {
                let text = format!("{server} does not say what it has: is it the domain of your users?");
                Finding::warning("discovery", text)
            }
        }
    }

    /// Does the server take one stanza for many of its users?
    async fn multicast(&mut self, server: &str) -> Finding {
        let query = format!("<query xmlns='{DISCO_INFO}'/>");
        let answer = self.ask("iq", "type='get'", &query, Some(server)).await;
        let info = answer.as_ref().and_then(|iq| iq.get_child("query", DISCO_INFO));
        let has =
            info.is_some_and(|info| info.children().any(|feature| feature.attr("var") == Some(ADDRESSES)));
        if has {
            Finding::ok("multicast", "the server takes one stanza for many of its users")
        } else {
            let text = "each member gets a stanza of his own; on Prosody our module makes large groups several times as fast \
                (deploy/README.md)";
            Finding::ok("multicast", text)
        }
    }

    /// Is it as late there as here? XEP-0202.
    async fn clock(&mut self, server: &str) -> Finding {
        let answer = self.ask("iq", "type='get'", &format!("<time xmlns='{TIME}'/>"), Some(server)).await;
        let told = answer.as_ref().and_then(|iq| iq.get_child("time", TIME)?.get_child("utc", TIME));
        let there = told.and_then(|utc| utc.text().trim().parse::<jiff::Timestamp>().ok());
        let Some(there) = there else { return Finding::ok("clock", "the server does not tell the time") };
        let Timestamp(here) = Clock::real().now();
        let apart = here - there.as_millisecond();
        if apart.abs() <= CLOCK_MS_MAX {
            Finding::ok("clock", "it is as late at the server as here")
        } else {
            let text =
                format!("the server's clock is {} s off ours: let both follow NTP", apart.abs() / 1_000);
            Finding::warning("clock", text)
        }
    }

    fn privileges(&self) -> Finding {
        match self.privileges.as_slice() {
            [] => Finding::ok("presence", "clients announce themselves (the server grants no XEP-0356)"),
            granted => Finding::ok("presence", format!("the server grants {}", granted.join(", "))),
        }
    }

    /// Does the server take the largest stanza that we may send?
    async fn size(&mut self, bytes: usize) -> Finding {
        let body = format!("<body>{}</body>", "x".repeat(bytes));
        match self.ask("message", "type='chat'", &body, None).await {
            Some(_) => {
                Finding::ok("stanza size", format!("the server takes stanzas of {} KiB", bytes / 1_024))
            }
            None => {
                let text = format!(
                    "the server does not take a stanza of {} KiB: raise its limit for components (Prosody: \
                    component_stanza_size_limit, ejabberd: max_stanza_size of the listener) or lower limits.message_bytes",
                    bytes / 1_024
                );
                Finding::error("stanza size", text, exit::CONFIG)
            }
        }
    }

    /// Sends a stanza, to our own domain unless another is named, and waits for what comes with its id.
    async fn ask(
        &mut self,
        name: &str,
        attributes: &str,
        content: &str,
        to: Option<&str>,
    ) -> Option<Element> {
        self.next += 1;
        let id = format!("doctor-{:08x}-{}", rand::random::<u32>(), self.next);
        let to = to.unwrap_or(&self.domain);
        let stanza = Outgoing {
            // A domain has nothing in it that must be escaped.
            head: format!("<{name} id='{id}' from='{}' {attributes}", self.domain),
            to: vec![to.into()],
            tail: format!(">{content}</{name}>").into(),
            lane: None,
        };
        self.outgoing.send(stanza).await.ok()?;
        let until = Instant::now() + PATIENCE;
        loop {
            match timeout_at(until, self.incoming.recv()).await.ok()?? {
                Incoming::Stanza(stanza) if stanza.attr("id") == Some(&id) => return Some(stanza),
                Incoming::Stanza(stanza) => self.other(&stanza).await,
                // Too large for our own reader, but it came through.
                Incoming::Skipped(skipped) if skipped.id.as_deref() == Some(&id) => {
                    return Some(Element::bare("skipped", ""));
                }
                Incoming::Down => return None,
                Incoming::Up | Incoming::Skipped(_) => {}
            }
        }
    }

    /// What came besides.
    async fn other(&mut self, stanza: &Element) {
        self.note_privileges(stanza);
        if let Some(refused) = refused(stanza, &self.domain) {
            // If the link is gone nobody waits for it any more.
            let _ = self.outgoing.send(outgoing_of(refused, None)).await;
        }
    }

    fn note_privileges(&mut self, stanza: &Element) {
        let privilege = stanza.children().find(|child| child.name() == "privilege");
        let granted = privilege.into_iter().flat_map(Element::children).filter_map(|perm| {
            let kind = perm.attr("type").filter(|kind| *kind != "none")?;
            Some(format!("{} ({kind})", perm.attr("access")?))
        });
        self.privileges.extend(granted);
    }
}

/// What a user hears who asks for something, or says something, while we look.
fn refused(stanza: &Element, domain: &str) -> Option<Outbound> {
    let kind = stanza.attr("type").unwrap_or_default();
    let from = Jid::parse(stanza.attr("from")?).ok()?;
    let at = Jid::parse(stanza.attr("to")?).ok()?.to_string();
    let id = stanza.attr("id").map(Into::into);
    let carrier = match stanza.name() {
        "iq" if matches!(kind, "get" | "set") => {
            let namespace = stanza.children().next().map(Element::ns).unwrap_or_default();
            Carrier::Iq { id: id.unwrap_or_else(|| "".into()), namespace: namespace.into() }
        }
        // The server itself says what it grants, and wants no answer.
        "message" if kind != "error" && from.bare().local().is_some() => {
            Carrier::Message { id, is_of_rooms: false }
        }
        _ => return None,
    };
    let is_ours = from.bare().domain() == domain;
    (!is_ours).then(|| encode::refused(&Origin { from, at, carrier }, &Refusal::Unavailable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_told_to_try_again_and_nobody_else_is() {
        let answer = |stanza: &str| {
            let stanza = stanza.replacen(' ', " xmlns='jabber:component:accept' ", 1);
            let refused = refused(&stanza.parse().unwrap(), "g.h")?;
            Some(format!("{} to={:?} {}", refused.head, refused.to, refused.tail))
        };
        for asked in [
            "<message from='a@h/x' to='tea@g.h' type='groupchat' id='m1'><body>Hi</body></message>",
            "<message from='a@h/x' to='tea@g.h' id='m1'><body>Hi</body></message>",
            "<iq from='a@h/x' to='tea@g.h' type='get' id='m1'><ping xmlns='urn:xmpp:ping'/></iq>",
            "<iq from='h' to='g.h' type='set' id='m1'><query xmlns='x'/></iq>",
        ] {
            let told = answer(asked).unwrap();
            for expected in ["id='m1'", "type='error'", "internal-server-error"] {
                assert!(told.contains(expected), "{expected} is not in {told}");
            }
        }
        for silent in [
            "<message from='a@h/x' to='tea@g.h' type='error' id='m1'/>",
            "<iq from='a@h/x' to='tea@g.h' type='result' id='m1'/>",
            "<iq from='a@h/x' to='tea@g.h' type='error' id='m1'/>",
            "<message from='h' to='g.h' id='m1'/>",
            "<message from='tea@g.h' to='g.h' id='m1'/>",
            "<presence from='a@h/x' to='tea@g.h' id='m1'/>",
            "<message to='g.h' id='m1'/>",
        ] {
            assert_eq!(answer(silent), None, "{silent}");
        }
    }
}
