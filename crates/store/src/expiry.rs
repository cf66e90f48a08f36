//! Messages that a group does not keep for ever.

use groupchat_core::Timestamp;
use groupchat_entity::{group, member, mention, message};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::error::Doing;
use crate::{ROWS_PER_STATEMENT, Store, StoreError, hold};

const DAY_MS: i64 = 86_400_000;

impl Store {
    /// Deletes rows of the archive that are older than their group keeps them, at most so many, the groups with the
    /// oldest ones first; how many there were. 0: nothing is left to delete.
    ///
    /// # Errors
    /// [`StoreError::Database`]: each group has a transaction of its own, so what came before in this call is deleted.
    pub async fn expire(&self, now: Timestamp, rows_max: usize) -> Result<usize, StoreError> {
        let mut left = rows_max;
        for (group, before) in self.expiring(now).await? {
            if left == 0 {
                break;
            }
            left -= self.expire_one(&group, before, left).await?;
        }
        Ok(rows_max - left)
    }

    /// The groups that have something to delete, and before which id.
    async fn expiring(&self, now: Timestamp) -> Result<Vec<(String, i64)>, StoreError> {
        let of_group = Expr::col((message::Entity, message::Column::GroupId))
            .eq(Expr::col((group::Entity, group::Column::GroupId)));
        let oldest = Query::select()
            .expr(Expr::col((message::Entity, message::Column::MsgId)))
            .from(message::Entity)
            .and_where(of_group)
            .order_by((message::Entity, message::Column::MsgId), sea_orm::Order::Asc)
            .limit(1)
            .take();
        let rows = group::Entity::find()
            .select_only()
            .columns([group::Column::GroupId, group::Column::RetentionDays])
            .expr(Expr::SubQuery(None, Box::new(oldest.into())))
            .filter(group::Column::RetentionDays.gt(0))
            .filter(group::Column::HeldAt.is_null())
            .into_tuple::<(String, i64, Option<i64>)>();
        let rows = rows.all(&self.db).await.doing("looking for expired messages")?;
        let mut expiring: Vec<_> = rows
            .into_iter()
            .filter_map(|(group, days, oldest)| {
                // An id is never lower than its row's time says, so that nothing goes too early.
                let before = now.0.saturating_sub(days.saturating_mul(DAY_MS)).saturating_mul(1_000);
                oldest.filter(|oldest| *oldest < before).map(|oldest| (oldest, group, before))
            })
            .collect();
        expiring.sort_unstable();
        Ok(expiring.into_iter().map(|(_, group, before)| (group, before)).collect())
    }

    async fn expire_one(&self, group: &str, before: i64, rows_max: usize) -> Result<usize, StoreError> {
        let old = message::Entity::find()
            .select_only()
            .columns([message::Column::MsgId, message::Column::Ordinal])
            .filter(message::Column::GroupId.eq(group))
            .filter(message::Column::MsgId.lt(before))
            .order_by_asc(message::Column::MsgId)
            .limit(rows_max as u64)
            .into_tuple::<(i64, i64)>();
        let old = old.all(&self.db).await.doing("looking for expired messages")?;
        let Some((_, seen)) = old.last() else { return Ok(0) };
        let tx = self.begin().await?;
        // The group first, as a commit does, so that the two cannot wait for each other.
        if hold::lock(&tx, group).await? {
            return Ok(0);
        }
        match forget(&tx, group, &old, *seen).await {
            Ok(()) => tx.commit().await.doing("deleting expired messages").map(|()| old.len()),
            Err(error) => {
                // The first error tells more.
                let _ = tx.rollback().await;
                Err(error)
            }
        }
    }
}

async fn forget(
    tx: &DatabaseTransaction,
    group: &str,
    old: &[(i64, i64)],
    seen: i64,
) -> Result<(), StoreError> {
    for chunk in old.chunks(ROWS_PER_STATEMENT) {
        let ids = || chunk.iter().map(|(id, _)| *id);
        let mentions = mention::Entity::delete_many().filter(mention::Column::MsgId.is_in(ids()));
        mentions.exec(tx).await.doing("deleting expired mentions")?;
        let rows = message::Entity::delete_many().filter(message::Column::MsgId.is_in(ids()));
        rows.exec(tx).await.doing("deleting expired messages")?;
    }
    // What nobody can read any more is not unread: of what is left, a member has at least his own behind him.
    let Some((cut, _)) = old.last() else { return Ok(()) };
    let own_later = Query::select()
        .expr(Expr::col(message::Column::MsgId).count())
        .from(message::Entity)
        .and_where(Expr::col((message::Entity, message::Column::GroupId)).eq(group))
        .and_where(
            Expr::col((message::Entity, message::Column::Mid)).equals((member::Entity, member::Column::Mid)),
        )
        .and_where(Expr::col((message::Entity, message::Column::MsgId)).gt(*cut))
        .and_where(Expr::col((message::Entity, message::Column::Countable)).eq(true))
        .take();
    let at_least = || Expr::value(seen).add(Expr::SubQuery(None, Box::new(own_later.clone().into())));
    let behind = member::Entity::update_many()
        .col_expr(member::Column::Seen, at_least())
        .filter(member::Column::GroupId.eq(group))
        .filter(member::Column::LeftAt.is_null())
        .filter(member::Column::ReadId.lt(*cut))
        .filter(Expr::col(member::Column::Seen).lt(at_least()));
    behind.exec(tx).await.doing("counting expired messages").map(drop)
}
