//! A group is made, changed, deleted.

use crate::{
    Addition, BareJid, Change, Decision, Event, Group, GroupId, Limits, MemberSpec, NewGroup, Notice,
    Refusal, Role, Settings, Timestamp, members, names,
};

/// Makes a group with these settings unless it asks for others. Its creator becomes owner, whatever the list of members says of him; without a name it is
/// called by its id.
///
/// # Errors
/// [`Refusal`] naming the property, the member or the limit that is wrong. That the id is free, only the caller knows.
pub fn create(
    id: GroupId,
    creator: &BareJid,
    new: &NewGroup,
    defaults: &Settings,
    limits: &Limits,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let unnamed = Settings { name: id.as_str().into(), ..defaults.clone() };
    let settings = unnamed.with(&new.properties, limits)?;
    let name = settings.name.clone();
    let empty = Group::new(id, settings, Vec::new());
    let addition = Addition { members: with_creator(creator, &new.members)?, people: new.people.clone() };
    let members = members::new_members(&empty, &addition, limits, now)?;
    let (members, invited): (Vec<_>, Vec<_>) = members
        .into_iter()
        .partition(|m| m.jid == *creator || addition.person(&m.jid).addable.permits(&m.jid, creator));
    let welcomes = members.iter().filter(|m| m.jid != *creator).cloned().map(Notice::Welcome);
    let mut notices = vec![Notice::Announce(Event::Created { name })];
    notices.extend(welcomes);
    let mut group = Group::new(empty.id, empty.settings, members);
    if let Some(owner) = group.member(creator).cloned() {
        let invitations = members::invite(&group, &owner, &addition, &invited, limits, now)?;
        // A new group is stored with its invitations at once.
        invitations.changes.iter().for_each(|change| group.apply(change));
        group.version = 1;
        notices.extend(invitations.notices);
    }
    Ok(Decision { changes: vec![Change::Created(Box::new(group))], notices })
}

/// Changes settings, all that are named or none.
pub(crate) fn update(
    group: &Group,
    actor: &BareJid,
    properties: &[(String, String)],
    limits: &Limits,
) -> Result<Decision, Refusal> {
    let actor = group.actor(actor)?;
    if !group.settings.configure.permits(actor.role) {
        return Err(Refusal::NotAllowed("only owners and admins may change this group"));
    }
    if properties.is_empty() {
        return Err(Refusal::Malformed("name at least one property to change".into()));
    }
    let settings = group.settings.with(properties, limits)?;
    let shown = settings.properties();
    let changed = group.settings.properties().iter().zip(&shown).filter(|(old, new)| old != new).count() > 0;
    let named = shown.iter().filter(|(name, _)| properties.iter().any(|(p, _)| p == name));
    let event = Event::Updated(named.map(|(name, value)| ((*name).into(), value.to_string())).collect());
    let change = changed.then_some(Change::Updated(settings));
    Ok(Decision { changes: change.into_iter().collect(), notices: vec![Notice::Announce(event)] })
}

/// Deletes the group; its id stays taken.
pub(crate) fn delete(group: &Group, actor: &BareJid) -> Result<Decision, Refusal> {
    if group.actor(actor)?.role < Role::Owner {
        return Err(Refusal::NotAllowed("only an owner may delete this group"));
    }
    Ok(Decision { changes: vec![Change::Deleted], notices: vec![Notice::Announce(Event::Deleted)] })
}

/// The list of first members with the creator at its head, as owner; his nick and member id as he listed them.
fn with_creator(creator: &BareJid, listed: &[MemberSpec]) -> Result<Vec<MemberSpec>, Refusal> {
    let mut own = MemberSpec { jid: creator.to_string(), ..MemberSpec::default() };
    let mut others = Vec::with_capacity(listed.len() + 1);
    for spec in listed {
        if names::account(spec)? == *creator {
            own = spec.clone();
        } else {
            others.push(spec.clone());
        }
    }
    own.role = Some(Role::Owner.as_str().into());
    others.insert(0, own);
    Ok(others)
}
