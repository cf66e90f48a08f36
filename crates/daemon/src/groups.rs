//! The groups in memory: those that were in use lately, loaded from the store when needed.
//!
//! The engine alone owns them. What is here may be forgotten at any time: the store has it.

use groupchat_core::{Group, GroupId};
use groupchat_store::{Store, StoreError};
use quick_cache::Weighter;
use quick_cache::unsync::Cache;

/// People of all groups in memory together, present, former and banned: about 200 bytes each.
const MEMBERS_MAX: u64 = 600_000;
/// Groups expected to be in use at once; the cache grows beyond it as it must.
const GROUPS_EXPECTED: usize = 1_000;

#[derive(Clone)]
struct ByMembers;

impl Weighter<GroupId, Group> for ByMembers {
    fn weight(&self, _: &GroupId, group: &Group) -> u64 {
        (group.members().len() + group.remembered()) as u64 + 4
    }
}

/// The groups in memory.
pub(crate) struct Groups {
    store: Store,
    cache: Cache<GroupId, Group, ByMembers>,
}

impl Groups {
    /// None yet.
    pub(crate) fn new(store: Store) -> Self {
        Self { store, cache: Cache::with_weighter(GROUPS_EXPECTED, MEMBERS_MAX, ByMembers) }
    }

    /// The group as it stands, deleted ones too; `None` when there never was one. It is out of here until it is
    /// [put](Self::put) back, so that what is decided but not stored is seen by nobody else.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn take(&mut self, id: &GroupId) -> Result<Option<Group>, StoreError> {
        match self.cache.remove(id) {
            Some((_, group)) => Ok(Some(group)),
            None => self.store.load(id).await,
        }
    }

    /// Keeps the group as it is stored now.
    pub(crate) fn put(&mut self, group: Group) {
        self.cache.insert(group.id.clone(), group);
    }
}
