//! Pings through the server: to our own domain, which servers pass back. One that is back shows that the server is there
//! and works for us.
//!
//! Not here: the link's own echoes, which say how far the server is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use groupchat_core::BareJid;
use groupchat_link::Outgoing;
use groupchat_link::queue::{Closed, Sender};
use minidom::Element;
use tokio::sync::oneshot;

/// The pings that are under way.
#[derive(Debug)]
pub(crate) struct Pings {
    /// So that no user can answer in the server's stead.
    id_prefix: String,
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<()>>>,
}

impl Default for Pings {
    fn default() -> Self {
        let id_prefix = format!("ready-{:016x}-", rand::random::<u64>());
        Self { id_prefix, next: AtomicU64::default(), waiting: Mutex::default() }
    }
}

impl Pings {
    /// Sends a ping and waits until it is back, however long that takes.
    ///
    /// # Errors
    /// The link is closed.
    pub(crate) async fn ping(&self, domain: &BareJid, outgoing: &Sender) -> Result<(), Closed> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (back, is_back) = oneshot::channel();
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            // Whoever asked and does not wait any more.
            waiting.retain(|_, back| !back.is_closed());
            waiting.insert(number, back);
        }
        let ping = Outgoing {
            // A domain has nothing in it that must be escaped.
            head: format!("<iq type='get' id='{}{number}' from='{domain}'", self.id_prefix),
            to: vec![domain.text()],
            tail: "><ping xmlns='urn:xmpp:ping'/></iq>".into(),
            lane: None,
        };
        outgoing.send(ping).await?;
        is_back.await.map_err(|_| Closed)
    }

    /// Is this one of them, or an answer to one?
    pub(crate) fn take(&self, stanza: &Element) -> bool {
        if stanza.name() != "iq" {
            return false;
        }
        let number = stanza.attr("id").and_then(|id| id.strip_prefix(&self.id_prefix)?.parse().ok());
        let Some(number) = number else { return false };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(back) = waiting.remove(&number) {
            // Whoever asked may have lost patience.
            back.send(()).unwrap_or_default();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use groupchat_link::queue::{QueueLimits, queue};

    use super::*;

    #[tokio::test]
    async fn a_ping_is_back_when_the_server_passes_it_on() {
        let (outgoing, to_link) = queue(QueueLimits::default());
        let (pings, domain) = (Pings::default(), BareJid::parse("groups.lit").unwrap());
        let server = async {
            let Outgoing { head, to, tail, .. } = to_link.recv().await.unwrap();
            let xml = format!("{head} to='{}' xmlns='jabber:component:accept'{tail}", to[0]);
            assert!(!pings.take(&xml.replace("ready-", "other-").parse().unwrap()));
            assert!(pings.take(&xml.parse().unwrap()));
            assert!(pings.take(&xml.parse().unwrap()), "known, though nobody waits any more");
        };
        let (pinged, ()) = tokio::join!(pings.ping(&domain, &outgoing), server);
        pinged.unwrap();
        assert!(pings.waiting.lock().unwrap().is_empty());
    }
}
