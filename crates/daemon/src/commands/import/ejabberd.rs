//! Rooms of an ejabberd as groups.

use std::path::Path;

use super::each::tell;
use crate::commands::say;
use crate::transfer::ejabberd::Ejabberd;
use crate::transfer::intake::Intake;
use crate::transfer::rooms::{self, Complaints};

/// Imports every room of this host, each whole or not at all, and tells of each what could not be taken over; how many there were.
pub(super) async fn import(intake: &Intake, file: &Path, host: &str) -> anyhow::Result<usize> {
    let ejabberd = Ejabberd::open(file, host)?;
    let mut groups = 0;
    for id in ejabberd.rooms() {
        let mut complaints = Complaints::default();
        let outcome = match ejabberd.room(id, &mut complaints) {
            Ok(room) => rooms::take(intake, &room, &|| Ok(ejabberd.lines(id)), &mut complaints).await,
            Err(problem) => Err(problem),
        };
        groups += tell(id, outcome, complaints)?;
    }
    for id in ejabberd.lost() {
        say(&format!("{id}: not taken over: there is only what was said in it"));
    }
    Ok(groups)
}
