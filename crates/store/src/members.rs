//! Members, read without the engine: the list page by page, and one of them.

use groupchat_core::page::{From, Page, Paged};
use groupchat_core::{BareJid, GroupId, Member, Mid, Nick};
use groupchat_entity::member::{Column, Entity, Model};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Select};

use crate::error::Doing;
use crate::pages::{Start, page};
use crate::{Store, StoreError, rows};

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
            From::After(mid) => Start::After(self.place(id, mid).await?),
            From::Before(mid) => Start::Before(self.place(id, mid).await?),
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

    /// Where a member stands in the order.
    async fn place(&self, id: &GroupId, mid: &str) -> Result<i64, StoreError> {
        let place =
            members_of(id).filter(Column::Mid.eq(mid)).select_only().column(Column::Id).into_tuple::<i64>();
        let place = place.one(&self.db).await.doing("looking for a member")?;
        place.ok_or_else(|| StoreError::NoSuchItem(mid.to_owned()))
    }
}

fn members_of(id: &GroupId) -> Select<Entity> {
    Entity::find().filter(Column::GroupId.eq(id.as_str())).filter(Column::LeftAt.is_null())
}
