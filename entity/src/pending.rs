//! `tig_group_pending`: who asked to join a group, or was asked, and has no answer yet.

use sea_orm::entity::prelude::*;

/// One request or invitation. What was asked for is kept as it was written.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tig_group_pending", rename_all = "camelCase")]
pub struct Model {
    /// Grows, so it is the order in which they came.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The group id.
    pub group_id: String,
    /// The account: a canonical bare JID. Unique with the group id.
    pub user_id: String,
    /// `request` or `invitation`.
    pub kind: String,
    /// Who invited; `NULL` for a request.
    pub invited_by: Option<String>,
    /// The address as it was written.
    pub jid: String,
    /// The member id that was asked for.
    pub mid: Option<String>,
    /// The nick that was asked for.
    pub nick: Option<String>,
    /// The role that was asked for.
    pub authority: Option<String>,
    /// Milliseconds since 1970 (UTC).
    pub since: i64,
}

impl ActiveModelBehavior for ActiveModel {}
