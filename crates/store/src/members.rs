//! Members, read without the engine: the list page by page, and one of them.

use groupchat_core::page::{From, Page, Paged};
use groupchat_core::{BareJid, GroupId, Member, Mid, Nick, Role};
use groupchat_entity::ban;
use groupchat_entity::member::{Column, Entity, Model};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Select};

use crate::error::Doing;
use crate::pages::{Start, page};
use crate::{ROWS_PER_STATEMENT, Store, StoreError, rows};

/// What one member is looked for by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberKey {
    /// The account.
    Jid(BareJid),
    /// The member id.
    Mid(Mid),
    /// The nick, as RFC 8266 compares nicks.
    Nick(Nick),
}

impl Store {
    /// The members of a group in the order in which they came. The key of a page is a member id.
    ///
    /// # Errors
    /// [`StoreError::NoSuchItem`]: the page begins or ends at somebody who is not in;
    /// [`StoreError::Database`].
    pub async fn members(&self, id: &GroupId, wanted: &Page) -> Result<Paged<Member>, StoreError> {
        let start = match &wanted.from {
            From::Start => Start::Head,
            From::After(mid) => Start::After(self.place(id, Column::Mid, mid).await?),
            From::Before(mid) => Start::Before(self.place(id, Column::Mid, mid).await?),
            From::End => Start::Tail,
        };
        let whole = |list: Select<Entity>| list.into_model::<Model>();
        let found = page(&self.db, members_of(id), Column::Id, start, wanted.items_max, whole, |row| row.id);
        let found = found.await.doing("listing members")?;
        let items = found.items.iter().map(rows::member).collect();
        Ok(Paged { items, first_index: found.first_index, total: found.total })
    }

    /// One member who is in now.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn member(&self, id: &GroupId, by: &MemberKey) -> Result<Option<Member>, StoreError> {
        let wanted = match by {
            MemberKey::Jid(jid) => Column::UserId.eq(jid.as_str()),
            MemberKey::Mid(mid) => Column::Mid.eq(mid.as_str()),
            MemberKey::Nick(nick) => Column::NickKey.eq(nick.key()),
        };
        let row = members_of(id).filter(wanted).one(&self.db).await.doing("looking for a member")?;
        Ok(row.as_ref().map(rows::member))
    }

    /// The members in one role, in the order in which they came. The key of a page is an account.
    ///
    /// # Errors
    /// [`StoreError::NoSuchItem`]: the page begins or ends at somebody who is not in; [`StoreError::Database`].
    pub async fn members_of_role(
        &self,
        id: &GroupId,
        role: Role,
        wanted: &Page,
    ) -> Result<Paged<Member>, StoreError> {
        let start = match &wanted.from {
            From::Start => Start::Head,
            From::After(jid) => Start::After(self.place(id, Column::UserId, jid).await?),
            From::Before(jid) => Start::Before(self.place(id, Column::UserId, jid).await?),
            From::End => Start::Tail,
        };
        let list = members_of(id).filter(Column::Authority.eq(role.as_str()));
        let whole = |list: Select<Entity>| list.into_model::<Model>();
        let found = page(&self.db, list, Column::Id, start, wanted.items_max, whole, |row| row.id);
        let found = found.await.doing("listing the members in a role")?;
        let items = found.items.iter().map(rows::member).collect();
        Ok(Paged { items, first_index: found.first_index, total: found.total })
    }

    /// The members among these accounts, in the order in which they came.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn members_with(&self, id: &GroupId, jids: &[&BareJid]) -> Result<Vec<Member>, StoreError> {
        let mut found = Vec::with_capacity(jids.len());
        for chunk in jids.chunks(ROWS_PER_STATEMENT) {
            let these = members_of(id).filter(Column::UserId.is_in(chunk.iter().map(|jid| jid.as_str())));
            found.extend(these.all(&self.db).await.doing("looking for members")?);
        }
        found.sort_unstable_by_key(|row| row.id);
        Ok(found.iter().map(rows::member).collect())
    }

    /// Who is kept out of a group, by account. An absent key of a page is no error.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn banned(&self, id: &GroupId, wanted: &Page) -> Result<Paged<BareJid>, StoreError> {
        let list = ban::Entity::find().filter(ban::Column::GroupId.eq(id.as_str()));
        let account =
            |list: Select<ban::Entity>| list.select_only().column(ban::Column::UserId).into_tuple::<String>();
        let (key, start) = (ban::Column::UserId, Start::of(wanted));
        let found = page(&self.db, list, key, start, wanted.items_max, account, String::clone);
        let found = found.await.doing("listing the banned")?;
        let items = found.items.iter().map(|user| BareJid::from_stored(user)).collect();
        Ok(Paged { items, first_index: found.first_index, total: found.total })
    }

    /// Where a member stands in the order.
    async fn place(&self, id: &GroupId, by: Column, key: &str) -> Result<i64, StoreError> {
        let place = members_of(id).filter(by.eq(key)).select_only().column(Column::Id).into_tuple::<i64>();
        let place = place.one(&self.db).await.doing("looking for a member")?;
        place.ok_or_else(|| StoreError::NoSuchItem(key.to_owned()))
    }
}

fn members_of(id: &GroupId) -> Select<Entity> {
    Entity::find().filter(Column::GroupId.eq(id.as_str())).filter(Column::LeftAt.is_null())
}
