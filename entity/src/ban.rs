//! `tig_group_ban`: who is kept out of which group.

use sea_orm::entity::prelude::*;

/// One ban.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tig_group_ban", rename_all = "camelCase")]
pub struct Model {
    /// The database's own number for it.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The group id.
    pub group_id: String,
    /// The account: a canonical bare JID. Unique with the group id.
    pub user_id: String,
    /// Milliseconds since 1970 (UTC).
    pub banned_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
