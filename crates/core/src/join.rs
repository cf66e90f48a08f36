//! Somebody becomes a member on his own: where that is open, by a request that is answered, or because he was invited.

use crate::{
    Addition, BareJid, Change, Decision, Group, Join, Limits, MemberSpec, Notice, Pending, PendingKind,
    People, Person, Refusal, Role, Sight, Timestamp, members, sight,
};

/// Lets the actor in, or takes down that he asks.
pub(crate) fn join(
    group: &Group,
    actor: &BareJid,
    nick: Option<&str>,
    person: Person,
    limits: &Limits,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    if group.locked {
        return Err(Refusal::NoSuchGroup);
    }
    if group.member(actor).is_some() {
        return Err(Refusal::AlreadyMember(actor.clone()));
    }
    if let Some(invitation) = group.pending_of(actor).filter(|pending| is_standing(group, pending)) {
        let addition = alone(accepted(invitation, nick), actor, person);
        return members::enter(group, &addition, limits, now);
    }
    if sight(group.settings.visibility, None) == Sight::Nothing {
        return Err(Refusal::NoSuchGroup);
    }
    if group.is_banned(actor) {
        return Err(Refusal::Banned);
    }
    let spec = MemberSpec { jid: actor.to_string(), nick: nick.map(str::to_owned), ..MemberSpec::default() };
    match group.settings.join {
        Join::Closed => {
            Err(Refusal::NotAllowed("nobody can join this group on his own: ask a member to add you"))
        }
        Join::Open => members::enter(group, &alone(spec, actor, person), limits, now),
        Join::Approval => ask(group, actor, spec, person, limits, now),
    }
}

/// Is it an invitation, and could whoever made it make it still? Rights that were lost do not live on in it.
fn is_standing(group: &Group, pending: &Pending) -> bool {
    let PendingKind::Invitation { by } = &pending.kind else { return false };
    let role = pending.spec.role.as_deref().and_then(Role::parse).unwrap_or(Role::Member);
    group.member(by).is_some_and(|inviter| {
        let may_let_in = inviter.role >= Role::Admin || !group.is_banned(&pending.jid);
        let may_give = role == Role::Member || inviter.role == Role::Owner;
        group.settings.invite.permits(inviter.role) && may_let_in && may_give
    })
}

/// What the invitation said, with the nick that the invited one prefers.
fn accepted(invitation: &Pending, nick: Option<&str>) -> MemberSpec {
    let asked = nick.map(str::to_owned);
    MemberSpec { nick: asked.or_else(|| invitation.spec.nick.clone()), ..invitation.spec.clone() }
}

/// An addition of one.
fn alone(spec: MemberSpec, actor: &BareJid, person: Person) -> Addition {
    Addition { members: vec![spec], people: People::from([(actor.clone(), person)]), reason: None }
}

fn ask(
    group: &Group,
    actor: &BareJid,
    spec: MemberSpec,
    person: Person,
    limits: &Limits,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    // Whether the nick is free and the account has room is known now already.
    let asked = members::new_members(group, &alone(spec.clone(), actor, person), limits, now)?;
    let nick = spec.nick.as_ref().and(asked.first()).map(|member| member.nick.to_string());
    let spec = MemberSpec { nick: nick.clone(), ..spec };
    if group.pending_of(actor).is_some() {
        return Ok(Decision::default());
    }
    if group.pending().len() >= limits.pending_per_group {
        return Err(Refusal::TooMany {
            what: "requests waiting for an answer",
            max: limits.pending_per_group,
        });
    }
    let pending = Pending { jid: actor.clone(), kind: PendingKind::Request, spec, since: now };
    let notices = vec![Notice::Request { jid: actor.clone(), nick: nick.map(Into::into) }];
    Ok(Decision { changes: vec![Change::Waiting(vec![pending])], notices })
}
