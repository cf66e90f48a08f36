//! Is the server still there? Notes every arriving byte and pings (XEP-0199) after a silence.
//!
//! A host that lost its power says nothing, and Prosody's own whitespace comes once in 14 minutes; so we ask.
//! Not here: writing the ping (the writer does) and hiding its answer (the reading half asks [`Pings::is_answer`]).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use minidom::Element;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

use crate::splice::escape;
use crate::{COMPONENT_NS, LinkConfig, LinkError};

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
    fn silence(&self) -> Duration {
        if self.0.paused.load(Ordering::Relaxed) {
            return Duration::ZERO;
        }
        let heard = Duration::from_nanos(self.0.heard_ns.load(Ordering::Relaxed));
        self.0.began.elapsed().saturating_sub(heard)
    }
}

/// Passes reads through and tells the pulse. Below the buffer and the parser, so that whitespace between stanzas
/// and the pieces of a slow large stanza count as life.
pub(crate) struct Heard<R> {
    inner: R,
    pulse: Pulse,
}

impl<R> Heard<R> {
    pub(crate) fn new(inner: R, pulse: Pulse) -> Self {
        Self { inner, pulse }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Heard<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.pulse.beat();
        }
        Poll::Ready(Ok(()))
    }
}

/// A ping to be written now; `written` is told when the socket has taken it.
pub(crate) struct Ping {
    pub(crate) xml: String,
    pub(crate) written: oneshot::Sender<()>,
}

/// The pings of one connection: their text and how to know their answers.
pub(crate) struct Pings {
    id_prefix: String,
    from: String,
    to: String,
}

impl Pings {
    /// `nonce` makes the ids of this connection unguessable, so that no user can answer in the server's stead, and
    /// different from those of other connections of the domain.
    pub(crate) fn new(domain: &str, nonce: u64) -> Self {
        Self {
            id_prefix: format!("ping-{nonce:016x}-"),
            from: escape(domain).into_owned(),
            to: escape(server_domain(domain)).into_owned(),
        }
    }

    fn xml(&self, number: u64) -> String {
        let Self { id_prefix, from, to } = self;
        format!(
            "<iq type='get' id='{id_prefix}{number}' from='{from}' to='{to}'><ping xmlns='urn:xmpp:ping'/></iq>"
        )
    }

    /// Whether `stanza` answers one of these pings, an error counts as well.
    pub(crate) fn is_answer(&self, stanza: &Element) -> bool {
        stanza.is("iq", COMPONENT_NS)
            && matches!(stanza.attr("type"), Some("result" | "error"))
            && stanza.attr("id").is_some_and(|id| id.starts_with(&self.id_prefix))
    }
}

/// The server's own domain is not configured; it is nearly always the parent of the component's. A server that does
/// not serve the parent still answers, with an error.
fn server_domain(domain: &str) -> &str {
    match domain.split_once('.') {
        Some((_, parent)) if !parent.is_empty() => parent,
        _ => domain,
    }
}

/// Pings after each `ping_every` of silence; ends when a ping brought no sign of life.
pub(crate) async fn watch(
    pulse: &Pulse,
    config: &LinkConfig,
    pings: &Pings,
    writer: mpsc::Sender<Ping>,
) -> LinkError {
    let mut number = 0;
    loop {
        let left = config.ping_every.saturating_sub(pulse.silence());
        if !left.is_zero() {
            sleep(left).await;
            continue;
        }
        number += 1;
        let (written, was_written) = oneshot::channel();
        // A writer that is gone or fails ends the link by itself, with a better reason.
        if writer.send(Ping { xml: pings.xml(number), written }).await.is_err() || was_written.await.is_err()
        {
            std::future::pending::<()>().await;
        }
        let asked = Instant::now();
        sleep(config.ping_timeout).await;
        if pulse.silence() >= asked.elapsed() {
            return LinkError::Silent { ping_timeout: config.ping_timeout };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ping_goes_to_the_parent_domain() {
        assert_eq!(server_domain("groups.example.org"), "example.org");
        assert_eq!(server_domain("groups.localhost"), "localhost");
        assert_eq!(server_domain("groups"), "groups");
        assert_eq!(server_domain("groups."), "groups.");
    }

    #[test]
    fn only_own_answers_are_swallowed() {
        let pings = Pings::new("groups.localhost", 7);
        let answer = |xml: &str| pings.is_answer(&xml.parse().unwrap());
        assert!(answer("<iq xmlns='jabber:component:accept' type='result' id='ping-0000000000000007-1'/>"));
        assert!(answer("<iq xmlns='jabber:component:accept' type='error' id='ping-0000000000000007-9'/>"));
        assert!(!answer("<iq xmlns='jabber:component:accept' type='get' id='ping-0000000000000007-1'/>"));
        assert!(!answer("<iq xmlns='jabber:component:accept' type='result' id='ping-1'/>"));
        assert!(!answer("<iq xmlns='jabber:component:accept' type='result'/>"));
    }
}
