//! The archive: rows are appended in bulk, found one by one, and made to forget.
//!
//! Not here: pages of the archive (`history`), and what the rules need of a message (`found`).

use std::collections::HashMap;
use std::sync::Arc;

use groupchat_core::reading::{Shown, Tombstone};
use groupchat_core::{Archived, ArchivedKind, GroupId, Mentions, Mid, StanzaId, Timestamp};
use groupchat_entity::message::{Column, Entity, Model};
use groupchat_entity::{group, mention};
use sea_orm::sea_query::{Expr, Func, Query};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use crate::error::Doing;
use crate::{ROWS_PER_STATEMENT, Store, StoreError, hold, rows};

/// MariaDB takes 16 MiB in one packet, and a payload may have 128 KiB.
const BYTES_PER_STATEMENT: usize = 4 * 1024 * 1024;
/// Messages of one author with the same `id` that are told apart no further.
const SAME_ID_MAX: u64 = 16;

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
    /// Senders may use an `id` twice; then it is the newest. One that was taken back says nothing and is not found.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn message(&self, group: &GroupId, id: &str) -> Result<Option<Archived>, StoreError> {
        for list in named(group, id) {
            let row = list.order_by_desc(Column::MsgId).limit(1).one(&self.db).await;
            if let Some(row) = row.doing("looking for a message")? {
                let found = self.with_mentions(vec![row]).await?.pop();
                return Ok(found.filter(|row| row.retracted.is_none()).map(|row| row.archived));
            }
        }
        Ok(None)
    }

    /// The messages of this author that an id may mean, newest first: the one with this stanza-id, or those to which
    /// its author's devices gave this `id`, of which the newest counts and those not older than `since`. What was
    /// taken back says nothing and is not among them.
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
        for list in named(group, id) {
            let own = list.filter(Column::Mid.eq(author.as_str()));
            let rows = own.order_by_desc(Column::MsgId).limit(SAME_ID_MAX).all(&self.db).await;
            let rows = rows.doing("looking for messages")?;
            if !rows.is_empty() {
                let found = self.with_mentions(rows).await?.into_iter().enumerate();
                let meant =
                    found.filter(|(at, row)| *at == 0 || row.archived.at >= since).map(|(_, row)| row);
                return Ok(meant.filter(|row| row.retracted.is_none()).map(|row| row.archived).collect());
            }
        }
        Ok(Vec::new())
    }

    /// The rows with these ids, oldest first; those that are not there are left out.
    pub(crate) async fn rows(&self, ids: &[i64]) -> Result<Vec<Shown>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(ROWS_PER_STATEMENT) {
            let rows = Entity::find().filter(Column::MsgId.is_in(chunk.iter().copied()));
            let rows = rows.order_by_asc(Column::MsgId).all(&self.db).await.doing("reading the archive")?;
            found.extend(self.with_mentions(rows).await?);
        }
        found.sort_unstable_by_key(|row| row.archived.id);
        Ok(found)
    }

    async fn with_mentions(&self, rows: Vec<Model>) -> Result<Vec<Shown>, StoreError> {
        let messages = rows.iter().filter(|row| row.kind == rows::kind(ArchivedKind::Message));
        let ids: Vec<i64> = messages.filter(|row| row.retracted_at.is_none()).map(|row| row.msg_id).collect();
        let mut mentions: HashMap<i64, Mentions> = HashMap::new();
        if !ids.is_empty() {
            let found = mention::Entity::find().filter(mention::Column::MsgId.is_in(ids));
            let mut found = found.all(&self.db).await.doing("reading mentions")?;
            found.sort_unstable_by_key(|mention| mention.id);
            for mention in found {
                rows::add_mention(mentions.entry(mention.msg_id).or_default(), &mention.mid);
            }
        }
        let read = |mut row: Model| {
            let retracted = row.retracted_at.map(|at| Tombstone {
                at: Timestamp(at),
                by: Mid::from_stored(row.retracted_by.as_deref().unwrap_or_default()),
                moderated: row.moderated,
                reason: row.reason.take(),
            });
            let mentions = mentions.remove(&row.msg_id).unwrap_or_default();
            Shown { archived: rows::message(row, mentions), retracted }
        };
        Ok(rows.into_iter().map(read).collect())
    }
}

/// The messages of a group.
pub(crate) fn messages(group: &GroupId) -> Select<Entity> {
    let of_group = Entity::find().filter(Column::GroupId.eq(group.as_str()));
    of_group.filter(Column::Kind.eq(rows::kind(ArchivedKind::Message)))
}

/// The messages that an id may name; those of the first list that has any.
pub(crate) fn named(group: &GroupId, id: &str) -> Vec<Select<Entity>> {
    let by_stanza_id = StanzaId::parse(id).map(|id| messages(group).filter(Column::MsgId.eq(id.0)));
    by_stanza_id.into_iter().chain([messages(group).filter(Column::ClientId.eq(id))]).collect()
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
    let mentions: Vec<_> = archive.iter().flat_map(rows::new_mentions).collect();
    for chunk in mentions.chunks(ROWS_PER_STATEMENT) {
        let new = mention::Entity::insert_many(chunk.iter().cloned());
        new.exec_without_returning(tx).await.doing("storing mentions")?;
    }
    Ok(())
}

/// A message that is taken back.
pub(crate) struct Retraction<'a> {
    pub(crate) message: StanzaId,
    pub(crate) by: &'a Mid,
    pub(crate) moderated: bool,
    pub(crate) reason: &'a Option<Arc<str>>,
}

/// Makes the archive forget what a message said, and what its corrections did.
pub(crate) async fn retract(
    tx: &DatabaseTransaction,
    id: &GroupId,
    retraction: &Retraction<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let corrections = Entity::find()
        .select_only()
        .column(Column::MsgId)
        .filter(Column::Corrects.eq(retraction.message.0))
        .filter(Column::GroupId.eq(id.as_str()))
        .into_tuple::<i64>();
    let corrections = corrections.all(tx).await.doing("looking for corrections")?;
    for message in std::iter::once(retraction.message.0).chain(corrections) {
        blank(tx, id, message, retraction, now).await?;
    }
    Ok(())
}

/// Makes the archive forget what one row said. Who took it back first stays written down.
async fn blank(
    tx: &DatabaseTransaction,
    id: &GroupId,
    message: i64,
    retraction: &Retraction<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    hold::keep(tx, id, message).await?;
    let blank = Entity::update_many()
        .col_expr(Column::Body, Expr::value(None::<String>))
        .col_expr(Column::Payload, Expr::value(""))
        .col_expr(Column::RetractedAt, Expr::value(now.0))
        .col_expr(Column::RetractedBy, Expr::value(retraction.by.as_str()))
        .col_expr(Column::Moderated, Expr::value(retraction.moderated))
        .col_expr(Column::Reason, Expr::value(retraction.reason.as_deref()))
        .filter(Column::MsgId.eq(message))
        .filter(Column::GroupId.eq(id.as_str()))
        .filter(Column::RetractedAt.is_null());
    if blank.exec(tx).await.doing("taking a message back")?.rows_affected == 0 {
        return Ok(());
    }
    let mentions = mention::Entity::delete_many().filter(mention::Column::MsgId.eq(message));
    mentions.exec(tx).await.doing("taking mentions back")?;
    let previous = Query::select()
        .column(Column::MsgId)
        .from(Entity)
        .and_where(Expr::col(Column::GroupId).eq(id.as_str()))
        .and_where(Expr::col(Column::MsgId).lt(message))
        .and_where(Expr::col(Column::Kind).eq(rows::kind(ArchivedKind::Message)))
        .and_where(Expr::col(Column::Body).is_not_null())
        .order_by(Column::MsgId, sea_orm::Order::Desc)
        .limit(1)
        .take();
    let previous = Expr::SubQuery(None, Box::new(previous.into()));
    let preview = group::Entity::update_many()
        .col_expr(group::Column::PreviewId, Func::coalesce([previous, Expr::value(0_i64)]).into())
        .filter(group::Column::GroupId.eq(id.as_str()))
        .filter(group::Column::PreviewId.eq(message));
    preview.exec(tx).await.doing("taking a preview back").map(drop)
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
