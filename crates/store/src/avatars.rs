//! Pictures of groups.

use groupchat_core::{Avatar, GroupId};
use groupchat_entity::{avatar, group};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, Set};

use crate::error::Doing;
use crate::{Store, StoreError};

impl Store {
    /// The picture of a group, if it has one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn avatar(&self, id: &GroupId) -> Result<Option<Avatar>, StoreError> {
        let hash = group::Entity::find()
            .select_only()
            .column(group::Column::Avatar)
            .filter(group::Column::GroupId.eq(id.as_str()))
            .into_tuple::<String>();
        let hash = hash.one(&self.db).await.doing("looking for a picture")?.unwrap_or_default();
        if hash.is_empty() {
            return Ok(None);
        }
        let found = avatar::Entity::find_by_id(id.as_str()).one(&self.db).await;
        Ok(found.doing("reading a picture")?.map(|row| Avatar {
            kind: row.kind.into(),
            bytes: bytes(&row.data),
            data: row.data.into(),
            hash: hash.into(),
        }))
    }
}

/// How many bytes a text in base64 stands for.
fn bytes(data: &str) -> usize {
    (data.len() / 4 * 3).saturating_sub(data.bytes().rev().take_while(|byte| *byte == b'=').count())
}

/// Puts a picture in the place of the one that is there, or takes it away.
pub(crate) async fn put(
    tx: &DatabaseTransaction,
    id: &GroupId,
    new: Option<&Avatar>,
) -> Result<(), StoreError> {
    let gone = avatar::Entity::delete_by_id(id.as_str()).exec(tx).await;
    gone.doing("taking a picture away")?;
    let Some(new) = new else { return Ok(()) };
    let row = avatar::ActiveModel {
        group_id: Set(id.to_string()),
        kind: Set(new.kind.to_string()),
        data: Set(new.data.to_string()),
    };
    avatar::Entity::insert(row).exec_without_returning(tx).await.doing("storing a picture").map(drop)
}
