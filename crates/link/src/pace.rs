//! Under load few large reads instead of many small ones.
//!
//! Hosts write each stanza by itself, and each that arrives alone wakes two threads, which costs more than all else that
//! is done for it in a small group. A service that is asked little reads at once; one that is asked more often than
//! [`READ_EVERY`] lets the socket gather what comes meanwhile. Not here: limits of what users may send.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Between two small reads on the average; what a stanza may be late by, under load. A batch takes longer to be stored.
const READ_EVERY: Duration = Duration::from_millis(2);
/// Small reads that may come in a row before the average counts.
const READS_AT_ONCE: u32 = 16;
/// A read of so many bytes is large: the socket has gathered enough.
const LARGE_BYTES: usize = 16 * 1024;

/// When the next read is due: the generic cell rate algorithm, which waits instead of refusing.
pub(crate) struct Pace {
    /// When all reads so far are paid for.
    paid_at: Instant,
    rest: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    pub(crate) fn start() -> Self {
        Self { paid_at: Instant::now(), rest: None }
    }

    /// Ready as soon as the next read may be.
    pub(crate) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(rest) = &mut self.rest {
            ready!(rest.as_mut().poll(cx));
            self.rest = None;
        }
        Poll::Ready(())
    }

    /// A read brought so many bytes.
    pub(crate) fn read(&mut self, bytes: usize) {
        self.rest = self.due(bytes, Instant::now()).map(|due| Box::pin(sleep_until(due)));
    }

    /// Until when the next read is to wait, if it is.
    fn due(&mut self, bytes: usize, now: Instant) -> Option<Instant> {
        if bytes >= LARGE_BYTES {
            return None;
        }
        self.paid_at = self.paid_at.max(now) + READ_EVERY;
        let due = self.paid_at - READ_EVERY * READS_AT_ONCE;
        (due > now).then_some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long so many reads take from `began` when nothing but the pace holds them up.
    fn taken(pace: &mut Pace, began: Instant, reads: u32, bytes: usize) -> Duration {
        let end = (0..reads).fold(began, |now, _| pace.due(bytes, now).unwrap_or(now));
        end - began
    }

    #[test]
    fn a_burst_is_read_at_once_and_what_follows_is_gathered() {
        let mut pace = Pace::start();
        let began = pace.paid_at;
        assert_eq!(taken(&mut pace, began, READS_AT_ONCE, 300), Duration::ZERO);
        assert_eq!(taken(&mut pace, began, 100, 300), READ_EVERY * 100);
        let later = began + Duration::from_secs(1);
        assert_eq!(taken(&mut pace, later, READS_AT_ONCE, 300), Duration::ZERO);
    }

    #[test]
    fn large_reads_wait_for_nothing() {
        let mut pace = Pace::start();
        let began = pace.paid_at;
        assert_eq!(taken(&mut pace, began, 1_000, LARGE_BYTES), Duration::ZERO);
    }
}
