//! Groups: loaded whole for the engine, and read row by row for lists.

use groupchat_core::page::{Page, Paged};
use groupchat_core::{BareJid, Group, GroupId, Role, Settings, StoredGroup, Timestamp};
use groupchat_entity::{ban, group, member, pending};
use sea_orm::sea_query::{Expr, JoinType};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, RelationDef, Select,
};

use crate::error::Doing;
use crate::pages::{Start, page};
use crate::{Store, StoreError, rows};

/// A group that a user is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupOf {
    /// Its id; the key of its page.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// How many members it has.
    pub members: u64,
    /// The user's role in it.
    pub role: Role,
}

/// A group that everybody may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicGroup {
    /// Its id; the key of its page.
    pub id: GroupId,
    /// Its name.
    pub name: String,
}

/// What a group says of itself, and what the asker is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its id.
    pub id: GroupId,
    /// Its settings.
    pub settings: Settings,
    /// How many members it has.
    pub members: u64,
    /// The asker's role; `None`: no member. Who may see what, `core::sight` says.
    pub role: Option<Role>,
    /// Since when the asker is in.
    pub joined: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
    /// It was made as a room and is not configured: to others than its members it is not there yet.
    pub locked: bool,
}

impl Store {
    /// A group as the engine needs it. A deleted one is there, with `deleted` set and nobody in it; `None`: the id
    /// was never used.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load(&self, id: &GroupId) -> Result<Option<Group>, StoreError> {
        // The version is read first: should somebody else change the group meanwhile, this copy is older than its
        // members, and the first commit on it is refused as stale. So no transaction is needed.
        let Some(row) = self.group(id).await? else { return Ok(None) };
        let mut stored = StoredGroup {
            id: id.clone(),
            version: row.version,
            settings: rows::settings(&row),
            deleted: row.deleted_at.is_some(),
            locked: row.locked_at.is_some(),
            countable: row.countable,
            members: Vec::new(),
            former: Vec::new(),
            banned: Vec::new(),
            pending: Vec::new(),
        };
        if stored.deleted {
            return Ok(Some(stored.into()));
        }
        let all = member::Entity::find().filter(member::Column::GroupId.eq(id.as_str()));
        let mut all = all.all(&self.db).await.doing("loading members")?;
        // No index has the order of those who are in and those who left together.
        all.sort_unstable_by_key(|row| row.id);
        for row in &all {
            let member = rows::member(row);
            match row.left_at {
                None => stored.members.push(member),
                Some(_) => stored.former.push((member.mid, member.jid)),
            }
        }
        let bans = ban::Entity::find().filter(ban::Column::GroupId.eq(id.as_str()));
        let bans = bans.all(&self.db).await.doing("loading bans")?;
        stored.banned = bans.iter().map(|ban| BareJid::from_stored(&ban.user_id)).collect();
        let pending = pending::Entity::find().filter(pending::Column::GroupId.eq(id.as_str()));
        let mut pending = pending.all(&self.db).await.doing("loading requests and invitations")?;
        pending.sort_unstable_by_key(|row| row.id);
        stored.pending = pending.into_iter().map(rows::pending).collect();
        Ok(Some(stored.into()))
    }

    /// The groups that were made as rooms and are not configured yet, with the time of that, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn locked(&self) -> Result<Vec<(Timestamp, GroupId)>, StoreError> {
        let list = group::Entity::find()
            .filter(group::Column::LockedAt.is_not_null())
            .filter(group::Column::DeletedAt.is_null())
            .order_by_asc(group::Column::LockedAt);
        let found = list.all(&self.db).await.doing("looking for rooms that are not configured")?;
        let read =
            |row: &group::Model| Some((Timestamp(row.locked_at?), GroupId::from_stored(&row.group_id)));
        Ok(found.iter().filter_map(read).collect())
    }

    /// The groups that a user is in, by group id. An absent key of a page is no error.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn groups_of(&self, user: &BareJid, wanted: &Page) -> Result<Paged<GroupOf>, StoreError> {
        let to_group: RelationDef = member::Entity::belongs_to(group::Entity)
            .from(member::Column::GroupId)
            .to(group::Column::GroupId)
            .into();
        let list = member::Entity::find()
            .filter(member::Column::UserId.eq(user.as_str()))
            .filter(member::Column::LeftAt.is_null());
        let columns = |list: Select<member::Entity>| {
            let joined =
                list.join(JoinType::InnerJoin, to_group).select_only().column(member::Column::GroupId);
            let joined = joined.column(group::Column::Name).column(group::Column::Members);
            joined.column(member::Column::Authority).into_tuple::<(String, String, i64, String)>()
        };
        let start = Start::of(wanted);
        let found = page(&self.db, list, member::Column::GroupId, start, wanted.items_max, columns, |row| {
            row.0.clone()
        });
        let found = found.await.doing("listing the groups of a user")?;
        Ok(map(found, |(id, name, members, authority)| GroupOf {
            id: GroupId::from_stored(&id),
            name,
            members: members.try_into().unwrap_or_default(),
            role: rows::role(&authority),
        }))
    }

    /// The groups that everybody may see, by group id. An absent key of a page is no error.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn public_groups(&self, wanted: &Page) -> Result<Paged<PublicGroup>, StoreError> {
        let list = group::Entity::find()
            .filter(group::Column::Visibility.eq("public"))
            .filter(group::Column::LockedAt.is_null())
            .filter(group::Column::DeletedAt.is_null());
        let columns = |list: Select<group::Entity>| {
            let named = list.select_only().columns([group::Column::GroupId, group::Column::Name]);
            named.into_tuple::<(String, String)>()
        };
        let start = Start::of(wanted);
        let found = page(&self.db, list, group::Column::GroupId, start, wanted.items_max, columns, |row| {
            row.0.clone()
        });
        let found = found.await.doing("listing the public groups")?;
        Ok(map(found, |(id, name)| PublicGroup { id: GroupId::from_stored(&id), name }))
    }

    /// The groups of exactly this name that are public or the asker's own, by group id, at most so many.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn groups_named(
        &self,
        name: &str,
        asker: &BareJid,
        items_max: usize,
    ) -> Result<Vec<Summary>, StoreError> {
        let public = group::Column::Visibility.eq("public").and(group::Column::LockedAt.is_null());
        let seen = Condition::any().add(public).add(member::Column::Id.is_not_null());
        let list = summaries(asker).filter(group::Column::Name.eq(name)).filter(seen);
        let list = list.order_by_asc(group::Column::GroupId).limit(items_max as u64);
        let found = list.all(&self.db).await.doing("looking for groups by name")?;
        Ok(found.into_iter().map(summary).collect())
    }

    /// What a group says of itself; `None`: never made, or deleted.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn summary(&self, id: &GroupId, asker: &BareJid) -> Result<Option<Summary>, StoreError> {
        let found = summaries(asker).filter(group::Column::GroupId.eq(id.as_str())).one(&self.db).await;
        Ok(found.doing("reading a group")?.map(summary))
    }

    pub(crate) async fn group(&self, id: &GroupId) -> Result<Option<group::Model>, StoreError> {
        let row = group::Entity::find().filter(group::Column::GroupId.eq(id.as_str())).one(&self.db).await;
        row.doing("loading a group")
    }
}

type WithMembership = sea_orm::SelectTwo<group::Entity, member::Entity>;

/// Groups that are there, each with the asker's membership if there is one.
fn summaries(asker: &BareJid) -> WithMembership {
    let asker = asker.to_string();
    let membership: RelationDef = group::Entity::belongs_to(member::Entity)
        .from(group::Column::GroupId)
        .to(member::Column::GroupId)
        .on_condition(move |_, member| {
            let own = Expr::col((member.clone(), member::Column::UserId)).eq(asker.as_str());
            Condition::all().add(own).add(Expr::col((member, member::Column::LeftAt)).is_null())
        })
        .into();
    let there = group::Entity::find().filter(group::Column::DeletedAt.is_null());
    there.join(JoinType::LeftJoin, membership).select_also(member::Entity)
}

fn summary((row, membership): (group::Model, Option<member::Model>)) -> Summary {
    Summary {
        id: GroupId::from_stored(&row.group_id),
        settings: rows::settings(&row),
        members: row.members.try_into().unwrap_or_default(),
        role: membership.as_ref().map(|member| rows::role(&member.authority)),
        joined: membership.map(|member| Timestamp(member.joined_at)),
        created: Timestamp(row.created_at),
        locked: row.locked_at.is_some(),
    }
}

fn map<A, B>(found: Paged<A>, each: impl Fn(A) -> B) -> Paged<B> {
    Paged {
        items: found.items.into_iter().map(each).collect(),
        first_index: found.first_index,
        total: found.total,
    }
}
