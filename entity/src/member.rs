//! `tig_group_member`: who is, or was, in which group. Rows of those who left stay, because a member id is never
//! given to anybody else.

use sea_orm::entity::prelude::*;

/// One membership.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tig_group_member", rename_all = "camelCase")]
pub struct Model {
    /// Grows, so it is the order in which the members of a group came.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The group id.
    pub group_id: String,
    /// The account: a canonical bare JID.
    pub user_id: String,
    /// Does this member receive any messages? (`receive` says which.)
    pub is_received: bool,
    /// Which messages reach this member's devices: `all`, `mentions` or `none`.
    pub receive: String,
    /// None of them until then, in milliseconds since 1970 (UTC); `NULL`: not muted.
    pub mute_until: Option<i64>,
    /// The role: `owner`, `admin` or `member`.
    pub authority: String,
    /// The member id; with the group id unique, for those who left too.
    pub mid: String,
    /// The shown name.
    pub nick: String,
    /// What the nick is compared by.
    pub nick_key: String,
    /// Milliseconds since 1970 (UTC).
    pub joined_at: i64,
    /// Milliseconds since 1970 (UTC); `NULL`: still in.
    pub left_at: Option<i64>,
    /// Everything up to the message with this id was read; 0: nothing.
    pub read_id: i64,
    /// When that position last moved, in milliseconds since 1970 (UTC); 0: never.
    pub read_at: i64,
    /// How many of the group's countable messages are no news to this member.
    pub seen: i64,
}

impl ActiveModelBehavior for ActiveModel {}
