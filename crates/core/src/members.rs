//! The algebra of membership: who comes, who goes, who may do that. All or nothing, and never without an owner.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::names::{Names, account, parse_role};
use crate::{
    Addition, BareJid, Change, Decision, Event, Group, Limits, Member, MemberRef, MemberSpec, MemberUpdate,
    Nick, Notice, Pending, PendingKind, Receive, Refusal, Removal, Removed, Role, StanzaId, Timestamp,
};

/// Members that one request may name: what it announces has to fit into a stanza, and each may get a letter.
const ITEMS_MAX: usize = 1_000;
/// Former members are remembered by their ids, and the banned by their addresses: this many times the members a
/// group may have, then nobody new gets an id there, or is banned.
const REMEMBERED_PER_MEMBER: usize = 10;

/// Adds members; those who let nobody like the actor add them are invited. A ban is lifted by those who may ban.
pub(crate) fn add(
    group: &Group,
    actor: &BareJid,
    addition: &Addition,
    limits: &Limits,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let actor = group.actor(actor)?;
    if !group.settings.invite.permits(actor.role) {
        return Err(Refusal::NotAllowed("only owners and admins may add members"));
    }
    let addition = &with_wishes(group, addition);
    let members = new_members(group, addition, limits, now)?;
    if actor.role < Role::Owner && members.iter().any(|member| member.role > Role::Member) {
        return Err(Refusal::NotAllowed("only an owner may make admins and owners"));
    }
    if actor.role < Role::Admin && members.iter().any(|member| group.is_banned(&member.jid)) {
        return Err(Refusal::NotAllowed("only owners and admins may let somebody in who was banned"));
    }
    // Who asked to join has agreed already.
    let is_willing = |member: &Member| {
        let asked = group.pending_of(&member.jid).is_some_and(|pending| pending.kind == PendingKind::Request);
        asked || addition.person(&member.jid).addable.permits(&member.jid, &actor.jid)
    };
    let (added, invited): (Vec<_>, Vec<_>) = members.into_iter().partition(is_willing);
    if added.is_empty() {
        return invite(group, actor, addition, &invited, limits, now);
    }
    let mut decision = entered(group, added, addition.reason.as_ref());
    let invitations = invite(group, actor, addition, &invited, limits, now)?;
    decision.changes.extend(invitations.changes);
    decision.notices.extend(invitations.notices);
    Ok(decision)
}

/// Adds those who are no members; the others are told once more, if they are away.
pub(crate) fn invite_all(
    group: &Group,
    actor: &BareJid,
    addition: &Addition,
    limits: &Limits,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    if !group.settings.invite.permits(group.actor(actor)?.role) {
        return Err(Refusal::NotAllowed("only owners and admins may invite"));
    }
    let member = |spec: &MemberSpec| account(spec).ok().and_then(|jid| group.member(&jid));
    let (known, new): (Vec<_>, Vec<_>) =
        addition.members.iter().cloned().partition(|spec| member(spec).is_some());
    let again = known.iter().filter_map(member).cloned();
    let again = again.map(|member| Notice::Welcome { member, reason: addition.reason.clone() });
    let mut decision = Decision { changes: Vec::new(), notices: again.collect() };
    if !new.is_empty() || known.is_empty() {
        let added = add(group, actor, &Addition { members: new, ..addition.clone() }, limits, now)?;
        decision.changes = added.changes;
        decision.notices.extend(added.notices);
    }
    Ok(decision)
}

/// Those who asked to join get the nick they asked for, unless another one is given to them.
fn with_wishes(group: &Group, addition: &Addition) -> Addition {
    let mut addition = addition.clone();
    for spec in addition.members.iter_mut().filter(|spec| spec.nick.is_none()) {
        if let Some(pending) = account(spec).ok().and_then(|jid| group.pending_of(&jid)) {
            spec.nick.clone_from(&pending.spec.nick);
        }
    }
    addition
}

/// Lets these in, whoever asked for it.
pub(crate) fn enter(
    group: &Group,
    addition: &Addition,
    limits: &Limits,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    Ok(entered(group, new_members(group, addition, limits, now)?, addition.reason.as_ref()))
}

fn entered(group: &Group, members: Vec<Member>, reason: Option<&Arc<str>>) -> Decision {
    let unbanned = members.iter().map(|m| &m.jid).filter(|jid| group.is_banned(jid)).cloned().collect();
    let mut notices = vec![Notice::Announce(Event::Added(members.clone()))];
    let welcome = |member: &Member| Notice::Welcome { member: member.clone(), reason: reason.cloned() };
    notices.extend(members.iter().map(welcome));
    Decision { changes: vec![Change::MembersAdded { members, unbanned }], notices }
}

pub(crate) fn invite(
    group: &Group,
    actor: &Member,
    addition: &Addition,
    invited: &[Member],
    limits: &Limits,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    if invited.is_empty() {
        return Ok(Decision::default());
    }
    let new = invited.iter().filter(|member| group.pending_of(&member.jid).is_none()).count();
    if new > 0 && group.pending().len() + new > limits.pending_per_group {
        return Err(Refusal::TooMany {
            what: "invitations waiting for an answer",
            max: limits.pending_per_group,
        });
    }
    let asked: HashMap<BareJid, &MemberSpec> =
        addition.members.iter().filter_map(|spec| Some((account(spec).ok()?, spec))).collect();
    let waiting = invited.iter().filter_map(|member| {
        let spec = asked.get(&member.jid)?;
        // Names as they were read, and only those that were asked for: others are made when he comes.
        let spec = MemberSpec {
            jid: member.jid.to_string(),
            mid: spec.mid.as_ref().map(|_| member.mid.to_string()),
            nick: spec.nick.as_ref().map(|_| member.nick.to_string()),
            role: Some(member.role.as_str().to_owned()),
        };
        let kind = PendingKind::Invitation { by: actor.jid.clone() };
        Some(Pending { jid: member.jid.clone(), kind, spec, since: now })
    });
    let change = Change::Waiting(waiting.collect());
    let notices = invited.iter().map(|member| Notice::Invite {
        jid: member.jid.clone(),
        role: member.role,
        reason: addition.reason.clone(),
    });
    Ok(Decision { changes: vec![change], notices: notices.collect() })
}

/// Changes nicks and roles: one's own nick, others' nicks by those who may remove them, roles by owners.
pub(crate) fn update(
    group: &Group,
    actor: &BareJid,
    updates: &[MemberUpdate],
    limits: &Limits,
) -> Result<Decision, Refusal> {
    let actor = group.actor(actor)?;
    if updates.is_empty() {
        return Err(Refusal::Malformed(
            "name a member and what to change: <item mid='…' nick='…' role='…'/>".into(),
        ));
    }
    if updates.len() > ITEMS_MAX {
        return Err(Refusal::TooMany { what: "members in one request", max: ITEMS_MAX });
    }
    let mut members: Vec<Member> = Vec::with_capacity(updates.len());
    let mut seen = HashSet::new();
    for update in updates {
        let member = group.find(&update.who).ok_or(Refusal::NoSuchMember)?;
        if !seen.insert(&member.jid) {
            return Err(Refusal::Malformed(format!("{} is named twice", member.jid)));
        }
        members.push(updated(actor, member, update, limits)?);
    }
    check_nicks(group, &members)?;
    let new: HashMap<&BareJid, Role> = members.iter().map(|new| (&new.jid, new.role)).collect();
    let owners = group.members().iter().filter(|old| *new.get(&old.jid).unwrap_or(&old.role) == Role::Owner);
    if owners.count() == 0 {
        return Err(Refusal::LastOwner);
    }
    let before = members.iter().filter_map(|new| group.member(&new.jid)).cloned().collect();
    let event = Event::MembersUpdated { before, now: members.clone() };
    let notices = vec![Notice::Announce(event)];
    Ok(Decision { changes: vec![Change::MembersUpdated(members)], notices })
}

/// The member as the actor wants him, if the actor may want that.
fn updated(
    actor: &Member,
    member: &Member,
    update: &MemberUpdate,
    limits: &Limits,
) -> Result<Member, Refusal> {
    let outranks = actor.role == Role::Owner || (actor.role == Role::Admin && member.role == Role::Member);
    if actor.jid != member.jid && !outranks {
        return Err(Refusal::NotAllowed("only oneself, or a member one looks after, can be changed"));
    }
    let mut new = member.clone();
    if let Some(nick) = &update.nick {
        new.nick = Nick::parse(nick, limits)?;
    }
    if let Some(role) = &update.role {
        let role = parse_role(role)?;
        if role != member.role && actor.role < Role::Owner {
            return Err(Refusal::NotAllowed("only an owner may change roles"));
        }
        new.role = role;
    }
    Ok(new)
}

/// Nicks must be free once all of the change is done: two members may swap theirs.
fn check_nicks(group: &Group, changed: &[Member]) -> Result<(), Refusal> {
    let given_up: HashSet<String> =
        changed.iter().filter_map(|new| group.member(&new.jid)).flat_map(Member::name_keys).collect();
    let mut taken = HashSet::new();
    for member in changed {
        for key in member.name_keys() {
            if (group.has_nick(&key) && !given_up.contains(&key)) || !taken.insert(key) {
                return Err(Refusal::NickTaken(member.nick.to_string()));
            }
        }
    }
    Ok(())
}

/// Removes members, or lets the actor leave when nobody (or only he) is named. The last one out deletes the group.
pub(crate) fn remove(
    group: &Group,
    actor: &BareJid,
    removal: &Removal,
    limits: &Limits,
) -> Result<Decision, Refusal> {
    if let Some(declined) = decline(group, actor, removal)? {
        return Ok(declined);
    }
    let actor = group.actor(actor)?;
    if removal.pending_only {
        return Err(Refusal::NoSuchMember);
    }
    let who = leavers(group, actor, removal)?;
    let remembered_max = limits.members_per_group.saturating_mul(REMEMBERED_PER_MEMBER);
    if removal.ban && group.remembered() + who.len() > remembered_max {
        return Err(Refusal::TooMany { what: "former and banned members of a group", max: remembered_max });
    }
    let left = who.iter().all(|gone| gone.jid == actor.jid);
    if removal.ban && who.iter().any(|gone| gone.jid == actor.jid) {
        return Err(Refusal::Malformed("nobody can ban himself: name whom to ban".into()));
    }
    if !left && actor.role < Role::Admin {
        return Err(Refusal::NotAllowed("only owners and admins may remove members"));
    }
    let others = who.iter().filter(|gone| gone.jid != actor.jid).filter_map(|gone| group.member(&gone.jid));
    if actor.role < Role::Owner && others.clone().any(|other| other.role > Role::Member) {
        return Err(Refusal::NotAllowed("only an owner may remove owners and admins"));
    }
    let gone: HashSet<&BareJid> = who.iter().map(|gone| &gone.jid).collect();
    let mut remaining = group.members().iter().filter(|member| !gone.contains(&member.jid)).peekable();
    let deletes = remaining.peek().is_none();
    if !deletes && !remaining.any(|member| member.role == Role::Owner) {
        return Err(Refusal::LastOwner);
    }
    let removed = who.iter().filter(|gone| gone.member.is_some()).map(|gone| gone.jid.clone()).collect();
    let banned = if removal.ban { who.iter().map(|gone| gone.jid.clone()).collect() } else { Vec::new() };
    Ok(Decision {
        changes: vec![Change::MembersRemoved { removed, banned, deletes }],
        notices: vec![Notice::Announce(Event::Removed {
            who,
            banned: removal.ban,
            left,
            reason: removal.reason.clone(),
        })],
    })
}

/// A request or an invitation that is answered by no: by the invited one himself, or for a request by an owner or admin.
fn decline(group: &Group, actor: &BareJid, removal: &Removal) -> Result<Option<Decision>, Refusal> {
    let own = removal.who.is_empty() || removal.who == [MemberRef::Jid(actor.clone())];
    let pending = match removal.who.as_slice() {
        _ if removal.ban => None,
        _ if own && group.member(actor).is_none() => group.pending_of(actor),
        [MemberRef::Jid(jid)] if !own && group.member(jid).is_none() => group.pending_of(jid),
        _ => None,
    };
    let Some(pending) = pending else { return Ok(None) };
    if !own && group.actor(actor)?.role < Role::Admin {
        return Err(Refusal::NotAllowed(
            "only owners and admins may decline requests and take back invitations",
        ));
    }
    let jid = pending.jid.clone();
    let to = match &pending.kind {
        // Whoever invited and has left since is told nothing of the group any more.
        PendingKind::Invitation { by } if own => group.member(by).map(|inviter| inviter.jid.clone()),
        PendingKind::Invitation { .. } | PendingKind::Request => Some(jid.clone()),
    };
    let notices = to.into_iter().map(|to| Notice::Declined { to, jid: jid.clone() }).collect();
    Ok(Some(Decision { changes: vec![Change::Answered(vec![jid])], notices }))
}

/// The members that these entries describe: none of them in yet, nicks and member ids unique, room for all.
pub(crate) fn new_members(
    group: &Group,
    addition: &Addition,
    limits: &Limits,
    now: Timestamp,
) -> Result<Vec<Member>, Refusal> {
    let specs = &addition.members;
    if specs.is_empty() {
        return Err(Refusal::Malformed("name at least one member: <item jid='…'/>".into()));
    }
    if specs.len() > ITEMS_MAX {
        return Err(Refusal::TooMany { what: "members in one request", max: ITEMS_MAX });
    }
    let remembered_max = limits.members_per_group.saturating_mul(REMEMBERED_PER_MEMBER);
    if group.remembered() + specs.len() > remembered_max {
        return Err(Refusal::TooMany { what: "former and banned members of a group", max: remembered_max });
    }
    if group.members().len() + specs.len() > limits.members_per_group {
        return Err(Refusal::TooMany { what: "members of a group", max: limits.members_per_group });
    }
    let mut names = Names::of(group);
    // Those who ask for a name go first, so that none of ours takes it from them.
    let mut asked = Vec::with_capacity(specs.len());
    for spec in specs {
        let named = names.asked(spec, limits)?;
        if addition.person(&named.0).groups >= limits.groups_per_user {
            return Err(Refusal::TooMany { what: "groups of a user", max: limits.groups_per_user });
        }
        asked.push(named);
    }
    let named = asked.into_iter().map(|(jid, role, mid, nick)| Member {
        mid: mid.unwrap_or_else(|| names.free_mid(&jid, limits)),
        nick: nick.unwrap_or_else(|| names.free_nick(&jid, limits)),
        jid,
        role,
        joined: now,
        read: StanzaId::default(),
        seen: group.countable,
        receive: Receive::All,
        mute_until: None,
    });
    Ok(named.collect())
}

/// Who is named, each once; the actor when nobody is.
fn leavers(group: &Group, actor: &Member, removal: &Removal) -> Result<Vec<Removed>, Refusal> {
    if removal.who.len() > ITEMS_MAX {
        return Err(Refusal::TooMany { what: "members in one request", max: ITEMS_MAX });
    }
    let mut who: Vec<Removed> = Vec::with_capacity(removal.who.len());
    let mut seen = HashSet::new();
    for named in &removal.who {
        let gone = match (group.find(named), named) {
            (Some(member), _) => Removed { jid: member.jid.clone(), member: Some(member.clone()) },
            (None, MemberRef::Jid(jid)) if removal.ban => Removed { jid: jid.clone(), member: None },
            (None, _) => return Err(Refusal::NoSuchMember),
        };
        if seen.insert(gone.jid.clone()) {
            who.push(gone);
        }
    }
    if who.is_empty() {
        who.push(Removed { jid: actor.jid.clone(), member: Some(actor.clone()) });
    }
    Ok(who)
}

#[cfg(test)]
mod tests;
