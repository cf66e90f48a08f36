//! Legal hold: of a held group nothing goes, whatever its members, its settings or an administrator ask for. What is taken
//! back in it is gone for its members, and kept beside the archive for whoever asked for the hold.

use groupchat_core::{GroupId, Timestamp};
use groupchat_entity::{group, kept, message};
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};

use crate::error::Doing;
use crate::{Store, StoreError, avatars};

/// That a group is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Since when.
    pub since: Timestamp,
    /// Why, in the words of who asked for it.
    pub why: String,
}

impl Store {
    /// Holds a group, a deleted one too; of one that is held the reason changes. `false`: there is no such group, or it is a
    /// room that nobody configured yet, which has nothing to hold.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn hold(&self, id: &GroupId, why: &str, now: Timestamp) -> Result<bool, StoreError> {
        let since = Expr::col(group::Column::HeldAt).if_null(now.0);
        let update = group::Entity::update_many()
            .col_expr(group::Column::HeldAt, since)
            .col_expr(group::Column::HeldWhy, Expr::value(why))
            .filter(group::Column::GroupId.eq(id.as_str()))
            .filter(group::Column::LockedAt.is_null());
        Ok(update.exec(&self.writer).await.doing("holding a group")?.rows_affected > 0)
    }

    /// Holds a group no more: what was taken back in it goes now, and what is too old with the next look. `false`: it was
    /// not held.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn release(&self, id: &GroupId) -> Result<bool, StoreError> {
        const DOING: &str = "ending the hold of a group";
        let tx = self.begin().await?;
        let update = group::Entity::update_many()
            .col_expr(group::Column::HeldAt, Expr::value(None::<i64>))
            .col_expr(group::Column::HeldWhy, Expr::value(None::<String>))
            .filter(group::Column::GroupId.eq(id.as_str()))
            .filter(group::Column::HeldAt.is_not_null());
        let was_held = update.exec(&tx).await.doing(DOING)?.rows_affected > 0;
        let originals = kept::Entity::delete_many().filter(kept::Column::GroupId.eq(id.as_str()));
        originals.exec(&tx).await.doing(DOING)?;
        let deleted = group::Entity::find()
            .filter(group::Column::GroupId.eq(id.as_str()))
            .filter(group::Column::DeletedAt.is_not_null());
        if deleted.one(&tx).await.doing(DOING)?.is_some() {
            avatars::put(&tx, id, None).await?;
        }
        tx.commit().await.doing(DOING)?;
        Ok(was_held)
    }

    /// Is this group held, and why?
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn held(&self, id: &GroupId) -> Result<Option<Hold>, StoreError> {
        let row = self.group(id).await?;
        let hold = |row: group::Model| {
            Some(Hold { since: Timestamp(row.held_at?), why: row.held_why.unwrap_or_default() })
        };
        Ok(row.and_then(hold))
    }
}

/// Locks a group against others until the end of the transaction. Is it held?
pub(crate) async fn lock(tx: &DatabaseTransaction, id: &str) -> Result<bool, StoreError> {
    let row = group::Entity::find().filter(group::Column::GroupId.eq(id)).lock_exclusive().one(tx).await;
    Ok(row.doing("locking a group")?.is_some_and(|row| row.held_at.is_some()))
}

/// Keeps what a message says that is about to be taken back, if its group is held.
pub(crate) async fn keep(tx: &DatabaseTransaction, id: &GroupId, message: i64) -> Result<(), StoreError> {
    const DOING: &str = "keeping what is held";
    let held = Query::select()
        .column(group::Column::GroupId)
        .from(group::Entity)
        .and_where(Expr::col(group::Column::GroupId).eq(id.as_str()))
        .and_where(Expr::col(group::Column::HeldAt).is_not_null())
        .take();
    let what = Query::select()
        .columns([
            message::Column::MsgId,
            message::Column::GroupId,
            message::Column::Body,
            message::Column::Payload,
        ])
        .from(message::Entity)
        .and_where(Expr::col(message::Column::MsgId).eq(message))
        .and_where(Expr::col(message::Column::RetractedAt).is_null())
        .and_where(Expr::col(message::Column::GroupId).in_subquery(held))
        .take();
    let columns = [kept::Column::MsgId, kept::Column::GroupId, kept::Column::Body, kept::Column::Payload];
    let mut insert = Query::insert();
    insert.into_table(kept::Entity).columns(columns);
    insert
        .select_from(what)
        .map_err(|error| StoreError::Database { doing: DOING, cause: error.to_string() })?;
    tx.execute(&insert).await.doing(DOING).map(drop)
}
