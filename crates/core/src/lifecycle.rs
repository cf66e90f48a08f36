//! A group is made, changed, deleted.

use crate::{
    Addition, BareJid, Change, Command, Configuration, Decision, Event, Farewell, Group, GroupId, Join,
    Limits, MemberSpec, NewGroup, Notice, Refusal, Role, Settings, Timestamp, members, names,
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
    let addition =
        Addition { members: with_creator(creator, &new.members)?, people: new.people.clone(), reason: None };
    let members = members::new_members(&empty, &addition, limits, now)?;
    let (members, invited): (Vec<_>, Vec<_>) = members
        .into_iter()
        .partition(|m| m.jid == *creator || addition.person(&m.jid).addable.permits(&m.jid, creator));
    let welcomes = members
        .iter()
        .filter(|m| m.jid != *creator)
        .cloned()
        .map(|member| Notice::Welcome { member, reason: None });
    // Of a room that is not configured yet nobody hears.
    let announced = (!new.locked).then_some(Notice::Announce(Event::Created { name }));
    let mut notices: Vec<_> = announced.into_iter().chain(welcomes).collect();
    let mut group = Group::new(empty.id, empty.settings, members);
    if let Some(owner) = group.member(creator).cloned() {
        let invitations = members::invite(&group, &owner, &addition, &invited, limits, now)?;
        // A new group is stored with its invitations at once.
        invitations.changes.iter().for_each(|change| group.apply(change));
        group.version = 1;
        group.locked = new.locked;
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
    may_configure(group, actor)?;
    if properties.is_empty() {
        return Err(Refusal::Malformed("name at least one property to change".into()));
    }
    let settings = group.settings.with(properties, limits)?;
    let shown = settings.properties();
    let changed = group.settings.properties().iter().zip(&shown).filter(|(old, new)| old != new).count() > 0;
    let named = shown.iter().filter(|(name, _)| properties.iter().any(|(p, _)| p == name));
    let properties = named.map(|(name, value)| ((*name).into(), value.to_string())).collect();
    let event = Event::Updated { properties, changes_voice: settings.voice() != group.settings.voice() };
    let change = changed.then_some(Change::Updated(settings));
    Ok(Decision { changes: change.into_iter().collect(), notices: vec![Notice::Announce(event)] })
}

/// May the actor change what members see, and what they may do?
pub(crate) fn may_configure(group: &Group, actor: &BareJid) -> Result<(), Refusal> {
    if group.settings.configure.permits(group.actor(actor)?.role) {
        Ok(())
    } else {
        Err(Refusal::NotAllowed("only owners and admins may change this group"))
    }
}

/// What configures a room, or brings somebody into it, makes it known.
pub(crate) fn unlocked(group: &Group, command: &Command, mut decision: Decision) -> Decision {
    match command {
        Command::Configure(Configuration::Cancelled) => return abandoned(),
        Command::Configure(Configuration::Submitted { .. })
        | Command::Update(_)
        | Command::Avatar(_)
        | Command::AddMembers(_)
        | Command::Invite(_)
        | Command::Affiliate(_)
        | Command::Post(_)
        | Command::Subject { .. } => {}
        _ => return decision,
    }
    let settings = decision.changes.iter().rev().find_map(|change| match change {
        Change::Updated(settings) => Some(settings),
        _ => None,
    });
    let name = settings.unwrap_or(&group.settings).name.clone();
    decision.notices.insert(0, Notice::Announce(Event::Created { name }));
    decision.changes.push(Change::Unlocked);
    decision
}

/// Gives up a room that was not configured.
pub fn abandoned() -> Decision {
    Decision { changes: vec![Change::Abandoned], notices: vec![Notice::Abandoned] }
}

/// Takes over the form of a room's configuration: what differs in it from what is.
pub(crate) fn configure(
    group: &Group,
    actor: &BareJid,
    answer: &Configuration,
    limits: &Limits,
) -> Result<Decision, Refusal> {
    let Configuration::Submitted { properties, is_members_only } = answer else {
        return group.actor(actor).map(|_| Decision::default());
    };
    let join = match (is_members_only, group.settings.join) {
        (Some(true), Join::Open) => Some(Join::Closed),
        (Some(false), Join::Closed | Join::Approval) => Some(Join::Open),
        _ => None,
    };
    let join = join.map(|join| ("join".to_owned(), join.as_str().to_owned()));
    let shown = group.settings.properties();
    let is_news =
        |(name, value): &&(String, String)| !shown.iter().any(|(old, as_is)| old == name && as_is == value);
    let news: Vec<_> = properties.iter().filter(is_news).cloned().chain(join).collect();
    if !news.is_empty() {
        return update(group, actor, &news, limits);
    }
    // Whether he could change anything is asked all the same, and whether what he named could be so.
    may_configure(group, actor)?;
    group.settings.with(properties, limits).map(|_| Decision::default())
}

/// Deletes the group; its id stays taken.
pub(crate) fn delete(group: &Group, actor: &BareJid, farewell: &Farewell) -> Result<Decision, Refusal> {
    if group.actor(actor)?.role < Role::Owner {
        return Err(Refusal::NotAllowed("only an owner may delete this group"));
    }
    let notices = vec![Notice::Announce(Event::Deleted(farewell.clone()))];
    Ok(Decision { changes: vec![Change::Deleted], notices })
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
