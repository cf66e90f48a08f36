//! A long quiet load: messages at a steady rate into one large group, a fifth of whose members are gone at any time,
//! some of them without a farewell. Shows whether the component holds its memory, and whether everybody gets everything.
//!
//! Not here: what is done with the figures.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep_until};

use crate::counting_host::{CountingHost, Counts};
use crate::real::{Addresses, Component, Domain};

/// How often the memory is looked at.
const SAMPLE_EVERY: Duration = Duration::from_secs(10);

/// Caches fill, allocators find their level: what is before does not count.
pub const WARM_UP: Duration = Duration::from_secs(120);

/// Members who go, and who come back, a second.
const MOVES_PER_SECOND: u32 = 5;

/// How long nothing may come at the end while somebody still waits for something.
const PATIENCE: Duration = Duration::from_secs(10);

const GC: &str = "http://jabber.org/protocol/groupchat";

/// How much, how long.
#[derive(Debug, Clone, Copy)]
pub struct Soak {
    /// How long messages are sent.
    pub time: Duration,
    /// Messages a second.
    pub rate: u32,
    /// Members of the group.
    pub members: usize,
    /// Who goes and comes when is the same for the same seed.
    pub seed: u64,
}

/// How it stood at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Since the first message.
    pub at: Duration,
    /// The component's resident set.
    pub resident_kib: u64,
    /// What the host has counted.
    pub counts: Counts,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Report {
    /// Every ten seconds.
    pub samples: Vec<Sample>,
    /// When everything had arrived, or nothing more came.
    pub counts: Counts,
    /// Members who went, with and without farewell, and who came back.
    pub moves: u64,
}

/// Least, middle and greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// KiB.
    pub min: u64,
    /// KiB.
    pub median: u64,
    /// KiB.
    pub max: u64,
}

impl Report {
    /// The resident set after the warm-up; `None` if it was over before.
    pub fn resident_kib(&self) -> Option<Spread> {
        let warm = self.samples.iter().filter(|sample| sample.at >= WARM_UP);
        let mut sizes: Vec<_> = warm.map(|sample| sample.resident_kib).collect();
        sizes.sort_unstable();
        Some(Spread { min: *sizes.first()?, median: sizes[sizes.len() / 2], max: *sizes.last()? })
    }
}

impl Spread {
    /// Is it within this many per cent of its middle?
    pub fn is_flat(self, per_cent: u64) -> bool {
        self.max * 100 <= self.median * (100 + per_cent) && self.min * 100 >= self.median * (100 - per_cent)
    }
}

/// Runs it; `tell` hears of every sample.
pub async fn run(soak: Soak, mut tell: impl FnMut(&Sample)) -> Result<Report> {
    let domain = Domain { name: "soak.lit".into(), component_secret: "s3cret".into() };
    let host = CountingHost::start(&domain.component()).await?;
    // It is how much the component bears that is asked, not how much it lets through.
    let unhurried = [
        "user_stanzas_per_second",
        "user_stanzas_burst",
        "group_messages_per_second",
        "group_messages_burst",
    ];
    let mut settings: Vec<_> = unhurried.iter().map(|limit| format!("limits.{limit} = 1000000")).collect();
    // What is remembered of each message for a while is to be at its level when the warm-up is over.
    settings.push("delivery.dedup_minutes = 1".to_owned());
    let addresses = Addresses { clients: host.address(), components: host.address(), web: host.address() };
    let mut component = Component::start(&domain, &addresses, &settings)?;
    host.linked().await.with_context(|| component.log_tail())?;
    let mut crowd = Crowd::new(soak, &domain, &host);
    crowd.gather().await?;
    let samples = crowd.talk(&component, &mut tell).await?;
    let is_settled = host.settled(PATIENCE).await;
    let report = Report { samples, counts: host.counts(), moves: crowd.moves };
    ensure!(component.is_running()?, "the service ended");
    let log = component.log_text();
    ensure!(report.counts.links_lost == 0, "the link was lost:\n{log}");
    ensure!(!log.contains("panicked") && !log.contains("Dropped copies"), "{log}");
    ensure!(
        is_settled,
        "{} messages did not reach everybody: {:?}",
        report.counts.incomplete(),
        report.counts
    );
    component.stop()?;
    Ok(report)
}

/// The members, as their host moves them.
struct Crowd<'a> {
    soak: Soak,
    host: &'a CountingHost,
    users: String,
    service: String,
    random: StdRng,
    /// Which device each member has, or had last.
    devices: Vec<u32>,
    there: Vec<usize>,
    gone: Vec<Gone>,
    /// Messages so far.
    said: u32,
    moves: u64,
}

/// A member who is away.
struct Gone {
    member: usize,
    /// When everybody has this message, he too, the component knows something more of him: first that he is gone, then
    /// what came back of all that it had sent to his device by then.
    message: u32,
    is_known: bool,
}

impl<'a> Crowd<'a> {
    fn new(soak: Soak, domain: &Domain, host: &'a CountingHost) -> Self {
        Self {
            soak,
            host,
            users: domain.name.clone(),
            service: domain.component(),
            random: StdRng::seed_from_u64(soak.seed),
            devices: vec![0; soak.members],
            there: (0..soak.members).collect(),
            gone: Vec::new(),
            said: 0,
            moves: 0,
        }
    }

    fn account(&self, member: usize) -> String {
        format!("u{member}@{}", self.users)
    }

    fn device(&self, member: usize) -> String {
        format!("{}/d{}", self.account(member), self.devices[member])
    }

    /// Makes the group, with everybody in it and online, and sends a fifth of them away.
    async fn gather(&mut self) -> Result<()> {
        (0..self.soak.members).for_each(|member| self.host.add_account(&self.account(member)));
        let items: String =
            (1..self.soak.members).map(|member| format!("<item jid='{}'/>", self.account(member))).collect();
        let create = format!(
            "<iq type='set' id='create' from='{}' to='soak@{}'><query xmlns='{GC}#creategroup'><properties>\
             <property name='members'>{items}</property></properties></query></iq>",
            self.device(0),
            self.service
        );
        self.host.ask("create", &create).await?;
        (0..self.soak.members).for_each(|member| self.announce(member));
        for _ in 0..self.soak.members / 5 {
            self.one_goes();
        }
        self.moves = 0;
        Ok(())
    }

    /// Sends messages on time, and moves people in between.
    async fn talk(&mut self, component: &Component, tell: &mut impl FnMut(&Sample)) -> Result<Vec<Sample>> {
        let Soak { time, rate, .. } = self.soak;
        let start = Instant::now();
        let mut samples = Vec::new();
        loop {
            let due = Duration::from_secs_f64(f64::from(self.said) / f64::from(rate));
            if due >= time {
                break;
            }
            while due >= SAMPLE_EVERY * u32::try_from(samples.len() + 1)? {
                let resident_kib = component.usage()?.resident_kib;
                let sample = Sample { at: start.elapsed(), resident_kib, counts: self.host.counts() };
                tell(&sample);
                samples.push(sample);
            }
            sleep_until(start + due).await;
            self.one_says_something();
            if self.said.is_multiple_of((rate / MOVES_PER_SECOND).max(1)) {
                self.one_comes_back();
                if self.gone.len() < self.soak.members / 5 {
                    self.one_goes();
                }
            }
        }
        Ok(samples)
    }

    fn one_says_something(&mut self) {
        let sender = self.there[self.random.random_range(0..self.there.len())];
        let (from, service, number) = (self.device(sender), &self.service, self.said);
        let id = id(number);
        let message = format!(
            "<message type='groupchat' id='{id}' from='{from}' to='soak@{service}'><body>Message {number}: a hundred \
             bytes of text or so, as people write them to each other in chats.</body></message>"
        );
        self.host.say_to_all(&id, &message);
        self.said += 1;
    }

    fn announce(&self, member: usize) {
        let device = self.device(member);
        self.host.log_in(&device);
        self.host.say(&format!("<presence from='{device}' to='{}'/>", self.service));
    }

    /// Every other one without a word: the component learns it when a message comes back.
    fn one_goes(&mut self) {
        let place = self.random.random_range(0..self.there.len());
        let member = self.there.swap_remove(place);
        let device = self.device(member);
        self.host.log_out(&device);
        if self.random.random() {
            self.host.say(&format!("<presence type='unavailable' from='{device}' to='{}'/>", self.service));
        }
        self.gone.push(Gone { member, message: self.said, is_known: false });
        self.moves += 1;
    }

    /// Never one to whose old device something is still on its way: when that comes back he is there on another one, and
    /// finds it in the archive; here it would count as lost.
    fn one_comes_back(&mut self) {
        let mut settled = Vec::new();
        for (place, gone) in self.gone.iter_mut().enumerate() {
            if gone.message < self.said && self.host.is_complete(&id(gone.message)) {
                if gone.is_known {
                    settled.push(place);
                } else {
                    (gone.is_known, gone.message) = (true, self.said);
                }
            }
        }
        if settled.is_empty() {
            return;
        }
        let place = settled[self.random.random_range(0..settled.len())];
        let member = self.gone.remove(place).member;
        if self.random.random() {
            self.devices[member] += 1;
        }
        self.announce(member);
        self.there.push(member);
        self.moves += 1;
    }
}

/// The id of the message of this number.
fn id(number: u32) -> String {
    format!("m{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_is_within_ten_per_cent_of_the_middle() {
        let spread = |min, max| Spread { min, median: 1_000, max };
        assert!(spread(900, 1_100).is_flat(10));
        assert!(!spread(899, 1_100).is_flat(10) && !spread(900, 1_101).is_flat(10));
    }
}
