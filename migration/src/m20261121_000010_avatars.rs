//! Pictures of groups, and the language that is spoken in them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::steps;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, chars_max) in [("lang", 35), ("avatar", 40)] {
            let column = ColumnDef::new(name).string_len(chars_max).not_null().default("").take();
            steps::add_column(manager, "tig_group", column).await?;
        }
        let avatars = avatars(manager.get_database_backend());
        steps::create_table(manager, "tig_group_avatar", avatars).await
    }
}

fn avatars(backend: DbBackend) -> TableCreateStatement {
    let mut data = ColumnDef::new("data");
    // MySQL's TEXT ends at 64 KiB.
    let data = if backend == DbBackend::MySql { data.custom("MEDIUMTEXT") } else { data.text() };
    Table::create()
        .table("tig_group_avatar")
        .col(ColumnDef::new("groupId").string_len(255).not_null().primary_key())
        .col(ColumnDef::new("type").string_len(64).not_null())
        .col(data.not_null().take())
        .take()
}
