//! What can go wrong with the database, in words for the operator.
//!
//! The causes are kept as text, so that nobody else needs to know which library talks to the database.

use std::path::PathBuf;

use groupchat_core::GroupId;
use sea_orm::DbErr;

/// Why the database could not do what was asked. Of a batch nothing is stored, except that a connection which broke
/// during the commit itself leaves it open whether all of it is: whoever cached a group loads it again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The URL names no database that we can use.
    #[error("the database URL `{url}` cannot be used: {why}")]
    Url {
        /// The URL without its password.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The folder of a SQLite file is not there.
    #[error(
        "the folder `{folder}` for the database file does not exist: create it, writable for this program"
    )]
    NoFolder {
        /// Which folder.
        folder: String,
    },
    /// There is no connection.
    #[error("cannot open the database `{url}`: {cause} ({remedy})")]
    Open {
        /// The URL without its password.
        url: String,
        /// What the database library says.
        cause: String,
        /// What to check.
        remedy: &'static str,
    },
    /// A newer version of this program has changed the schema.
    #[error(
        "the database's schema is newer than this program, which does not know the migrations {}: \
         run the newer version, or restore the backup made before it",
        unknown.join(", ")
    )]
    Newer {
        /// The names of the migrations that are not known here.
        unknown: Vec<String>,
    },
    /// A database that is to be copied, or copied to, was not brought up to date.
    #[error(
        "the database is of an older version of this program: it lacks the migration {missing}; run `migrate up` on it first"
    )]
    Behind {
        /// The first migration that is missing.
        missing: String,
    },
    /// What is copied to must hold nothing yet.
    #[error(
        "the database to copy to is not empty: its table `{table}` has {rows} rows; use an empty database"
    )]
    NotEmpty {
        /// Which table.
        table: String,
        /// How many rows it has.
        rows: u64,
    },
    /// A group that is to be imported is there.
    #[error("there is a group `{0}` already")]
    GroupThere(GroupId),
    /// A group cannot be imported.
    #[error("the group `{group}` cannot be imported: {why}; nothing of it is kept")]
    Import {
        /// Its id.
        group: String,
        /// What is wrong with it, or what to do.
        why: String,
    },
    /// A message of another group has the id of one that is to be imported.
    #[error(
        "the group `{0}` cannot be imported: a message of another group has the id of one of its messages"
    )]
    ImportClash(GroupId),
    /// What was copied does not read as what it was copied from.
    #[error("the copy of the table `{table}` differs from the table: nothing was kept of the copy")]
    Differs {
        /// Which table.
        table: String,
    },
    /// A copy of the file cannot be made.
    #[error("no backup at {}: {why}", file.display())]
    Backup {
        /// Where it was to be.
        file: PathBuf,
        /// Why not, and what to do.
        why: String,
    },
    /// The group is not as the batch believed it to be (or, for a new group, its id is taken).
    #[error("the group `{0}` was changed by another process: forget it, load it again and decide again")]
    Stale(GroupId),
    /// A page was asked for beside an item that is not in the list. XEP-0059 §2.2: `item-not-found`.
    #[error("the list has no item `{0}`")]
    NoSuchItem(String),
    /// Anything else that the database says.
    #[error("{doing}: {cause}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What the database library says.
        cause: String,
    },
}

impl StoreError {
    /// Will it be the same however often it is tried?
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Url { .. } | Self::NoFolder { .. } | Self::Newer { .. })
    }
}

/// Says what was being done when the database failed.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, DbErr> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| StoreError::Database { doing, cause: error.to_string() })
    }
}
