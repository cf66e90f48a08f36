//! `tig_group_occupant`: which devices are present in which groups as in a room (XEP-0045).

use sea_orm::entity::prelude::*;

/// One device in one group.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tig_group_occupant", rename_all = "camelCase")]
pub struct Model {
    /// Grows, so it is the order in which devices came.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The group.
    pub group_id: String,
    /// The device: a full JID.
    pub jid: String,
    /// The last row of the archive when it joined.
    pub since: i64,
    /// What its presence says, as XML text.
    pub presence: String,
}

impl ActiveModelBehavior for ActiveModel {}
