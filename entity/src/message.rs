//! `tig_group_message`: the archive, messages and events in one order.

use sea_orm::entity::prelude::*;

/// One row of the archive.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tig_group_message", rename_all = "camelCase")]
pub struct Model {
    /// The stanza-id as a number; made by us, growing over the whole service.
    #[sea_orm(primary_key, auto_increment = false, column_name = "msg_id")]
    pub msg_id: i64,
    /// The group id.
    pub group_id: String,
    /// Milliseconds since 1970 (UTC).
    pub timestamp: i64,
    /// The device that sent it: a full JID.
    #[sea_orm(column_name = "sender_jid")]
    pub sender_jid: String,
    /// The author's member id.
    pub mid: String,
    /// `message` or `event`.
    pub kind: String,
    /// The stanza's `id`, as its sender chose it.
    pub client_id: Option<String>,
    /// The text of the body.
    pub body: Option<String>,
    /// The stanza's children as XML text.
    pub payload: String,
    /// How many countable messages the group had with this one.
    pub ordinal: i64,
    /// Is it one of them?
    pub countable: bool,
    /// The message that it corrects.
    pub corrects: Option<i64>,
    /// Whom it is for: `members` or `admins`.
    pub read_by: String,
    /// When it was taken back, in milliseconds since 1970 (UTC); `NULL`: it was not. Then body and payload are gone.
    pub retracted_at: Option<i64>,
    /// The member id of who took it back.
    pub retracted_by: Option<String>,
    /// Not its author took it back, but somebody who looks after the group.
    pub moderated: bool,
    /// Why.
    pub reason: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
