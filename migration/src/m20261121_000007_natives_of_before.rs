//! Accounts that came by clients of the protocol's own before it was noted how they come: those that have sessions.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(&filled(manager.get_database_backend())).await.map(drop)
    }
}

/// The statement that takes over the accounts of all sessions that are not there yet.
fn filled(backend: DbBackend) -> String {
    // The account is what stands before the first slash of a device's address.
    let (quote, account) = match backend {
        DbBackend::Postgres => ('"', "split_part(jid, '/', 1)"),
        DbBackend::MySql => ('`', "substring_index(jid, '/', 1)"),
        _ => ('"', "substr(jid, 1, instr(jid || '/', '/') - 1)"),
    };
    let user = format!("{quote}userId{quote}");
    format!(
        "INSERT INTO tig_group_native ({user}) SELECT DISTINCT {account} FROM tig_group_session \
         WHERE {account} NOT IN (SELECT {user} FROM tig_group_native)"
    )
}
