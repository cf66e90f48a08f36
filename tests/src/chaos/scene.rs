//! What all devices and the director share: the phase of the run, and a few counters by which the end is recognised.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicIsize, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::real::Domain;

/// How far the run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// People talk, and things go wrong.
    Talking,
    /// Nothing new is said; whoever comes and goes comes back; what has no answer is sent again.
    Draining,
    /// Who was away all the time comes, too.
    Gathering,
    /// Everybody closes his diary.
    Over,
}

/// Shared by all.
#[derive(Debug)]
pub(super) struct Scene {
    /// Where clients log in.
    pub(super) clients: SocketAddr,
    pub(super) domain: Domain,
    /// Time is counted from here.
    pub(super) start: Instant,
    /// How often each device says something.
    pub(super) speaks_every: Duration,
    phase: watch::Sender<Phase>,
    unanswered: AtomicIsize,
    online: AtomicIsize,
    heard: AtomicU64,
}

impl Scene {
    pub(super) fn new(clients: SocketAddr, domain: Domain, start: Instant, speaks_every: Duration) -> Self {
        let phase = watch::Sender::new(Phase::Talking);
        let (unanswered, online, heard) = (0.into(), 0.into(), 0.into());
        Self { clients, domain, start, speaks_every, phase, unanswered, online, heard }
    }

    pub(super) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    pub(super) fn go_on(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Messages that somebody still waits for an answer to.
    pub(super) fn unanswered(&self) -> isize {
        self.unanswered.load(Ordering::SeqCst)
    }

    pub(super) fn count_unanswered(&self, change: isize) {
        self.unanswered.fetch_add(change, Ordering::SeqCst);
    }

    /// Devices of which the service knows.
    pub(super) fn online(&self) -> isize {
        self.online.load(Ordering::SeqCst)
    }

    pub(super) fn count_online(&self, change: isize) {
        self.online.fetch_add(change, Ordering::SeqCst);
    }

    /// Copies that came to anybody.
    pub(super) fn heard(&self) -> u64 {
        self.heard.load(Ordering::SeqCst)
    }

    pub(super) fn count_heard(&self) {
        self.heard.fetch_add(1, Ordering::SeqCst);
    }
}
