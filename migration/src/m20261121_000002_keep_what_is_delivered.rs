//! How far the server has taken in what the archive holds, which accounts take no copies for later, and what was said
//! before a device came.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for mut table in [cursor(), unreachable()] {
            if manager.get_database_backend() == DbBackend::MySql {
                // Text is compared without regard to case there unless told otherwise.
                table.character_set("utf8mb4").collate("utf8mb4_bin");
            }
            manager.create_table(table).await?;
        }
        let since = ColumnDef::new("since").big_integer().not_null().default(0).take();
        manager.alter_table(Table::alter().table("tig_group_session").add_column(since).take()).await?;
        // New invitations, of all groups.
        let new = Index::create()
            .table("tig_group_pending")
            .name("idx_tig_group_pending_since")
            .col("since")
            .take();
        manager.create_index(new).await
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
