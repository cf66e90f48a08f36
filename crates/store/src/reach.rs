//! Accounts that take no copies for later, so that a restart does not try them all again.

use std::collections::BTreeMap;

use groupchat_core::{BareJid, SessionChange, Timestamp, Unreachable};
use groupchat_entity::unreachable::{ActiveModel, Column, Entity};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set};

use crate::error::Doing;
use crate::{ROWS_PER_STATEMENT, Store, StoreError};

impl Store {
    /// Every account that cannot be reached; what `Sessions::restore` wants.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn unreachable(&self) -> Result<Vec<(BareJid, Unreachable)>, StoreError> {
        let rows = Entity::find().all(&self.db).await.doing("reading unreachable accounts")?;
        let read = |row: &groupchat_entity::unreachable::Model| {
            (BareJid::from_stored(&row.user_id), Unreachable::from_stored(&row.why))
        };
        Ok(rows.iter().map(read).collect())
    }
}

impl Store {
    /// Why this account gets no copies for later, if it gets none.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn why_unreachable(&self, account: &BareJid) -> Result<Option<Unreachable>, StoreError> {
        let row = Entity::find().filter(Column::UserId.eq(account.as_str())).one(&self.db).await;
        let row = row.doing("looking for an unreachable account")?;
        Ok(row.map(|row| Unreachable::from_stored(&row.why)))
    }
}

/// Writes what a batch says of accounts; of several changes of one, the last.
pub(crate) async fn apply(
    tx: &DatabaseTransaction,
    changes: &[SessionChange],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut net: BTreeMap<&str, Option<Unreachable>> = BTreeMap::new();
    for change in changes {
        match change {
            SessionChange::Lost(user, why) => net.insert(user.as_str(), Some(*why)),
            SessionChange::Found(user) => net.insert(user.as_str(), None),
            SessionChange::Learnt(..) | SessionChange::Left(..) | SessionChange::Ended(_) => continue,
        };
    }
    let found: Vec<&str> = net.iter().filter(|(_, why)| why.is_none()).map(|(user, _)| *user).collect();
    for chunk in found.chunks(ROWS_PER_STATEMENT) {
        let gone = Entity::delete_many().filter(Column::UserId.is_in(chunk.iter().copied()));
        gone.exec(tx).await.doing("forgetting that accounts were unreachable")?;
    }
    let lost: Vec<_> = net.into_iter().filter_map(|(user, why)| Some((user, why?))).collect();
    for chunk in lost.chunks(ROWS_PER_STATEMENT) {
        let rows = chunk.iter().map(|(user, why)| ActiveModel {
            user_id: Set((*user).to_owned()),
            why: Set(why.as_str().to_owned()),
            since: Set(now.0),
        });
        let newest =
            OnConflict::column(Column::UserId).update_columns([Column::Why, Column::Since]).to_owned();
        let upsert = Entity::insert_many(rows).on_conflict(newest);
        upsert.exec_without_returning(tx).await.doing("storing unreachable accounts")?;
    }
    Ok(())
}
