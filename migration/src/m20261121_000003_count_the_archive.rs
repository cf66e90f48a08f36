//! Pages of a group's archive are found, and its rows counted, in an index alone: that of a group's order has now also whom
//! a row is for and when it was said. Counting a million messages row by row took seconds.

use sea_orm_migration::prelude::*;

use crate::steps;

const TABLE: &str = "tig_group_message";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut seen = Index::create().table(TABLE).name("idx_tig_group_message_seen").take();
        for column in ["groupId", "msg_id", "readBy", "timestamp"] {
            seen.col(column);
        }
        steps::create_index(manager, TABLE, seen).await?;
        steps::drop_index(manager, TABLE, "idx_tig_group_message_order").await
    }
}
