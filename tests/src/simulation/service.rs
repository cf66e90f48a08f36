//! The service of the simulation. It works until it waits for something from outside, and what it says stays in its queue
//! until the world takes it. So it can be killed after it has stored and before anybody has heard of it; that it is killed
//! in the midst of a transaction is, for the database and for everybody else, the same as before it.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use groupchat_link::Incoming;
use groupchat_link::queue::{QueueLimits, Receiver, queue};
use groupchat_store::Store;
use minidom::Element;
use tokio::sync::{SetOnce, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use xmpp_groupchat::app;
use xmpp_groupchat::clock::Clock;
use xmpp_groupchat::config::Config;

use crate::script::SERVICE;

/// Stanzas that wait for the service's router.
const QUEUE_MAX: usize = 32;
/// Copies on their way, so few that a window is often full.
const WINDOW: usize = 16;
/// Times that nothing may move until everything is taken to wait for something from outside.
const QUIET_ROUNDS: usize = 8;
/// Of virtual time, again and again while the service takes its time to stop.
const STOPPING: Duration = Duration::from_millis(100);
/// The longest that anything can take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running service.
pub(super) struct Service {
    task: JoinHandle<Result<()>>,
    polls: Arc<AtomicU64>,
    stop: CancellationToken,
    store: Arc<SetOnce<Store>>,
    to_service: mpsc::Sender<Incoming>,
    /// It has not heard that it has a new link.
    has_new_link: bool,
    /// What the host has sent and the service has not got yet.
    pub(super) from_host: mpsc::UnboundedReceiver<Element>,
    /// What the service said and nobody has taken.
    pub(super) queue: Receiver,
}

/// Counts the steps of a future.
struct Counted<F> {
    inner: Pin<Box<F>>,
    polls: Arc<AtomicU64>,
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        self.inner.as_mut().poll(cx)
    }
}

impl Service {
    /// Starts it on the database in this file; the host's end of its link comes back.
    pub(super) fn start(database: &Path, clock: Clock) -> (Self, mpsc::UnboundedSender<Element>) {
        let mut config = Config::for_testing(SERVICE, &format!("sqlite://{}", database.display()));
        config.limits.user_stanzas_burst = 1_000_000;
        config.limits.group_messages_burst = 1_000_000;
        let (to_service, incoming) = mpsc::channel(QUEUE_MAX);
        let (outgoing, queue) = queue(QueueLimits { window: WINDOW, ..QueueLimits::default() });
        let (host_end, from_host) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let polls = Arc::new(AtomicU64::new(0));
        let service = app::Service::new(config, clock);
        let store = service.watch().store();
        let inner = Box::pin(service.run(incoming, outgoing, stop.clone()));
        let task = tokio::spawn(Counted { inner, polls: polls.clone() });
        (Self { task, polls, stop, store, to_service, has_new_link: true, from_host, queue }, host_end)
    }

    /// The link is there again, after it was lost; the host's new end of it comes back.
    pub(super) fn link_up(&mut self) -> mpsc::UnboundedSender<Element> {
        let (host_end, from_host) = mpsc::unbounded_channel();
        (self.from_host, self.has_new_link) = (from_host, true);
        self.queue.lost();
        host_end
    }

    /// Hands over some of what the host sent, as far as there is room; what it was.
    pub(super) fn take_in(&mut self, stanzas_max: usize) -> Vec<Element> {
        let mut taken = Vec::new();
        if self.has_new_link && stanzas_max > 0 {
            self.has_new_link = self.to_service.try_send(Incoming::Up).is_err();
        }
        while !self.has_new_link
            && taken.len() < stanzas_max
            && let Ok(room) = self.to_service.try_reserve()
            && let Ok(stanza) = self.from_host.try_recv()
        {
            room.send(Incoming::Stanza(stanza.clone()));
            taken.push(stanza);
        }
        taken
    }

    /// Lets it work until it waits for something from outside.
    pub(super) async fn work(&self) -> Result<()> {
        let start = Instant::now();
        let (mut polls, mut quiet) = (self.polls.load(Ordering::Relaxed), 0);
        while quiet < QUIET_ROUNDS {
            if self.task.is_finished() {
                bail!("the service ended by itself");
            }
            // The database has a thread of its own, which needs a processor.
            std::thread::yield_now();
            tokio::task::yield_now().await;
            let now = self.polls.load(Ordering::Relaxed);
            let is_quiet = now == polls && self.waits_for_nothing_inside();
            (polls, quiet) = (now, if is_quiet { quiet + 1 } else { 0 });
            if start.elapsed() > PATIENCE {
                bail!("the service has been busy for {PATIENCE:?}");
            }
        }
        Ok(())
    }

    /// Nothing is under way in it: no statement, and no stanza between its tasks.
    fn waits_for_nothing_inside(&self) -> bool {
        self.store.get().is_some_and(|store| store.connections_in_use() == 0)
            && self.to_service.capacity() == self.to_service.max_capacity()
    }

    /// Ends it without a word.
    pub(super) async fn kill(self) {
        self.task.abort();
        // It was told to end; how it did is of no interest.
        let _ = self.task.await;
    }

    /// Asks it to end; what it still says stays in the queue, which is given back.
    pub(super) async fn stop(self) -> Result<Receiver> {
        self.stop.cancel();
        while !self.task.is_finished() {
            // Its patience with the host is of virtual time.
            tokio::time::advance(STOPPING).await;
            while !self.task.is_finished()
                && self.store.get().is_some_and(|store| store.connections_in_use() > 0)
            {
                tokio::task::yield_now().await;
            }
        }
        self.task.await??;
        Ok(self.queue)
    }
}
