//! The algebra of membership: who comes, who goes, who may do that. All or nothing, and never without an owner.

use std::collections::HashSet;

use crate::{
    BareJid, Change, Decision, Event, Group, Limits, Member, MemberRef, MemberSpec, Mid, Nick, Notice,
    Refusal, Removal, Removed, Role, StanzaId, Timestamp,
};

/// Members that one request may name: what it announces has to fit into a stanza, and each may get a letter.
const ITEMS_MAX: usize = 1_000;
/// Former members are remembered by their ids, and the banned by their addresses: this many times the members a
/// group may have, then nobody new gets an id there, or is banned.
const REMEMBERED_PER_MEMBER: usize = 10;

/// Adds members. A ban is lifted by those who may ban.
pub(crate) fn add(
    group: &Group,
    actor: &BareJid,
    specs: &[MemberSpec],
    limits: &Limits,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let actor = group.actor(actor)?;
    if !group.settings.invite.permits(actor.role) {
        return Err(Refusal::NotAllowed("only owners and admins may add members"));
    }
    let members = new_members(group, specs, limits, now)?;
    if actor.role < Role::Owner && members.iter().any(|member| member.role > Role::Member) {
        return Err(Refusal::NotAllowed("only an owner may make admins and owners"));
    }
    let unbanned: Vec<_> =
        members.iter().map(|m| &m.jid).filter(|jid| group.is_banned(jid)).cloned().collect();
    if actor.role < Role::Admin && !unbanned.is_empty() {
        return Err(Refusal::NotAllowed("only owners and admins may let somebody in who was banned"));
    }
    let mut notices = vec![Notice::Announce(Event::Added(members.clone()))];
    notices.extend(members.iter().cloned().map(Notice::Welcome));
    Ok(Decision { change: Some(Change::MembersAdded { members, unbanned }), notices })
}

/// Removes members, or lets the actor leave when nobody (or only he) is named. The last one out deletes the group.
pub(crate) fn remove(
    group: &Group,
    actor: &BareJid,
    removal: &Removal,
    limits: &Limits,
) -> Result<Decision, Refusal> {
    let actor = group.actor(actor)?;
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
    let removed = who.iter().filter(|gone| gone.mid.is_some()).map(|gone| gone.jid.clone()).collect();
    let banned = if removal.ban { who.iter().map(|gone| gone.jid.clone()).collect() } else { Vec::new() };
    Ok(Decision {
        change: Some(Change::MembersRemoved { removed, banned, deletes }),
        notices: vec![Notice::Announce(Event::Removed { who, banned: removal.ban, left })],
    })
}

/// The members that these entries describe: none of them in yet, nicks and member ids unique, room for all.
pub(crate) fn new_members(
    group: &Group,
    specs: &[MemberSpec],
    limits: &Limits,
    now: Timestamp,
) -> Result<Vec<Member>, Refusal> {
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
    let mut names = Names { group, jids: HashSet::new(), nicks: HashSet::new(), mids: HashSet::new() };
    // Those who ask for a name go first, so that none of ours takes it from them.
    let mut asked = Vec::with_capacity(specs.len());
    for spec in specs {
        asked.push(names.asked(spec, limits)?);
    }
    let named = asked.into_iter().map(|(jid, role, mid, nick)| Member {
        mid: mid.unwrap_or_else(|| names.free_mid(&jid, limits)),
        nick: nick.unwrap_or_else(|| names.free_nick(&jid, limits)),
        jid,
        role,
        joined: now,
        read: StanzaId::default(),
    });
    Ok(named.collect())
}

/// The account that an entry names.
pub(crate) fn account(spec: &MemberSpec) -> Result<BareJid, Refusal> {
    let jid = BareJid::parse(&spec.jid).map_err(|invalid| Refusal::Address(invalid.to_string()))?;
    match jid.local() {
        Some(_) => Ok(jid),
        None => Err(Refusal::Address(format!("`{jid}` is a server, not an account"))),
    }
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
            (Some(member), _) => Removed { jid: member.jid.clone(), mid: Some(member.mid.clone()) },
            (None, MemberRef::Jid(jid)) if removal.ban => Removed { jid: jid.clone(), mid: None },
            (None, _) => return Err(Refusal::NoSuchMember),
        };
        if seen.insert(gone.jid.clone()) {
            who.push(gone);
        }
    }
    if who.is_empty() {
        who.push(Removed { jid: actor.jid.clone(), mid: Some(actor.mid.clone()) });
    }
    Ok(who)
}

/// The names that are taken: in the group, and by the new members so far.
struct Names<'a> {
    group: &'a Group,
    jids: HashSet<BareJid>,
    nicks: HashSet<String>,
    mids: HashSet<Mid>,
}

impl Names<'_> {
    fn asked(
        &mut self,
        spec: &MemberSpec,
        limits: &Limits,
    ) -> Result<(BareJid, Role, Option<Mid>, Option<Nick>), Refusal> {
        let jid = account(spec)?;
        if self.group.member(&jid).is_some() || !self.jids.insert(jid.clone()) {
            return Err(Refusal::AlreadyMember(jid));
        }
        let role = match spec.role.as_deref() {
            None | Some("") => Role::Member,
            Some(text) => Role::parse(text).ok_or_else(|| {
                Refusal::Malformed(format!("role `{text}`: must be owner, admin or member"))
            })?,
        };
        let mid = spec.mid.as_deref().map(|text| Mid::parse(text, limits)).transpose()?;
        if let Some(mid) = &mid
            && !self.take_mid(mid, &jid)
        {
            return Err(Refusal::MidTaken(mid.to_string()));
        }
        let nick = spec.nick.as_deref().map(|text| Nick::parse(text, limits)).transpose()?;
        if let Some(nick) = &nick
            && !self.take_nick(nick)
        {
            return Err(Refusal::NickTaken(nick.to_string()));
        }
        Ok((jid, role, mid, nick))
    }

    /// A member id made from the account; one that the same account had before is its own again.
    fn free_mid(&mut self, jid: &BareJid, limits: &Limits) -> Mid {
        let base = base_name(jid, limits);
        let base = if Mid::parse(&base, limits).is_ok() { base } else { "member".into() };
        numbers(self.group.members().len() + self.mids.len())
            .map(|number| Mid::from_stored(&numbered(&base, "-", number)))
            .find(|mid| self.take_mid(mid, jid))
            .unwrap_or_else(|| Mid::from_stored(&base))
    }

    fn free_nick(&mut self, jid: &BareJid, limits: &Limits) -> Nick {
        let base = base_name(jid, limits);
        let base = if Nick::parse(&base, limits).is_ok() { base } else { "member".into() };
        numbers(self.group.members().len() + self.nicks.len())
            .map(|number| Nick::from_stored(&numbered(&base, " ", number)))
            .find(|nick| self.take_nick(nick))
            .unwrap_or_else(|| Nick::from_stored(&base))
    }

    fn take_mid(&mut self, mid: &Mid, jid: &BareJid) -> bool {
        self.group.mid_owner(mid).is_none_or(|owner| owner == jid) && self.mids.insert(mid.clone())
    }

    fn take_nick(&mut self, nick: &Nick) -> bool {
        let key = nick.key();
        !self.group.has_nick(&key) && self.nicks.insert(key)
    }
}

/// The localpart, short enough to leave room for a number.
fn base_name(jid: &BareJid, limits: &Limits) -> String {
    jid.local().unwrap_or("member").chars().take(limits.nick_chars.saturating_sub(8).max(1)).collect()
}

/// Small numbers first, then such as no crowd of namesakes has used up: finding a free one stays cheap.
fn numbers(taken: usize) -> impl Iterator<Item = usize> {
    (1..=9).chain(taken.max(9) + 1..)
}

fn numbered(base: &str, separator: &str, number: usize) -> String {
    if number == 1 { base.to_owned() } else { format!("{base}{separator}{number}") }
}

#[cfg(test)]
mod tests;
