//! What the messages and receipts of a batch add up to. They are most of what happens, so each group and each member
//! is written once a batch, however many there are.

use std::collections::BTreeMap;

use groupchat_core::{Archived, ArchivedKind, BareJid, GroupId, StanzaId, Timestamp};
use groupchat_entity::{group, member};
use sea_orm::sea_query::{CaseStatement, Expr, SimpleExpr};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, UpdateMany};

use crate::StoreError;
use crate::changes::some_of;
use crate::error::Doing;

/// The more, the fewer turns; but each row is compared with all of them.
const MEMBERS_PER_STATEMENT: usize = 32;

/// Ordered, so that two processes lock rows in the same order.
#[derive(Default)]
pub(crate) struct Tally {
    groups: BTreeMap<GroupId, OfGroup>,
}

#[derive(Default)]
struct OfGroup {
    posted: i64,
    last: i64,
    preview: i64,
    members: BTreeMap<BareJid, OfMember>,
}

#[derive(Default)]
struct OfMember {
    /// Where his position is put, and how many messages are no news with it.
    read: Option<(StanzaId, i64)>,
    /// How many messages he posted (since then).
    posted: i64,
}

impl Tally {
    pub(crate) fn posted(&mut self, id: &GroupId, author: &BareJid) {
        let group = self.groups.entry(id.clone()).or_default();
        group.posted += 1;
        group.members.entry(author.clone()).or_default().posted += 1;
    }

    pub(crate) fn read(&mut self, id: &GroupId, reader: &BareJid, upto: StanzaId, seen: i64) {
        let group = self.groups.entry(id.clone()).or_default();
        group.members.insert(reader.clone(), OfMember { read: Some((upto, seen)), posted: 0 });
    }

    pub(crate) fn archived(&mut self, row: &Archived) {
        let group = self.groups.entry(row.group.clone()).or_default();
        group.last = Ord::max(group.last, row.id.0);
        if row.kind == ArchivedKind::Message && row.body.is_some() {
            group.preview = Ord::max(group.preview, row.id.0);
        }
    }

    /// Writes, and forgets, what there is of one group.
    pub(crate) async fn write_one(
        &mut self,
        tx: &DatabaseTransaction,
        id: &GroupId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        match self.groups.remove(id) {
            Some(group) => group.write(tx, id, now).await,
            None => Ok(()),
        }
    }

    /// Writes everything.
    pub(crate) async fn write(self, tx: &DatabaseTransaction, now: Timestamp) -> Result<(), StoreError> {
        for (id, group) in &self.groups {
            group.write(tx, id, now).await?;
        }
        Ok(())
    }
}

impl OfGroup {
    async fn write(&self, tx: &DatabaseTransaction, id: &GroupId, now: Timestamp) -> Result<(), StoreError> {
        if self.posted > 0 || self.last > 0 {
            let mut update = group::Entity::update_many().filter(group::Column::GroupId.eq(id.as_str()));
            let columns = [(group::Column::LastId, self.last), (group::Column::PreviewId, self.preview)];
            for (column, new) in columns.into_iter().filter(|(_, new)| *new > 0) {
                update = update.col_expr(column, raised(column, new));
            }
            if self.posted > 0 {
                update =
                    update.col_expr(group::Column::Countable, plus(group::Column::Countable, self.posted));
            }
            let written = update.exec(tx).await.doing("counting messages")?.rows_affected;
            if written == 0 && self.posted > 0 {
                return Err(StoreError::Stale(id.clone()));
            }
        }
        let members: Vec<_> = self.members.iter().collect();
        for some in members.chunks(MEMBERS_PER_STATEMENT) {
            move_on(id, some, now).exec(tx).await.doing("moving read positions")?;
        }
        Ok(())
    }
}

/// One statement for all these members of a group: each has to wait for the database's thread, or its server, once.
fn move_on(id: &GroupId, members: &[(&BareJid, &OfMember)], now: Timestamp) -> UpdateMany<member::Entity> {
    let is = |jid: &BareJid| Expr::col(member::Column::UserId).eq(jid.as_str());
    let mut seen = CaseStatement::new();
    let mut read_id = CaseStatement::new();
    let mut readers = Vec::new();
    for (jid, member) in members {
        let now_seen = match member.read {
            None => plus(member::Column::Seen, member.posted),
            Some((upto, before)) => {
                readers.push(jid.as_str());
                read_id = read_id.case(is(jid), upto.0);
                Expr::value(before + member.posted)
            }
        };
        seen = seen.case(is(jid), now_seen);
    }
    let update =
        some_of(id, members.iter().map(|(jid, _)| jid.as_str())).col_expr(member::Column::Seen, seen.into());
    if readers.is_empty() {
        return update;
    }
    let read_at = CaseStatement::new()
        .case(Expr::col(member::Column::UserId).is_in(readers), now.0)
        .finally(Expr::col(member::Column::ReadAt));
    let read_id = read_id.finally(Expr::col(member::Column::ReadId));
    update.col_expr(member::Column::ReadId, read_id.into()).col_expr(member::Column::ReadAt, read_at.into())
}

fn plus(column: impl ColumnTrait, more: i64) -> SimpleExpr {
    Expr::col(column).add(more)
}

/// Another process may have been further already.
fn raised(column: group::Column, new: i64) -> SimpleExpr {
    CaseStatement::new().case(Expr::col(column).lt(new), new).finally(Expr::col(column)).into()
}
