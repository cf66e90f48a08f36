//! Bringing a database up to the newest schema, whoever else tries the same at the same time.

use groupchat_core::Timestamp;
use groupchat_migration::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, SqliteTransactionMode, Statement, TransactionOptions,
    TransactionTrait,
};

use crate::error::Doing;
use crate::{Adopted, Store, StoreError, adopt};

/// One migration and whether the database has had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its name.
    pub name: String,
    /// The database has had it.
    pub applied: bool,
    /// This program has it; if not, a newer version of this program did it.
    pub known: bool,
}

impl Store {
    /// Brings the schema up to the newest that this program knows; harmless when it is. Takes over a database of the original
    /// shape, and says then what that came to. A second process that does the same waits. PostgreSQL and SQLite do all of
    /// it or nothing; on MySQL, whose DDL cannot be taken back, it goes on where it was interrupted.
    ///
    /// # Errors
    /// [`StoreError::Newer`]; [`StoreError::Database`].
    pub async fn migrate(&self) -> Result<Option<Adopted>, StoreError> {
        self.refuse_newer().await?;
        let tx = self.begin().await?;
        lock(&tx).await?;
        let done = up(&tx).await;
        if done.is_err() {
            // The error of the migration is the one to tell; whether it could be undone in order changes nothing.
            let _ = unlock(&tx).await;
            let _ = tx.rollback().await;
            return done;
        }
        unlock(&tx).await?;
        tx.commit().await.doing("migrating the database")?;
        done
    }

    /// Every migration, oldest first: what this program has, and what the database has had besides. Changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn migrations(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        let applied = groupchat_migration::applied(&self.db).await.doing("reading the schema's history")?;
        let known = groupchat_migration::known();
        let unknown: Vec<_> = applied.iter().filter(|name| !known.contains(name)).cloned().collect();
        let ours = known.into_iter().map(|name| {
            let applied = applied.contains(&name);
            MigrationStatus { name, applied, known: true }
        });
        let others = unknown.into_iter().map(|name| MigrationStatus { name, applied: true, known: false });
        Ok(ours.chain(others).collect())
    }

    async fn refuse_newer(&self) -> Result<(), StoreError> {
        let all = self.migrations().await?;
        let unknown: Vec<_> = all.into_iter().filter(|one| !one.known).map(|one| one.name).collect();
        if unknown.is_empty() { Ok(()) } else { Err(StoreError::Newer { unknown }) }
    }

    /// A transaction that means to write. SQLite must know at once: a reader that becomes a writer is refused
    /// without waiting when somebody else has written meanwhile.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, StoreError> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.writer.begin_with_options(options).await.doing("beginning a transaction")
    }
}

async fn up(tx: &DatabaseTransaction) -> Result<Option<Adopted>, StoreError> {
    adopt::set_aside(tx).await?;
    Migrator::up(tx, None).await.doing("migrating the database")?;
    if tx.get_database_backend() == DbBackend::MySql {
        // Its DDL has ended the transaction.
        tx.execute_unprepared("START TRANSACTION").await.doing("beginning a transaction")?;
    }
    adopt::adopt(tx, Timestamp(jiff::Timestamp::now().as_millisecond())).await
}

/// One process migrates at a time. On SQLite the transaction itself is the lock.
async fn lock(tx: &DatabaseTransaction) -> Result<(), StoreError> {
    match tx.get_database_backend() {
        DbBackend::Postgres => run(tx, "SELECT pg_advisory_xact_lock(7471160520261120)").await,
        DbBackend::MySql => {
            let asked =
                Statement::from_string(DbBackend::MySql, "SELECT GET_LOCK('groupchat_migration', 60) AS got");
            let row = tx.query_one_raw(asked).await.doing("waiting for the lock on migrations")?;
            match row.and_then(|row| row.try_get::<Option<i64>>("", "got").ok()).flatten() {
                Some(1) => Ok(()),
                _ => Err(StoreError::Database {
                    doing: "waiting for the lock on migrations",
                    cause: "another process has been migrating for a minute; try again when it is done"
                        .into(),
                }),
            }
        }
        DbBackend::Sqlite | _ => Ok(()),
    }
}

/// MySQL's lock belongs to the connection, not to the transaction.
async fn unlock(tx: &DatabaseTransaction) -> Result<(), StoreError> {
    if tx.get_database_backend() == DbBackend::MySql {
        run(tx, "SELECT RELEASE_LOCK('groupchat_migration')").await?;
    }
    Ok(())
}

async fn run(tx: &DatabaseTransaction, sql: &'static str) -> Result<(), StoreError> {
    let statement = Statement::from_string(tx.get_database_backend(), sql);
    tx.query_one_raw(statement).await.doing("locking the schema").map(drop)
}
