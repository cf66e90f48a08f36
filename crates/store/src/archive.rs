//! The archive: rows are appended in bulk and found one by one.
//!
//! Not here: pages of the archive.

use groupchat_core::{Archived, ArchivedKind, GroupId, Mid, StanzaId, Timestamp};
use groupchat_entity::message::{Column, Entity};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use crate::error::Doing;
use crate::{ROWS_PER_STATEMENT, Store, StoreError, rows};

/// MariaDB takes 16 MiB in one packet, and a payload may have 128 KiB.
const BYTES_PER_STATEMENT: usize = 4 * 1024 * 1024;
/// Messages of one author with the same `id` that are told apart no further.
const SAME_ID_MAX: u64 = 16;
/// How far back the newest message of others is looked for: first so many rows, then four times as many, …
const LOOK_BACK_ROWS: [u64; 5] = [16, 64, 256, 1_024, 4_096];

impl Store {
    /// The highest stanza-id in the archive, from which the next one is made; zero when it is empty.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn last_stanza_id(&self) -> Result<StanzaId, StoreError> {
        let highest = Entity::find().select_only().expr(Column::MsgId.max()).into_tuple::<Option<i64>>();
        let highest = highest.one(&self.db).await.doing("looking for the last stanza-id")?;
        Ok(StanzaId(highest.flatten().unwrap_or_default()))
    }

    /// The message (no event) of a group that an id names: its stanza-id, else the `id` that its sender gave it.
    /// Senders may use an `id` twice; then it is the newest.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn message(&self, group: &GroupId, id: &str) -> Result<Option<Archived>, StoreError> {
        if let Some(stanza_id) = StanzaId::parse(id)
            && let Some(found) = self.newest(messages(group).filter(Column::MsgId.eq(stanza_id.0))).await?
        {
            return Ok(Some(found));
        }
        self.newest(messages(group).filter(Column::ClientId.eq(id))).await
    }

    /// The messages of this author that an id may mean, newest first: the one with this stanza-id, or those to which
    /// its author's devices gave this `id`, of which the newest counts and those not older than `since`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn messages_by(
        &self,
        group: &GroupId,
        id: &str,
        author: &Mid,
        since: Timestamp,
    ) -> Result<Vec<Archived>, StoreError> {
        let own = || messages(group).filter(Column::Mid.eq(author.as_str()));
        if let Some(stanza_id) = StanzaId::parse(id)
            && let Some(found) = self.newest(own().filter(Column::MsgId.eq(stanza_id.0))).await?
        {
            return Ok(vec![found]);
        }
        let rows = own().filter(Column::ClientId.eq(id)).order_by_desc(Column::MsgId).limit(SAME_ID_MAX);
        let rows = rows.all(&self.db).await.doing("looking for messages")?;
        let found = rows.into_iter().map(rows::message).enumerate();
        Ok(found
            .filter(|(at, message)| *at == 0 || message.at >= since)
            .map(|(_, message)| message)
            .collect())
    }

    /// The newest message (no event) of a group that somebody else than `reader` wrote, among its last few
    /// thousand rows: a reader who alone writes, and much, must not make every receipt a long search.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn newest_message_by_others(
        &self,
        group: &GroupId,
        reader: &Mid,
    ) -> Result<Option<Archived>, StoreError> {
        let mut before = i64::MAX;
        for rows in LOOK_BACK_ROWS {
            let window = Entity::find()
                .select_only()
                .columns([Column::MsgId, Column::Kind, Column::Mid])
                .filter(Column::GroupId.eq(group.as_str()))
                .filter(Column::MsgId.lt(before))
                .order_by_desc(Column::MsgId)
                .limit(rows)
                .into_tuple::<(i64, String, String)>();
            let window = window.all(&self.db).await.doing("looking for the newest message")?;
            let wanted = rows::kind(ArchivedKind::Message);
            if let Some((id, ..)) =
                window.iter().find(|(_, kind, mid)| kind == wanted && mid != reader.as_str())
            {
                return self.newest(messages(group).filter(Column::MsgId.eq(*id))).await;
            }
            match window.last() {
                Some((oldest, ..)) if window.len() as u64 == rows => before = *oldest,
                _ => break,
            }
        }
        Ok(None)
    }

    async fn newest(&self, found: Select<Entity>) -> Result<Option<Archived>, StoreError> {
        let row = found.order_by_desc(Column::MsgId).limit(1).one(&self.db).await;
        Ok(row.doing("looking for a message")?.map(rows::message))
    }
}

fn messages(group: &GroupId) -> Select<Entity> {
    let of_group = Entity::find().filter(Column::GroupId.eq(group.as_str()));
    of_group.filter(Column::Kind.eq(rows::kind(ArchivedKind::Message)))
}

/// Appends rows, as many with one statement as every database takes.
pub(crate) async fn append(tx: &DatabaseTransaction, archive: &[Archived]) -> Result<(), StoreError> {
    let mut rest = archive;
    while !rest.is_empty() {
        let (chunk, more) = rest.split_at(fitting(rest));
        let new = Entity::insert_many(chunk.iter().map(rows::new_message));
        new.exec_without_returning(tx).await.doing("archiving")?;
        rest = more;
    }
    Ok(())
}

/// How many of these rows, at least one, fit into one statement.
fn fitting(rows: &[Archived]) -> usize {
    let mut bytes = 0;
    let fits = rows.iter().take(ROWS_PER_STATEMENT).take_while(|row| {
        bytes += row.payload.len() + row.body.as_ref().map_or(0, |body| body.len()) + 1_024;
        bytes <= BYTES_PER_STATEMENT
    });
    fits.count().max(1)
}
