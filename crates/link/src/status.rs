//! How the link is doing: numbers for whoever watches, each of which costs an atomic addition.
//!
//! Not here: what waits in the queue (the queue knows), and how numbers are shown.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Upper bounds by which times are counted, in microseconds.
pub const TIME_BOUNDS_US: [u64; 13] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 10_000_000];
/// Echoes under way whose times are remembered; more are not timed.
const ECHOES_MAX: usize = 1_024;

/// Numbers of one link, counted since the program was started.
#[derive(Debug, Default)]
pub struct LinkStatus {
    is_up: AtomicBool,
    connections: AtomicU64,
    stanzas_received: AtomicU64,
    bytes_received: AtomicU64,
    copies_written: AtomicU64,
    copies_left_out: AtomicU64,
    bytes_written: AtomicU64,
    echoes_under_way: Mutex<VecDeque<(u64, Instant)>>,
    echo_times: Times,
}

/// How long something took, counted by [`TIME_BOUNDS_US`].
#[derive(Debug, Default)]
pub struct Times {
    counts: [AtomicU64; TIME_BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

/// The same at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeNumbers {
    /// How often it took no longer than each of [`TIME_BOUNDS_US`], and more than the one before; and how often longer.
    pub counts: [u64; TIME_BOUNDS_US.len() + 1],
    /// How long all of it took together.
    pub sum_us: u64,
}

impl TimeNumbers {
    /// How often it was.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long all of it took together.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_us)
    }
}

/// The same numbers at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkNumbers {
    /// Is there a connection?
    pub is_up: bool,
    /// Connections that were made.
    pub connections: u64,
    /// Stanzas that came, those too that broke a limit; without the link's own.
    pub stanzas_received: u64,
    /// Bytes that came.
    pub bytes_received: u64,
    /// Copies that were written, again too after a lost link.
    pub copies_written: u64,
    /// Copies that were not written because they would have ended the link.
    pub copies_left_out: u64,
    /// Bytes that were written.
    pub bytes_written: u64,
    /// In which time echoes came back.
    pub echoes: TimeNumbers,
}

impl LinkStatus {
    /// The numbers now.
    pub fn numbers(&self) -> LinkNumbers {
        let of = |number: &AtomicU64| number.load(Ordering::Relaxed);
        LinkNumbers {
            is_up: self.is_up(),
            connections: of(&self.connections),
            stanzas_received: of(&self.stanzas_received),
            bytes_received: of(&self.bytes_received),
            copies_written: of(&self.copies_written),
            copies_left_out: of(&self.copies_left_out),
            bytes_written: of(&self.bytes_written),
            echoes: self.echo_times.numbers(),
        }
    }

    /// Is there a connection?
    pub fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    pub(crate) fn up(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.is_up.store(true, Ordering::Relaxed);
    }

    /// Echoes of the old connection never come back.
    pub(crate) fn down(&self) {
        self.is_up.store(false, Ordering::Relaxed);
        self.echoes_under_way.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn stanza_received(&self) {
        self.stanzas_received.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.bytes_received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn written(&self, bytes: usize) {
        self.bytes_written.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn copies_written(&self, copies: usize, left_out: usize) {
        self.copies_written.fetch_add(copies.saturating_sub(left_out) as u64, Ordering::Relaxed);
        self.copies_left_out.fetch_add(left_out as u64, Ordering::Relaxed);
    }

    pub(crate) fn echo_written(&self, number: u64) {
        let mut under_way = self.echoes_under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.len() < ECHOES_MAX {
            under_way.push_back((number, Instant::now()));
        }
    }

    /// Echoes before this one that are still under way were answered by it as well.
    pub(crate) fn echo_back(&self, number: u64) {
        let mut under_way = self.echoes_under_way.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((written, at)) = under_way.pop_front_if(|(written, _)| *written <= number) {
            if written == number {
                self.echo_times.count(at.elapsed());
            }
        }
    }
}

impl Times {
    /// It took so long once more.
    pub fn count(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let at = TIME_BOUNDS_US.partition_point(|bound| *bound < us);
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// The numbers now.
    pub fn numbers(&self) -> TimeNumbers {
        TimeNumbers {
            counts: self.counts.each_ref().map(|count| count.load(Ordering::Relaxed)),
            sum_us: self.sum_us.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echoes_are_counted_once_and_not_over_a_lost_link() {
        let status = LinkStatus::default();
        status.up();
        for number in 0..4 {
            status.echo_written(number);
        }
        status.echo_back(1);
        status.echo_back(1);
        assert_eq!(status.numbers().echoes.count(), 1);
        status.down();
        status.echo_back(2);
        assert_eq!(status.numbers().echoes.count(), 1);
        assert!(!status.is_up());
    }

    #[test]
    fn times_fall_between_their_bounds() {
        let times = Times::default();
        for us in [1, 100, 101, 99_999_999] {
            times.count(Duration::from_micros(us));
        }
        let TimeNumbers { counts, sum_us } = times.numbers();
        assert_eq!((counts[0], counts[1], counts[TIME_BOUNDS_US.len()]), (2, 1, 1));
        assert_eq!(sum_us, 100_000_201);
    }
}
