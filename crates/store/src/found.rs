//! Messages as the rules need them: which one is meant, whose it is, and how much of the group is read with it.

use groupchat_core::{ArchivedKind, Found, GroupId, Jid, Mid, StanzaId, Timestamp};
use groupchat_entity::message::{Column, Entity};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use crate::archive::{messages, named};
use crate::error::Doing;
use crate::pages::count;
use crate::{Store, StoreError, rows};

/// How far back the newest message of others is looked for: first so many rows, then four times as many, …
const LOOK_BACK_ROWS: [u64; 3] = [16, 64, 256];

/// A message that a device has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Where to.
    pub group: GroupId,
    /// The device.
    pub sender: Jid,
    /// The `id` that it gave the message.
    pub client_id: String,
    /// The message.
    pub id: StanzaId,
}

/// `msg_id`, `mid`, `clientId`, `ordinal`.
type Row = (i64, String, Option<String>, i64);

impl Store {
    /// The message that an id names, as [`Store::message`] finds it; one that was taken back too. `seen` is its place among
    /// the countable ones; [`Store::own_after`] is to be added for a reader.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn found(&self, group: &GroupId, id: &str) -> Result<Option<Found>, StoreError> {
        for list in named(group, id) {
            if let Some(row) = self.row(list).await? {
                return Ok(Some(found(row, Some(id))));
            }
        }
        Ok(None)
    }

    /// How many countable messages a member has written behind a message.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn own_after(&self, group: &GroupId, member: &Mid, id: StanzaId) -> Result<i64, StoreError> {
        let own = Entity::find()
            .filter(Column::GroupId.eq(group.as_str()))
            .filter(Column::Mid.eq(member.as_str()))
            .filter(Column::MsgId.gt(id.0))
            .filter(Column::Countable.eq(true));
        let own = count(&self.db, own, Column::MsgId).await.doing("counting messages")?;
        Ok(i64::try_from(own).unwrap_or(i64::MAX))
    }

    /// The newest message (no event) of a group that somebody else than `reader` wrote, behind what he has `read` and
    /// among its last few hundred rows: a reader who alone writes, and much, must not make every receipt a long search.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn newest_found_by_others(
        &self,
        group: &GroupId,
        reader: &Mid,
        read: StanzaId,
    ) -> Result<Option<Found>, StoreError> {
        let mut before = i64::MAX;
        for rows in LOOK_BACK_ROWS {
            let window = Entity::find()
                .select_only()
                .columns([Column::MsgId, Column::Kind, Column::Mid])
                .filter(Column::GroupId.eq(group.as_str()))
                .filter(Column::MsgId.lt(before))
                .filter(Column::MsgId.gt(read.0))
                .order_by_desc(Column::MsgId)
                .limit(rows)
                .into_tuple::<(i64, String, String)>();
            let window = window.all(&self.db).await.doing("looking for the newest message")?;
            let wanted = rows::kind(ArchivedKind::Message);
            if let Some((id, ..)) =
                window.iter().find(|(_, kind, mid)| kind == wanted && mid != reader.as_str())
            {
                let Some(row) = self.row(messages(group).filter(Column::MsgId.eq(*id))).await? else {
                    return Ok(None);
                };
                return Ok(Some(found(row, None)));
            }
            match window.last() {
                Some((oldest, ..)) if window.len() as u64 == rows => before = *oldest,
                _ => break,
            }
        }
        Ok(None)
    }

    /// The newest messages since then to which their senders gave an `id`, at most so many, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn recent(&self, since: Timestamp, rows_max: usize) -> Result<Vec<Sent>, StoreError> {
        let newest = Entity::find()
            .select_only()
            .columns([Column::GroupId, Column::SenderJid, Column::ClientId, Column::MsgId])
            .filter(Column::MsgId.gte(since.0.saturating_mul(1_000)))
            .filter(Column::Kind.eq(rows::kind(ArchivedKind::Message)))
            .filter(Column::ClientId.is_not_null())
            .order_by_desc(Column::MsgId)
            .limit(rows_max as u64)
            .into_tuple::<(String, String, String, i64)>();
        let newest = newest.all(&self.db).await.doing("reading the newest messages")?;
        let sent = newest.into_iter().rev().map(|(group, sender, client_id, id)| Sent {
            group: GroupId::from_stored(&group),
            sender: Jid::from_stored(&sender),
            client_id,
            id: StanzaId(id),
        });
        Ok(sent.collect())
    }

    async fn row(&self, list: Select<Entity>) -> Result<Option<Row>, StoreError> {
        let newest = list
            .select_only()
            .columns([Column::MsgId, Column::Mid, Column::ClientId, Column::Ordinal])
            .order_by_desc(Column::MsgId)
            .limit(1)
            .into_tuple::<Row>();
        newest.one(&self.db).await.doing("looking for a message")
    }
}

fn found((id, mid, client_id, ordinal): Row, name: Option<&str>) -> Found {
    let named = name.map(str::to_owned).or(client_id).unwrap_or_else(|| StanzaId(id).to_string());
    Found { id: StanzaId(id), mid: Mid::from_stored(&mid), named: named.into(), seen: ordinal }
}
