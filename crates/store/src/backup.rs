//! A backup of a SQLite database while it is in use. Servers have tools of their own for that.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::error::Doing;
use crate::{Store, StoreError};

impl Store {
    /// Writes the whole database, as it is at one moment, into a new file, which only its owner may read. Readers and
    /// writers go on meanwhile. The new file is checked; its size in bytes is given.
    ///
    /// # Errors
    /// [`StoreError::Backup`]: this is no SQLite database, the file is there already or cannot be written;
    /// [`StoreError::Database`].
    pub async fn back_up(&self, file: &Path) -> Result<u64, StoreError> {
        let refused = |why: String| StoreError::Backup { file: file.to_owned(), why };
        match self.db.get_database_backend() {
            DbBackend::Sqlite => {}
            DbBackend::Postgres => return Err(refused("use pg_dump for PostgreSQL".into())),
            _ => return Err(refused("use mariadb-dump --single-transaction for MySQL and MariaDB".into())),
        }
        let Some(name) = file.to_str() else { return Err(refused("its name is not Unicode".into())) };
        // Made first, so that nobody else can ever read it. SQLite takes an empty file.
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
        let made = made.map_err(|error| refused(format!("it cannot be made: {error}")))?;
        let written = async {
            let vacuum = Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?", [name.into()]);
            self.db.execute_raw(vacuum).await.doing("writing the backup")?;
            check(name).await?;
            made.sync_all().map_err(|error| refused(format!("it cannot be written out: {error}")))?;
            let size = made.metadata().map_err(|error| refused(error.to_string()))?.len();
            Ok(size)
        };
        let written = written.await;
        if written.is_err() {
            // What is left of it is of no use to anybody; the error above is the one to tell.
            let _ = std::fs::remove_file(file);
        }
        written
    }
}

/// Lets SQLite look at every page of the copy.
async fn check(file: &str) -> Result<(), StoreError> {
    const DOING: &str = "checking the backup";
    let file = file.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    let copy = Store::open(&format!("sqlite://{file}")).await?;
    let asked = Statement::from_string(DbBackend::Sqlite, "PRAGMA integrity_check");
    let said = copy.db.query_one_raw(asked).await.doing(DOING)?;
    let said: Option<String> = said.and_then(|row| row.try_get_by_index(0).ok());
    copy.close().await?;
    match said.as_deref() {
        Some("ok") => Ok(()),
        said => {
            Err(StoreError::Database { doing: DOING, cause: said.unwrap_or("it says nothing").to_owned() })
        }
    }
}
