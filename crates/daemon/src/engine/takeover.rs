//! Another process may have been at work on the same database: the one whose standby this is. When the link is up, and before anything
//! is decided, that is found out, and what memory has is read again.
//!
//! Not here: groups that somebody else changes while both are at work, which each commit finds out (the store).

use groupchat_core::Timestamp;
use groupchat_store::StoreError;
use tracing::info;

use super::replay::Doubt;
use super::{Engine, Stored};
use crate::groups::Groups;

impl Engine {
    /// Takes up where the other one left off, if there was one.
    ///
    /// # Errors
    /// The store cannot be read; nothing is different then.
    pub(super) async fn take_over(&mut self) -> Result<(), StoreError> {
        let cursor = self.store.cursor(&self.policy.domain).await?;
        let newest = self.store.last_stanza_id().await?;
        // It may be further than is known here by a commit of which nobody knows how it ended.
        let is_ours =
            cursor == self.saved_cursor || self.moved_cursor().is_some_and(|reached| cursor <= reached);
        if is_ours && newest <= self.last_id {
            return Ok(());
        }
        let stored = Stored::load(&self.store, &self.policy, self.clock.now()).await?;
        info!(sessions = stored.sessions.count(), "Took over from another process on this database");
        self.last_id = self.last_id.max(stored.last_id);
        self.last_now = self.last_now.max(Timestamp(self.last_id.0 / 1_000));
        (self.sessions, self.rooms, self.leftovers) = (stored.sessions, stored.rooms, stored.leftovers);
        (self.sent, self.saved_cursor) = (stored.sent, stored.cursor);
        self.groups = Groups::new(self.store.clone());
        self.doubts = [Doubt::new(&self.outgoing, self.saved_cursor, self.last_id)].into();
        Ok(())
    }
}
