//! The last hour in numbers, for the page: a sample every five seconds. Restarted, it begins anew; who wants more keeps
//! what `/metrics` says.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::watch::Watch;

/// Between two samples.
const EVERY: Duration = Duration::from_secs(5);
/// An hour.
const SAMPLES_MAX: usize = 720;
/// Groups are counted once in so many samples.
const COUNT_EVERY: usize = 12;

/// The samples, oldest first.
#[derive(Debug)]
pub(super) struct History {
    began: Instant,
    samples: Mutex<VecDeque<Sample>>,
}

impl Default for History {
    fn default() -> Self {
        Self { began: Instant::now(), samples: Mutex::default() }
    }
}

/// What was counted up to a moment.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Sample {
    /// Seconds since the first one.
    at_s: f64,
    link_up: bool,
    database_up: bool,
    received: u64,
    written: u64,
    requests: u64,
    refused: u64,
    messages: u64,
    bounces: u64,
    queue_copies: usize,
    queue_bytes: usize,
    sessions: i64,
    batches: u64,
    batch_s: f64,
    commits: u64,
    commit_s: f64,
    echoes: u64,
    echo_s: f64,
}

/// What the page shows.
#[derive(Debug, Serialize)]
pub(super) struct Status<'a> {
    version: &'static str,
    domain: &'a str,
    server: &'a str,
    uptime_s: u64,
    groups: i64,
    members: i64,
    samples: Vec<Sample>,
}

impl History {
    /// Takes samples for ever.
    pub(super) async fn record(&self, watch: &Watch) {
        let mut is_counted = false;
        for round in 0_usize.. {
            watch.look().await;
            self.add(self.sample(watch));
            if !is_counted || round % COUNT_EVERY == 0 {
                is_counted = watch.count().await;
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// All samples, and one of this moment.
    pub(super) fn status<'a>(
        &self,
        watch: &Watch,
        domain: &'a str,
        server: &'a str,
        uptime: Duration,
    ) -> Status<'a> {
        let mut samples: Vec<Sample> =
            self.samples.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        samples.push(self.sample(watch));
        Status {
            version: env!("CARGO_PKG_VERSION"),
            domain,
            server,
            uptime_s: uptime.as_secs(),
            groups: watch.metrics.groups.get(),
            members: watch.metrics.members.get(),
            samples,
        }
    }

    fn add(&self, sample: Sample) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() >= SAMPLES_MAX {
            samples.pop_front();
        }
        samples.push_back(sample);
    }

    fn sample(&self, watch: &Watch) -> Sample {
        let metrics = &watch.metrics;
        let link = metrics.link.numbers();
        let (batches, commits) = (metrics.batch_seconds.numbers(), metrics.commit_seconds.numbers());
        let (queue_copies, queue_bytes) = metrics.queue_load();
        Sample {
            at_s: self.began.elapsed().as_secs_f64(),
            link_up: link.is_up,
            database_up: metrics.database_up.get() == 1,
            received: link.stanzas_received,
            written: link.copies_written,
            requests: metrics.requests.get(),
            refused: metrics.refused.get() + metrics.rate_limited.get(),
            messages: metrics.messages.get(),
            bounces: metrics.bounces.get(),
            queue_copies,
            queue_bytes,
            sessions: metrics.sessions.get(),
            batches: batches.count(),
            batch_s: batches.sum().as_secs_f64(),
            commits: commits.count(),
            commit_s: commits.sum().as_secs_f64(),
            echoes: link.echoes.count(),
            echo_s: link.echoes.sum().as_secs_f64(),
        }
    }
}
