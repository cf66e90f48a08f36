//! `tig_group_mention`: which messages mention whom. Gone with the message's text.

use sea_orm::entity::prelude::*;

/// One mention of one member, or of everybody.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tig_group_mention", rename_all = "camelCase")]
pub struct Model {
    /// The database's own number for it.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The group id.
    pub group_id: String,
    /// The member id; empty: everybody, and then the message has no other row.
    pub mid: String,
    /// The message.
    #[sea_orm(column_name = "msg_id")]
    pub msg_id: i64,
    /// The member id of its author, to whom it is no news.
    pub author: String,
}

impl ActiveModelBehavior for ActiveModel {}
