//! Groups that are under a legal hold, and what was said in them and taken back since.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::steps;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let since = ColumnDef::new("heldAt").big_integer().null().take();
        steps::add_column(manager, "tig_group", since).await?;
        let why = long_text("heldWhy", backend).null().take();
        steps::add_column(manager, "tig_group", why).await?;
        steps::create_table(manager, "tig_group_kept", kept(backend)).await?;
        let index = Index::create()
            .table("tig_group_kept")
            .name("idx_tig_group_kept_group")
            .col("groupId")
            .col("msg_id")
            .take();
        steps::create_index(manager, "tig_group_kept", index).await
    }
}

fn kept(backend: DbBackend) -> TableCreateStatement {
    Table::create()
        .table("tig_group_kept")
        .col(ColumnDef::new("msg_id").big_integer().not_null().primary_key())
        .col(ColumnDef::new("groupId").string_len(255).not_null())
        .col(long_text("body", backend).null())
        .col(long_text("payload", backend).not_null())
        .take()
}

/// MySQL's TEXT ends at 64 KiB.
fn long_text(name: &'static str, backend: DbBackend) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    if backend == DbBackend::MySql { column.custom("MEDIUMTEXT").take() } else { column.text().take() }
}
