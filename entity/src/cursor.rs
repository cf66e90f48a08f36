//! `tig_group_cursor`: how far the XMPP server has taken in what the archive holds.

use sea_orm::entity::prelude::*;

/// One component's link.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tig_group_cursor", rename_all = "camelCase")]
pub struct Model {
    /// The component's domain.
    #[sea_orm(primary_key, auto_increment = false)]
    pub domain: String,
    /// The server has everything up to the row of the archive with this id.
    pub position: i64,
}

impl ActiveModelBehavior for ActiveModel {}
