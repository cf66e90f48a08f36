//! Accounts that get no copies for later: those whose servers give them back, because they take no more or because there
//! is no such account, and those that only ever came by rooms.
//!
//! Not here: devices (`sessions`), and the words in which a server says it (only their names).

use std::collections::HashMap;

use crate::BareJid;

/// Copies that must come back before an account counts as gone: one could be chance.
const GONE_AFTER: u8 = 3;
/// Accounts whose copies are being counted; with more of them the counts begin anew.
const COUNTED_MAX: usize = 20_000;
/// Accounts that are remembered as unreachable; beyond them each copy for one more is tried, and comes back.
const UNREACHABLE_MAX: usize = 1_000_000;

/// Why an account gets no copies for later until it is seen again. Whatever it misses is in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreachable {
    /// Its server keeps no more for it: ejabberd's `resource-constraint` from the 101st message on.
    Full,
    /// Its server knows no such account: `item-not-found`, `gone` or `service-unavailable`, several times.
    Gone,
    /// It only ever came by rooms (XEP-0045): clients for these ask the archive, and show a copy as something else.
    InRooms,
}

impl Unreachable {
    /// The word that it is stored as.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Gone => "gone",
            Self::InRooms => "rooms",
        }
    }

    /// Reads what was stored; a word of a later version is taken for the milder reason.
    pub fn from_stored(text: &str) -> Self {
        [Self::Gone, Self::InRooms].into_iter().find(|why| why.as_str() == text).unwrap_or(Self::Full)
    }
}

/// What is known of accounts that cannot be reached.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    unreachable: HashMap<BareJid, Unreachable>,
    came_back: HashMap<BareJid, u8>,
}

impl Reach {
    pub(crate) fn restore(stored: impl IntoIterator<Item = (BareJid, Unreachable)>) -> Self {
        Self { unreachable: stored.into_iter().collect(), came_back: HashMap::new() }
    }

    pub(crate) fn of(&self, user: &BareJid) -> Option<Unreachable> {
        self.unreachable.get(user).copied()
    }

    /// A copy for later came back with this condition (RFC 6120 §8.3.3). Others than these say nothing of the account:
    /// its server may be away for a while.
    pub(crate) fn came_back(&mut self, user: &BareJid, condition: &str) -> Option<Unreachable> {
        let why = match condition {
            "resource-constraint" => Unreachable::Full,
            "item-not-found" | "gone" | "service-unavailable" if self.has_come_back_enough(user) => {
                Unreachable::Gone
            }
            _ => return None,
        };
        if self.unreachable.len() >= UNREACHABLE_MAX || self.unreachable.contains_key(user) {
            return None;
        }
        self.unreachable.insert(user.clone(), why);
        Some(why)
    }

    fn has_come_back_enough(&mut self, user: &BareJid) -> bool {
        if self.came_back.len() >= COUNTED_MAX && !self.came_back.contains_key(user) {
            self.came_back.clear();
        }
        let count = self.came_back.entry(user.clone()).or_default();
        *count = count.saturating_add(1);
        *count >= GONE_AFTER && self.came_back.remove(user).is_some()
    }

    /// The account came by a room and never otherwise; is that news?
    pub(crate) fn came_by_room(&mut self, user: &BareJid) -> bool {
        if self.unreachable.get(user) == Some(&Unreachable::InRooms)
            || self.unreachable.len() >= UNREACHABLE_MAX
        {
            return false;
        }
        self.came_back.remove(user);
        self.unreachable.insert(user.clone(), Unreachable::InRooms);
        true
    }

    /// The account was seen; was it unreachable?
    pub(crate) fn seen(&mut self, user: &BareJid) -> bool {
        self.came_back.remove(user);
        self.unreachable.remove(user).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_account_is_full_at_once_and_an_unknown_one_gone_after_some() {
        let mut reach = Reach::default();
        let [full, gone, away] = ["full@h", "gone@h", "away@h"].map(|jid| BareJid::parse(jid).unwrap());
        assert_eq!(reach.came_back(&full, "resource-constraint"), Some(Unreachable::Full));
        assert_eq!(reach.came_back(&full, "resource-constraint"), None, "that is no news");
        for expected in [None, None, Some(Unreachable::Gone)] {
            assert_eq!(reach.came_back(&gone, "service-unavailable"), expected);
            assert_eq!(reach.came_back(&away, "remote-server-timeout"), None);
        }
        assert_eq!((reach.of(&full), reach.of(&away)), (Some(Unreachable::Full), None));
        assert!(reach.seen(&gone) && !reach.seen(&gone));
        assert_eq!(reach.of(&gone), None);
    }

    #[test]
    fn who_is_seen_in_between_is_not_gone() {
        let (mut reach, user) = (Reach::default(), BareJid::parse("a@h").unwrap());
        for _ in 0..10 {
            assert_eq!(reach.came_back(&user, "service-unavailable"), None);
            assert_eq!(reach.came_back(&user, "gone"), None);
            assert!(!reach.seen(&user));
        }
    }

    #[test]
    fn strangers_do_not_fill_the_memory() {
        let mut reach = Reach::default();
        for n in 0..COUNTED_MAX * 2 + 1 {
            reach.came_back(&BareJid::parse(&format!("u{n}@h")).unwrap(), "gone");
        }
        assert!(reach.came_back.len() <= COUNTED_MAX);
    }
}
