//! The one door through which decisions are written.

use std::collections::HashMap;

use groupchat_core::{Change, GroupId};
use groupchat_entity::group;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::error::Doing;
use crate::tally::Tally;
use crate::{
    Batch, ROWS_PER_STATEMENT, Store, StoreError, archive, changes, outbox, people, reach, rooms, sessions,
};

impl Store {
    /// Stores a batch in one transaction, after checking that its groups are still what they were in memory.
    ///
    /// # Errors
    /// [`StoreError::Stale`] names the first group that is not; [`StoreError::Database`]. Either way load the
    /// groups of the batch again: none of it is stored, unless the connection broke during the commit itself.
    pub async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        if batch.is_empty() {
            return check_versions(&self.db, &batch.versions).await;
        }
        let tx = self.begin().await?;
        match write(&tx, batch).await {
            Ok(()) => tx.commit().await.doing("committing a batch"),
            Err(error) => {
                // A transaction that cannot be rolled back ends with its connection; the first error tells more.
                let _ = tx.rollback().await;
                Err(error)
            }
        }
    }
}

/// Writes a batch in a transaction that goes on.
pub(crate) async fn write(tx: &DatabaseTransaction, batch: &Batch) -> Result<(), StoreError> {
    check_versions(tx, &batch.versions).await?;
    let mut tally = Tally::default();
    for (id, change) in &batch.changes {
        match change {
            Change::Posted { author } => tally.posted(id, author),
            Change::Read { jid, upto, seen } => tally.read(id, jid, *upto, *seen),
            // What is taken back may be in this very batch.
            Change::Retracted { .. } => {}
            _ => {
                // The members who come or go now are not those whom the messages so far were counted for.
                tally.write_one(tx, id, batch.now).await?;
                changes::apply(tx, id, change, batch.now).await?;
            }
        }
    }
    archive::append(tx, &batch.archive).await?;
    batch.archive.iter().for_each(|row| tally.archived(row));
    tally.write(tx, batch.now).await?;
    for (id, change) in &batch.changes {
        if let Change::Retracted { message, by, moderated, reason } = change {
            let retraction = archive::Retraction { message: *message, by, moderated: *moderated, reason };
            archive::retract(tx, id, &retraction, batch.now).await?;
        }
    }
    people::store(tx, &batch.people).await?;
    sessions::apply(tx, &batch.sessions, batch.now).await?;
    reach::apply(tx, &batch.sessions, batch.now).await?;
    rooms::note_natives(tx, &batch.sessions).await?;
    rooms::apply(tx, &batch.rooms).await?;
    match &batch.cursor {
        Some((domain, position)) => outbox::move_cursor(tx, domain, *position).await,
        None => Ok(()),
    }
}

/// Compares the stored versions, and in a transaction locks these groups against other processes until its end;
/// always in the same order, so that two of them cannot wait for each other.
async fn check_versions(db: &impl ConnectionTrait, versions: &[(GroupId, i64)]) -> Result<(), StoreError> {
    let mut ids: Vec<&str> = versions.iter().map(|(id, _)| id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut stored: HashMap<String, i64> = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(ROWS_PER_STATEMENT) {
        let rows = group::Entity::find()
            .select_only()
            .columns([group::Column::GroupId, group::Column::Version])
            .filter(group::Column::GroupId.is_in(chunk.iter().copied()))
            .order_by_asc(group::Column::GroupId)
            .lock_exclusive()
            .into_tuple::<(String, i64)>();
        stored.extend(rows.all(db).await.doing("checking the versions of groups")?);
    }
    match versions.iter().find(|(id, version)| stored.get(id.as_str()) != Some(version)) {
        Some((id, _)) => Err(StoreError::Stale(id.clone())),
        None => Ok(()),
    }
}
