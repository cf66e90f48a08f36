//! What administrators ask for: a request like any other, in the name of an owner of the group, but that nobody's device
//! hears an answer.
//!
//! Not here: who may ask, and that it is written down (`admin`).

use groupchat_core::{BareJid, Command, GroupId, Jid, Refusal, Role, govern};
use groupchat_dialect::{Carrier, Origin};
use tokio::sync::oneshot;

use super::request::unavailable;
use super::{Engine, Work};

/// One act.
#[derive(Debug)]
pub(crate) struct Act {
    /// In which group.
    pub(crate) group: GroupId,
    /// Whose it is to be, if it is to be made.
    pub(crate) creator: Option<BareJid>,
    /// What is to be done.
    pub(crate) command: Command,
    /// Hears how it ended; dropped if it could not be stored.
    pub(crate) done: oneshot::Sender<Result<(), Refusal>>,
}

impl Engine {
    pub(super) async fn act(&mut self, work: &mut Work, act: Act) {
        let Act { group: id, creator, command, done } = act;
        let decided = match work.group(&mut self.groups, &id).await {
            Ok(group) => {
                let owner = group.and_then(|group| group.members().iter().find(|m| m.role == Role::Owner));
                match owner.map(|owner| owner.jid.clone()).or(creator) {
                    Some(actor) => {
                        let from = Jid::with_resource(actor, "operator");
                        let at = id.at(self.policy.domain.as_str());
                        let origin =
                            Origin { from, at, carrier: Carrier::Message { id: None, is_of_rooms: false } };
                        self.decide_by(govern, work, &origin, &id, command)
                            .await
                            .map(|decision| (origin, decision))
                    }
                    None => Err(Refusal::NoSuchGroup),
                }
            }
            Err(problem) => Err(unavailable(problem)),
        };
        match decided {
            Ok((origin, decision)) => {
                self.carry_out(work, origin, &id, decision, None);
                // Whoever asked may have lost patience.
                work.when_stored(Box::new(move || done.send(Ok(())).unwrap_or_default()));
            }
            Err(refusal) => done.send(Err(refusal)).unwrap_or_default(),
        }
    }
}
