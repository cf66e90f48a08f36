//! The parts of an export: each a list in the tables, read by pages in the order of its keys.

use std::collections::HashMap;

use groupchat_entity::{
    avatar, ban, group, kept, member, mention, message, native, occupant, pending, session, unreachable, user,
};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::of_rows::{of_group, of_member, of_message};
use super::record::{
    BanRecord, MentionRecord, OccupantRecord, OriginalRecord, PendingRecord, Record, SessionRecord,
    UserRecord,
};
use super::values::{Id, Moment};
use crate::error::Doing;
use crate::{StoreError, rows};

/// Rows that are read at once: a message may have 240 kB.
const ROWS: u64 = 200;
const DOING: &str = "reading what is exported";

/// A list, behind a key.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Group(String),
    Members(String, i64),
    Bans(String, i64),
    Pending(String, i64),
    Messages(String, i64),
    User(String),
    Memberships(String, i64),
    BansOf(String, i64),
    PendingOf(String, i64),
    Sessions(String, i64),
    Occupants(String, i64),
    /// What a member said.
    Said {
        group: String,
        mid: String,
        after: i64,
    },
    /// Where a member is mentioned.
    Mentioned {
        group: String,
        mid: String,
        after: i64,
    },
}

/// What was read of a part.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) records: Vec<Record>,
    /// What is left of the part.
    pub(super) rest: Option<Part>,
    /// Other parts that were found by it.
    pub(super) found: Vec<Part>,
}

impl Part {
    /// All that is kept of a group.
    pub(super) fn of_group(id: &str) -> Vec<Self> {
        let id = || id.to_owned();
        let lists = [Self::Members, Self::Bans, Self::Pending, Self::Messages];
        std::iter::once(Self::Group(id())).chain(lists.map(|list| list(id(), 0))).collect()
    }

    /// All that is kept of an account.
    pub(super) fn of_user(jid: &str) -> Vec<Self> {
        let jid = || jid.to_owned();
        let lists = [Self::Memberships, Self::BansOf, Self::PendingOf, Self::Sessions, Self::Occupants];
        std::iter::once(Self::User(jid())).chain(lists.map(|list| list(jid(), 0))).collect()
    }
}

/// Reads a page of a part.
pub(super) async fn read(tx: &DatabaseTransaction, part: &Part) -> Result<Page, StoreError> {
    match part {
        Part::Group(id) => {
            let list = group::Entity::find().filter(group::Column::GroupId.eq(id.as_str()));
            let row = list.one(tx).await.doing(DOING)?;
            let avatar = avatar::Entity::find_by_id(id.as_str()).one(tx).await.doing(DOING)?;
            Ok(Page {
                records: row.map(|row| Record::Group(Box::new(of_group(row, avatar)))).into_iter().collect(),
                ..Page::default()
            })
        }
        Part::Members(id, after) => {
            let list = member::Entity::find().filter(member::Column::GroupId.eq(id.as_str()));
            let list = list.filter(member::Column::Id.gt(*after)).order_by_asc(member::Column::Id);
            let rows = page(tx, list).await?;
            let rest = rest(&rows, |row| Part::Members(id.clone(), row.id));
            Ok(Page {
                records: rows.into_iter().map(|row| of_member(row, None)).collect(),
                rest,
                ..Page::default()
            })
        }
        Part::Bans(id, after) => {
            let list = ban::Entity::find().filter(ban::Column::GroupId.eq(id.as_str()));
            bans(tx, list, *after, |last| Part::Bans(id.clone(), last)).await
        }
        Part::BansOf(jid, after) => {
            let list = ban::Entity::find().filter(ban::Column::UserId.eq(jid.as_str()));
            bans(tx, list, *after, |last| Part::BansOf(jid.clone(), last)).await
        }
        Part::Pending(id, after) => {
            let list = pending::Entity::find().filter(pending::Column::GroupId.eq(id.as_str()));
            waiting(tx, list, *after, |last| Part::Pending(id.clone(), last)).await
        }
        Part::PendingOf(jid, after) => {
            let list = pending::Entity::find().filter(pending::Column::UserId.eq(jid.as_str()));
            waiting(tx, list, *after, |last| Part::PendingOf(jid.clone(), last)).await
        }
        Part::Messages(id, after) => {
            let list = message::Entity::find().filter(message::Column::GroupId.eq(id.as_str()));
            let mut page = messages(tx, list, *after, |last| Part::Messages(id.clone(), last)).await?;
            add_originals(tx, &mut page.records).await?;
            Ok(page)
        }
        Part::Said { group, mid, after } => {
            let list = message::Entity::find().filter(message::Column::GroupId.eq(group.as_str()));
            let list = list.filter(message::Column::Mid.eq(mid.as_str()));
            let rest = |after| Part::Said { group: group.clone(), mid: mid.clone(), after };
            messages(tx, list, *after, rest).await
        }
        Part::Mentioned { group, mid, after } => mentions(tx, group, mid, *after).await,
        Part::User(jid) => of_user(tx, jid).await,
        Part::Memberships(jid, after) => memberships(tx, jid, *after).await,
        Part::Sessions(jid, after) => sessions(tx, jid, *after).await,
        Part::Occupants(jid, after) => occupants(tx, jid, *after).await,
    }
}

async fn page<E: EntityTrait>(
    tx: &DatabaseTransaction,
    list: Select<E>,
) -> Result<Vec<E::Model>, StoreError> {
    list.limit(ROWS).all(tx).await.doing(DOING)
}

fn rest<M>(rows: &[M], part: impl Fn(&M) -> Part) -> Option<Part> {
    rows.last().filter(|_| rows.len() as u64 == ROWS).map(part)
}

async fn bans(
    tx: &DatabaseTransaction,
    list: Select<ban::Entity>,
    after: i64,
    part: impl Fn(i64) -> Part,
) -> Result<Page, StoreError> {
    let list = list.filter(ban::Column::Id.gt(after)).order_by_asc(ban::Column::Id);
    let rows = page(tx, list).await?;
    let rest = rest(&rows, |row| part(row.id));
    let of_ban = |row: ban::Model| {
        Record::Ban(BanRecord { group: row.group_id, jid: row.user_id, since: Moment(row.banned_at) })
    };
    Ok(Page { records: rows.into_iter().map(of_ban).collect(), rest, ..Page::default() })
}

async fn waiting(
    tx: &DatabaseTransaction,
    list: Select<pending::Entity>,
    after: i64,
    part: impl Fn(i64) -> Part,
) -> Result<Page, StoreError> {
    let list = list.filter(pending::Column::Id.gt(after)).order_by_asc(pending::Column::Id);
    let rows = page(tx, list).await?;
    let rest = rest(&rows, |row| part(row.id));
    let of_pending = |row: pending::Model| {
        Record::Pending(PendingRecord {
            group: row.group_id,
            jid: row.user_id,
            kind: row.kind,
            by: row.invited_by,
            written: row.jid,
            mid: row.mid,
            nick: row.nick,
            role: row.authority,
            since: Moment(row.since),
        })
    };
    Ok(Page { records: rows.into_iter().map(of_pending).collect(), rest, ..Page::default() })
}

async fn messages(
    tx: &DatabaseTransaction,
    list: Select<message::Entity>,
    after: i64,
    part: impl Fn(i64) -> Part,
) -> Result<Page, StoreError> {
    let list = list.filter(message::Column::MsgId.gt(after)).order_by_asc(message::Column::MsgId);
    let rows = page(tx, list).await?;
    let rest = rest(&rows, |row| part(row.msg_id));
    let mut mentioned: HashMap<i64, Vec<String>> = HashMap::new();
    let ids: Vec<i64> = rows.iter().map(|row| row.msg_id).collect();
    if !ids.is_empty() {
        let found = mention::Entity::find().filter(mention::Column::MsgId.is_in(ids));
        let mut found = found.all(tx).await.doing(DOING)?;
        found.sort_unstable_by_key(|mention| mention.id);
        for mention in found {
            mentioned.entry(mention.msg_id).or_default().push(mention.mid);
        }
    }
    let of_message = |row: message::Model| {
        let mentions = mentioned.remove(&row.msg_id).unwrap_or_default();
        Record::Message(Box::new(of_message(row, mentions)))
    };
    Ok(Page { records: rows.into_iter().map(of_message).collect(), rest, ..Page::default() })
}

/// What messages said that were taken back in a held group: for whoever looks after the service, not for its members.
async fn add_originals(tx: &DatabaseTransaction, records: &mut [Record]) -> Result<(), StoreError> {
    let retracted = records.iter().filter_map(|record| match record {
        Record::Message(message) if message.retracted.is_some() => Some(message.id.0),
        _ => None,
    });
    let ids: Vec<i64> = retracted.collect();
    if ids.is_empty() {
        return Ok(());
    }
    let kept = kept::Entity::find().filter(kept::Column::MsgId.is_in(ids)).all(tx).await.doing(DOING)?;
    let mut kept: HashMap<i64, kept::Model> = kept.into_iter().map(|row| (row.msg_id, row)).collect();
    for record in records {
        if let Record::Message(message) = record
            && let Some(row) = kept.remove(&message.id.0)
            && let Some(retracted) = &mut message.retracted
        {
            retracted.original = Some(OriginalRecord { body: row.body, payload: row.payload });
        }
    }
    Ok(())
}

async fn mentions(tx: &DatabaseTransaction, group: &str, mid: &str, after: i64) -> Result<Page, StoreError> {
    let list = mention::Entity::find()
        .filter(mention::Column::GroupId.eq(group))
        .filter(mention::Column::Mid.eq(mid))
        .filter(mention::Column::MsgId.gt(after))
        .order_by_asc(mention::Column::MsgId);
    let rows = page(tx, list).await?;
    let part = |row: &mention::Model| Part::Mentioned {
        group: group.to_owned(),
        mid: mid.to_owned(),
        after: row.msg_id,
    };
    let rest = rest(&rows, part);
    let of_mention = |row: mention::Model| {
        Record::Mention(MentionRecord { group: row.group_id, id: Id(row.msg_id), author: row.author })
    };
    Ok(Page { records: rows.into_iter().map(of_mention).collect(), rest, ..Page::default() })
}

async fn of_user(tx: &DatabaseTransaction, jid: &str) -> Result<Page, StoreError> {
    let wishes = user::Entity::find_by_id(jid).one(tx).await.doing(DOING)?;
    let native = native::Entity::find_by_id(jid).one(tx).await.doing(DOING)?;
    let unreachable = unreachable::Entity::find_by_id(jid).one(tx).await.doing(DOING)?;
    let user = UserRecord {
        jid: jid.to_owned(),
        addable: wishes.map(|row| row.addable),
        native: native.is_some(),
        unreachable: unreachable.map(|row| row.why),
    };
    Ok(Page { records: vec![Record::User(user)], ..Page::default() })
}

async fn memberships(tx: &DatabaseTransaction, jid: &str, after: i64) -> Result<Page, StoreError> {
    let list = member::Entity::find()
        .filter(member::Column::UserId.eq(jid))
        .filter(member::Column::Id.gt(after))
        .order_by_asc(member::Column::Id);
    let rows = page(tx, list).await?;
    let rest = rest(&rows, |row| Part::Memberships(jid.to_owned(), row.id));
    let ids: Vec<&str> = rows.iter().map(|row| row.group_id.as_str()).collect();
    let mut names: HashMap<String, String> = HashMap::new();
    if !ids.is_empty() {
        let named = group::Entity::find()
            .select_only()
            .columns([group::Column::GroupId, group::Column::Name])
            .filter(group::Column::GroupId.is_in(ids))
            .into_tuple::<(String, String)>();
        names.extend(named.all(tx).await.doing(DOING)?);
    }
    let found = |row: &member::Model| {
        let (group, mid) = (row.group_id.clone(), row.mid.clone());
        [
            Part::Said { group: group.clone(), mid: mid.clone(), after: 0 },
            Part::Mentioned { group, mid, after: 0 },
        ]
    };
    let found = rows.iter().flat_map(found).collect();
    let records = rows.into_iter().map(|row| {
        let name = names.get(&row.group_id).cloned();
        of_member(row, name)
    });
    Ok(Page { records: records.collect(), rest, found })
}

async fn sessions(tx: &DatabaseTransaction, jid: &str, after: i64) -> Result<Page, StoreError> {
    let list = session::Entity::find()
        .filter(session::Column::Jid.like(rows::devices_like(jid)))
        .filter(session::Column::Id.gt(after))
        .order_by_asc(session::Column::Id);
    let rows = page(tx, list).await?;
    let rest = rest(&rows, |row| Part::Sessions(jid.to_owned(), row.id));
    let own = rows.into_iter().filter(|row| rows::is_device_of(&row.jid, jid));
    let of_session = |row: session::Model| {
        let address = (!row.address.is_empty()).then_some(row.address);
        Record::Session(SessionRecord { jid: row.jid, address, seen: Moment(row.seen_at) })
    };
    Ok(Page { records: own.map(of_session).collect(), rest, ..Page::default() })
}

async fn occupants(tx: &DatabaseTransaction, jid: &str, after: i64) -> Result<Page, StoreError> {
    let list = occupant::Entity::find()
        .filter(occupant::Column::Jid.like(rows::devices_like(jid)))
        .filter(occupant::Column::Id.gt(after))
        .order_by_asc(occupant::Column::Id);
    let rows = page(tx, list).await?;
    let rest = rest(&rows, |row| Part::Occupants(jid.to_owned(), row.id));
    let own = rows.into_iter().filter(|row| rows::is_device_of(&row.jid, jid));
    let of_occupant = |row: occupant::Model| {
        Record::Occupant(OccupantRecord { group: row.group_id, jid: row.jid, presence: row.presence })
    };
    Ok(Page { records: own.map(of_occupant).collect(), rest, ..Page::default() })
}
