//! Ids that somebody must be unable to guess or that must not meet: made from random numbers, here alone.

use groupchat_core::GroupId;
use rand::RngExt;

/// Without letters and digits that are mistaken for each other when read aloud.
const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
/// 31^12 ids: a guess is hopeless, a clash not to be expected.
const ID_LETTERS: usize = 12;

/// An id for a group whose creator leaves the choice to the service.
pub(crate) fn group_id() -> GroupId {
    GroupId::from_stored(&letters())
}

/// An id for a session of an ad-hoc command.
pub(crate) fn session_id() -> String {
    letters()
}

fn letters() -> String {
    let mut rng = rand::rng();
    (0..ID_LETTERS).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())])).collect()
}
