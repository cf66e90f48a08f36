//! Pictures of groups.

use groupchat_core::{Avatar, GroupId};
use groupchat_entity::{avatar, group};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, JoinType, QueryFilter, QuerySelect, RelationDef, Set,
};

use crate::error::Doing;
use crate::{Store, StoreError};

impl Store {
    /// The picture of a group, if it has one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn avatar(&self, id: &GroupId) -> Result<Option<Avatar>, StoreError> {
        // With its hash in one statement: between two of them another picture may take its place.
        let to_group: RelationDef = avatar::Entity::belongs_to(group::Entity)
            .from(avatar::Column::GroupId)
            .to(group::Column::GroupId)
            .into();
        let found = avatar::Entity::find()
            .select_only()
            .columns([avatar::Column::Kind, avatar::Column::Data])
            .column(group::Column::Avatar)
            .join(JoinType::InnerJoin, to_group)
            .filter(avatar::Column::GroupId.eq(id.as_str()))
            .filter(group::Column::Avatar.ne(""))
            .into_tuple::<(String, String, String)>();
        let found = found.one(&self.db).await.doing("reading a picture")?;
        Ok(found.map(|(kind, data, hash)| Avatar {
            kind: kind.into(),
            bytes: bytes(&data),
            data: data.into(),
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
