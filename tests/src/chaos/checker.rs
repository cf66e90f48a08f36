//! The judge: compares what senders were promised with what everybody received and what the archives hold. A function of
//! the evidence, so that each kind of violation can be shown to be found.
//!
//! Promised is: a message whose copy came back to the sending device is in the archive once and reaches every member,
//! those who stay online at once; it keeps its text and its one stanza-id; everybody sees the messages of a group in one
//! order. Nothing reaches anybody that nobody sent, or that was refused.

mod copies;
mod order;
mod reach;
mod sent;

use std::fmt;

use super::evidence::Evidence;
use sent::Messages;

/// What went wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Its copy came back to the sender, but it is not in the archive, or a member cannot find it there and got no copy.
    Lost,
    /// A member who was online all the time got no copy and finds it only in the archive.
    Missed,
    /// It came, or lies in the archive, behind one that it was before.
    Reordered,
    /// It is there twice: with two stanza-ids, or twice in an archive.
    Doubled,
    /// Its text is not what was sent.
    Altered,
    /// Nobody sent it there, or whoever got it is no member.
    Phantom,
    /// It was refused at its only attempt, and yet it is there.
    Refused,
    /// It was sent until the end of the run and neither taken nor refused.
    Unanswered,
}

/// One violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Of what kind.
    pub kind: Kind,
    /// Which message, who, where.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.text)
    }
}

/// How much of what there was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Different messages.
    pub sent: usize,
    /// Attempts to send one again.
    pub repeats: usize,
    /// Messages whose copy came back to their sender.
    pub reflected: usize,
    /// Errors that senders got.
    pub errors: usize,
    /// Messages given up after an error.
    pub refused: usize,
    /// Pairs of message and member who got a live copy.
    pub live: usize,
    /// Pairs of message and member who got no live copy but one for the absent.
    pub absent: usize,
    /// Of these, members who were online all the time: the service did not know, or not any more.
    pub taken_for_absent: usize,
    /// Pairs of message and member who have it only in the archive, and were not online all the time.
    pub archive: usize,
    /// Pairs of message and device that was online and got no copy, though another device of the user did.
    pub device_misses: usize,
    /// Copies that a device had seen before, with the same stanza-id.
    pub duplicates: usize,
}

/// What the evidence shows.
#[derive(Debug, Default)]
pub struct Verdict {
    /// The figures.
    pub figures: Figures,
    /// All that is not as promised.
    pub violations: Vec<Violation>,
}

impl Verdict {
    /// How many violations of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.violations.iter().filter(|violation| violation.kind == kind).count()
    }

    fn add(&mut self, kind: Kind, text: String) {
        self.violations.push(Violation { kind, text });
    }
}

/// Judges a run.
pub fn check(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict::default();
    let mut messages = Messages::gather(evidence);
    copies::check(evidence, &mut messages, &mut verdict);
    order::check(evidence, &messages, &mut verdict);
    reach::check(evidence, &messages, &mut verdict);
    verdict.violations.sort_by_key(|violation| violation.kind);
    verdict
}

#[cfg(test)]
mod tests;
