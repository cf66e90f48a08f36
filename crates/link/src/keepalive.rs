//! Is the server still there? Notes every arriving byte, and has an echo written after a silence.
//!
//! A host that lost its power says nothing, and Prosody's own whitespace comes once in 14 minutes; so we ask.
//! Not here: what an echo is (`echo`), and writing it (the writer does).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

use crate::pace::Pace;
use crate::{LinkConfig, LinkError, LinkStatus};

/// When the server was last heard; shared by the reading half and the watch.
#[derive(Clone)]
pub(crate) struct Pulse(Arc<PulseState>);

struct PulseState {
    began: Instant,
    /// Nanoseconds from `began` to the last arriving byte.
    heard_ns: AtomicU64,
    /// The reading half waits for its own consumer: silence is then ours, not the server's.
    paused: AtomicBool,
}

impl Pulse {
    pub(crate) fn start() -> Self {
        let state =
            PulseState { began: Instant::now(), heard_ns: AtomicU64::new(0), paused: AtomicBool::new(false) };
        Self(Arc::new(state))
    }

    fn beat(&self) {
        let ns = u64::try_from(self.0.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.heard_ns.store(ns, Ordering::Relaxed);
    }

    /// While paused there is no silence; the end of a pause counts as a sign of life.
    pub(crate) fn pause(&self, paused: bool) {
        self.0.paused.store(paused, Ordering::Relaxed);
        if !paused {
            self.beat();
        }
    }

    /// How long the server has said nothing although we listened.
    pub(crate) fn silence(&self) -> Duration {
        if self.0.paused.load(Ordering::Relaxed) {
            return Duration::ZERO;
        }
        let heard = Duration::from_nanos(self.0.heard_ns.load(Ordering::Relaxed));
        self.0.began.elapsed().saturating_sub(heard)
    }
}

/// Passes reads through, tells the pulse, and lets the server know at once that it was heard. Below the buffer and the
/// parser, so that whitespace between stanzas and the pieces of a slow large stanza count as life.
pub(crate) struct Heard {
    inner: OwnedReadHalf,
    pulse: Pulse,
    status: Arc<LinkStatus>,
    pace: Pace,
}

impl Heard {
    pub(crate) fn new(inner: OwnedReadHalf, pulse: Pulse, status: Arc<LinkStatus>) -> Self {
        Self { inner, pulse, status, pace: Pace::start() }
    }

    /// Prosody leaves Nagle's algorithm on: it holds a small stanza back until the one before is acknowledged, which
    /// systems put off for 40 ms. Linux forgets the wish now and then, so it is told again with each read.
    fn acknowledge_at_once(&self) {
        #[cfg(target_os = "linux")]
        // Without it everything works, later.
        let _ = self.inner.as_ref().set_quickack(true);
    }
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        ready!(self.pace.poll_due(cx));
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        let arrived = buf.filled().len() - before;
        if arrived > 0 {
            self.status.received(arrived);
            self.pulse.beat();
            self.pace.read(arrived);
            self.acknowledge_at_once();
        }
        Poll::Ready(Ok(()))
    }
}

/// An echo is to be written now; told when the socket has taken it.
pub(crate) type Due = oneshot::Sender<()>;

/// Has an echo written after each `ping_every` of silence; ends when that brought no sign of life.
pub(crate) async fn watch(pulse: &Pulse, config: &LinkConfig, writer: mpsc::Sender<Due>) -> LinkError {
    loop {
        let left = config.ping_every.saturating_sub(pulse.silence());
        if !left.is_zero() {
            sleep(left).await;
            continue;
        }
        let (written, was_written) = oneshot::channel();
        // A writer that is gone or fails ends the link by itself, with a better reason.
        if writer.send(written).await.is_err() || was_written.await.is_err() {
            std::future::pending::<()>().await;
        }
        let asked = Instant::now();
        sleep(config.ping_timeout).await;
        if pulse.silence() >= asked.elapsed() {
            return LinkError::Silent { ping_timeout: config.ping_timeout };
        }
    }
}
