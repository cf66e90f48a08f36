//! The database: loads groups, commits what the engine decided, answers queries.
//!
//! [`Store::commit`] writes a whole batch of decisions in one transaction; the rest reads, but for [`Store::expire`], which
//! deletes what is old. A cached group
//! carries its version and a commit checks it, so several processes may share one database.
//!
//! **Not here:** the rules (core), stanzas (a payload is text here), the clock (times are passed in), the tables
//! (`entity`) and how they came to be (`migration`).

mod admin;
mod adopt;
mod archive;
mod avatars;
mod backup;
mod batch;
mod changes;
mod commit;
mod copy;
mod erase;
mod error;
mod expiry;
mod found;
mod groups;
mod history;
mod hold;
mod inbox;
mod members;
mod open;
mod outbox;
mod pages;
mod people;
pub mod portable;
mod reach;
mod receipts;
mod rooms;
mod rows;
mod schema;
mod sessions;
mod streams;
mod tally;
mod totals;

pub use admin::{Audited, ListedGroup};
pub use adopt::{Adopted, Predecessor};
pub use batch::Batch;
pub use copy::{CopiedTable, CopyProgress, CopyStep};
pub use erase::{ERASED, ERASED_NICK, Erased, Stretch, Trace};
pub use error::StoreError;
pub use found::Sent;
pub use groups::{GroupOf, PublicGroup, Summary};
pub use history::{ArchivePage, ArchiveScope};
pub use hold::Hold;
pub use members::MemberKey;
pub use open::CONNECTIONS_MIN;
pub use receipts::Reader;
pub use rooms::Known;
pub use schema::MigrationStatus;

/// A pool of connections to one database. Cheap to clone; the clones share the pool.
#[derive(Debug, Clone)]
pub struct Store {
    db: sea_orm::DatabaseConnection,
    /// For transactions; the same pool, but for a SQLite file.
    writer: sea_orm::DatabaseConnection,
}

/// How many values one statement may list, or rows it may insert: twenty columns of a thousand rows stay below what
/// every database binds (SQLite 32,766, the others 65,535).
const ROWS_PER_STATEMENT: usize = 1_000;

#[cfg(test)]
mod plans;
