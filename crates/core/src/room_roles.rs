//! What occupants of a room may do there (XEP-0045 §8): it follows from what they are to the group, so that the only thing to
//! change is that they are there.

use std::sync::Arc;

use crate::{BareJid, By, Decision, Group, Member, MemberRef, Notice, Refusal, Role};

/// What an occupant of a room may do there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomRole {
    /// Looks after it.
    Moderator,
    /// Posts.
    Participant,
    /// Reads.
    Visitor,
    /// He is not to be there.
    None,
}

impl RoomRole {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Moderator, "moderator"),
        (Self::Participant, "participant"),
        (Self::Visitor, "visitor"),
        (Self::None, "none"),
    ];

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        Self::ALL.into_iter().find(|(role, _)| *role == self).map_or("none", |(_, name)| name)
    }

    /// Reads such a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, name)| *name == text).map(|(role, _)| role)
    }

    /// What a member of this role may do in a group where these may post.
    pub fn of(role: Role, post: By) -> Self {
        match role {
            Role::Owner | Role::Admin => Self::Moderator,
            Role::Member if post.permits(role) => Self::Participant,
            Role::Member => Self::Visitor,
        }
    }
}

/// What an occupant is to be able to do.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleWish {
    /// Who.
    pub who: MemberRef,
    /// What.
    pub role: RoomRole,
    /// Why.
    pub reason: Option<Arc<str>>,
}

/// Sends occupants away, who may come back. Any other role they have already, or it is to be had by other means.
pub(crate) fn roles(group: &Group, actor: &BareJid, wishes: &[RoleWish]) -> Result<Decision, Refusal> {
    let actor = group.actor(actor)?;
    if wishes.is_empty() {
        return Err(Refusal::Malformed("name at least one: <item role='…' nick='…'/>".into()));
    }
    let mut notices = Vec::new();
    for wish in wishes {
        let member = group.find(&wish.who).ok_or(Refusal::NoSuchMember)?;
        match wish.role {
            RoomRole::None if may_kick(actor, member) => {
                notices.push(Notice::Kicked { member: member.clone(), reason: wish.reason.clone() });
            }
            RoomRole::None => {
                return Err(Refusal::NotAllowed("only a member one looks after can be sent away"));
            }
            role if role == RoomRole::of(member.role, group.settings.voice()) => {}
            RoomRole::Moderator => {
                return Err(Refusal::NotAllowed("moderators are owners and admins: make him admin"));
            }
            RoomRole::Participant | RoomRole::Visitor => {
                return Err(Refusal::NotAllowed(
                    "who may post is the same for all members: change the room to moderated or not",
                ));
            }
        }
    }
    Ok(Decision { changes: Vec::new(), notices })
}

fn may_kick(actor: &Member, member: &Member) -> bool {
    actor.jid != member.jid
        && (actor.role == Role::Owner || (actor.role == Role::Admin && member.role == Role::Member))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_a_name() {
        for (role, name) in RoomRole::ALL {
            assert_eq!((role.as_str(), RoomRole::parse(name)), (name, Some(role)));
        }
        assert_eq!(RoomRole::of(Role::Member, By::Admins), RoomRole::Visitor);
    }
}
