//! `tig_group_audit`: what administrators did. Rows are added, never changed.

use sea_orm::entity::prelude::*;

/// One act, asked for or ended.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tig_group_audit", rename_all = "camelCase")]
pub struct Model {
    /// Grows, so it is the order in which it happened.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// Milliseconds since 1970 (UTC).
    pub at: i64,
    /// Who asked for it.
    #[sea_orm(column_name = "actor")]
    pub by: String,
    /// What was asked for, in the words of the command.
    pub act: String,
    /// `asked`, `done`, or why not.
    pub outcome: String,
}

impl ActiveModelBehavior for ActiveModel {}
