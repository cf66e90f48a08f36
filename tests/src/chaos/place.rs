//! Where a run takes place: a host, the service, its database, and the link between the first two; and everything that
//! can be done to them. Knows nothing of clients.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use sea_orm::{
    ConnectOptions, Database as Connected, DatabaseTransaction, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use tokio::task::block_in_place;
use tokio::time::sleep;

use super::trouble::Blow;
use super::{DatabaseKind, HostKind, Settings, cast};
use crate::real::{Addresses, Component, Domain, Ejabberd, Postgres, Prosody, Proxy, Site, Stop};

/// A service that finds no database when it starts tries for a while, and then ends with a reason. For this long after
/// the database was away that is no fault.
const EXCUSED: Duration = Duration::from_secs(30);
/// How often somebody looks whether the service still runs.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long another's lock on a SQLite file is waited for.
const LOCK_TIME_MAX: Duration = Duration::from_secs(30);

/// Nobody is told to wait: everything is to reach the service.
const UNHURRIED: [&str; 4] =
    ["user_stanzas_per_second", "user_stanzas_burst", "group_messages_per_second", "group_messages_burst"];

enum Host {
    Prosody(Prosody),
    Ejabberd(Ejabberd),
}

enum Database {
    /// Whoever holds the transaction has locked the file.
    Sqlite(Option<DatabaseTransaction>),
    Postgres(Postgres),
}

/// All of it; ends on drop.
pub(super) struct Place {
    // In the order in which they end.
    component: Component,
    proxy: Proxy,
    host: Host,
    database: Database,
    addresses: Addresses,
    is_database_away: bool,
    /// Until when it is no fault if the service ends.
    excused: Option<Instant>,
    start: Instant,
    /// What was done, and when.
    pub(super) story: Vec<String>,
}

impl Place {
    /// Starts everything. The service may not be connected yet on return.
    pub(super) async fn start(domain: &Domain, host: HostKind, settings: &Settings) -> Result<Self> {
        let database = match settings.database {
            DatabaseKind::Sqlite => Database::Sqlite(None),
            DatabaseKind::Postgres => Database::Postgres(block_in_place(Postgres::start)?),
        };
        let domains = std::slice::from_ref(domain);
        let site = Site { multicast: true, ..Site::of(domains, &cast::accounts(domain)) };
        let (host, addresses) = match host {
            HostKind::Prosody => {
                let prosody = block_in_place(|| Prosody::serve(&site))?;
                let addresses = prosody.addresses;
                (Host::Prosody(prosody), addresses)
            }
            HostKind::Ejabberd => {
                let ejabberd = block_in_place(|| Ejabberd::serve(&site))?;
                let addresses = ejabberd.addresses;
                (Host::Ejabberd(ejabberd), addresses)
            }
        };
        let proxy = Proxy::start(addresses.components).await?;
        let url = match &database {
            Database::Sqlite(_) => None,
            Database::Postgres(postgres) => Some(postgres.url()),
        };
        let mut lines: Vec<_> = UNHURRIED.iter().map(|limit| format!("limits.{limit} = 1000000")).collect();
        lines.push(format!("delivery.multicast = \"{}\"", settings.multicast.name()));
        let component =
            block_in_place(|| Component::start_between(domain, proxy.address(), url.as_deref(), &lines))?;
        Ok(Self {
            component,
            proxy,
            host,
            database,
            addresses,
            is_database_away: false,
            excused: None,
            start: Instant::now(),
            story: Vec::new(),
        })
    }

    /// Where clients log in.
    pub(super) fn clients(&self) -> SocketAddr {
        self.addresses.clients
    }

    /// When everything had been started: time is counted from here.
    pub(super) fn start_time(&self) -> Instant {
        self.start
    }

    /// The end of the service's log.
    pub(super) fn log_tail(&self) -> String {
        self.component.log_tail()
    }

    /// Does one thing to it; returns when it is done.
    pub(super) async fn suffer(&mut self, blow: Blow) -> Result<()> {
        self.tell(format!("{blow:?}"));
        match blow {
            Blow::Kill => block_in_place(|| self.component.kill()),
            Blow::Revive => self.component.restart()?,
            Blow::StopHost(by_force) => block_in_place(|| self.host.stop(by_force))?,
            Blow::StartHost => block_in_place(|| self.host.restart())?,
            Blow::Cut => self.proxy.cut(),
            Blow::Freeze => self.proxy.freeze(),
            Blow::Thaw => self.proxy.thaw(),
            Blow::StopDatabase(by_force) => self.stop_database(by_force).await?,
            Blow::StartDatabase => self.start_database().await?,
        }
        Ok(())
    }

    /// Lets time pass, and sees to it that the service runs.
    pub(super) async fn rest(&mut self, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            sleep(LOOK_EVERY.min(until - Instant::now())).await;
            self.look()?;
        }
        Ok(())
    }

    /// Starts the service again, as a service manager would, if it ended because there was no database.
    fn look(&mut self) -> Result<()> {
        let Err(ended) = self.component.is_running() else { return Ok(()) };
        let is_excused = self.excused.is_some_and(|until| Instant::now() < until);
        ensure!(self.is_database_away || is_excused, "without reason: {ended:#}");
        self.tell("the service ended for want of a database, and is started again".to_owned());
        self.component.kill();
        self.component.restart()
    }

    async fn stop_database(&mut self, by_force: bool) -> Result<()> {
        self.is_database_away = true;
        match &mut self.database {
            // Boxed: the database library's futures are too deep for the compiler otherwise.
            Database::Sqlite(lock) => *lock = Some(Box::pin(lock_file(self.component.database())).await?),
            Database::Postgres(postgres) => {
                let how = if by_force { Stop::Immediate } else { Stop::Fast };
                block_in_place(|| postgres.stop(how))?;
            }
        }
        self.tell("the database is away".to_owned());
        Ok(())
    }

    async fn start_database(&mut self) -> Result<()> {
        match &mut self.database {
            Database::Sqlite(lock) => {
                let lock = lock.take().context("the database is not locked")?;
                lock.rollback().await.context("unlocking the database")?;
            }
            Database::Postgres(postgres) => block_in_place(|| postgres.restart())?,
        }
        self.is_database_away = false;
        self.excused = Some(Instant::now() + EXCUSED);
        self.tell("the database is back".to_owned());
        Ok(())
    }

    fn tell(&mut self, what: String) {
        self.story.push(format!("{:8.3} s  {what}", self.start.elapsed().as_secs_f64()));
    }
}

impl Host {
    fn stop(&mut self, by_force: bool) -> Result<()> {
        match (self, by_force) {
            (Self::Prosody(host), true) => host.kill(),
            (Self::Ejabberd(host), true) => host.kill(),
            (Self::Prosody(host), false) => host.stop()?,
            (Self::Ejabberd(host), false) => host.stop()?,
        }
        Ok(())
    }

    fn restart(&mut self) -> Result<()> {
        match self {
            Self::Prosody(host) => host.restart(),
            Self::Ejabberd(host) => host.restart(),
        }
    }
}

/// `BEGIN EXCLUSIVE`: nobody else writes to the file any more.
async fn lock_file(url: &str) -> Result<DatabaseTransaction> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).map_sqlx_sqlite_opts(|sqlite| sqlite.busy_timeout(LOCK_TIME_MAX));
    let connection = Connected::connect(options).await.context("opening the service's database")?;
    let exclusively = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Exclusive),
        ..TransactionOptions::default()
    };
    connection.begin_with_options(exclusively).await.context("locking the service's database")
}
