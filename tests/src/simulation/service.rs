//! The service of the simulation: it can be stopped for ever between any two of its steps.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use groupchat_link::Incoming;
use groupchat_link::queue::{QueueLimits, Receiver, queue};
use minidom::Element;
use tokio::sync::mpsc;
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
/// A service that does nothing for so long waits for something from outside: it has no timers of this size, and its
/// database is in memory.
const IDLE: Duration = Duration::from_micros(600);
/// The longest that anything can take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running service.
pub(super) struct Service {
    task: JoinHandle<Result<()>>,
    steps: Arc<Steps>,
    stop: CancellationToken,
    to_service: mpsc::Sender<Incoming>,
    /// What the host has sent and the service has not got yet.
    pub(super) from_host: mpsc::UnboundedReceiver<Element>,
    /// What the service said and nobody has taken.
    pub(super) queue: Receiver,
}

/// How often the service was polled, and when that ends.
#[derive(Debug)]
struct Steps {
    taken: AtomicU64,
    max: AtomicU64,
}

struct Stepwise<F> {
    inner: Pin<Box<F>>,
    steps: Arc<Steps>,
}

impl<F: Future> Future for Stepwise<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let steps = &self.steps;
        if steps.taken.load(Ordering::Relaxed) >= steps.max.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        steps.taken.fetch_add(1, Ordering::Relaxed);
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
        let steps = Arc::new(Steps { taken: AtomicU64::new(0), max: AtomicU64::new(u64::MAX) });
        let inner = Box::pin(app::run(config, clock, incoming, outgoing, stop.clone()));
        let task = tokio::spawn(Stepwise { inner, steps: steps.clone() });
        (Self { task, steps, stop, to_service, from_host, queue }, host_end)
    }

    /// It will be stopped for ever after so many more steps.
    pub(super) fn doom(&self, steps: u64) {
        self.steps.max.store(self.steps.taken.load(Ordering::Relaxed) + steps, Ordering::Relaxed);
    }

    /// It may go on for ever again.
    pub(super) fn spare(&self) {
        self.steps.max.store(u64::MAX, Ordering::Relaxed);
    }

    /// Has it taken its last step?
    pub(super) fn is_dead(&self) -> bool {
        self.steps.taken.load(Ordering::Relaxed) >= self.steps.max.load(Ordering::Relaxed)
    }

    /// Hands over some of what the host sent, as far as there is room; what it was.
    pub(super) fn take_in(&mut self, stanzas_max: usize) -> Vec<Element> {
        let mut taken = Vec::new();
        while taken.len() < stanzas_max
            && let Ok(room) = self.to_service.try_reserve()
            && let Ok(stanza) = self.from_host.try_recv()
        {
            room.send(Incoming::Stanza(stanza.clone()));
            taken.push(stanza);
        }
        taken
    }

    /// Lets it work until it waits for something from outside, or is dead.
    pub(super) async fn work(&self) -> Result<()> {
        let start = Instant::now();
        let (mut taken, mut since) = (self.steps.taken.load(Ordering::Relaxed), start);
        while !self.is_dead() {
            if self.task.is_finished() {
                bail!("the service ended by itself");
            }
            let now = self.steps.taken.load(Ordering::Relaxed);
            if now != taken {
                (taken, since) = (now, Instant::now());
            } else if since.elapsed() > IDLE && self.to_service.capacity() == self.to_service.max_capacity() {
                break;
            }
            if start.elapsed() > PATIENCE {
                bail!("the service has been busy for {PATIENCE:?}");
            }
            tokio::task::yield_now().await;
        }
        Ok(())
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
        self.task.await??;
        Ok(self.queue)
    }
}
