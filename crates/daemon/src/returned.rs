//! What came back lately, for administrators who want to know why somebody hears nothing. Kept in memory: a few for each
//! account, of as many accounts as matter; a restart forgets it.
//!
//! Not here: what comes of a bounce (`engine/bounce.rs`).

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use groupchat_core::{BareJid, GroupId, Timestamp};
use groupchat_dialect::Bounce;
use quick_cache::unsync::Cache;

/// Of one account.
const OF_ACCOUNT_MAX: usize = 10;
/// Accounts that are remembered; those go first that nobody asked about, and nothing came back from lately.
const ACCOUNTS_MAX: usize = 2_000;

/// One message that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CameBack {
    /// When.
    pub(crate) at: Timestamp,
    /// From which device, or from the account, if it was a copy for later.
    pub(crate) from: String,
    /// Of which group.
    pub(crate) group: GroupId,
    /// The message's `id`.
    pub(crate) id: String,
    /// Why, in the words of the server (RFC 6120 §8.3.3).
    pub(crate) condition: String,
}

/// What came back lately. Clones show the same.
#[derive(Clone)]
pub(crate) struct Returned(Arc<Mutex<Cache<BareJid, VecDeque<CameBack>>>>);

impl Default for Returned {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Cache::new(ACCOUNTS_MAX))))
    }
}

impl fmt::Debug for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Returned")
    }
}

impl Returned {
    /// Remembers one more.
    pub(crate) fn note(&self, bounce: &Bounce, at: Timestamp) {
        let came_back = CameBack {
            at,
            from: bounce.from.to_string(),
            group: bounce.group.clone(),
            id: bounce.id.as_deref().unwrap_or_default().to_owned(),
            condition: bounce.condition.clone(),
        };
        let account = bounce.from.bare();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut of_account = all.remove(account).map(|(_, known)| known).unwrap_or_default();
        if of_account.len() >= OF_ACCOUNT_MAX {
            of_account.pop_front();
        }
        of_account.push_back(came_back);
        all.insert(account.clone(), of_account);
    }

    /// What came back from this account of this group, oldest first.
    pub(crate) fn of(&self, account: &BareJid, group: &GroupId) -> Vec<CameBack> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_account = all.peek(account).into_iter().flatten();
        of_account.filter(|came_back| came_back.group == *group).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use groupchat_core::Jid;

    #[test]
    fn the_newest_of_each_account_are_kept() {
        let returned = Returned::default();
        let group = GroupId::parse("tea").unwrap();
        let bounce = |n: usize| Bounce {
            from: Jid::parse("bob@h.lit/pda").unwrap(),
            group: group.clone(),
            mid: None,
            id: Some(format!("m{n}").into()),
            error: "".into(),
            condition: "gone".into(),
        };
        (0..OF_ACCOUNT_MAX + 5).for_each(|n| returned.note(&bounce(n), Timestamp(n as i64)));
        let bob = BareJid::parse("bob@h.lit").unwrap();
        let known = returned.of(&bob, &group);
        let ids: Vec<_> = known.iter().map(|one| one.id.as_str()).collect();
        assert_eq!((ids.len(), ids.first(), ids.last()), (OF_ACCOUNT_MAX, Some(&"m5"), Some(&"m14")));
        assert_eq!(returned.of(&bob, &GroupId::parse("coffee").unwrap()), []);
    }
}
