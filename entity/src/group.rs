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
    /// Who may mention everybody: `admins` or `members`.
    pub mention_all: String,
    /// How somebody becomes a member on his own: `closed`, `open` or `approval`.
    pub join: String,
    /// How far back members may read: `all` or `since-join`.
    pub history: String,
    /// Are read receipts passed on?
    pub receipts: bool,
    /// Days that messages are kept; 0: for ever.
    pub retention_days: i64,
    /// The language that is spoken (BCP 47); empty: not said.
    pub lang: String,
    /// The SHA-1 of its picture, in hexadecimal; empty: it has none.
    pub avatar: String,
    /// Can operators alone change it?
    pub frozen: bool,
    /// The subject of the room.
    pub subject: String,
    /// How many are in now; kept with each change of the members.
    pub members: i64,
    /// Grows by one with every change of settings or members.
    pub version: i64,
    /// How many countable messages (with a body, no correction) there were.
    pub countable: i64,
    /// The newest row of its archive; 0: none. So nobody has to ask the archive when a group was last active.
    pub last_id: i64,
    /// The newest message of its archive that has a text; 0: none.
    pub preview_id: i64,
    /// Milliseconds since 1970 (UTC).
    pub created_at: i64,
    /// Milliseconds since 1970 (UTC); `NULL`: it is there.
    pub deleted_at: Option<i64>,
    /// Milliseconds since 1970 (UTC) when it was made as a room; `NULL`: it is configured, or never was a room alone.
    pub locked_at: Option<i64>,
    /// Milliseconds since 1970 (UTC) when a legal hold began; `NULL`: it is not held.
    pub held_at: Option<i64>,
    /// Why.
    pub held_why: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
