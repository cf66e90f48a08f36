//! What is measured: every number, its name and what it means, in one list. `docs/operations.md` shows the same list, and a
//! test compares the two.
//!
//! Measuring costs an atomic addition for each event; what others count anyway (the link, the queue, the system) is read
//! when somebody asks. Not here: who may ask (`http`).

mod process;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use groupchat_core::ArchivedKind;
use groupchat_link::queue::Sender;
use groupchat_link::{LinkNumbers, LinkStatus, TIME_BOUNDS_US, Times};
use groupchat_store::{Batch, Store, StoreError};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tokio::sync::SetOnce;

/// Every metric of ours begins so.
const PREFIX: &str = "groupchat";

/// All numbers of one service. Clones are the same numbers.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Numbers>);

/// The numbers that the service itself counts.
#[derive(Debug)]
pub struct Numbers {
    pub(crate) requests: Counter,
    pub(crate) refused: Counter,
    pub(crate) rate_limited: Counter,
    pub(crate) questions: Counter,
    pub(crate) question_seconds: Times,
    pub(crate) messages: Counter,
    pub(crate) copies: Counter,
    pub(crate) bounces: Counter,
    pub(crate) batch_seconds: Times,
    pub(crate) commit_seconds: Times,
    pub(crate) commit_failures: Counter,
    pub(crate) database_up: Gauge,
    pub(crate) sessions: Gauge,
    pub(crate) groups: Gauge,
    pub(crate) members: Gauge,
    pub(crate) link: Arc<LinkStatus>,
    /// When a batch could not be stored, if none was stored since.
    failed: Mutex<Option<Instant>>,
    outside: OnceLock<Outside>,
}

/// What others count.
#[derive(Debug)]
struct Outside {
    queue: Sender,
    store: Arc<SetOnce<Store>>,
}

impl std::ops::Deref for Metrics {
    type Target = Numbers;

    fn deref(&self) -> &Numbers {
        &self.0
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self(Arc::new(Numbers {
            requests: Counter::default(),
            refused: Counter::default(),
            rate_limited: Counter::default(),
            questions: Counter::default(),
            question_seconds: Times::default(),
            messages: Counter::default(),
            copies: Counter::default(),
            bounces: Counter::default(),
            batch_seconds: Times::default(),
            commit_seconds: Times::default(),
            commit_failures: Counter::default(),
            database_up: Gauge::default(),
            sessions: Gauge::default(),
            groups: Gauge::default(),
            members: Gauge::default(),
            link: Arc::default(),
            failed: Mutex::default(),
            outside: OnceLock::new(),
        }))
    }
}

impl Metrics {
    /// Where the link notes how it is doing.
    pub fn link_status(&self) -> Arc<LinkStatus> {
        Arc::clone(&self.0.link)
    }

    /// What is read from others when somebody asks.
    pub(crate) fn watch(&self, queue: Sender, store: Arc<SetOnce<Store>>) {
        // A second service with the same numbers would be a mistake; the first one stays.
        let _ = self.0.outside.set(Outside { queue, store });
    }

    /// A batch was stored, or not.
    pub(crate) fn committed(&self, batch: &Batch, stored: &Result<(), StoreError>, took: Duration) {
        self.0.commit_seconds.count(took);
        let mut failed = self.0.failed.lock().unwrap_or_else(PoisonError::into_inner);
        match stored {
            // That somebody else has written is no failure of the database.
            Ok(()) | Err(StoreError::Stale(_)) => *failed = None,
            Err(_) => *failed = Some(Instant::now()),
        }
        drop(failed);
        if stored.is_err() {
            self.0.commit_failures.inc();
            return;
        }
        let messages = batch.archive.iter().filter(|row| row.kind == ArchivedKind::Message).count();
        self.0.messages.inc_by(messages as u64);
    }

    /// How long ago the last batch could not be stored, if none was stored since.
    pub(crate) fn failed_since(&self) -> Option<Duration> {
        let failed = self.0.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.map(|at| at.elapsed())
    }

    /// Copies that the server has not taken in, and what they take in memory, in bytes.
    pub(crate) fn queue_load(&self) -> (usize, usize) {
        self.0.outside.get().map_or((0, 0), |outside| outside.queue.load())
    }

    /// The list, to be encoded for whoever collects it.
    pub fn registry(&self) -> Registry {
        let numbers = &*self.0;
        let mut all = Registry::default();
        all.register_collector(Box::new(process::Process));
        let ours = all.sub_registry_with_prefix(PREFIX);
        ours.register("build", "The version that runs", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        for (name, help, counter) in [
            ("requests", "Requests to change something or to say something", &numbers.requests),
            ("refused", "Requests that were refused", &numbers.refused),
            ("rate_limited", "Stanzas that were refused because a user sent too many", &numbers.rate_limited),
            ("questions", "Questions to the database: lists, the archive, the inbox", &numbers.questions),
            ("messages", "Messages that were stored", &numbers.messages),
            ("copies", "Copies of stanzas that were handed to the link", &numbers.copies),
            ("bounces", "Messages that came back", &numbers.bounces),
            ("commit_failures", "Batches that could not be stored", &numbers.commit_failures),
        ] {
            ours.register(name, help, counter.clone());
        }
        for (name, help, gauge) in [
            ("database_up", "1 while the database answers", &numbers.database_up),
            ("sessions", "Devices that are known to be online", &numbers.sessions),
            ("groups", "Groups; counted once a minute", &numbers.groups),
            ("members", "Members of all groups; counted once a minute", &numbers.members),
        ] {
            ours.register(name, help, gauge.clone());
        }
        ours.register_collector(Box::new(Others(self.clone())));
        all
    }
}

/// What is read from others at the moment in which somebody asks.
#[derive(Debug)]
struct Others(Metrics);

impl Collector for Others {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let LinkNumbers {
            is_up,
            connections,
            stanzas_received,
            bytes_received,
            copies_written,
            copies_left_out,
            bytes_written,
            echoes,
        } = self.0.link.numbers();
        let (queue_copies, queue_bytes) = self.0.queue_load();
        let store = self.0.outside.get().and_then(|outside| outside.store.get());
        let connections_in_use = store.map_or(0, Store::connections_in_use);
        for (name, help, value) in [
            ("link_up", "1 while there is a connection to the XMPP server", usize::from(is_up)),
            ("queue_copies", "Copies that the XMPP server has not taken in", queue_copies),
            ("queue_bytes", "Memory that they take, about", queue_bytes),
            (
                "database_connections_in_use",
                "Connections to the database that are at work",
                connections_in_use,
            ),
        ] {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        for (name, help, value) in [
            ("link_connections", "Connections to the XMPP server that were made", connections),
            ("link_stanzas_received", "Stanzas that came from the XMPP server", stanzas_received),
            ("link_bytes_received", "Bytes that came from the XMPP server", bytes_received),
            ("link_copies_written", "Copies that were written to the XMPP server", copies_written),
            (
                "link_copies_left_out",
                "Copies that were left out, for they would have ended the link",
                copies_left_out,
            ),
            ("link_bytes_written", "Bytes that were written to the XMPP server", bytes_written),
        ] {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        for (name, help, times) in [
            ("link_echo_seconds", "Time until the XMPP server had worked its way to an echo", echoes),
            ("question_seconds", "Time in which a question was answered", self.0.question_seconds.numbers()),
            (
                "batch_seconds",
                "Time in which a batch was decided, stored and handed to the link",
                self.0.batch_seconds.numbers(),
            ),
            ("commit_seconds", "Time in which the database stored a batch", self.0.commit_seconds.numbers()),
        ] {
            let buckets: Vec<(f64, u64)> = bounds().zip(times.counts).collect();
            let mut histogram = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
            let sum = times.sum().as_secs_f64();
            histogram.encode_histogram::<NoLabelSet>(sum, times.count(), &buckets, None)?;
        }
        Ok(())
    }
}

fn bounds() -> impl Iterator<Item = f64> {
    TIME_BOUNDS_US.into_iter().map(|us| Duration::from_micros(us).as_secs_f64()).chain([f64::INFINITY])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use groupchat_core::GroupId;

    use super::*;

    fn encoded(metrics: &Metrics) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &metrics.registry()).unwrap();
        text
    }

    #[test]
    fn the_document_lists_what_is_exported_and_nothing_else() {
        let text = encoded(&Metrics::default());
        let exported: BTreeSet<(String, String)> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# HELP "))
            .filter_map(|line| line.split_once(' '))
            .map(|(name, help)| (name.to_owned(), help.trim_end_matches('.').to_owned()))
            .collect();
        let kinds: Vec<(&str, &str)> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
        let document = include_str!("../../../docs/operations.md");
        let section = document.split("\n### Metrics\n").nth(1).unwrap().split("\n### ").next().unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
        let listed: BTreeSet<(String, String)> = rows
            .map(|row| {
                let (name, rest) = row.split_once("` | ").unwrap();
                let (kind, help) = rest.trim_end_matches(" |").split_once(" | ").unwrap();
                let family = name.trim_end_matches("_total").trim_end_matches("_info");
                assert!(kinds.contains(&(family, kind)), "{family} is no {kind}: {kinds:?}");
                (family.to_owned(), help.to_owned())
            })
            .collect();
        assert_eq!(listed, exported);
    }

    /// The words of a text that name metrics of ours.
    fn named(text: &str) -> BTreeSet<&str> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.filter(|word| word.starts_with("groupchat_") || word.starts_with("process_")).collect()
    }

    #[test]
    fn alerts_and_dashboard_ask_for_what_is_exported() {
        let text = encoded(&Metrics::default());
        let exported = named(&text);
        for (file, text) in [
            ("alerts", include_str!("../../../deploy/prometheus/alerts.yml")),
            ("dashboard", include_str!("../../../deploy/grafana/xmpp-groupchat.json")),
        ] {
            let asked = named(text);
            assert!(asked.len() >= 5, "{file}");
            let unknown: Vec<_> = asked.difference(&exported).collect();
            assert!(unknown.is_empty(), "{file} asks for {unknown:?}");
        }
    }

    #[test]
    fn a_batch_that_is_not_stored_is_remembered_until_one_is() {
        let metrics = Metrics::default();
        let (batch, took) = (Batch::default(), Duration::ZERO);
        let full = StoreError::Database { doing: "writing", cause: "disk full".into() };
        metrics.committed(&batch, &Err(full.clone()), took);
        assert!(metrics.failed_since().is_some());
        metrics.committed(&batch, &Ok(()), took);
        assert_eq!(metrics.failed_since(), None);
        metrics.committed(&batch, &Err(full), took);
        metrics.committed(&batch, &Err(StoreError::Stale(GroupId::from_stored("tea"))), took);
        assert_eq!(metrics.failed_since(), None, "the database is well, somebody else wrote");
        assert_eq!(metrics.commit_failures.get(), 3);
    }

    #[test]
    fn numbers_are_shown_as_they_are() {
        let metrics = Metrics::default();
        metrics.messages.inc_by(3);
        metrics.commit_seconds.count(Duration::from_millis(2));
        metrics.commit_seconds.count(Duration::from_secs(100_000));
        let text = encoded(&metrics);
        for line in [
            "groupchat_messages_total 3",
            "groupchat_commit_seconds_bucket{le=\"0.0025\"} 1",
            "groupchat_commit_seconds_bucket{le=\"+Inf\"} 2",
            "groupchat_commit_seconds_count 2",
            "groupchat_link_up 0",
            "groupchat_link_echo_seconds_count 0",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} is not in\n{text}");
        }
        let resident = text.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
        assert!(resident.unwrap().parse::<u64>().unwrap() > 1_000_000, "{text}");
    }
}
