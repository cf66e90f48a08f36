//! `tig_group_session`: which devices are online, and to which addresses of ours they announced themselves.

use sea_orm::entity::prelude::*;

/// One device at one address.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tig_group_session", rename_all = "camelCase")]
pub struct Model {
    /// Grows, so it is the order in which sessions became known.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The device: a full JID.
    pub jid: String,
    /// The address it announced itself to; empty: none, the row only says that the device is known.
    pub address: String,
    /// Milliseconds since 1970 (UTC).
    pub seen_at: i64,
    /// The last row of the archive when it became known.
    pub since: i64,
}

impl ActiveModelBehavior for ActiveModel {}
