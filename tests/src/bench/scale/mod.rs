//! The service on a database that has grown for a year: how long it takes to start and to answer, and how much memory it
//! holds, when there are many groups of which few are in use.
//!
//! The component's binary, in front of a host that only counts, on SQLite or PostgreSQL. How the database is filled is in
//! `fill`, what is asked in `asks`. Not here: what is done with the figures.

mod asks;
mod fill;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use self::asks::Asking;
use self::fill::{Filled, LARGE, LOUD, fill};
use super::UNHURRIED;
use crate::counting_host::CountingHost;
use crate::real::{Component, Domain, Postgres, build_component};

/// The domain of the users, and the service's.
const USERS: &str = "scale.lit";
const SERVICE: &str = "groupchat.scale.lit";
/// How often it is started.
const STARTS: usize = 3;

/// Where everything is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// A file.
    Sqlite,
    /// A server of its own.
    Postgres,
}

impl Database {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// As whoever chooses names it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    /// As tables name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// How much there is.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Groups.
    pub groups: u64,
    /// Memberships, about.
    pub memberships: u64,
    /// Archived messages, about; a tenth of them in one group.
    pub messages: u64,
    /// Members of the largest group.
    pub large: u64,
    /// Groups of the user who is in most.
    pub busy: u64,
    /// Groups in which something is said.
    pub active: u64,
    /// How often each thing is asked.
    pub times: u64,
}

impl Plan {
    /// What a large installation has.
    pub const FULL: Self = Self {
        groups: 100_000,
        memberships: 1_000_000,
        messages: 10_000_000,
        large: 10_000,
        busy: 1_000,
        active: 1_000,
        times: 20,
    };
    /// To try it in seconds. Shares are as there, so that databases plan as there.
    pub const SHORT: Self = Self {
        groups: 10_000,
        memberships: 60_000,
        messages: 100_000,
        large: 1_000,
        busy: 100,
        active: 50,
        times: 4,
    };

    /// Messages that mention somebody.
    pub const fn mentions(&self) -> u64 {
        self.messages / fill::MESSAGES_PER_MENTION
    }
}

/// How long something took that was done several times.
#[derive(Debug, Clone)]
pub struct Timing {
    /// What.
    pub what: String,
    /// Half of the times it took no longer.
    pub median: Duration,
    /// It never took longer.
    pub longest: Duration,
}

impl Timing {
    fn of(what: impl Into<String>, mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |place: usize| times.get(place).copied().unwrap_or_default();
        Self { what: what.into(), median: at(times.len() / 2), longest: at(times.len().saturating_sub(1)) }
    }
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Figures {
    /// How long it took to fill the database.
    pub filling: Duration,
    /// Rows that there were: memberships and messages.
    pub rows: [u64; 2],
    /// Resident memory when it has started and nothing was asked yet.
    pub at_start_kib: u64,
    /// When something was said in the active groups.
    pub active_kib: u64,
    /// When everything else was asked, too.
    pub at_end_kib: u64,
    /// Everything that was timed, in the order in which it was.
    pub timings: Vec<Timing>,
}

/// A database of its own, gone on drop.
struct Place {
    url: String,
    _server: Option<Postgres>,
    _folder: Option<TempDir>,
}

impl Place {
    fn new(database: Database) -> Result<Self> {
        Ok(match database {
            Database::Sqlite => {
                let folder = tempfile::Builder::new().prefix("groupchat-scale-").tempdir()?;
                let url = format!("sqlite://{}", folder.path().join("groupchat.db").display());
                Self { url, _server: None, _folder: Some(folder) }
            }
            Database::Postgres => {
                let server = tokio::task::block_in_place(Postgres::start)?;
                Self { url: server.url(), _server: Some(server), _folder: None }
            }
        })
    }
}

/// Fills a database of its own and measures. `tell` hears how far it is. Needs a runtime of several threads.
pub async fn run(database: Database, plan: &Plan, tell: impl FnMut(&str)) -> Result<Figures> {
    let place = Place::new(database)?;
    run_on(&place.url, plan, tell).await
}

/// The same in an empty database that is there.
pub async fn run_on(url: &str, plan: &Plan, mut tell: impl FnMut(&str)) -> Result<Figures> {
    build_component()?;
    tell(&format!("filling the database with {} messages in {} groups", plan.messages, plan.groups));
    let since = Instant::now();
    let filled = fill(url, plan).await.context("the database could not be filled")?;
    let filling = since.elapsed();
    tell(&format!("filled in {:.0} s", filling.as_secs_f64()));
    let mut stage = Stage::open(url, filled, plan).await?;
    let start = stage.start_again().await?;
    let at_start_kib = stage.component.usage()?.resident_kib;
    tell("started");
    let cold = stage.wake_groups().await?;
    let active_kib = stage.component.usage()?.resident_kib;
    tell("groups woken");
    let mut timings = vec![start, cold];
    timings.extend(Asking::new(&stage, &mut tell).everything().await?);
    timings.extend(stage.post_to_large().await?);
    stage.close(&filling, at_start_kib, active_kib, timings)
}

/// A running service, and a host that knows all users.
struct Stage<'a> {
    plan: &'a Plan,
    filled: Filled,
    host: CountingHost,
    component: Component,
}

impl<'a> Stage<'a> {
    async fn open(url: &str, filled: Filled, plan: &'a Plan) -> Result<Self> {
        let domain = Domain { name: USERS.into(), component_secret: "s3cret".into() };
        ensure!(domain.component() == SERVICE, "the service is called otherwise");
        let host = CountingHost::start(SERVICE).await?;
        (0..filled.users).for_each(|user| host.add_account(&format!("u{user}@{USERS}")));
        host.add_account(&format!("{}@{USERS}", fill::BUSY));
        filled.online().for_each(|device| host.log_in(&device));
        let settings: Vec<_> = UNHURRIED.iter().map(|limit| format!("{limit} = 1000000")).collect();
        let component = Component::start_between(&domain, host.address(), Some(url), &settings)?;
        let stage = Self { plan, filled, host, component };
        stage.is_served(0).await?;
        Ok(stage)
    }

    /// Waits until the engine answers.
    async fn is_served(&self, number: usize) -> Result<()> {
        self.host.linked().await.with_context(|| self.component.log_tail())?;
        self.answered(&format!("served{number}")).await
    }

    /// A ping is answered once everything before it is stored and said.
    async fn answered(&self, id: &str) -> Result<()> {
        let from = format!("{}@{USERS}/pda", fill::BUSY);
        let ping = format!(
            "<iq type='get' id='{id}' from='{from}' to='{SERVICE}'><ping xmlns='urn:xmpp:ping'/></iq>"
        );
        self.host.ask(id, &ping).await.map(drop).with_context(|| self.component.log_tail())
    }

    /// From the start of the process until the domain is served.
    async fn start_again(&mut self) -> Result<Timing> {
        let mut times = Vec::new();
        for number in 1..=STARTS {
            self.component.stop()?;
            self.host.unlinked().await?;
            let since = Instant::now();
            self.component.restart()?;
            self.is_served(number).await?;
            times.push(since.elapsed());
        }
        Ok(Timing::of("start, until a ping to the domain is answered", times))
    }

    /// Says something in groups all over the database, which nobody has asked for before.
    async fn wake_groups(&mut self) -> Result<Timing> {
        let step = (self.plan.groups - LOUD - 1) / self.plan.active;
        let groups = (0..self.plan.active).map(|place| LOUD + 1 + place * step);
        let mut times = Vec::new();
        for group in groups {
            times.push(self.post(group, &format!("cold{group}")).await?);
        }
        Ok(Timing::of("first message to a group that is not in memory, until all copies are there", times))
    }

    /// From sending a message until its last copy is there.
    async fn post(&self, group: u64, id: &str) -> Result<Duration> {
        let sender = format!("{}@{USERS}/pda", self.filled.user(group, 0));
        self.host.log_in(&sender);
        let busy = u64::from((LOUD..LOUD + self.plan.busy).contains(&group));
        let before = self.host.counts();
        let wanted = before.delivered + before.kept + self.filled.groups[group as usize].members + busy;
        let since = Instant::now();
        self.host.say(&format!(
            "<message type='groupchat' id='{id}' from='{sender}' to='g{group}@{SERVICE}'><body>Hello?</body></message>"
        ));
        let there = self.host.counted(|counts| counts.delivered + counts.kept >= wanted).await;
        there.with_context(|| format!("{:?}\n{}", self.host.counts(), self.component.log_tail()))?;
        Ok(since.elapsed())
    }

    async fn post_to_large(&mut self) -> Result<Vec<Timing>> {
        let first = self.post(LARGE, "large").await?;
        let mut times = Vec::new();
        for number in 0..5 {
            times.push(self.post(LARGE, &format!("large{number}")).await?);
        }
        let to =
            format!("a message into the group of {} members, until all copies are there", self.plan.large);
        Ok(vec![Timing::of(format!("first {}", &to[2..]), vec![first]), Timing::of(to, times)])
    }

    fn close(
        mut self,
        filling: &Duration,
        at_start_kib: u64,
        active_kib: u64,
        timings: Vec<Timing>,
    ) -> Result<Figures> {
        let at_end_kib = self.component.usage()?.resident_kib;
        let counts = self.host.counts();
        ensure!(counts.refused == 0 && counts.bounced == 0, "{counts:?}\n{}", self.component.log_tail());
        self.component.stop()?;
        let messages = self.filled.groups.iter().map(|group| group.messages).sum();
        let rows = [self.filled.memberships(self.plan), messages];
        Ok(Figures { filling: *filling, rows, at_start_kib, active_kib, at_end_kib, timings })
    }
}
