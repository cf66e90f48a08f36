//! `tig_group_kept`: what messages said that were taken back in a group under a legal hold. Members never see it.

use sea_orm::entity::prelude::*;

/// One message.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tig_group_kept", rename_all = "camelCase")]
pub struct Model {
    /// The message.
    #[sea_orm(primary_key, auto_increment = false, column_name = "msg_id")]
    pub msg_id: i64,
    /// The group id.
    pub group_id: String,
    /// The text of the body.
    pub body: Option<String>,
    /// The stanza's children as XML text.
    pub payload: String,
}

impl ActiveModelBehavior for ActiveModel {}
