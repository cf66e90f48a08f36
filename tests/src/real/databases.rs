//! Database servers, and new databases on them.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait as _, Database};

use super::{Mariadb, Postgres};

/// A kind of database that has a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DatabaseKind {
    /// PostgreSQL.
    Postgres,
    /// MariaDB, for all that speak MySQL's protocol.
    Mariadb,
}

impl DatabaseKind {
    /// As written in names of tests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mariadb => "mariadb",
        }
    }
}

/// A started server; ends on drop.
#[derive(Debug)]
pub enum DatabaseServer {
    /// PostgreSQL.
    Postgres(Postgres),
    /// MariaDB.
    Mariadb(Mariadb),
}

impl DatabaseServer {
    /// Starts one that does not wait for the disk.
    pub fn start(kind: DatabaseKind) -> Result<Self> {
        Ok(match kind {
            DatabaseKind::Postgres => Self::Postgres(Postgres::start_hasty()?),
            DatabaseKind::Mariadb => Self::Mariadb(Mariadb::start()?),
        })
    }

    /// Its URL without a database.
    pub fn url(&self) -> String {
        match self {
            Self::Postgres(server) => server.server(),
            Self::Mariadb(server) => server.server(),
        }
    }
}

/// Makes an empty database on the server at this URL; gives its own URL.
pub async fn new_database(server: &str) -> Result<String> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("groupchat_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let admin = if server.starts_with("postgres") { "postgres" } else { "mysql" };
    let db = Database::connect(format!("{server}/{admin}")).await.context("connecting to make a database")?;
    db.execute_unprepared(&format!("CREATE DATABASE {name}")).await.context("making a database")?;
    db.close().await?;
    Ok(format!("{server}/{name}"))
}
