//! Somebody is to be forgotten: what he wrote becomes tombstones, and where his address stood there is one that is nobody's. A few
//! rows at a time, so that nobody waits for it. What is held stays as it is.
//!
//! Not here: that he leaves his groups, and that the engine forgets what it has of him in memory.

use std::collections::BTreeSet;

use groupchat_core::{ArchivedKind, BareJid, GroupId, Mid, Nick, StanzaId, Timestamp};
use groupchat_entity::{
    group, member, mention, message, native, occupant, pending, session, unreachable, user,
};
use sea_orm::sea_query::{CaseStatement, Expr, Func, Query};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use crate::error::Doing;
use crate::{Store, StoreError, hold, rows};

/// What stands where the address of somebody stood who was erased. RFC 2606 §2: the domain is nobody's.
pub const ERASED: &str = "erased@erased.invalid";
/// And where his nick stood.
pub const ERASED_NICK: &str = "erased";

const DOING: &str = "erasing somebody";

/// What is kept of an account in one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The group.
    pub group: GroupId,
    /// The member ids that he has, or had, in it.
    pub mids: Vec<Mid>,
    /// He is in.
    pub is_in: bool,
    /// He asked to join, was invited, or invited somebody.
    pub waits: bool,
    /// It is under a legal hold: nothing of it is erased.
    pub is_held: bool,
    /// So many messages of his say something.
    pub messages: u64,
}

/// How far a step came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erased {
    /// To this row; there may be more behind it.
    To(i64),
    /// To the end.
    All,
    /// Not at all: the group is held.
    Held,
}

/// The rows that a step is about: behind the first id, up to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Where the step before it ended; 0 at first.
    pub after: i64,
    /// The last row that is meant: who comes back says what is behind it.
    pub upto: StanzaId,
    /// At most so many rows.
    pub rows_max: u64,
}

impl Store {
    /// Where something is kept of an account, by group. Looks through all that groups said of changes.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn traces(&self, jid: &BareJid) -> Result<Vec<Trace>, StoreError> {
        let rows = member::Entity::find().filter(member::Column::UserId.eq(jid.as_str()));
        let rows = rows.order_by_asc(member::Column::Id).all(&self.db).await.doing(DOING)?;
        let own = Condition::any()
            .add(pending::Column::UserId.eq(jid.as_str()))
            .add(pending::Column::InvitedBy.eq(jid.as_str()));
        let waiting = pending::Entity::find().select_only().column(pending::Column::GroupId).filter(own);
        let waiting: Vec<String> = waiting.into_tuple().all(&self.db).await.doing(DOING)?;
        let waiting: BTreeSet<&str> = waiting.iter().map(String::as_str).collect();
        let named = names(jid).add(message::Column::Kind.eq(rows::kind(ArchivedKind::Event)));
        let named = message::Entity::find().select_only().column(message::Column::GroupId).filter(named);
        let named: Vec<String> = named.distinct().into_tuple().all(&self.db).await.doing(DOING)?;
        let in_any = rows.iter().map(|row| row.group_id.as_str()).chain(waiting.iter().copied());
        let ids: BTreeSet<&str> = in_any.chain(named.iter().map(String::as_str)).collect();
        let mut traces = Vec::with_capacity(ids.len());
        for id in ids {
            let own = rows.iter().filter(|row| row.group_id == id);
            let mids: Vec<Mid> = own.clone().map(|row| Mid::from_stored(&row.mid)).collect();
            let messages = written(id, &mids).filter(message::Column::RetractedAt.is_null());
            let group = GroupId::from_stored(id);
            traces.push(Trace {
                is_held: self.held(&group).await?.is_some(),
                messages: messages.count(&self.db).await.doing(DOING)?,
                is_in: own.clone().any(|row| row.left_at.is_none()),
                waits: waiting.contains(id),
                group,
                mids,
            });
        }
        Ok(traces)
    }

    /// The newest row of a group; 0: nothing was said in it yet.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn newest(&self, group: &GroupId) -> Result<StanzaId, StoreError> {
        Ok(StanzaId(self.group(group).await?.map_or(0, |row| row.last_id)))
    }

    /// Makes tombstones of the next messages of these members, and takes their sender's address away.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn erase_written(
        &self,
        trace: &Trace,
        stretch: Stretch,
        now: Timestamp,
    ) -> Result<Erased, StoreError> {
        let group = trace.group.as_str();
        let next = stretch.of(written(group, &trace.mids)).filter(message::Column::SenderJid.ne(ERASED));
        let ids = self.found_ids(next).await?;
        let Some(last) = ids.last().copied() else { return Ok(Erased::All) };
        let tx = self.begin().await?;
        if hold::lock(&tx, group).await? {
            return Ok(Erased::Held);
        }
        bury(&tx, group, &ids, now).await?;
        tx.commit().await.doing(DOING)?;
        Ok(Erased::To(last))
    }

    /// Takes an account out of what the group itself said, in the next events: `without` gives an event's payload without him; it is
    /// told whether the event came from one of his devices, so that what he said in it is his.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn erase_told(
        &self,
        (group, jid): (&GroupId, &BareJid),
        stretch: Stretch,
        without: impl Fn(&str, bool) -> String,
    ) -> Result<Erased, StoreError> {
        let next = message::Entity::find()
            .filter(message::Column::GroupId.eq(group.as_str()))
            .filter(message::Column::Kind.eq(rows::kind(ArchivedKind::Event)))
            .filter(names(jid));
        let ids = self.found_ids(stretch.of(next)).await?;
        let Some(last) = ids.last().copied() else { return Ok(Erased::All) };
        let tx = self.begin().await?;
        if hold::lock(&tx, group.as_str()).await? {
            return Ok(Erased::Held);
        }
        // Under the lock, or another who is erased at the same time would come back with what was read before.
        let found = message::Entity::find().filter(message::Column::MsgId.is_in(ids)).all(&tx).await;
        for row in found.doing(DOING)? {
            let is_his = rows::is_device_of(&row.sender_jid, jid.as_str());
            let sender = if is_his { ERASED.to_owned() } else { row.sender_jid };
            let update = message::Entity::update_many()
                .col_expr(message::Column::Payload, Expr::value(without(&row.payload, is_his)))
                .col_expr(message::Column::SenderJid, Expr::value(sender))
                .filter(message::Column::MsgId.eq(row.msg_id));
            update.exec(&tx).await.doing(DOING)?;
        }
        tx.commit().await.doing(DOING)?;
        Ok(Erased::To(last))
    }

    /// Takes the next mentions of these members away, and then why they took something of others back.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn erase_marks(&self, trace: &Trace, stretch: Stretch) -> Result<Erased, StoreError> {
        let mids = || trace.mids.iter().map(Mid::as_str);
        let mentions = mention::Entity::find()
            .select_only()
            .column(mention::Column::Id)
            .filter(mention::Column::GroupId.eq(trace.group.as_str()))
            .filter(mention::Column::Mid.is_in(mids()))
            .filter(mention::Column::MsgId.lte(stretch.upto.0))
            .limit(stretch.rows_max);
        let mentions: Vec<i64> = mentions.into_tuple().all(&self.db).await.doing(DOING)?;
        let moderated = message::Entity::find()
            .filter(message::Column::GroupId.eq(trace.group.as_str()))
            .filter(message::Column::RetractedBy.is_in(mids()))
            .filter(message::Column::Reason.is_not_null());
        let moderated =
            if mentions.is_empty() { self.found_ids(stretch.of(moderated)).await? } else { Vec::new() };
        if mentions.is_empty() && moderated.is_empty() {
            return Ok(Erased::All);
        }
        let last = moderated.last().copied().unwrap_or(stretch.after);
        let tx = self.begin().await?;
        if hold::lock(&tx, trace.group.as_str()).await? {
            return Ok(Erased::Held);
        }
        let gone = mention::Entity::delete_many().filter(mention::Column::Id.is_in(mentions));
        gone.exec(&tx).await.doing(DOING)?;
        let update = message::Entity::update_many()
            .col_expr(message::Column::Reason, Expr::value(None::<String>))
            .filter(message::Column::MsgId.is_in(moderated));
        update.exec(&tx).await.doing(DOING)?;
        tx.commit().await.doing(DOING)?;
        Ok(Erased::To(last))
    }

    /// Which rows these are. Looked for before anything is locked: it may be a way through all that a group has said.
    async fn found_ids(&self, rows: sea_orm::Select<message::Entity>) -> Result<Vec<i64>, StoreError> {
        let ids = rows.select_only().column(message::Column::MsgId).into_tuple::<i64>();
        ids.all(&self.db).await.doing(DOING)
    }

    /// Forgets whose the member ids were that an account had in a group; nobody gets them all the same. Whoever has the group in memory
    /// must forget it. `false`: the group is held.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn erase_memberships(&self, group: &GroupId, jid: &BareJid) -> Result<bool, StoreError> {
        let tx = self.begin().await?;
        if hold::lock(&tx, group.as_str()).await? {
            return Ok(false);
        }
        let of_him = Condition::all()
            .add(member::Column::GroupId.eq(group.as_str()))
            .add(member::Column::UserId.eq(jid.as_str()))
            .add(member::Column::LeftAt.is_not_null());
        let update = member::Entity::update_many()
            .col_expr(member::Column::UserId, Expr::value(ERASED))
            .col_expr(member::Column::Nick, Expr::value(ERASED_NICK))
            .col_expr(member::Column::NickKey, Expr::value(Nick::from_stored(ERASED_NICK).key()))
            .col_expr(member::Column::ReadId, Expr::value(0_i64))
            .col_expr(member::Column::ReadAt, Expr::value(0_i64))
            .col_expr(member::Column::MuteUntil, Expr::value(None::<i64>))
            .filter(of_him);
        update.exec(&tx).await.doing(DOING)?;
        let version = group::Entity::update_many()
            .col_expr(group::Column::Version, Expr::col(group::Column::Version).add(1_i64))
            .filter(group::Column::GroupId.eq(group.as_str()));
        version.exec(&tx).await.doing(DOING)?;
        tx.commit().await.doing(DOING)?;
        Ok(true)
    }

    /// Forgets what an account wants and how it came, and its devices.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn erase_account(&self, jid: &BareJid) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        user::Entity::delete_by_id(jid.as_str()).exec(&tx).await.doing(DOING)?;
        native::Entity::delete_by_id(jid.as_str()).exec(&tx).await.doing(DOING)?;
        unreachable::Entity::delete_by_id(jid.as_str()).exec(&tx).await.doing(DOING)?;
        let like = rows::devices_like(jid.as_str());
        let sessions =
            session::Entity::find().filter(session::Column::Jid.like(like.as_str())).all(&tx).await;
        let own = sessions.doing(DOING)?.into_iter().filter(|row| rows::is_device_of(&row.jid, jid.as_str()));
        let own: Vec<i64> = own.map(|row| row.id).collect();
        session::Entity::delete_many().filter(session::Column::Id.is_in(own)).exec(&tx).await.doing(DOING)?;
        let present = occupant::Entity::find().filter(occupant::Column::Jid.like(like)).all(&tx).await;
        let own = present.doing(DOING)?.into_iter().filter(|row| rows::is_device_of(&row.jid, jid.as_str()));
        let own: Vec<i64> = own.map(|row| row.id).collect();
        occupant::Entity::delete_many()
            .filter(occupant::Column::Id.is_in(own))
            .exec(&tx)
            .await
            .doing(DOING)?;
        tx.commit().await.doing(DOING)
    }
}

impl Stretch {
    fn of(self, rows: sea_orm::Select<message::Entity>) -> sea_orm::Select<message::Entity> {
        rows.filter(message::Column::MsgId.gt(self.after))
            .filter(message::Column::MsgId.lte(self.upto.0))
            .order_by_asc(message::Column::MsgId)
            .limit(self.rows_max)
    }
}

/// An event names him, or came from one of his devices. Attributes stand in single quotes, which no address has.
fn names(jid: &BareJid) -> Condition {
    let like = jid.as_str().replace(['%', '_', '\\'], "_");
    let named = |end: &str| message::Column::Payload.like(format!("%'{like}{end}%"));
    let named = Condition::any()
        .add(named("'"))
        .add(named("/"))
        .add(message::Column::SenderJid.like(rows::devices_like(jid.as_str())));
    Condition::all().add(named)
}

/// What these members of a group wrote.
fn written(group: &str, mids: &[Mid]) -> sea_orm::Select<message::Entity> {
    message::Entity::find()
        .filter(message::Column::GroupId.eq(group))
        .filter(message::Column::Mid.is_in(mids.iter().map(Mid::as_str)))
        .filter(message::Column::Kind.eq(rows::kind(ArchivedKind::Message)))
}

/// Makes tombstones. Who took something back before stays written down.
async fn bury(tx: &DatabaseTransaction, group: &str, ids: &[i64], now: Timestamp) -> Result<(), StoreError> {
    let if_new = |column: message::Column, new: Expr| {
        CaseStatement::new()
            .case(Expr::col(message::Column::RetractedAt).is_null(), new)
            .finally(Expr::col(column))
    };
    // MySQL sets one column after the other, and looks at what it has set: the one that is asked for comes last.
    let tombstones = message::Entity::update_many()
        .col_expr(message::Column::Body, Expr::value(None::<String>))
        .col_expr(message::Column::Payload, Expr::value(""))
        .col_expr(message::Column::SenderJid, Expr::value(ERASED))
        .col_expr(message::Column::Reason, Expr::value(None::<String>))
        .col_expr(
            message::Column::RetractedBy,
            if_new(message::Column::RetractedBy, Expr::col(message::Column::Mid)).into(),
        )
        .col_expr(
            message::Column::RetractedAt,
            if_new(message::Column::RetractedAt, Expr::value(now.0)).into(),
        )
        .filter(message::Column::MsgId.is_in(ids.iter().copied()));
    tombstones.exec(tx).await.doing(DOING)?;
    let mentions = mention::Entity::delete_many().filter(mention::Column::MsgId.is_in(ids.iter().copied()));
    mentions.exec(tx).await.doing(DOING)?;
    let newest = Query::select()
        .expr(Expr::col(message::Column::MsgId).max())
        .from(message::Entity)
        .and_where(Expr::col(message::Column::GroupId).eq(group))
        .and_where(Expr::col(message::Column::Kind).eq(rows::kind(ArchivedKind::Message)))
        .and_where(Expr::col(message::Column::Body).is_not_null())
        .take();
    let newest = Expr::SubQuery(None, Box::new(newest.into()));
    let preview = group::Entity::update_many()
        .col_expr(group::Column::PreviewId, Func::coalesce([newest, Expr::value(0_i64)]).into())
        .filter(group::Column::GroupId.eq(group))
        .filter(group::Column::PreviewId.is_in(ids.iter().copied()));
    preview.exec(tx).await.doing(DOING).map(drop)
}
