//! How fast a user may ask, and how fast messages may come into a group: beyond it, they are told to wait.
//!
//! Presence without a request and answers are not counted: hosts send them for their users.

use std::hash::Hash;
use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use groupchat_core::{BareJid, GroupId, Refusal};

use crate::config;

/// Keys that are remembered before those that are at rest are forgotten.
const KEYS_MAX: usize = 10_000;

/// The rates of all keys of one kind: users at the door, groups (where only messages of members count) in the engine.
pub(crate) struct Rates<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    what: &'static str,
    per_second: u32,
}

impl Rates<BareJid> {
    /// What the configuration allows a user.
    pub(crate) fn of_users(limits: &config::Limits) -> Self {
        Self::new("a user", limits.user_stanzas_per_second, limits.user_stanzas_burst)
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
        Self { limiter: RateLimiter::keyed(quota), what, per_second }
    }

    /// May one more pass?
    pub(crate) fn check(&self, key: &K) -> Result<(), Refusal> {
        // Keeps the memory bounded: who has not been near his rate lately needs no entry.
        if self.limiter.len() > KEYS_MAX {
            self.limiter.retain_recent();
        }
        let too_fast = |_| Refusal::TooFast { what: self.what, per_second: self.per_second };
        self.limiter.check_key(key).map_err(too_fast)
    }
}
