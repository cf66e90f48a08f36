//! Rooms of a Prosody as groups.

use std::path::Path;

use super::each::tell;
use crate::commands::say;
use crate::transfer::intake::Intake;
use crate::transfer::prosody::Prosody;
use crate::transfer::rooms::{self, Complaints};

/// Imports every room of this host, each whole or not at all, and tells of each what could not be taken over; how many there were.
pub(super) async fn import(intake: &Intake, data: &Path, host: &str) -> anyhow::Result<usize> {
    let prosody = Prosody::open(data, host)?;
    let ids = prosody.rooms()?;
    let mut groups = 0;
    for id in &ids {
        let mut complaints = Complaints::default();
        let outcome = match prosody.room(id, intake.now, &mut complaints) {
            Ok(found) => rooms::take(intake, &found.room, &|| found.lines(), &mut complaints).await,
            Err(problem) => Err(problem),
        };
        groups += tell(id, outcome, complaints)?;
    }
    for id in prosody.lost(&ids) {
        say(&format!("{id}: not taken over: there is only what was said in it"));
    }
    Ok(groups)
}
