//! Messages that were sent lately, by device and id: sent again, they are stored and fanned out no second time.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use groupchat_core::{Command, GroupId, StanzaId, Storage, Timestamp};
use groupchat_dialect::Origin;
use groupchat_store::Sent as StoredSent;

/// Messages that are remembered at once, however many are sent in the window: about 200 bytes each.
pub(crate) const SENT_MAX: usize = 200_000;

/// What makes two messages the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    group: GroupId,
    device: Arc<str>,
    id: Arc<str>,
}

impl Key {
    /// The key of a request, if it is one that must not be done twice: a message to be stored that has an id.
    pub(super) fn of(group: &GroupId, origin: &Origin, command: &Command) -> Option<Self> {
        let post = match command {
            Command::Post(post) => Some(post),
            Command::Retract(retraction) => retraction.post.as_ref(),
            _ => None,
        };
        let id = post.filter(|post| post.storage == Storage::Stored)?.client_id.clone()?;
        Some(Self { group: group.clone(), device: origin.from.to_string().into(), id })
    }
}

/// The messages sent within the window.
#[derive(Debug)]
pub(super) struct Sent {
    window_ms: i64,
    known: HashMap<Key, StanzaId>,
    oldest_first: VecDeque<(Timestamp, StanzaId, Key)>,
}

impl Sent {
    /// What was sent before the service was restarted, oldest first.
    pub(super) fn restore(window_ms: i64, stored: impl IntoIterator<Item = StoredSent>) -> Self {
        let mut sent = Self { window_ms, known: HashMap::new(), oldest_first: VecDeque::new() };
        for StoredSent { group, sender, client_id, id } in stored {
            let key = Key { group, device: sender.to_string().into(), id: client_id.into() };
            // An id is about the microsecond of its making.
            sent.note(key, id, Timestamp(id.0 / 1_000));
        }
        sent
    }

    /// The message that this one repeats, if that was stored: what could not be stored is noted as well.
    pub(super) fn find(&mut self, key: &Key, now: Timestamp) -> Option<StanzaId> {
        self.forget_old(now);
        self.known.get(key).copied()
    }

    /// A message was sent.
    pub(super) fn note(&mut self, key: Key, id: StanzaId, now: Timestamp) {
        self.known.insert(key.clone(), id);
        self.oldest_first.push_back((now, id, key));
        self.forget_old(now);
    }

    fn forget_old(&mut self, now: Timestamp) {
        while self
            .oldest_first
            .front()
            .is_some_and(|(at, ..)| at.0 < now.0 - self.window_ms || self.oldest_first.len() > SENT_MAX)
        {
            if let Some((_, id, key)) = self.oldest_first.pop_front()
                && self.known.get(&key) == Some(&id)
            {
                self.known.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> Key {
        Key { group: GroupId::from_stored("tea"), device: "a@h/1".into(), id: id.into() }
    }

    #[test]
    fn what_is_sent_is_known_for_as_long_as_the_window_is() {
        let mut sent = Sent::restore(1_000, []);
        sent.note(key("1"), StanzaId(7), Timestamp(10_000));
        assert_eq!(sent.find(&key("1"), Timestamp(11_000)), Some(StanzaId(7)));
        assert_eq!(sent.find(&key("2"), Timestamp(11_000)), None);
        assert_eq!(sent.find(&key("1"), Timestamp(11_001)), None);
        sent.note(key("1"), StanzaId(8), Timestamp(12_000));
        sent.note(key("1"), StanzaId(9), Timestamp(12_500));
        assert_eq!(
            sent.find(&key("1"), Timestamp(13_200)),
            Some(StanzaId(9)),
            "the older one is forgotten alone"
        );
    }

    #[test]
    fn a_flood_does_not_fill_the_memory() {
        let mut sent = Sent::restore(i64::MAX / 2, []);
        for n in 0..SENT_MAX + 10 {
            sent.note(key(&n.to_string()), StanzaId(1), Timestamp(1));
        }
        assert_eq!((sent.known.len(), sent.oldest_first.len()), (SENT_MAX, SENT_MAX));
    }
}
