//! Steps that may have been done already: MySQL takes no DDL back, so a migration that was interrupted there is begun
//! again, and goes on where it was.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// Makes a table, unless it is there with all of these columns.
///
/// # Errors
/// There is a table of this name that lacks one of them: somebody else made it.
pub(crate) async fn create_table(
    manager: &SchemaManager<'_>,
    name: &str,
    mut table: TableCreateStatement,
) -> Result<(), DbErr> {
    if !manager.has_table(name).await? {
        if manager.get_database_backend() == DbBackend::MySql {
            // Text is compared without regard to case there unless told otherwise.
            table.character_set("utf8mb4").collate("utf8mb4_bin");
        }
        return manager.create_table(table).await;
    }
    for column in table.get_columns() {
        let column = column.get_column_name();
        if !manager.has_column(name, &column).await? {
            return Err(DbErr::Migration(format!(
                "there is a table `{name}` in this database already that this program did not make (it has no column \
                 `{column}`): use another database, or rename the table"
            )));
        }
    }
    Ok(())
}

/// Adds a column, unless it is there.
pub(crate) async fn add_column(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: ColumnDef,
) -> Result<(), DbErr> {
    if manager.has_column(table, column.get_column_name()).await? {
        return Ok(());
    }
    manager.alter_table(Table::alter().table(table).add_column(column).take()).await
}

/// Makes an index, unless it is there.
pub(crate) async fn create_index(
    manager: &SchemaManager<'_>,
    table: &str,
    index: IndexCreateStatement,
) -> Result<(), DbErr> {
    let name = index.get_index_spec().get_name().unwrap_or_default().to_owned();
    if manager.has_index(table, &name).await? {
        return Ok(());
    }
    manager.create_index(index).await
}

/// Drops an index, if it is there.
///
/// # Errors
/// The database does not do it.
pub(crate) async fn drop_index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    name: &'static str,
) -> Result<(), DbErr> {
    if !manager.has_index(table, name).await? {
        return Ok(());
    }
    manager.drop_index(Index::drop().table(table).name(name).to_owned()).await
}
