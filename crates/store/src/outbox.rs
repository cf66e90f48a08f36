//! The archive as outbox: how far the XMPP server has taken it in, and what is behind that.

use groupchat_core::reading::Shown;
use groupchat_core::{BareJid, GroupId, Pending, PendingKind, StanzaId, Timestamp};
use groupchat_entity::cursor::{self, ActiveModel, Column, Entity};
use groupchat_entity::{member, message, pending};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};

use crate::error::Doing;
use crate::{Store, StoreError, rows};

impl Store {
    /// The server has everything up to this row. On a database without a word of it, that is everything there is: it was
    /// written before anybody kept account, and from now on somebody does.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn cursor(&self, domain: &BareJid) -> Result<StanzaId, StoreError> {
        let row = Entity::find_by_id(domain.as_str()).one(&self.db).await.doing("reading the cursor")?;
        match row {
            Some(cursor::Model { position, .. }) => Ok(StanzaId(position)),
            None => {
                let everything = self.last_stanza_id().await?;
                move_cursor(&self.db, domain, everything).await?;
                Ok(everything)
            }
        }
    }

    /// The rows behind this one, oldest first, so many at most.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn behind(&self, cursor: StanzaId, rows_max: usize) -> Result<Vec<Shown>, StoreError> {
        let ids = message::Entity::find()
            .select_only()
            .column(message::Column::MsgId)
            .filter(message::Column::MsgId.gt(cursor.0))
            .order_by_asc(message::Column::MsgId)
            .limit(rows_max as u64)
            .into_tuple::<i64>();
        let ids = ids.all(&self.db).await.doing("reading what the server may not have")?;
        self.rows(&ids).await
    }

    /// Who left a group at this very time: with a change that was decided then.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn left_at(&self, group: &GroupId, at: Timestamp) -> Result<Vec<BareJid>, StoreError> {
        let left = member::Entity::find()
            .select_only()
            .column(member::Column::UserId)
            .filter(member::Column::GroupId.eq(group.as_str()))
            .filter(member::Column::LeftAt.eq(at.0))
            .into_tuple::<String>();
        let left = left.all(&self.db).await.doing("reading who left a group")?;
        Ok(left.iter().map(|user| BareJid::from_stored(user)).collect())
    }

    /// When the newest invitation or request was made that waits for an answer.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn last_invited(&self) -> Result<Timestamp, StoreError> {
        let newest = pending::Entity::find()
            .select_only()
            .expr(pending::Column::Since.max())
            .into_tuple::<Option<i64>>();
        let newest = newest.one(&self.db).await.doing("looking for the newest invitation")?;
        Ok(Timestamp(newest.flatten().unwrap_or_default()))
    }

    /// Invitations later than the one time and not later than the other that wait for an answer, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn invited(
        &self,
        after: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(GroupId, Pending)>, StoreError> {
        let new = pending::Entity::find()
            .filter(pending::Column::Since.gt(after.0))
            .filter(pending::Column::Since.lte(until.0))
            .order_by_asc(pending::Column::Since);
        let new = new.all(&self.db).await.doing("reading new invitations")?;
        let read = |row: pending::Model| (GroupId::from_stored(&row.group_id), rows::pending(row));
        let is_invitation =
            |(_, pending): &(GroupId, Pending)| matches!(pending.kind, PendingKind::Invitation { .. });
        Ok(new.into_iter().map(read).filter(is_invitation).collect())
    }
}

/// Notes that the server has everything up to this row.
pub(crate) async fn move_cursor(
    db: &impl ConnectionTrait,
    domain: &BareJid,
    position: StanzaId,
) -> Result<(), StoreError> {
    let row = ActiveModel { domain: Set(domain.to_string()), position: Set(position.0) };
    let newest = OnConflict::column(Column::Domain).update_column(Column::Position).to_owned();
    let upsert = Entity::insert(row).on_conflict(newest);
    upsert.exec_without_returning(db).await.doing("moving the cursor").map(drop)
}
