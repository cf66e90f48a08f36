//! What administrators did.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::steps;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_mysql = manager.get_database_backend() == DbBackend::MySql;
        // MySQL's TEXT ends at 64 KiB.
        let long = |name: &'static str| {
            let mut column = ColumnDef::new(name);
            if is_mysql {
                column.custom("MEDIUMTEXT").not_null().take()
            } else {
                column.text().not_null().take()
            }
        };
        let audit = Table::create()
            .table("tig_group_audit")
            .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
            .col(ColumnDef::new("at").big_integer().not_null())
            .col(ColumnDef::new("actor").string_len(512).not_null())
            .col(long("act"))
            .col(long("outcome"))
            .take();
        steps::create_table(manager, "tig_group_audit", audit).await
    }
}
