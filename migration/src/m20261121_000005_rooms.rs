//! Which devices are present in which groups as in a room (XEP-0045), and which accounts ever came otherwise.

use sea_orm_migration::prelude::*;

use crate::steps;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        steps::create_table(manager, "tig_group_occupant", occupant()).await?;
        steps::create_table(manager, "tig_group_native", native()).await?;
        // A group and a device do not fit into one index of MySQL.
        for column in ["jid", "groupId"] {
            let index = Index::create()
                .table("tig_group_occupant")
                .name(format!("idx_tig_group_occupant_{column}"))
                .col(column)
                .take();
            steps::create_index(manager, "tig_group_occupant", index).await?;
        }
        Ok(())
    }
}

fn occupant() -> TableCreateStatement {
    Table::create()
        .table("tig_group_occupant")
        .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
        .col(ColumnDef::new("groupId").string_len(255).not_null())
        .col(ColumnDef::new("jid").string_len(512).not_null())
        .col(ColumnDef::new("since").big_integer().not_null())
        .col(ColumnDef::new("presence").text().not_null())
        .take()
}

fn native() -> TableCreateStatement {
    Table::create()
        .table("tig_group_native")
        .col(ColumnDef::new("userId").string_len(512).not_null().primary_key())
        .take()
}
