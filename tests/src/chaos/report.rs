//! What is said of a run: a table of figures, and, if it is not as promised, what there is to find the reason by.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::checker::{Kind, Verdict};
use super::settings::{HostKind, Settings};

/// Violations of one kind that are told.
const TOLD_MAX: usize = 12;

/// A run that was played to its end.
#[derive(Debug)]
pub struct Report {
    /// Where it was played.
    pub host: HostKind,
    /// What it was to be.
    pub settings: Settings,
    /// What was found.
    pub verdict: Verdict,
    /// How long it took, with starting and reading.
    pub took: Duration,
    /// What was done, and when.
    pub story: Vec<String>,
    /// The end of the service's log.
    pub log_tail: String,
}

impl Report {
    /// What is wrong, with all that helps to find out why; `None` if everything is as promised.
    pub fn failure(&self) -> Option<String> {
        let violations = &self.verdict.violations;
        if violations.is_empty() {
            return None;
        }
        let mut text = format!("{} violations; CHAOS_SEED={}\n", violations.len(), self.settings.seed);
        for of_kind in violations.chunk_by(|a, b| a.kind == b.kind) {
            for violation in of_kind.iter().take(TOLD_MAX) {
                let _ = writeln!(text, "{violation}");
            }
            if let Some(more) = of_kind.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
                let _ = writeln!(text, "{:?}: and {more} more", of_kind[0].kind);
            }
        }
        let _ = write!(text, "What was done:\n{}\n", self.story.join("\n"));
        let _ = write!(text, "The end of the service's log:\n{}", self.log_tail);
        Some(text)
    }
}

/// A Markdown table.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { seed, counts, database, rate, multicast } = &self.settings;
        let (figures, verdict) = (&self.verdict.figures, &self.verdict);
        let names = [self.host.name(), database.name(), multicast.name()];
        writeln!(f, "| {}, seed {seed} | |", names.join(", "))?;
        writeln!(f, "| --- | ---: |")?;
        let lost = verdict.count(Kind::Lost) + verdict.count(Kind::Missed);
        let rows = [
            ("messages sent", figures.sent),
            ("of these reflected to their sender", figures.reflected),
            ("refused, and given up by their sender", figures.refused),
            ("neither", verdict.count(Kind::Unanswered)),
            ("attempts to send one again", figures.repeats),
            ("errors that senders got", figures.errors),
            ("kills of the service", counts.kills),
            ("restarts of the host", counts.host_restarts),
            ("cuts of the link", counts.cuts),
            ("freezes of the link", counts.freezes),
            ("database stops", counts.database_stops),
            ("message and member: live", figures.live),
            ("message and member: by the host's offline store", figures.absent),
            ("of these, members who were online throughout", figures.taken_for_absent),
            ("message and member: archive only, was not online throughout", figures.archive),
            ("message and member: archive only, was online (lost)", verdict.count(Kind::Missed)),
            ("message and member: not even in the archive (lost)", verdict.count(Kind::Lost)),
            ("**lost**", lost),
            ("**reordered**", verdict.count(Kind::Reordered)),
            ("duplicates with the same stanza-id", figures.duplicates),
            ("stored or sent under two stanza-ids", verdict.count(Kind::Doubled)),
            ("altered", verdict.count(Kind::Altered)),
            ("from nowhere, or to strangers", verdict.count(Kind::Phantom)),
            ("refused, and yet there", verdict.count(Kind::Refused)),
            ("missed by one device, received by another of the user", figures.device_misses),
        ];
        for (what, count) in rows {
            writeln!(f, "| {what} | {count} |")?;
        }
        let took = self.took.as_secs_f64();
        writeln!(f, "| messages a second that were to be sent; seconds in all | {rate}; {took:.0} |")
    }
}
