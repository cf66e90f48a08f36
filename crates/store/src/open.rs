//! Opening and closing a database. What is set here is set for every connection of the pool.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sea_orm::sqlx::mysql::MySqlConnectOptions;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{ConnectOptions as _, Connection as _};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DatabaseConnectionType, DbErr};

use crate::error::Doing;
use crate::{Store, StoreError};

/// Connections that a store has at least (but for one in memory). Whoever reads beside a writer keeps to fewer, so that
/// the writer never waits for one.
pub const CONNECTIONS_MIN: usize = 6;
const CONNECTIONS_MAX: u32 = 8;
/// SQLite's readers run on this machine's cores.
const SQLITE_CONNECTIONS_MAX: u32 = CONNECTIONS_MIN as u32;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection that rested so long is tried before it is used.
const PROBE_AFTER: Duration = Duration::from_secs(1);
/// How long a statement waits for another process that is writing to the same SQLite file.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);

impl Store {
    /// Opens `sqlite://path` (the file is created when it is missing, its folder is not), `sqlite::memory:`
    /// (gone with the store), `postgres://…` or `mysql://…`. Does not migrate.
    ///
    /// # Errors
    /// [`StoreError::Url`], [`StoreError::NoFolder`], [`StoreError::Open`].
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        let (options, remedy) = match scheme {
            "sqlite" => (
                sqlite(url)?,
                "the file must be a SQLite database, it and its folder writable for this program",
            ),
            "postgres" | "postgresql" | "mysql" => (
                server(url)?,
                "check host, port, user, password, that the server runs and that the database exists",
            ),
            _ => return Err(bad_url(url, "write sqlite://<file>, postgres://… or mysql://…")),
        };
        let connected = match connect(options.clone()).await {
            Ok(db) => connect_writer(options, &db).await.map(|writer| Self { db, writer }),
            Err(error) => Err(error),
        };
        match connected {
            Ok(store) => Ok(store),
            Err(error) => {
                let cause = refusal(scheme, url).await.unwrap_or_else(|| error.to_string());
                Err(StoreError::Open { url: without_password(url), cause, remedy })
            }
        }
    }

    /// The same, but a SQLite file must be there.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_existing(url: &str) -> Result<Self, StoreError> {
        if Self::file_of(url).is_some_and(|file| !file.is_file()) {
            let (cause, remedy) = ("there is no such file".to_owned(), "check the path");
            return Err(StoreError::Open { url: without_password(url), cause, remedy });
        }
        Self::open(url).await
    }

    /// The file of a SQLite database; `None` for every other one.
    pub fn file_of(url: &str) -> Option<PathBuf> {
        let is_memory = url.contains(":memory:") || url.contains("mode=memory");
        let options = url.parse::<SqliteConnectOptions>().ok()?;
        (url.starts_with("sqlite:") && !is_memory).then(|| options.get_filename().to_owned())
    }

    /// Connections that are at work just now: 0 while nobody waits for the database.
    pub fn connections_in_use(&self) -> usize {
        in_use(&self.db) + in_use(&self.writer)
    }

    /// Waits for what is under way and closes every connection of this store and its clones.
    ///
    /// # Errors
    /// [`StoreError::Database`]: a connection could not be closed in order; nothing that was committed is lost.
    pub async fn close(self) -> Result<(), StoreError> {
        self.writer.close().await.doing("closing the database")?;
        self.db.close().await.doing("closing the database")
    }
}

fn in_use(db: &DatabaseConnection) -> usize {
    let (all, idle) = match &db.inner {
        DatabaseConnectionType::SqlxSqlitePoolConnection(_) => {
            let pool = db.get_sqlite_connection_pool();
            (pool.size(), pool.num_idle())
        }
        DatabaseConnectionType::SqlxPostgresPoolConnection(_) => {
            let pool = db.get_postgres_connection_pool();
            (pool.size(), pool.num_idle())
        }
        DatabaseConnectionType::SqlxMySqlPoolConnection(_) => {
            let pool = db.get_mysql_connection_pool();
            (pool.size(), pool.num_idle())
        }
        DatabaseConnectionType::Disconnected => (0, 0),
    };
    usize::try_from(all).unwrap_or(usize::MAX).saturating_sub(idle)
}

/// Who writes to a SQLite file has a connection for himself: SQLite forgets the pages that a connection has read as soon as
/// another one has written, so turn and turn about each commit would read them all again. Servers keep them for everybody,
/// and a database in memory is in its connection.
async fn connect_writer(
    mut options: ConnectOptions,
    db: &DatabaseConnection,
) -> Result<DatabaseConnection, DbErr> {
    if options.get_max_connections() != Some(SQLITE_CONNECTIONS_MAX)
        || !options.get_url().starts_with("sqlite")
    {
        return Ok(db.clone());
    }
    options.max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None);
    connect(options).await
}

/// Connects. A new SQLite file that another process is opening in the same moment is locked whatever the busy timeout
/// says (turning it to WAL does not wait), so that is tried again.
async fn connect(options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    let deadline = Instant::now() + SQLITE_BUSY_TIMEOUT;
    loop {
        match Database::connect(options.clone()).await {
            Err(error) if Instant::now() < deadline && error.to_string().contains("database is locked") => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            connected => return connected,
        }
    }
}

/// Why a server does not let us in. A pool tries again until its time is over and then says only that; one connection
/// says more.
async fn refusal(scheme: &str, url: &str) -> Option<String> {
    let connect = async {
        match scheme {
            "postgres" | "postgresql" => url.parse::<PgConnectOptions>().ok()?.connect().await.err(),
            "mysql" => url.parse::<MySqlConnectOptions>().ok()?.connect().await.err(),
            _ => None,
        }
    };
    tokio::time::timeout(PROBE_TIMEOUT, connect).await.ok()?.map(|error| error.to_string())
}

fn server(url: &str) -> Result<ConnectOptions, StoreError> {
    if !url.contains("://") {
        return Err(bad_url(url, "write <scheme>://<user>:<password>@<host>/<database>"));
    }
    let mut options = quiet(url);
    options.max_connections(CONNECTIONS_MAX);
    Ok(options)
}

fn sqlite(url: &str) -> Result<ConnectOptions, StoreError> {
    let parsed: SqliteConnectOptions = url.parse().map_err(|e| bad_url(url, &format!("{e}")))?;
    let mut options = quiet(url);
    if url.contains(":memory:") || url.contains("mode=memory") {
        // The database lives in its connection: there must be one, and it must stay.
        options.max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None);
        return Ok(options);
    }
    let file = parsed.get_filename();
    if file.as_os_str().is_empty() {
        return Err(bad_url(url, "it names no file: write sqlite://<file>"));
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(StoreError::NoFolder { folder: folder.display().to_string() });
    }
    options.max_connections(SQLITE_CONNECTIONS_MAX);
    // A COMMIT that fails, as on a full disk, ends the transaction, and sqlx goes on counting it: what is stored by the next
    // one would be none, and end well. Such a connection is not used again.
    options.map_sqlx_sqlite_before_acquire(|connection, _| {
        Box::pin(async move { Ok(!connection.is_in_transaction()) })
    });
    options.map_sqlx_sqlite_opts(|sqlite| {
        // Readers do not wait for the writer (WAL), and what was said to be stored survives a power cut (FULL).
        sqlite
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // What SQLite notes to undo half a statement needs no file, opened and deleted with every commit.
            .pragma("temp_store", "MEMORY")
            .busy_timeout(SQLITE_BUSY_TIMEOUT)
    });
    Ok(options)
}

fn quiet(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    // Statements carry what people write; neither logs nor spans get them.
    options.sqlx_logging(false).record_stmt_in_spans(false);
    options.connect_timeout(CONNECT_TIMEOUT).acquire_timeout(CONNECT_TIMEOUT);
    options.test_before_acquire_if_idle_for(PROBE_AFTER);
    options
}

fn bad_url(url: &str, why: &str) -> StoreError {
    StoreError::Url { url: without_password(url), why: why.to_owned() }
}

/// The URL as it may be logged.
fn without_password(url: &str) -> String {
    // A password may also be a parameter.
    let shown = url.split_once('?').map_or(url, |(shown, _)| shown);
    let Some((scheme, rest)) = shown.split_once("://") else {
        // What is no URL may hold a password anywhere, but for the name of a file.
        return match shown.split_once(':') {
            Some(("sqlite", _)) => shown.to_owned(),
            Some((scheme, _)) => format!("{scheme}:…"),
            None if url.contains(['@', '=', ' ']) => "…".to_owned(),
            None => shown.to_owned(),
        };
    };
    match rest.rsplit_once('@') {
        Some((login, host)) => {
            let user = login.split_once(':').map_or(login, |(user, _)| user);
            format!("{scheme}://{user}@{host}")
        }
        // A password with a question mark in it was cut in two.
        None if url.contains('@') => format!("{scheme}://…"),
        None => shown.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        for (url, shown) in [
            ("postgres://me:p@ss:word@db/groupchat?password=x", "postgres://me@db/groupchat"),
            ("mysql://me@db:3306/g", "mysql://me@db:3306/g"),
            ("sqlite://groupchat.db", "sqlite://groupchat.db"),
            ("sqlite::memory:", "sqlite::memory:"),
            ("postgres://db/groupchat?user=me&password=x", "postgres://db/groupchat"),
            ("postgres://db/groupchat?user=me@h&password=x", "postgres://…"),
            ("postgres://me:p?ss@db/groupchat", "postgres://…"),
            ("mysql:me:secret@db/groupchat", "mysql:…"),
            ("me:secret@db/groupchat", "me:…"),
            ("host=db user=me password=secret", "…"),
            ("groupchat.db", "groupchat.db"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
