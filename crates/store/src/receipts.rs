//! Who has read a message. One position is kept per member, so nothing is stored per message.

use groupchat_core::{GroupId, Mid, StanzaId, Timestamp};
use groupchat_entity::{member, message};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use crate::error::Doing;
use crate::pages::count;
use crate::{Store, StoreError};

/// A member who has read a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// Who.
    pub mid: Mid,
    /// When he told so: of this message, or of a later one.
    pub at: Timestamp,
}

impl Store {
    /// The members, besides its author, who have read up to a message or further, and how many have not.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn receipts(
        &self,
        group: &GroupId,
        message: StanzaId,
    ) -> Result<(Vec<Reader>, usize), StoreError> {
        let author = message::Entity::find_by_id(message.0)
            .select_only()
            .column(message::Column::Mid)
            .filter(message::Column::GroupId.eq(group.as_str()))
            .into_tuple::<String>();
        let author = author.one(&self.db).await.doing("looking for an author")?.unwrap_or_default();
        let others = member::Entity::find()
            .filter(member::Column::GroupId.eq(group.as_str()))
            .filter(member::Column::LeftAt.is_null())
            .filter(member::Column::Mid.ne(author));
        let list = |others: Select<member::Entity>| {
            let columns = others.select_only().columns([member::Column::Mid, member::Column::ReadAt]);
            columns.order_by_asc(member::Column::Id).into_tuple::<(String, i64)>()
        };
        let read = list(others.clone().filter(member::Column::ReadId.gte(message.0))).all(&self.db).await;
        let readers = read.doing("listing readers")?.into_iter();
        let readers = readers.map(|(mid, at)| Reader { mid: Mid::from_stored(&mid), at: Timestamp(at) });
        let unread = others.filter(member::Column::ReadId.lt(message.0));
        let unread = count(&self.db, unread, member::Column::Id).await.doing("counting who has not read")?;
        Ok((readers.collect(), unread))
    }
}
