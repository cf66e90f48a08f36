//! `tig_group`: one row a group, kept when the group is deleted, so that its id stays taken.

use sea_orm::entity::prelude::*;

/// One group.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tig_group", rename_all = "camelCase")]
pub struct Model {
    /// The database's own number for it; nothing refers to it.
    #[sea_orm(primary_key)]
    pub uid: i64,
    /// The group id: the canonical localpart of its address. Unique.
    pub group_id: String,
    /// The shown name.
    pub name: String,
    /// A longer text about it.
    pub description: String,
    /// `customized` or `system`.
    #[sea_orm(column_name = "type")]
    pub kind: String,
    /// `private` or `public`.
    pub visibility: String,
    /// Who may add members: `admins` or `members`.
    pub invite: String,
    /// Who may change the settings: `admins` or `members`.
    pub configure: String,
    /// Who may post: `admins` or `members`.
    pub post: String,
    /// How many are in now; kept with each change of the members.
    pub members: i64,
    /// Grows by one with every change of settings or members.
    pub version: i64,
    /// Milliseconds since 1970 (UTC).
    pub created_at: i64,
    /// Milliseconds since 1970 (UTC); `NULL`: it is there.
    pub deleted_at: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
