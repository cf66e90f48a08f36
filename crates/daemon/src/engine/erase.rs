//! Somebody is erased: he leaves his groups like anybody who leaves, his devices are forgotten, and what memory has of him goes when
//! the tables have forgotten him.
//!
//! Not here: what he wrote, which goes beside the engine, a few rows at a time (`admin/erase.rs`).

use groupchat_core::{BareJid, Command, GroupId, Jid, Refusal, govern};
use groupchat_dialect::{Carrier, Origin};
use tokio::sync::oneshot;

use super::{Engine, Work};

/// A step of it.
#[derive(Debug)]
pub(crate) struct Erasure {
    /// Who.
    pub(crate) who: BareJid,
    /// What is done now.
    pub(crate) step: Step,
    /// Hears how it ended, and whether a legal hold kept it from being done; dropped if it could not be stored.
    pub(crate) done: oneshot::Sender<Result<Outcome, String>>,
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is done.
    Done,
    /// The group is held: nothing is.
    Held,
}

/// The steps, in their order.
#[derive(Debug)]
pub(crate) enum Step {
    /// He leaves a group, and what he waits for in it ends.
    Leave(GroupId),
    /// His devices are forgotten.
    Devices,
    /// A group forgets whose his member ids were.
    Forget(GroupId),
}

impl Engine {
    pub(super) async fn erase(&mut self, work: &mut Work, erasure: Erasure) {
        let Erasure { who, step, done } = erasure;
        let outcome = match step {
            Step::Leave(id) => {
                let from = Jid::with_resource(who, "operator");
                let at = id.at(self.policy.domain.as_str());
                let origin = Origin { from, at, carrier: Carrier::Message { id: None, is_of_rooms: false } };
                match self.decide_by(govern, work, &origin, &id, Command::Depart).await {
                    Ok(decision) => {
                        self.carry_out(work, origin, &id, decision, None);
                        Ok(Outcome::Done)
                    }
                    // Deleted since he was looked for: nobody is in it any more.
                    Err(Refusal::NoSuchGroup) => Ok(Outcome::Done),
                    Err(no) => Err(no.to_string()),
                }
            }
            Step::Devices => {
                work.sessions.extend(self.sessions.forget(&who));
                Ok(Outcome::Done)
            }
            Step::Forget(id) => self.forget(work, &id, &who).await,
        };
        match outcome {
            // Whoever asked may have lost patience.
            Ok(outcome) => work.when_stored(Box::new(move || drop(done.send(Ok(outcome))))),
            Err(why) => drop(done.send(Err(why))),
        }
    }

    /// Here and not beside the engine, so that no request is decided on what memory has meanwhile.
    async fn forget(&mut self, work: &mut Work, id: &GroupId, who: &BareJid) -> Result<Outcome, String> {
        work.forget(id);
        let forgotten = self.store.erase_memberships(id, who).await;
        // Whatever came of it, what is stored is what counts.
        let _ = self.groups.take(id).await;
        let outcome = |is_done| if is_done { Outcome::Done } else { Outcome::Held };
        forgotten.map(outcome).map_err(|problem| problem.to_string())
    }
}
