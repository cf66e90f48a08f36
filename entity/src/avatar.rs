//! `tig_group_avatar`: the pictures of groups that have one.

use sea_orm::entity::prelude::*;

/// One picture.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tig_group_avatar", rename_all = "camelCase")]
pub struct Model {
    /// The group id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub group_id: String,
    /// Its media type.
    #[sea_orm(column_name = "type")]
    pub kind: String,
    /// Its bytes in base64.
    pub data: String,
}

impl ActiveModelBehavior for ActiveModel {}
