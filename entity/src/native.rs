//! `tig_group_native`: accounts that ever came by a client of the protocol's own, and so want copies for later; others, that
//! only ever came by rooms, read the archive.

use sea_orm::entity::prelude::*;

/// One account.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tig_group_native", rename_all = "camelCase")]
pub struct Model {
    /// The account: a canonical bare JID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: String,
}

impl ActiveModelBehavior for ActiveModel {}
