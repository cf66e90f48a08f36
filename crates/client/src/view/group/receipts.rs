//! How far one has read oneself, and how far others have: from receipts that may come before their message, and before it
//! is known which member one is.

use super::GroupState;

/// Receipts that are kept for messages that may still come.
const EARLY_MAX: usize = 1_000;

impl GroupState {
    /// Somebody has read up to a message; true if that is news.
    pub(in crate::view) fn take_receipt(&mut self, mid: &str, id: &str) -> bool {
        let known = if self.timeline.contains_key(id) { Some(id.to_owned()) } else { self.by_sent_id(id) };
        let Some(position) = known else {
            if self.early_receipts.len() == EARLY_MAX {
                self.early_receipts.remove(0);
                self.lost_receipts = true;
            }
            self.early_receipts.push((mid.to_owned(), id.to_owned()));
            return false;
        };
        if self.own_mid() == Some(mid) {
            return self.move_read(&position);
        }
        let further = self.readers.get(mid).is_none_or(|known| *known < position);
        if further {
            self.readers.insert(mid.to_owned(), position);
        }
        further
    }

    /// What was told of somebody, and is known by now to be told of oneself. True if the service has to say how far that
    /// is: it is a message that is not here.
    pub(in crate::view) fn settle_own(&mut self) -> bool {
        let Some(own) = self.own_mid().map(str::to_owned) else { return false };
        if let Some(position) = self.readers.remove(&own) {
            self.move_read(&position);
        }
        let early = self.early_receipts.len();
        self.early_receipts.retain(|(mid, _)| *mid != own);
        std::mem::take(&mut self.lost_receipts) || self.early_receipts.len() < early
    }

    /// Is there a receipt that may be one's own, for all that is known?
    pub(in crate::view) fn has_unclear_receipts(&self) -> bool {
        self.own_mid().is_none() && !(self.readers.is_empty() && self.early_receipts.is_empty())
    }

    /// Is there a message that may be one's own, for all that is known?
    pub(in crate::view) fn is_unclear(&self) -> bool {
        self.own_mid().is_none() && self.timeline.values().any(|message| message.mid.is_some())
    }

    /// Who has read a message, as `#receipts` says.
    pub(in crate::view) fn take_readers(&mut self, stanza_id: &str, mids: impl Iterator<Item = String>) {
        for mid in mids {
            let position = self.readers.entry(mid).or_default();
            if position.as_str() < stanza_id {
                *position = stanza_id.to_owned();
            }
        }
    }

    fn by_sent_id(&self, id: &str) -> Option<String> {
        let found = self.timeline.iter().rev().find(|(_, message)| message.id.as_deref() == Some(id));
        found.map(|(stanza_id, _)| stanza_id.clone())
    }

    /// The receipts that waited for this message.
    pub(super) fn settle_receipts(&mut self, stanza_id: &str) {
        if self.early_receipts.is_empty() {
            return;
        }
        let Some(message) = self.timeline.get(stanza_id) else { return };
        let is_this = |id: &str| id == stanza_id || message.id.as_deref() == Some(id);
        let settled: Vec<String> =
            self.early_receipts.iter().filter(|(_, id)| is_this(id)).map(|(mid, _)| mid.clone()).collect();
        if settled.is_empty() {
            return;
        }
        let sent = message.id.clone();
        self.early_receipts.retain(|(_, id)| id != stanza_id && Some(id) != sent.as_ref());
        for mid in settled {
            self.take_receipt(&mid, stanza_id);
        }
    }

    /// One has read up to this message oneself; true if that is further than before.
    pub(in crate::view) fn move_read(&mut self, stanza_id: &str) -> bool {
        let further = self.read.as_deref().is_none_or(|read| read < stanza_id);
        if further {
            self.read = Some(stanza_id.to_owned());
        }
        further
    }
}
