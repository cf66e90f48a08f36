//! Groups that were made as rooms (XEP-0045) and are not configured yet.

use sea_orm_migration::prelude::*;

use crate::steps;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let locked = ColumnDef::new("lockedAt").big_integer().null().take();
        steps::add_column(manager, "tig_group", locked).await?;
        let index = Index::create().table("tig_group").name("idx_tig_group_locked").col("lockedAt").take();
        steps::create_index(manager, "tig_group", index).await
    }
}
