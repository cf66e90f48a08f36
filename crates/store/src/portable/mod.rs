//! Groups and accounts as lines of text, out of one database and into another.
//!
//! One file a matter: `record` has the lines, `parts` reads them from the tables (`of_rows`), `export` one after the other, `import`
//! writes them, after `check` had a look. Not here: JSON and files, and the formats of others (the daemon).

mod check;
mod export;
mod import;
mod of_rows;
mod parts;
mod record;
mod values;

pub use export::Export;
pub use import::{GroupImport, Imported, WhenThere};
pub use record::{
    AvatarRecord, BanRecord, End, FORMAT, FORMAT_VERSION, GroupRecord, Header, HeldRecord, MemberRecord,
    MentionRecord, MessageRecord, OccupantRecord, OriginalRecord, PendingRecord, Record, RetractedRecord,
    SessionRecord, SettingsRecord, UserRecord, What,
};
pub use values::{Id, Moment};
