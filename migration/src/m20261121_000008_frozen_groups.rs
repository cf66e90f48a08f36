//! Groups that only operators can change.

use sea_orm_migration::prelude::*;

use crate::steps;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let frozen = ColumnDef::new("frozen").boolean().not_null().default(false).take();
        steps::add_column(manager, "tig_group", frozen).await
    }
}
