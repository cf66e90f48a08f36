//! What happens in a run, at random, and how everything is mended in the end.

use std::time::Duration;

use anyhow::Result;
use rand::RngExt as _;

use super::people::{Device, DeviceLink, GROUPS, GUEST, Messages, Sent, address};
use super::world::World;
use crate::script::HOST;

impl World {
    /// A random number of random steps.
    pub(super) async fn live(&mut self) -> Result<()> {
        for _ in 0..self.rng.random_range(20..90) {
            self.step().await?;
            self.move_on().await?;
        }
        Ok(())
    }

    async fn step(&mut self) -> Result<()> {
        match self.rng.random_range(0..100) {
            _ if self.service.is_none() && self.chance(40) => {
                self.note("the service starts");
                self.start();
            }
            0..38 => self.post()?,
            38..40 => self.join_again()?,
            40..44 => self.post_again()?,
            44..60 => self.change_device()?,
            60..64 => self.rename()?,
            64..68 => self.change_guest()?,
            68..74 => self.cut_noted(),
            74..77 => {
                self.note("the service is killed");
                self.kill().await;
            }
            77..82 => {
                // What it was told is stored, and what came of it is lost, but for what it had said before.
                self.take_in(usize::MAX);
                self.work().await?;
                self.note("the service is killed before it speaks");
                self.kill().await;
            }
            82..84 => {
                self.note("the host is restarted");
                self.restart_host();
            }
            84..88 => {
                let stores = self.chance(60);
                self.note(if stores { "the database stores" } else { "the database stores nothing" });
                self.set_stores(stores).await?;
            }
            88..94 => {
                let time = Duration::from_millis(self.rng.random_range(1..3_000));
                self.note(format!("{time:?} pass"));
                self.pass(time).await?;
            }
            94..95 => {
                self.note("more than a minute passes");
                self.pass(Duration::from_secs(65)).await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Some of what is on its way gets further.
    async fn move_on(&mut self) -> Result<()> {
        let stanzas = self.rng.random_range(0..12);
        self.take_in(stanzas);
        let works = self.chance(80);
        if works {
            self.work().await?;
        }
        let (slices, echoes) = (self.rng.random_range(0..8), self.chance(50));
        self.write(slices, echoes);
        let items = self.rng.random_range(0..10);
        self.host_works(items);
        if works && self.is_at_rest() {
            self.news_inside.clear();
        }
        Ok(())
    }

    fn cut_noted(&mut self) {
        self.note("the link is cut");
        self.cut();
    }

    /// One of the devices that are there.
    fn somebody(&mut self) -> Option<usize> {
        let there: Vec<usize> = (0..self.devices.len()).filter(|at| self.devices[*at].is_on()).collect();
        (!there.is_empty()).then(|| there[self.rng.random_range(0..there.len())])
    }

    fn post(&mut self) -> Result<()> {
        let Some(device) = self.somebody() else { return Ok(()) };
        let is_of_room = self.devices[device].is_of_room();
        if is_of_room && !self.devices[device].is_known {
            // Its client knows that it is not in the room, or not yet.
            return Ok(());
        }
        for _ in 0..self.rng.random_range(1..4) {
            let groups = if is_of_room { 1 } else { GROUPS.len() };
            let group = GROUPS[self.rng.random_range(0..groups)].0;
            let number = self.messages.sent.len();
            self.messages.sent.push(Sent { device, group, times: 0, reflected: None });
            self.send(number)?;
        }
        Ok(())
    }

    fn send(&mut self, number: usize) -> Result<()> {
        self.messages.sent[number].times += 1;
        let Sent { device, group, .. } = self.messages.sent[number];
        let id = Messages::id(number);
        let who = format!("{}/{}", self.devices[device].user, self.devices[device].resource);
        self.note(format!("{who} sends {id} to {group}"));
        let to = address(group);
        self.say(
            device,
            &format!("<message type='groupchat' id='{id}' to='{to}'><body>{id} by {who}</body></message>"),
        )
    }

    /// Somebody saw no copy of his message, and sends it again.
    fn post_again(&mut self) -> Result<()> {
        let open: Vec<usize> = self.unanswered();
        if open.is_empty() {
            return Ok(());
        }
        let number = open[self.rng.random_range(0..open.len())];
        self.send(number)
    }

    fn unanswered(&self) -> Vec<usize> {
        let is_open = |sent: &Sent| {
            let device = &self.devices[sent.device];
            sent.reflected.is_none() && device.is_on() && (device.is_known || !device.is_of_room())
        };
        (0..self.messages.sent.len()).filter(|number| is_open(&self.messages.sent[*number])).collect()
    }

    /// Clients that are not in a room, or do not know, try again (XEP-0410).
    fn join_again(&mut self) -> Result<()> {
        for device in 0..self.devices.len() {
            let who = &self.devices[device];
            if who.is_of_room() && who.is_on() && !who.is_known {
                self.note(format!("{}/{} joins again", who.user, who.resource));
                self.join(device)?;
            }
        }
        Ok(())
    }

    fn change_device(&mut self) -> Result<()> {
        let device = self.rng.random_range(0..self.devices.len());
        let who = format!("{}/{}", self.devices[device].user, self.devices[device].resource);
        let (does, way) = (&self.devices[device].link, self.rng.random_range(0..3));
        match (does, way) {
            (DeviceLink::Off, _) => {
                self.note(format!("{who} logs in"));
                self.log_in(device)?;
            }
            (DeviceLink::On(..), 0) => {
                self.note(format!("{who} logs out"));
                self.log_out(device);
            }
            (DeviceLink::On(..), 1) => {
                self.note(format!("{who} vanishes"));
                self.vanish(device);
            }
            (DeviceLink::On(..), _) => {}
            (DeviceLink::Vanished(..), 0 | 1) => {
                self.note(format!("{who} resumes"));
                self.resume(device)?;
            }
            (DeviceLink::Vanished(..), _) => {
                self.note(format!("{who} does not come back"));
                self.expire(device);
            }
        }
        Ok(())
    }

    fn rename(&mut self) -> Result<()> {
        if !self.devices[0].is_on() {
            return Ok(());
        }
        let name = format!("n{}", self.names.len());
        self.note(format!("alice renames tea {name}"));
        self.names.push((name.clone(), self.messages.sent.len()));
        let payload = format!(
            "<query xmlns='http://jabber.org/protocol/groupchat#updategroup'><property name='name' value='{name}'/></query>"
        );
        self.say(0, &format!("<iq type='set' id='{name}' to='{}'>{payload}</iq>", address(GROUPS[0].0)))
    }

    /// The guest is taken into the second group, or removed from it.
    fn change_guest(&mut self) -> Result<()> {
        if !self.devices[0].is_on() {
            return Ok(());
        }
        let operation = if self.chance(60) { "addmember" } else { "removemember" };
        self.note(format!("alice: {operation} {GUEST}"));
        let payload = format!(
            "<query xmlns='http://jabber.org/protocol/groupchat#{operation}'><item jid='{GUEST}@{HOST}'/></query>"
        );
        self.say(0, &format!("<iq type='set' id='g' to='{}'>{payload}</iq>", address(GROUPS[1].0)))
    }

    /// Everything works again, whoever saw no copy of his message sends it once more, and dead sessions end.
    pub(super) async fn mend(&mut self) -> Result<()> {
        self.note("everything is mended");
        self.set_stores(true).await?;
        if self.service.is_none() {
            self.start();
        }
        self.settle().await?;
        for device in 0..self.devices.len() {
            if matches!(self.devices[device].link, DeviceLink::Vanished(..)) {
                self.expire(device);
            }
        }
        self.settle().await?;
        self.join_again()?;
        self.settle().await?;
        for number in self.unanswered() {
            self.send(number)?;
        }
        self.settle().await?;
        self.say_at_last()?;
        self.settle().await
    }

    /// A last message to the first group, by which the service learns who of the room has gone without its hearing of it.
    fn say_at_last(&mut self) -> Result<()> {
        let (group, members) = GROUPS[0];
        let may = |device: &Device| members.contains(&device.user) && !device.is_of_room();
        let there = self.devices.iter().position(|device| may(device) && device.is_on());
        let Some(device) = there else { return Ok(()) };
        let number = self.messages.sent.len();
        self.messages.sent.push(Sent { device, group, times: 0, reflected: None });
        self.send(number)
    }
}
