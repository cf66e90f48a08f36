//! What a device received and nobody has asked for yet, without what hosts send of their own accord.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

use super::{Play, Problem};
use crate::client::Received;
use crate::script::{Device, HOST, SERVICE};
use crate::xml::pretty;

/// Received stanzas, oldest first.
#[derive(Debug, Default)]
pub(super) struct Inbox(VecDeque<Received>);

impl Inbox {
    pub(super) fn push(&mut self, received: Received) {
        self.0.push_back(received);
    }

    pub(super) fn extend(&mut self, received: Vec<Received>) {
        self.0.extend(received);
    }

    pub(super) fn pop(&mut self) -> Option<Received> {
        self.0.pop_front()
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&Received) -> bool) {
        self.0.retain(keep);
    }
}

impl Play {
    /// The next stanza that counts, if one comes within `patience`.
    pub(super) async fn next(&mut self, device: &Device, patience: Duration) -> Option<Received> {
        let deadline = Instant::now() + patience;
        loop {
            let received = match self.inboxes.entry(device.clone()).or_default().pop() {
                Some(received) => received,
                None => {
                    let connection = self.connected.get_mut(device)?;
                    connection.next(deadline.saturating_duration_since(Instant::now())).await?
                }
            };
            let is_repeat = self.repeats.is_one(device, &received.stanza);
            if !is_repeat && !self.is_noise(device, &received) {
                self.transcript.received(device, received.at, &received.stanza);
                return Some(received);
            }
        }
    }

    /// Sent by the host on its own account, or left over from a set-up.
    fn is_noise(&mut self, device: &Device, received: &Received) -> bool {
        let stanza = &received.stanza;
        let own_bare = device.bare();
        let from = stanza.attr("from").unwrap_or(&own_bare);
        let own_server = from == own_bare || from == device.domain();
        match stanza.name() {
            "presence" if bare(from) == own_bare => true,
            "message" if own_server => true,
            "iq" if own_server => stanza.attr("type") == Some("set"),
            "message" => self.is_expected_invitation(device, received),
            _ => false,
        }
    }

    /// The stored invitation of a member who was away when a `group` line made his group; there is one for each.
    fn is_expected_invitation(&mut self, device: &Device, received: &Received) -> bool {
        let stanza = &received.stanza;
        let from = stanza.attr("from").unwrap_or_default();
        let expected = self.invited.iter().position(|(user, group)| *user == device.user && group == from);
        match expected {
            Some(index) if stanza.has_child("x", "http://jabber.org/protocol/groupchat#addmember") => {
                self.invited.swap_remove(index);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Waits until the service has answered each device: it has then seen what they sent before, and said what it had to
    /// say of that. So it is asked for something that goes the way of all requests, and has no effect: to delete a group
    /// that nobody ever made. (A ping is answered past everything else.)
    pub(super) async fn sync(&mut self, devices: &[Device]) -> Result<()> {
        self.syncs += 1;
        let id = format!("sync-{}", self.syncs);
        let to = if self.service_is_up { SERVICE } else { HOST };
        let question = if self.service_is_up {
            let nothing = "<query xmlns='http://jabber.org/protocol/groupchat#deletegroup'/>";
            format!("<iq type='set' id='{id}' to='no-such-group@{to}'>{nothing}</iq>")
        } else {
            format!("<iq type='get' id='{id}' to='{to}'><ping xmlns='urn:xmpp:ping'/></iq>")
        };
        for device in devices {
            self.connection(device)?.send(&question).await?;
        }
        let patience = self.stage.patience();
        for device in devices {
            loop {
                let Some(received) = self.connection(device)?.next(patience).await else {
                    bail!("{device} got no answer from {to} within {patience:?}");
                };
                if received.stanza.name() == "iq" && received.stanza.attr("id") == Some(&id) {
                    break;
                }
                self.inboxes.entry(device.clone()).or_default().push(received);
            }
        }
        Ok(())
    }

    /// Whatever has arrived goes to the inboxes.
    pub(super) async fn drain_all(&mut self) {
        for (device, connection) in &mut self.connected {
            while let Some(received) = connection.next(Duration::ZERO).await {
                self.inboxes.entry(device.clone()).or_default().push(received);
            }
        }
    }

    pub(super) async fn silence(&mut self) -> Result<(), Problem> {
        let connected: Vec<Device> = self.connected.keys().cloned().collect();
        self.sync(&connected).await?;
        sleep(self.stage.quiet_time()).await;
        self.stage.check()?;
        let mut extra = String::new();
        for device in self.inboxes.keys().cloned().collect::<Vec<_>>() {
            while let Some(received) = self.next(&device, Duration::ZERO).await {
                extra.push_str(&format!("\n{device} received, unasked:\n{}", pretty(&received.stanza, 2)));
            }
        }
        if extra.is_empty() {
            Ok(())
        } else {
            Err(Problem { line: None, text: format!("this is too much:{extra}") })
        }
    }
}

/// A JID without its resource.
pub(super) fn bare(jid: &str) -> &str {
    jid.split_once('/').map_or(jid, |(bare, _)| bare)
}
