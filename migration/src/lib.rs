//! The history of the schema: one migration a file, each written down once and never changed again.
//!
//! Not here: the rows as the program reads them (`entity`), and what guards a migration against a second process
//! that migrates at the same time (the store). How to add one: `README.md`.

mod m20261120_000001_create_tables;
mod m20261121_000002_keep_what_is_delivered;
mod m20261121_000003_count_the_archive;
mod m20261121_000004_audit;
mod m20261121_000005_rooms;
mod m20261121_000006_locked_rooms;
mod m20261121_000007_natives_of_before;
mod m20261121_000008_frozen_groups;
mod m20261121_000009_legal_hold;
mod m20261121_000010_avatars;
mod steps;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DatabaseConnection, EntityTrait, QueryOrder};
use sea_orm_migration::seaql_migrations;
pub use sea_orm_migration::{MigratorTrait, SchemaManager};

/// Every migration, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261120_000001_create_tables::Migration),
            Box::new(m20261121_000002_keep_what_is_delivered::Migration),
            Box::new(m20261121_000003_count_the_archive::Migration),
            Box::new(m20261121_000004_audit::Migration),
            Box::new(m20261121_000005_rooms::Migration),
            Box::new(m20261121_000006_locked_rooms::Migration),
            Box::new(m20261121_000007_natives_of_before::Migration),
            Box::new(m20261121_000008_frozen_groups::Migration),
            Box::new(m20261121_000009_legal_hold::Migration),
            Box::new(m20261121_000010_avatars::Migration),
        ]
    }
}

/// The names of the migrations that this program has, oldest first.
pub fn known() -> Vec<String> {
    Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect()
}

/// The names of the migrations that a database has had, oldest first. Changes nothing in it.
///
/// # Errors
/// The database does not answer.
pub async fn applied(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    if !SchemaManager::new(db).has_table("seaql_migrations").await? {
        return Ok(Vec::new());
    }
    let rows =
        seaql_migrations::Entity::find().order_by_asc(seaql_migrations::Column::Version).all(db).await?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}
