//! What came of one room of another service.

use groupchat_store::StoreError;
use groupchat_store::portable::Imported;

use crate::commands::say;
use crate::transfer::intake::told;
use crate::transfer::rooms::Complaints;

/// Prints it; 1 if it is a group now.
///
/// # Errors
/// The database fails: others need not be tried.
pub(super) fn tell(
    id: &str,
    outcome: anyhow::Result<Imported>,
    complaints: Complaints,
) -> anyhow::Result<usize> {
    let taken = match outcome {
        Ok(done) => {
            say(&told(id, done));
            1
        }
        Err(problem) if is_of_database(&problem) => return Err(problem),
        // One that cannot be taken does not keep the others out.
        Err(problem) => {
            say(&format!("{id}: not taken over: {problem:#}"));
            0
        }
    };
    for complaint in complaints.told() {
        say(&format!("    without {complaint}"));
    }
    Ok(taken)
}

fn is_of_database(problem: &anyhow::Error) -> bool {
    let store = problem.chain().find_map(|cause| cause.downcast_ref::<StoreError>());
    store.is_some_and(|store| {
        !matches!(store, StoreError::Import { .. } | StoreError::ImportClash(_) | StoreError::GroupThere(_))
    })
}
