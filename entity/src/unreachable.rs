//! `tig_group_unreachable`: accounts whose servers give copies for later back. A row goes when the account is seen.

use sea_orm::entity::prelude::*;

/// One account.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tig_group_unreachable", rename_all = "camelCase")]
pub struct Model {
    /// The account: a canonical bare JID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: String,
    /// `full`: its server keeps no more for it; `gone`: there is no such account.
    pub why: String,
    /// Milliseconds since 1970 (UTC).
    pub since: i64,
}

impl ActiveModelBehavior for ActiveModel {}
