//! How each kind of change is written. The counterpart of `Group::apply`: what it does in memory happens here in
//! the tables.

use std::collections::{HashMap, HashSet};

use groupchat_core::{BareJid, Change, Group, GroupId, Member, Pending, Receive, Settings, Timestamp};
use groupchat_entity::{ban, group, member, message, pending};
use sea_orm::sea_query::{Expr, Func, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, SqlErr, UpdateMany,
};

use crate::error::Doing;
use crate::{ROWS_PER_STATEMENT, StoreError, avatars, hold, rows};

/// Writes one change; what messages and receipts change is added up first (`tally`).
pub(crate) async fn apply(
    tx: &DatabaseTransaction,
    id: &GroupId,
    change: &Change,
    now: Timestamp,
) -> Result<(), StoreError> {
    match change {
        Change::Created(group) => create(tx, group, now).await,
        Change::Updated(settings) => update(tx, id, settings).await,
        Change::Avatar(new) => {
            avatars::put(tx, id, new.as_ref()).await?;
            let hash = new.as_ref().map_or("", |avatar| &avatar.hash);
            touch(tx, id, next_version().col_expr(group::Column::Avatar, Expr::value(hash))).await
        }
        Change::Deleted => delete(tx, id, now).await,
        Change::Unlocked => {
            touch(tx, id, next_version().col_expr(group::Column::LockedAt, Expr::value(None::<i64>))).await
        }
        Change::Abandoned => abandon(tx, id).await,
        Change::MembersAdded { members, unbanned } => add(tx, id, members, unbanned).await,
        Change::MembersRemoved { removed, banned, deletes } => {
            remove(tx, id, removed, now).await?;
            keep_out(tx, id, banned, now).await?;
            answer(tx, id, banned).await?;
            if *deletes { delete_only(tx, id, now).await } else { Ok(()) }
        }
        Change::MembersUpdated(members) => {
            for member in members {
                let update = one(id, &member.jid)
                    .col_expr(member::Column::Nick, Expr::value(member.nick.as_str()))
                    .col_expr(member::Column::NickKey, Expr::value(member.nick.key()))
                    .col_expr(member::Column::Authority, Expr::value(member.role.as_str()));
                update.exec(tx).await.doing("changing a member")?;
            }
            touch(tx, id, next_version()).await
        }
        Change::MemberSettings { jid, receive, mute_until } => {
            let update = one(id, jid)
                .col_expr(member::Column::IsReceived, Expr::value(*receive != Receive::None))
                .col_expr(member::Column::Receive, Expr::value(receive.as_str()))
                .col_expr(member::Column::MuteUntil, Expr::value(mute_until.map(|until| until.0)));
            update.exec(tx).await.doing("changing a member's settings").map(drop)
        }
        Change::Waiting(new) => {
            let jids: Vec<BareJid> = new.iter().map(|pending| pending.jid.clone()).collect();
            answer(tx, id, &jids).await?;
            insert_pending(tx, id, new).await?;
            touch(tx, id, next_version()).await
        }
        Change::Answered(jids) => {
            answer(tx, id, jids).await?;
            touch(tx, id, next_version()).await
        }
        Change::Posted { .. } | Change::Read { .. } | Change::Retracted { .. } => Ok(()),
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
    insert_members(tx, &new.id, new.members()).await?;
    insert_pending(tx, &new.id, new.pending()).await
}

async fn update(tx: &DatabaseTransaction, id: &GroupId, settings: &Settings) -> Result<(), StoreError> {
    touch(tx, id, next_version().set(rows::new_settings(settings))).await
}

/// Deletes the group and lets everybody go, so that no list has to ask whether a group is still there.
async fn delete(tx: &DatabaseTransaction, id: &GroupId, now: Timestamp) -> Result<(), StoreError> {
    let everybody = gone(id, now).exec(tx).await;
    everybody.doing("removing the members of a deleted group")?;
    nobody_waits(tx, id).await?;
    drop_picture(tx, id).await?;
    let update = next_version()
        .col_expr(group::Column::DeletedAt, Expr::value(now.0))
        .col_expr(group::Column::Members, Expr::value(0_i64));
    touch(tx, id, update).await
}

/// Takes away all that is known of a group that nobody but its maker knew of.
async fn abandon(tx: &DatabaseTransaction, id: &GroupId) -> Result<(), StoreError> {
    nobody_waits(tx, id).await?;
    avatars::put(tx, id, None).await?;
    let members =
        member::Entity::delete_many().filter(member::Column::GroupId.eq(id.as_str())).exec(tx).await;
    members.doing("deleting the members of a room that was given up")?;
    // Nobody is kept out of what somebody else makes under its name.
    let bans = ban::Entity::delete_many().filter(ban::Column::GroupId.eq(id.as_str())).exec(tx).await;
    bans.doing("lifting the bans of a room that was given up")?;
    let said = message::Entity::delete_many().filter(message::Column::GroupId.eq(id.as_str())).exec(tx).await;
    said.doing("deleting what was said in a room that was given up")?;
    let group = group::Entity::delete_many().filter(group::Column::GroupId.eq(id.as_str())).exec(tx).await;
    group.doing("deleting a room that was given up").map(drop)
}

/// Marks a group as deleted whose last member was just removed; the removal has made the version.
async fn delete_only(tx: &DatabaseTransaction, id: &GroupId, now: Timestamp) -> Result<(), StoreError> {
    nobody_waits(tx, id).await?;
    drop_picture(tx, id).await?;
    let update = group::Entity::update_many().col_expr(group::Column::DeletedAt, Expr::value(now.0));
    touch(tx, id, update).await
}

/// Takes the picture of a deleted group away, unless it is held.
async fn drop_picture(tx: &DatabaseTransaction, id: &GroupId) -> Result<(), StoreError> {
    if hold::lock(tx, id.as_str()).await? { Ok(()) } else { avatars::put(tx, id, None).await }
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
    let jids: Vec<BareJid> = members.iter().map(|member| member.jid.clone()).collect();
    answer(tx, id, &jids).await?;
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

async fn insert_pending(tx: &DatabaseTransaction, id: &GroupId, new: &[Pending]) -> Result<(), StoreError> {
    for chunk in new.chunks(ROWS_PER_STATEMENT) {
        let new = pending::Entity::insert_many(chunk.iter().map(|pending| rows::new_pending(id, pending)));
        new.exec_without_returning(tx).await.doing("storing requests and invitations")?;
    }
    Ok(())
}

/// These wait no longer.
async fn answer(tx: &DatabaseTransaction, id: &GroupId, jids: &[BareJid]) -> Result<(), StoreError> {
    for chunk in jids.chunks(ROWS_PER_STATEMENT) {
        let answered = pending::Entity::delete_many()
            .filter(pending::Column::GroupId.eq(id.as_str()))
            .filter(pending::Column::UserId.is_in(texts(chunk)));
        answered.exec(tx).await.doing("deleting requests and invitations")?;
    }
    Ok(())
}

async fn nobody_waits(tx: &DatabaseTransaction, id: &GroupId) -> Result<(), StoreError> {
    let all = pending::Entity::delete_many().filter(pending::Column::GroupId.eq(id.as_str()));
    all.exec(tx).await.doing("deleting requests and invitations").map(drop)
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

/// One member who is in, to be changed.
fn one(id: &GroupId, jid: &BareJid) -> UpdateMany<member::Entity> {
    some_of(id, [jid.as_str()])
}

/// Those of these who are in, to be changed.
pub(crate) fn some_of<'a>(
    id: &GroupId,
    jids: impl IntoIterator<Item = &'a str>,
) -> UpdateMany<member::Entity> {
    // Said so that no index has it: some versions of SQLite would rather go through all members of the group than look
    // for a few.
    let is_in = Expr::expr(Func::coalesce([Expr::col(member::Column::LeftAt), Expr::value(0_i64)])).eq(0_i64);
    member::Entity::update_many()
        .filter(member::Column::UserId.is_in(jids))
        .filter(member::Column::GroupId.eq(id.as_str()))
        .filter(is_in)
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
