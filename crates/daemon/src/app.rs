//! The running service: router, engine and queries between a link and a store.
//!
//! Not here: the link itself, so that tests can stand in for it; signals and the command line.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use groupchat_core::BareJid;
use groupchat_link::Incoming;
use groupchat_link::queue::Sender;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::admin::Admin;
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::{Engine, Order, Policy};
use crate::opening::{Opened, open};
use crate::queries::{Queries, READING_MAX};
use crate::rates::Rates;
use crate::reload::Newest;
use crate::retention;
use crate::router::Router;
use crate::watch::Watch;

/// Orders that may wait for the engine; beyond it the router waits, and the link with it.
const ORDERS_MAX: usize = 1_024;

/// The service, before it runs.
#[derive(Debug)]
pub struct Service {
    admin: Admin,
}

impl Service {
    /// One of this configuration.
    pub fn new(config: Config, clock: Clock) -> Self {
        let (newest, watch) = (Newest::new(config), Watch::default());
        Self { admin: Admin { watch, newest, file: None, clock, stop: CancellationToken::new() } }
    }

    /// The same, that can read this file again when it is asked to.
    pub(crate) fn configured_by(mut self, file: &Path) -> Self {
        self.admin.file = Some(file.to_owned());
        self
    }

    /// What administrators can ask of it.
    pub(crate) fn admin(&self) -> Admin {
        self.admin.clone()
    }

    /// Where a new configuration is put while it runs.
    pub fn newest(&self) -> Newest {
        self.admin.newest.clone()
    }

    /// What can be looked at while it runs.
    pub fn watch(&self) -> Watch {
        self.admin.watch.clone()
    }

    /// Serves until `stop` is asked or the link ends: what was taken in by then is finished first.
    /// Questions about the service itself are answered from the first moment, while the database is being opened.
    ///
    /// # Errors
    /// The database can never be opened: its URL is wrong, its folder missing, its schema newer than this program.
    pub async fn run(
        self,
        mut incoming: mpsc::Receiver<Incoming>,
        outgoing: Sender,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let Admin { newest, clock, watch, .. } = self.admin.clone();
        let config = newest.get();
        watch.metrics.watch(outgoing.clone(), watch.store());
        let domain = BareJid::parse(&config.component.domain).context("component.domain is no domain")?;
        let limits = config.limits.for_rules();
        let policy = Policy::of(&config, &domain).map_err(anyhow::Error::msg)?;
        let group_rates = Rates::of_groups(&config.limits);
        let queries = Queries {
            domain,
            info: config.service_info(),
            limits,
            rooms: config.muc.mode,
            clock: clock.clone(),
            started: Instant::now(),
            store: watch.store(),
            reading: Arc::new(Semaphore::new(READING_MAX)),
        };
        let (orders, mut taken) = mpsc::channel::<Order>(ORDERS_MAX);
        // Set once, here.
        let _ = watch.orders.set(orders.downgrade());
        let router = Router::new(Arc::new(queries), self.admin, orders, outgoing.clone());
        let engine = async {
            let ready = open(&config.database.url, &policy, &clock, &mut taken, &outgoing).await;
            let Some(Opened { store, stored, kept }) = ready.context("opening the database")? else {
                return Ok(());
            };
            // Set once, here.
            let _ = watch.store.set(store.clone());
            let retention =
                AbortOnDropHandle::new(tokio::spawn(retention::run(store.clone(), clock.clone())));
            let engine = Engine::new(policy, group_rates, clock, (store.clone(), stored), outgoing, &watch);
            // Boxed: as a part of this future it would be nested deeper than the compiler likes.
            Box::pin(engine.run(kept, &mut taken)).await;
            drop(retention);
            store.close().await.context("closing the database")
        };
        // The engine ends when the router has dropped its orders; a store that cannot be opened ends both.
        let router = async {
            router.run(&mut incoming, stop).await;
            anyhow::Ok(())
        };
        tokio::try_join!(engine, router)?;
        // Only now: the link closes when nobody reads from it, and the engine had still to speak.
        drop(incoming);
        Ok(())
    }
}
