//! What administrators ask for: a request like any other, in the name of an owner of the group, but that nobody's device
//! hears an answer.
//!
//! Not here: who may ask, and that it is written down (`admin`).

use groupchat_core::{
    BareJid, Command, Decision, Group, GroupId, Jid, MemberRef, Notice, Refusal, Removal, Role, govern,
};
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
    /// Hears how it ended: who was invited only; dropped if it could not be stored.
    pub(crate) done: oneshot::Sender<Result<Vec<Invited>, Refusal>>,
}

/// Somebody who was to be let in, and must agree first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invited {
    /// Who.
    pub(crate) jid: BareJid,
    /// He is kept out, so that he cannot agree.
    pub(crate) is_banned: bool,
}

impl Engine {
    pub(super) async fn act(&mut self, work: &mut Work, act: Act) {
        let Act { group: id, creator, mut command, done } = act;
        let decided = match work.group(&mut self.groups, &id).await {
            Ok(group) => {
                let actor = group.map(|group| in_name_of(group, &mut command)).transpose();
                match actor.map(|owner| owner.flatten().or(creator)) {
                    Ok(Some(actor)) => self.decide_for(work, (&id, actor), command).await,
                    Ok(None) => Err(Refusal::NoSuchGroup),
                    Err(refusal) => Err(refusal),
                }
            }
            Err(problem) => Err(unavailable(problem)),
        };
        match decided {
            Ok((origin, decision)) => {
                let group = work.touched(&id);
                let is_banned = |jid: &BareJid| group.is_some_and(|group| group.is_banned(jid));
                let invited = decision.notices.iter().filter_map(|notice| match notice {
                    Notice::Invite { jid, .. } => {
                        Some(Invited { jid: jid.clone(), is_banned: is_banned(jid) })
                    }
                    _ => None,
                });
                let invited = invited.collect();
                self.carry_out(work, origin, &id, decision, None);
                // Whoever asked may have lost patience.
                work.when_stored(Box::new(move || done.send(Ok(invited)).unwrap_or_default()));
            }
            Err(refusal) => done.send(Err(refusal)).unwrap_or_default(),
        }
    }

    async fn decide_for(
        &mut self,
        work: &mut Work,
        (id, actor): (&GroupId, BareJid),
        command: Command,
    ) -> Result<(Origin, Decision), Refusal> {
        let from = Jid::with_resource(actor, "operator");
        let at = id.at(self.policy.domain.as_str());
        let origin = Origin { from, at, carrier: Carrier::Message { id: None, is_of_rooms: false } };
        let decision = self.decide_by(govern, work, &origin, id, command).await?;
        Ok((origin, decision))
    }
}

/// The owner in whose name it is done: the first, but none who is removed by it while there is another. `None`: nobody is in.
fn in_name_of(group: &Group, command: &mut Command) -> Result<Option<BareJid>, Refusal> {
    let mut owners =
        group.members().iter().filter(|member| member.role == Role::Owner).map(|owner| &owner.jid);
    let first = owners.clone().next().cloned();
    let Command::RemoveMembers(removal) = command else { return Ok(first) };
    if let Some(other) = owners.find(|owner| !names(removal, owner)) {
        return Ok(Some(other.clone()));
    }
    if removal.ban && first.is_some() {
        if group.members().len() > 1 {
            return Err(Refusal::LastOwner);
        }
        // With the last one out the group is deleted: there is nothing to keep him out of.
        removal.ban = false;
    }
    Ok(first)
}

fn names(removal: &Removal, jid: &BareJid) -> bool {
    removal.who.iter().any(|who| matches!(who, MemberRef::Jid(named) if named == jid))
}
