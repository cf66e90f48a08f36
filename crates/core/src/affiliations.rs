//! What accounts are to a group, as rooms have it (XEP-0045 §9, §10): each wish is one that the rules of members know under
//! another name. All or nothing.
//!
//! Not here: who may what; those rules are asked, one wish after the other.

use std::collections::HashSet;
use std::sync::Arc;

use crate::{
    Addition, BareJid, Change, Decision, Group, Limits, Member, MemberRef, MemberSpec, MemberUpdate, People,
    Refusal, Removal, Role, Timestamp, members,
};

/// Wishes in one request. Each is decided on the group as those before left it.
const WISHES_MAX: usize = 50;

/// What accounts are to be to a group.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Affiliations {
    /// One account each.
    pub wishes: Vec<Affiliation>,
    /// What is known of them. The engine looks it up before the rules are asked.
    pub people: People,
}

impl Affiliations {
    /// Is nobody let in or changed, but only kept out or sent away?
    pub fn only_removes(&self) -> bool {
        self.wishes.iter().all(|wish| !matches!(wish.standing, Standing::In(_)))
    }
}

/// What one account is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Affiliation {
    /// Who.
    pub who: MemberRef,
    /// What.
    pub standing: Standing,
    /// By which nick, if it becomes a member.
    pub nick: Option<String>,
    /// Why.
    pub reason: Option<Arc<str>>,
}

/// What an account is to a group. XEP-0045 §5.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A member in this role.
    In(Role),
    /// Nothing.
    None,
    /// Kept out.
    Outcast,
}

/// Makes accounts what they are to be.
pub(crate) fn affiliate(
    group: &Group,
    actor: &BareJid,
    asked: &Affiliations,
    limits: &Limits,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    group.actor(actor)?;
    if asked.wishes.is_empty() {
        return Err(Refusal::Malformed("name at least one: <item affiliation='…' jid='…'/>".into()));
    }
    if asked.wishes.len() > WISHES_MAX {
        return Err(Refusal::TooMany { what: "affiliations in one request", max: WISHES_MAX });
    }
    let mut so_far = group.clone();
    let mut all = Decision::default();
    let mut named = HashSet::new();
    for wish in &asked.wishes {
        let jid = account(group, &wish.who)?;
        if !named.insert(jid.clone()) {
            return Err(Refusal::Malformed(format!("{jid} is named twice")));
        }
        let decision = granted(&so_far, actor, wish, &asked.people, limits, now)?;
        decision.changes.iter().for_each(|change| so_far.apply(change));
        all.changes.extend(decision.changes);
        all.notices.extend(decision.notices);
    }
    Ok(all)
}

fn account(group: &Group, who: &MemberRef) -> Result<BareJid, Refusal> {
    match who {
        MemberRef::Jid(jid) => Ok(jid.clone()),
        named => Ok(group.find(named).ok_or(Refusal::NoSuchMember)?.jid.clone()),
    }
}

/// Has this member the nick already that is wished for it?
fn is_called(member: &Member, wish: &Affiliation) -> bool {
    wish.nick.as_deref().is_none_or(|nick| nick == member.nick.as_str())
}

fn granted(
    group: &Group,
    actor: &BareJid,
    wish: &Affiliation,
    people: &People,
    limits: &Limits,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let jid = account(group, &wish.who)?;
    let who = MemberRef::Jid(jid.clone());
    let removal =
        |ban| Removal { who: vec![who.clone()], ban, reason: wish.reason.clone(), ..Removal::default() };
    match (wish.standing, group.member(&jid)) {
        (Standing::In(role), Some(member)) if member.role == role && is_called(member, wish) => {
            Ok(Decision::default())
        }
        (Standing::In(role), Some(_)) => {
            let role = Some(role.as_str().to_owned());
            let update = MemberUpdate { who, nick: wish.nick.clone(), role };
            members::update(group, actor, &[update], limits)
        }
        (Standing::In(role), None) => {
            let role = Some(role.as_str().to_owned());
            let spec = MemberSpec { jid: jid.to_string(), nick: wish.nick.clone(), role, mid: None };
            let addition =
                Addition { members: vec![spec], people: people.clone(), reason: wish.reason.clone() };
            members::add(group, actor, &addition, limits, now)
        }
        (Standing::None, Some(_)) => members::remove(group, actor, &removal(false), limits),
        (Standing::None, None) if group.is_banned(&jid) => pardon(group, actor, jid),
        (Standing::None, None) if group.pending_of(&jid).is_some() => {
            members::remove(group, actor, &removal(false), limits)
        }
        (Standing::Outcast, None) if group.is_banned(&jid) => Ok(Decision::default()),
        (Standing::None, None) => Ok(Decision::default()),
        (Standing::Outcast, _) => members::remove(group, actor, &removal(true), limits),
    }
}

/// Lets somebody come again who was kept out, without making him a member.
fn pardon(group: &Group, actor: &BareJid, jid: BareJid) -> Result<Decision, Refusal> {
    if group.actor(actor)?.role < Role::Admin {
        return Err(Refusal::NotAllowed("only owners and admins may lift a ban"));
    }
    let change = Change::MembersAdded { members: Vec::new(), unbanned: vec![jid] };
    Ok(Decision { changes: vec![change], notices: Vec::new() })
}
