//! With which code the program ends: those of BSD's `sysexits.h`, so that whoever starts it can tell a mistake from bad luck.

use groupchat_link::LinkError;
use groupchat_store::StoreError;

/// Something failed that fits nowhere else.
pub(super) const FAILURE: u8 = 1;
/// Nothing is wrong, but something could be better.
pub(super) const WARNINGS: u8 = 10;
/// The data is not such as this program can work with (EX_DATAERR).
pub(super) const DATA: u8 = 65;
/// A server is away, or does not let anybody in now (EX_UNAVAILABLE).
pub(super) const UNAVAILABLE: u8 = 69;
/// Somebody else has the place (EX_TEMPFAIL).
pub(super) const TAKEN: u8 = 75;
/// The other side speaks something else (EX_PROTOCOL).
pub(super) const PROTOCOL: u8 = 76;
/// A secret or a password was refused (EX_NOPERM).
pub(super) const REFUSED: u8 = 77;
/// The configuration cannot be used (EX_CONFIG).
pub(super) const CONFIG: u8 = 78;

/// What a failure of a command ends the program with.
pub(super) fn of(problem: &anyhow::Error) -> u8 {
    let store = problem.chain().find_map(|cause| cause.downcast_ref::<StoreError>());
    store.map_or(FAILURE, of_store)
}

/// The same for a failure of the database.
pub(super) fn of_store(problem: &StoreError) -> u8 {
    match problem {
        StoreError::Url { .. } | StoreError::NoFolder { .. } => CONFIG,
        StoreError::Newer { .. } | StoreError::Behind { .. } | StoreError::NotEmpty { .. } => DATA,
        StoreError::GroupThere(_) | StoreError::ImportClash(_) | StoreError::Import { .. } => DATA,
        StoreError::Open { cause, .. } => of_opening(cause),
        StoreError::Differs { .. }
        | StoreError::Backup { .. }
        | StoreError::Stale(_)
        | StoreError::NoSuchItem(_)
        | StoreError::Database { .. } => FAILURE,
    }
}

/// The databases' own words say whether it is the password, the file, or that nobody is there.
fn of_opening(cause: &str) -> u8 {
    let says = |words: &[&str]| words.iter().any(|word| cause.contains(word));
    if says(&["password authentication failed", "Access denied", "no pg_hba.conf entry"]) {
        REFUSED
    } else if says(&["file is not a database", "malformed"]) {
        DATA
    } else {
        UNAVAILABLE
    }
}

/// The same for a link that did not come up.
pub(super) fn of_link(problem: &LinkError) -> u8 {
    match problem {
        LinkError::Address { .. } | LinkError::UnknownDomain { .. } => CONFIG,
        LinkError::WrongSecret { .. } => REFUSED,
        LinkError::Conflict { .. } => TAKEN,
        LinkError::NotComponentPort { .. } | LinkError::HandshakeTimeout { .. } => PROTOCOL,
        _ => UNAVAILABLE,
    }
}
