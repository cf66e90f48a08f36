//! What the archive holds: every durable change of a group, in one order.
//!
//! Not here: how rows are written and found (the store), and what a payload says (opaque text here).

use std::fmt;
use std::sync::Arc;

use crate::{GroupId, Jid, Mid};

/// Milliseconds since 1970 (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

/// The id of an archived message or event: unique over the service and sortable, as number and as text.
/// It is the XEP-0359 stanza-id of the live copy and of every later one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StanzaId(pub i64);

impl StanzaId {
    /// The id that follows this one at this time: never lower, never equal, though clocks go back.
    #[must_use]
    pub fn next(self, now: Timestamp) -> Self {
        Self(self.0.saturating_add(1).max(now.0.saturating_mul(1000)))
    }

    /// Reads an id from a stanza; `None` for a text that no id of ours is written as.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        digits.then(|| i64::from_str_radix(text, 16).ok().map(Self)).flatten()
    }
}

impl fmt::Display for StanzaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for StanzaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What kind of row it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchivedKind {
    /// A member posted it.
    Message,
    /// The group says that something was changed; the payload is the announcement's.
    Event,
}

/// Whom a row of the archive is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadBy {
    /// Every member.
    Members,
    /// Owners and admins: requests to join.
    Admins,
}

/// Whom a message mentions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mentions {
    /// Everybody.
    pub all: bool,
    /// These members.
    pub members: Vec<Mid>,
}

impl Mentions {
    /// Is this member mentioned?
    pub fn include(&self, mid: &Mid) -> bool {
        self.all || self.members.contains(mid)
    }
}

/// One row of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    /// Its place in the order.
    pub id: StanzaId,
    /// Whose archive it is in.
    pub group: GroupId,
    /// When it was decided.
    pub at: Timestamp,
    /// Message or event.
    pub kind: ArchivedKind,
    /// The device that sent it.
    pub sender: Jid,
    /// The member who posted it (for an event: who did it).
    pub mid: Mid,
    /// The stanza's `id` as the sender chose it.
    pub client_id: Option<Arc<str>>,
    /// The text of the body, for search.
    pub body: Option<Arc<str>>,
    /// How many countable messages (with a body, no correction) the group has with this one.
    pub ordinal: i64,
    /// Is it one of them?
    pub countable: bool,
    /// The message that it corrects (XEP-0308): taken back, it takes this one along.
    pub corrects: Option<StanzaId>,
    /// Whom it is for.
    pub read_by: ReadBy,
    /// Whom it mentions.
    pub mentions: Mentions,
    /// The stanza's children as XML text, without the stanza-id, in the stream's namespace.
    pub payload: Arc<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_though_the_clock_goes_back() {
        let first = StanzaId::default().next(Timestamp(1_700_000_000_000));
        let second = first.next(Timestamp(1_600_000_000_000));
        assert!(second > first && second.to_string() > first.to_string());
        assert_eq!(StanzaId::parse(&second.to_string()), Some(second));
        for text in ["", "12", "00000000000000zz", "FFFFFFFFFFFFFFFF", "-000000000000001"] {
            assert_eq!(StanzaId::parse(text), None, "{text}");
        }
    }
}
