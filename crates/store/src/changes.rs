//! How each kind of change is written. The counterpart of `Group::apply`: what it does in memory happens here in
//! the tables.

use std::collections::{HashMap, HashSet};

use groupchat_core::{BareJid, Change, Group, GroupId, Member, Settings, Timestamp};
use groupchat_entity::{ban, group, member};
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, Set, SqlErr, UpdateMany,
};

use crate::error::Doing;
use crate::{ROWS_PER_STATEMENT, StoreError, rows};

/// Writes one change.
pub(crate) async fn apply(
    tx: &DatabaseTransaction,
    id: &GroupId,
    change: &Change,
    now: Timestamp,
) -> Result<(), StoreError> {
    match change {
        Change::Created(group) => create(tx, group, now).await,
        Change::Updated(settings) => update(tx, id, settings).await,
        Change::Deleted => delete(tx, id, now).await,
        Change::MembersAdded { members, unbanned } => add(tx, id, members, unbanned).await,
        Change::MembersRemoved { removed, banned, deletes } => {
            remove(tx, id, removed, now).await?;
            keep_out(tx, id, banned, now).await?;
            if *deletes { delete_only(tx, id, now).await } else { Ok(()) }
        }
        Change::Read { jid, upto } => {
            let position = member::Entity::update_many()
                .col_expr(member::Column::ReadId, Expr::value(upto.0))
                .filter(member::Column::UserId.eq(jid.as_str()))
                .filter(member::Column::GroupId.eq(id.as_str()))
                .filter(member::Column::LeftAt.is_null());
            position.exec(tx).await.doing("moving a read position").map(drop)
        }
    }
}

async fn create(tx: &DatabaseTransaction, new: &Group, now: Timestamp) -> Result<(), StoreError> {
    let inserted = group::Entity::insert(rows::new_group(new, now)).exec_without_returning(tx).await;
    if let Err(error) = &inserted
        && matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
    {
        return Err(StoreError::Stale(new.id.clone()));
    }
    inserted.doing("creating a group")?;
    insert_members(tx, &new.id, new.members()).await
}

async fn update(tx: &DatabaseTransaction, id: &GroupId, settings: &Settings) -> Result<(), StoreError> {
    let values = group::ActiveModel {
        name: Set(settings.name.to_string()),
        description: Set(settings.description.to_string()),
        kind: Set(settings.kind.to_string()),
        visibility: Set(settings.visibility.as_str().to_owned()),
        invite: Set(settings.invite.as_str().to_owned()),
        configure: Set(settings.configure.as_str().to_owned()),
        post: Set(settings.post.as_str().to_owned()),
        ..group::ActiveModel::default()
    };
    touch(tx, id, next_version().set(values)).await
}

/// Deletes the group and lets everybody go, so that no list has to ask whether a group is still there.
async fn delete(tx: &DatabaseTransaction, id: &GroupId, now: Timestamp) -> Result<(), StoreError> {
    let everybody = gone(id, now).exec(tx).await;
    everybody.doing("removing the members of a deleted group")?;
    let update = next_version()
        .col_expr(group::Column::DeletedAt, Expr::value(now.0))
        .col_expr(group::Column::Members, Expr::value(0_i64));
    touch(tx, id, update).await
}

/// Marks a group as deleted whose last member was just removed; the removal has made the version.
async fn delete_only(tx: &DatabaseTransaction, id: &GroupId, now: Timestamp) -> Result<(), StoreError> {
    let update = group::Entity::update_many().col_expr(group::Column::DeletedAt, Expr::value(now.0));
    touch(tx, id, update).await
}

async fn add(
    tx: &DatabaseTransaction,
    id: &GroupId,
    members: &[Member],
    unbanned: &[BareJid],
) -> Result<(), StoreError> {
    forget_former(tx, id, members).await?;
    insert_members(tx, id, members).await?;
    lift_bans(tx, id, unbanned).await?;
    touch(tx, id, next_version().col_expr(group::Column::Members, members_plus(members.len() as i64))).await
}

/// Somebody who comes back under his old member id: the old row goes, for the new one has his place in the order.
/// A member id that is, or was, somebody else's stays, and the insert fails by it.
async fn forget_former(tx: &DatabaseTransaction, id: &GroupId, members: &[Member]) -> Result<(), StoreError> {
    let owners: HashMap<&str, &str> = members.iter().map(|m| (m.mid.as_str(), m.jid.as_str())).collect();
    for chunk in members.chunks(ROWS_PER_STATEMENT) {
        let same_mid = member::Entity::find()
            .filter(member::Column::GroupId.eq(id.as_str()))
            .filter(member::Column::Mid.is_in(chunk.iter().map(|m| m.mid.as_str())))
            .filter(member::Column::LeftAt.is_not_null());
        let former = same_mid.all(tx).await.doing("looking for former members")?;
        let own = former.iter().filter(|row| owners.get(row.mid.as_str()) == Some(&row.user_id.as_str()));
        let own: Vec<i64> = own.map(|row| row.id).collect();
        if !own.is_empty() {
            let old = member::Entity::delete_many().filter(member::Column::Id.is_in(own));
            old.exec(tx).await.doing("deleting the rows of former members")?;
        }
    }
    Ok(())
}

async fn insert_members(
    tx: &DatabaseTransaction,
    id: &GroupId,
    members: &[Member],
) -> Result<(), StoreError> {
    for chunk in members.chunks(ROWS_PER_STATEMENT) {
        let new = member::Entity::insert_many(chunk.iter().map(|member| rows::new_member(id, member)));
        new.exec_without_returning(tx).await.doing("adding members")?;
    }
    Ok(())
}

async fn remove(
    tx: &DatabaseTransaction,
    id: &GroupId,
    removed: &[BareJid],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut count = 0_u64;
    for chunk in removed.chunks(ROWS_PER_STATEMENT) {
        let these = gone(id, now).filter(member::Column::UserId.is_in(texts(chunk)));
        count += these.exec(tx).await.doing("removing members")?.rows_affected;
    }
    touch(tx, id, next_version().col_expr(group::Column::Members, members_plus(-(count as i64)))).await
}

/// Keeps these accounts out. Who is kept out already stays so since then.
async fn keep_out(
    tx: &DatabaseTransaction,
    id: &GroupId,
    banned: &[BareJid],
    now: Timestamp,
) -> Result<(), StoreError> {
    for chunk in banned.chunks(ROWS_PER_STATEMENT) {
        let rows = ban::Entity::find().filter(bans_of(id, chunk)).all(tx).await.doing("looking for bans")?;
        let mut known: HashSet<&str> = rows.iter().map(|row| row.user_id.as_str()).collect();
        let new: Vec<_> = chunk.iter().filter(|jid| known.insert(jid.as_str())).collect();
        let new = ban::Entity::insert_many(new.into_iter().map(|jid| rows::new_ban(id, jid, now)));
        new.exec_without_returning(tx).await.doing("banning")?;
    }
    Ok(())
}

async fn lift_bans(tx: &DatabaseTransaction, id: &GroupId, unbanned: &[BareJid]) -> Result<(), StoreError> {
    for chunk in unbanned.chunks(ROWS_PER_STATEMENT) {
        let lifted = ban::Entity::delete_many().filter(bans_of(id, chunk));
        lifted.exec(tx).await.doing("lifting bans")?;
    }
    Ok(())
}

fn bans_of(id: &GroupId, accounts: &[BareJid]) -> Condition {
    Condition::all().add(ban::Column::GroupId.eq(id.as_str())).add(ban::Column::UserId.is_in(texts(accounts)))
}

/// The members of a group, to be marked as gone.
fn gone(id: &GroupId, now: Timestamp) -> UpdateMany<member::Entity> {
    member::Entity::update_many()
        .col_expr(member::Column::LeftAt, Expr::value(now.0))
        .filter(member::Column::GroupId.eq(id.as_str()))
        .filter(member::Column::LeftAt.is_null())
}

fn next_version() -> UpdateMany<group::Entity> {
    group::Entity::update_many()
        .col_expr(group::Column::Version, Expr::col(group::Column::Version).add(1_i64))
}

fn members_plus(more: i64) -> SimpleExpr {
    Expr::col(group::Column::Members).add(more)
}

/// Updates the row of a group, which must be there.
async fn touch(
    tx: &DatabaseTransaction,
    id: &GroupId,
    update: UpdateMany<group::Entity>,
) -> Result<(), StoreError> {
    let update = update.filter(group::Column::GroupId.eq(id.as_str()));
    match update.exec(tx).await.doing("updating a group")?.rows_affected {
        0 => Err(StoreError::Stale(id.clone())),
        _ => Ok(()),
    }
}

fn texts(accounts: &[BareJid]) -> impl Iterator<Item = &str> {
    accounts.iter().map(BareJid::as_str)
}
