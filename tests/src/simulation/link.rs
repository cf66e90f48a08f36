//! The link of the simulated world: what is on its way in both directions, what is lost when it breaks, and how everything
//! comes to rest.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use groupchat_link::Outgoing;
use minidom::Element;
use rand::RngExt as _;

use super::people::{Device, DeviceLink, Messages};
use super::world::{OnTheWire, World};
use crate::host::state::Link;
use crate::script::{HOST, SERVICE};
use crate::xml;

/// How long the world may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than the service takes to store what it could not store before.
const SETTLING: Duration = Duration::from_secs(1);
/// What passes of its time while it waits for itself.
const WAITING: Duration = Duration::from_millis(200);

impl World {
    /// The host's stanzas reach the service.
    pub(super) fn take_in(&mut self, stanzas_max: usize) -> usize {
        let Some(service) = &mut self.service else { return 0 };
        let taken = service.take_in(stanzas_max);
        for stanza in &taken {
            if is_bounce(stanza) {
                self.story.push(format!("    the service gets {}", xml::compact(stanza)));
                // Perhaps of an earlier session with the same resource.
                self.doubt(stanza);
                self.excuse_newcomers(stanza);
            }
            if is_bounce(stanza) || stanza.name() == "presence" {
                self.news_inside.push(stanza.clone());
            }
        }
        taken.len()
    }

    /// The service's stanzas go onto the wire, perhaps with an echo behind them.
    pub(super) fn write(&mut self, slices_max: usize, echoes: bool) -> usize {
        let Some(service) = &self.service else { return 0 };
        let taken: Vec<_> = std::iter::from_fn(|| service.queue.try_next()).take(slices_max).collect();
        let count = taken.len();
        self.wire.extend(taken.into_iter().map(OnTheWire::Copies));
        if echoes && service.queue.oldest_echo().is_some() {
            self.wire.push_back(OnTheWire::Echo(service.queue.echo()));
        }
        count
    }

    /// The host works off what is on the wire.
    pub(super) fn host_works(&mut self, items_max: usize) {
        for _ in 0..items_max {
            match self.wire.pop_front() {
                None => break,
                Some(OnTheWire::Copies(slice)) => {
                    let Outgoing { head, tail, lane, .. } = slice.outgoing().clone();
                    self.moved += 1;
                    if let Some((_, id)) = head.split_once(" id='nudge-") {
                        self.answered =
                            id.split('\'').next().and_then(|id| id.parse().ok()).unwrap_or_default();
                        continue;
                    }
                    let to = slice.recipients().join(", ");
                    self.story.push(format!("    the host gets {head} to {to}"));
                    self.host.hear_service(&Outgoing { head, to: slice.recipients().to_vec(), tail, lane });
                }
                Some(OnTheWire::Echo(number)) => {
                    self.story.push(format!("    echo {number}"));
                    if let Some(service) = &self.service {
                        service.queue.acknowledge(number);
                    }
                }
            }
        }
        self.read_all();
    }

    /// The link breaks: the host has some of what was on the wire, and the rest is lost both ways.
    fn break_link(&mut self, why: &'static str) {
        let arrived = self.rng.random_range(0..=self.wire.len());
        // An echo on its way back is lost with the link.
        self.wire.truncate(arrived);
        self.wire.retain(|item| matches!(item, OnTheWire::Copies(_)));
        self.host_works(arrived);
        self.wire.clear();
        let mut lost = Vec::new();
        if let Some(service) = &mut self.service {
            while let Ok(stanza) = service.from_host.try_recv() {
                lost.push(stanza);
            }
        }
        self.host.service = None;
        lost.iter().for_each(|stanza| self.lose(stanza, why));
    }

    /// This came from the host and has no consequences.
    fn lose(&mut self, stanza: &Element, why: &'static str) {
        if is_bounce(stanza) {
            self.messages.excuse(stanza, why);
        } else if stanza.name() == "presence" {
            self.doubt(stanza);
        }
    }

    /// A copy came back from one device of a user, and another one has logged in since the message was sent, or its
    /// presence was lost. It got no copy of its own, and being there it keeps the service from sending one for later; it
    /// finds the message when it asks for what it missed, as every device does after its login. The same device is such
    /// another one if nothing can be stored: when the bounce is dealt with, it is there again.
    fn excuse_newcomers(&mut self, bounce: &Element) {
        let from = bounce.attr("from").unwrap_or_default();
        let Some(number) = bounce.attr("id").and_then(Messages::number) else { return };
        let is_kept = !self.has_stored_all;
        let is_another = |device: &Device| {
            from.starts_with(&format!("{}@", device.user))
                && (is_kept || !from.ends_with(&format!("/{}", device.resource)))
        };
        let came_later = |device: &Device| device.was_there && (device.since > number || !device.is_known);
        if self.devices.iter().any(|device| is_another(device) && came_later(device)) {
            self.messages.excuse(bounce, "another device came later");
        }
    }

    /// Has everything that the service got had its effects, with the host as well? Only if nothing was handed to it since
    /// it worked.
    pub(super) fn is_at_rest(&mut self) -> bool {
        let Some(service) = &self.service else { return false };
        self.wire.extend(service.queue.try_next().map(OnTheWire::Copies));
        self.has_stored_all && self.wire.is_empty() && service.queue.oldest_echo().is_none()
    }

    /// The service may not know that the device which this is from is there.
    fn doubt(&mut self, stanza: &Element) {
        let from = stanza.attr("from").unwrap_or_default();
        let is_it = |device: &&mut Device| from == format!("{}@{HOST}/{}", device.user, device.resource);
        self.devices.iter_mut().filter(is_it).for_each(|device| device.is_known = false);
    }

    pub(super) fn cut(&mut self) {
        if self.service.is_none() {
            return;
        }
        self.tally.cuts += 1;
        self.break_link("its bounce was lost with the link");
        self.host.service = self.service.as_mut().map(super::service::Service::link_up);
    }

    pub(super) async fn kill(&mut self) {
        self.tally.kills += 1;
        self.break_link("its bounce was lost with the link");
        for stanza in std::mem::take(&mut self.news_inside) {
            self.lose(&stanza, "the service was killed while it dealt with the bounce");
        }
        if let Some(service) = self.service.take() {
            service.kill().await;
        }
    }

    /// Every session ends, and what was kept for those that had vanished is gone.
    pub(super) fn restart_host(&mut self) {
        self.tally.host_restarts += 1;
        self.cut();
        for ((user, _), session) in std::mem::take(&mut self.host.sessions) {
            if let Link::Down(kept) = session.link {
                self.messages.excuse_kept(&user, &kept, "the host was restarted with it");
            }
        }
        for device in &mut self.devices {
            device.link = DeviceLink::Off;
        }
    }

    /// Lets the service work, if it runs.
    pub(super) async fn work(&self) -> Result<()> {
        match &self.service {
            Some(service) => service.work().await,
            None => Ok(()),
        }
    }

    /// Time passes, for everybody.
    pub(super) async fn pass(&mut self, time: Duration) -> Result<()> {
        // What was begun before belongs to the time before.
        self.work().await?;
        self.clock.advance(i64::try_from(time.as_millis())?);
        tokio::time::advance(time).await;
        self.work().await?;
        self.has_stored_all |= self.stores && self.service.is_some() && time > SETTLING;
        Ok(())
    }

    /// Everything that can move moves, until nothing does: until the service has answered a question that went behind
    /// everything else, and what came of the answers, too.
    pub(super) async fn settle(&mut self) -> Result<()> {
        let start = Instant::now();
        let mut asked = None;
        while start.elapsed() < PATIENCE {
            let came = self.take_in(usize::MAX);
            self.work().await?;
            let written = self.write(usize::MAX, true);
            let is_busy = came + written + self.wire.len() > 0;
            self.host_works(usize::MAX);
            if let Some(trouble) = self.host.trouble.take() {
                bail!("{trouble}");
            }
            match asked {
                // Others than the answer itself came after the question.
                Some((question, before)) if self.answered == question => {
                    if self.moved == before + 1 {
                        self.news_inside.clear();
                        return Ok(());
                    }
                    asked = None;
                }
                Some(_) => self.pass(WAITING).await?,
                None if !is_busy => asked = Some((self.ask()?, self.moved)),
                None => {}
            }
        }
        bail!("the world does not come to rest");
    }

    /// Asks the service for something that goes the way of all requests and has no effect.
    fn ask(&mut self) -> Result<u64> {
        self.asked += 1;
        let question = format!(
            "<iq xmlns='jabber:component:accept' type='set' id='nudge-{}' from='probe@{HOST}/x' \
             to='no-such-group@{SERVICE}'><query xmlns='http://jabber.org/protocol/groupchat#deletegroup'/></iq>",
            self.asked
        );
        let host_end = self.host.service.as_ref().context("no service")?;
        host_end.send(question.parse()?).context("no service")?;
        Ok(self.asked)
    }
}

fn is_bounce(stanza: &Element) -> bool {
    stanza.name() == "message" && stanza.attr("type") == Some("error")
}
