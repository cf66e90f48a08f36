//! How fast a user may ask, and how fast messages may come into a group: beyond it, they are told to wait.
//!
//! Presence without a request and what comes back are counted apart: hosts send them for their users.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use groupchat_core::{BareJid, GroupId, Refusal};

use crate::config;

/// Keys that are remembered at least before those that are at rest are forgotten.
const KEYS_MIN: usize = 10_000;

/// The rates of all keys of one kind: users at the door, groups (where only messages of members count) in the engine.
pub(crate) struct Rates<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    what: &'static str,
    per_second: u32,
    keys_max: AtomicUsize,
}

impl<K: Hash + Eq + Clone> std::fmt::Debug for Rates<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} a second for {}", self.per_second, self.what)
    }
}

impl Rates<BareJid> {
    /// What the configuration allows a user.
    pub(crate) fn of_users(limits: &config::Limits) -> Self {
        Self::new("a user", limits.user_stanzas_per_second, limits.user_stanzas_burst)
    }
}

impl Rates<BareJid> {
    /// What is borne of a user beside requests: presence that hosts pass on, and messages that come back. Hosts send
    /// few of them for one user, but for 1,000 groups at once when he logs in or out.
    pub(crate) fn of_news() -> Self {
        Self::new("a user", 200, 5_000)
    }
}

impl Rates<GroupId> {
    /// What the configuration allows the members of a group together.
    pub(crate) fn of_groups(limits: &config::Limits) -> Self {
        Self::new("the members of a group", limits.group_messages_per_second, limits.group_messages_burst)
    }
}

impl<K: Hash + Eq + Clone> Rates<K> {
    fn new(what: &'static str, per_second: u32, burst: u32) -> Self {
        let at_least_one = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst));
        Self { limiter: RateLimiter::keyed(quota), what, per_second, keys_max: AtomicUsize::new(KEYS_MIN) }
    }

    /// May one more pass?
    pub(crate) fn check(&self, key: &K) -> Result<(), Refusal> {
        self.forget_the_resting();
        let too_fast = |_| Refusal::TooFast { what: self.what, per_second: self.per_second };
        self.limiter.check_key(key).map_err(too_fast)
    }

    /// Who has not been near his rate lately needs no entry. Looked for when there are twice as many as last time, so
    /// that it costs little for each of them.
    fn forget_the_resting(&self) {
        if self.limiter.len() > self.keys_max.load(Ordering::Relaxed) {
            self.limiter.retain_recent();
            self.keys_max.store((2 * self.limiter.len()).max(KEYS_MIN), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_a_rate_of_its_own_and_those_at_rest_are_forgotten() {
        let rates = Rates::<u32>::new("a test", 1_000_000, 2);
        assert!(rates.check(&1).is_ok());
        for key in 0..10 * KEYS_MIN as u32 {
            assert!(rates.check(&key).is_ok());
        }
        assert!(rates.limiter.len() < 3 * KEYS_MIN, "{} keys", rates.limiter.len());
        let slow = Rates::<u32>::new("a test", 1, 2);
        let passed = (0..10).filter(|_| slow.check(&1).is_ok()).count();
        assert_eq!((passed, slow.check(&2).is_ok()), (2, true));
        assert_eq!(slow.check(&1), Err(Refusal::TooFast { what: "a test", per_second: 1 }));
    }
}
