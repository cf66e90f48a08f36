//! `tig_user`: what accounts want of the service beyond one group. Who has no row wants nothing special.

use sea_orm::entity::prelude::*;

/// One account.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tig_user", rename_all = "camelCase")]
pub struct Model {
    /// The account: a canonical bare JID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: String,
    /// Who may add it to a group: `everyone`, `domain` or `nobody`.
    pub addable: String,
}

impl ActiveModelBehavior for ActiveModel {}
