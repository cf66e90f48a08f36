//! What tests put into a database by the store alone, as the engine would have stored it: a group, and very many messages.
//!
//! Not here: rows that come in bulk, by SQL, for measuring (`bench/scale`).

use anyhow::Result;
use groupchat_core::{
    Archived, BareJid, Change, GroupId, Limits, MemberSpec, NewGroup, Settings, Timestamp, create,
};
use groupchat_store::{Batch, Store};

/// Messages in one transaction.
const BATCH: i64 = 5_000;

/// A group with its owner and these members.
pub async fn make_group(store: &Store, id: &str, owner: &str, members: Vec<MemberSpec>) -> Result<()> {
    let (id, owner, now) = (GroupId::parse(id)?, BareJid::parse(owner)?, Timestamp(1));
    let new = NewGroup { members, ..NewGroup::default() };
    let made = create(id.clone(), &owner, &new, &Settings::default(), &Limits::default(), now)?;
    let changes = made.changes.into_iter().map(|change| (id.clone(), change)).collect();
    Ok(store.commit(&Batch { changes, now, ..Batch::default() }).await?)
}

/// So many messages, made by their number.
pub async fn post_all(store: &Store, count: i64, message: impl Fn(i64) -> Archived) -> Result<()> {
    for first in (0..count).step_by(usize::try_from(BATCH)?) {
        let archive: Vec<Archived> = (first..count.min(first + BATCH)).map(&message).collect();
        let posted =
            |row: &Archived| (row.group.clone(), Change::Posted { author: row.sender.bare().clone() });
        let changes = archive.iter().map(posted).collect();
        store.commit(&Batch { changes, archive, now: Timestamp(first), ..Batch::default() }).await?;
    }
    Ok(())
}
