//! How far the server has taken in what the archive holds, which accounts take no copies for later, and what was said
//! before a device came.

use sea_orm_migration::prelude::*;

use crate::steps;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        steps::create_table(manager, "tig_group_cursor", cursor()).await?;
        steps::create_table(manager, "tig_group_unreachable", unreachable()).await?;
        let since = ColumnDef::new("since").big_integer().not_null().default(0).take();
        steps::add_column(manager, "tig_group_session", since).await?;
        // New invitations, of all groups.
        let new = Index::create()
            .table("tig_group_pending")
            .name("idx_tig_group_pending_since")
            .col("since")
            .take();
        steps::create_index(manager, "tig_group_pending", new).await
    }
}

fn cursor() -> TableCreateStatement {
    Table::create()
        .table("tig_group_cursor")
        .col(ColumnDef::new("domain").string_len(255).not_null().primary_key())
        .col(ColumnDef::new("position").big_integer().not_null())
        .take()
}

fn unreachable() -> TableCreateStatement {
    Table::create()
        .table("tig_group_unreachable")
        .col(ColumnDef::new("userId").string_len(512).not_null().primary_key())
        .col(ColumnDef::new("why").string_len(16).not_null())
        .col(ColumnDef::new("since").big_integer().not_null())
        .take()
}
