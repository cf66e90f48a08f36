//! How fast messages reach the members of a group, side by side on one real host: through the host's own rooms, over a
//! bare component link, and through the service with a stanza for each member and with one for many.
//!
//! Each is driven as fast as it goes, with some messages on their way at any time, and then at half the rate of the host's
//! own rooms. A delivery is one copy at one client. Everything runs on one machine: clients, host, service, database.
//! And how fast it is by itself (`alone`), and on a large database (`scale`). Not here: parts of the service
//! (`benches/micro.rs`), and what is done with the figures.

mod alone;
mod contender;
mod crowd;
pub mod scale;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

pub use alone::{Alone, alone};
pub use contender::Contender;
use contender::Group;
use crowd::{Crowd, PASSWORD, user};

use crate::real::{Account, Addresses, Domain, Ejabberd, Prosody, Site, Usage};
use crate::script::HostKind;

/// What nobody looks at: caches fill, batches find their size.
const WARM_UP: Duration = Duration::from_secs(1);
/// Copies that are on their way when it goes as fast as it can, about.
const COPIES_ON_THEIR_WAY: usize = 4_000;
/// Messages on their way then.
const MESSAGES_MIN: usize = 8;
const MESSAGES_MAX: usize = 64;

/// Limits that would keep people from talking as fast as they are asked to.
const UNHURRIED: [&str; 4] = [
    "limits.user_stanzas_per_second",
    "limits.user_stanzas_burst",
    "limits.group_messages_per_second",
    "limits.group_messages_burst",
];

/// What is measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// On which host.
    pub host: HostKind,
    /// Members of the group, all of them online.
    pub members: usize,
    /// How long each load lasts.
    pub time: Duration,
    /// Who passes messages on, in this order.
    pub contenders: Vec<Contender>,
}

/// What came of a load.
#[derive(Debug, Clone, Copy, Default)]
pub struct Load {
    /// Messages a second that were sent.
    pub messages: f64,
    /// Copies a second that arrived.
    pub deliveries: f64,
    /// Half of the copies took no longer, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 copies took no longer, in milliseconds.
    pub p99_ms: f64,
    /// Seconds of processor time that the host took for 100,000 copies.
    pub host_cpu: f64,
    /// The same of the service.
    pub service_cpu: Option<f64>,
}

/// What came of a contender.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Who.
    pub contender: Contender,
    /// As fast as it goes.
    pub full: Load,
    /// At half the rate of the first contender.
    pub half: Option<Load>,
    /// The service's memory at the end.
    pub resident_kib: Option<u64>,
}

/// A started host.
enum Host {
    Prosody(Prosody),
    Ejabberd(Ejabberd),
}

impl Host {
    fn start(kind: HostKind, site: &Site) -> Result<Self> {
        match kind {
            HostKind::Prosody => Prosody::serve(site).map(Self::Prosody),
            HostKind::Ejabberd => Ejabberd::serve(site).map(Self::Ejabberd),
            HostKind::InProcess => anyhow::bail!("only a real host can be measured"),
        }
    }

    fn addresses(&self) -> Addresses {
        match self {
            Self::Prosody(host) => host.addresses,
            Self::Ejabberd(host) => host.addresses,
        }
    }

    fn usage(&self) -> Result<Usage> {
        match self {
            Self::Prosody(host) => host.usage(),
            Self::Ejabberd(host) => host.usage(),
        }
    }
}

/// Measures; `tell` hears of each contender when it is done.
pub async fn run(plan: &Plan, mut tell: impl FnMut(&Figures)) -> Result<Vec<Figures>> {
    let domain = Domain { name: "bench.lit".into(), component_secret: "s3cret".into() };
    let account =
        |member| Account { domain: domain.name.clone(), user: user(member), password: PASSWORD.to_owned() };
    let site = Site {
        domains: vec![domain.clone()],
        multicast: true,
        rooms: true,
        accounts: (0..plan.members).map(account).collect(),
        ..Site::default()
    };
    let host = Host::start(plan.host, &site)?;
    let mut all: Vec<Figures> = Vec::new();
    for contender in plan.contenders.iter().filter(|contender| contender.is_on(plan.host)) {
        // Each has clients of its own: what one leaves behind does not burden the next.
        let mut crowd = Crowd::gather(host.addresses().clients, &domain.name, plan.members).await?;
        let group = Group::make(*contender, &domain, host.addresses(), &mut crowd).await?;
        let mut stage = Stage { host: &host, group, crowd, time: plan.time };
        let full = stage.as_fast_as_it_goes().await?;
        let half_rate = all.first().map_or(full.messages, |first| first.full.messages) / 2.0;
        let half = match contender {
            Contender::Link | Contender::Addressed => None,
            _ => Some(stage.at_rate(half_rate).await?),
        };
        let resident_kib = stage.group.usage()?.map(|usage| usage.resident_kib);
        let figures = Figures { contender: *contender, full, half, resident_kib };
        tell(&figures);
        all.push(figures);
    }
    Ok(all)
}

/// A contender at work.
struct Stage<'a> {
    host: &'a Host,
    group: Group,
    crowd: Crowd,
    time: Duration,
}

/// How it stood at one moment.
struct Moment {
    at: Instant,
    copies: u64,
    host: Usage,
    service: Option<Usage>,
}

impl Stage<'_> {
    fn now(&self) -> Result<Moment> {
        let (host, service) = (self.host.usage()?, self.group.usage()?);
        Ok(Moment { at: Instant::now(), copies: self.crowd.copies(), host, service })
    }

    /// Whoever hears himself has the next one speak.
    async fn as_fast_as_it_goes(&mut self) -> Result<Load> {
        let messages = (COPIES_ON_THEIR_WAY / self.crowd.len()).clamp(MESSAGES_MIN, MESSAGES_MAX);
        self.crowd.make_room(messages);
        let start = Instant::now();
        let (mut since, mut sent, mut member) = (None, 0, 0);
        let before = loop {
            self.crowd.wait_for_room().await;
            member = (member + 1) % self.crowd.len();
            self.group.post(member, &mut self.crowd).await?;
            sent += 1;
            match &since {
                None if start.elapsed() > WARM_UP => {
                    self.crowd.take_delays();
                    sent = 0;
                    since = Some(self.now()?);
                }
                Some(Moment { at, .. }) if at.elapsed() > self.time => break since,
                _ => {}
            }
        };
        self.load(before, sent).await
    }

    /// So many messages a second, whatever comes of them.
    async fn at_rate(&mut self, messages: f64) -> Result<Load> {
        self.crowd.take_delays();
        let before = self.now()?;
        let mut sent = 0;
        while before.at.elapsed() < self.time {
            let due = before.at + Duration::from_secs_f64(f64::from(sent) / messages);
            tokio::time::sleep_until(due.into()).await;
            let member = sent as usize % self.crowd.len();
            self.group.post(member, &mut self.crowd).await?;
            sent += 1;
        }
        self.load(Some(before), sent).await
    }

    /// What came of it until now; then everything comes to rest.
    async fn load(&mut self, before: Option<Moment>, sent: u32) -> Result<Load> {
        let after = self.now()?;
        let delays = self.crowd.take_delays();
        self.crowd.rest().await;
        self.crowd.take_delays();
        ensure!(self.crowd.errors() == 0, "{} messages came back as errors", self.crowd.errors());
        let Some(before) = before else { return Ok(Load::default()) };
        let seconds = (after.at - before.at).as_secs_f64();
        let copies = (after.copies - before.copies) as f64;
        let of_100_000 =
            |before: Usage, after: Usage| (after.cpu_seconds - before.cpu_seconds) * 100_000.0 / copies;
        let quantile = |of_100: usize| {
            delays.get(delays.len() * of_100 / 100).map_or(0.0, |micros| f64::from(*micros) / 1_000.0)
        };
        Ok(Load {
            messages: f64::from(sent) / seconds,
            deliveries: copies / seconds,
            p50_ms: quantile(50),
            p99_ms: quantile(99),
            host_cpu: of_100_000(before.host, after.host),
            service_cpu: before.service.zip(after.service).map(|(before, after)| of_100_000(before, after)),
        })
    }
}
