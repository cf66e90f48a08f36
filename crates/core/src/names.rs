//! By which names new members are in: their accounts, member ids and nicks, asked for or made up; each free.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::{BareJid, Group, Limits, MemberSpec, Mid, Nick, Refusal, Role};

/// The names that are taken: in the group, and by the new members so far.
pub(crate) struct Names<'a> {
    group: &'a Group,
    jids: HashSet<BareJid>,
    nicks: HashSet<String>,
    mids: HashSet<Mid>,
    /// Where to go on numbering, by base.
    next_mid: HashMap<String, u64>,
    next_nick: HashMap<String, u64>,
}

impl<'a> Names<'a> {
    /// Those of the group.
    pub(crate) fn of(group: &'a Group) -> Self {
        Self {
            group,
            jids: HashSet::new(),
            nicks: HashSet::new(),
            mids: HashSet::new(),
            next_mid: HashMap::new(),
            next_nick: HashMap::new(),
        }
    }

    /// What an entry asks for: taken from now on.
    ///
    /// # Errors
    /// [`Refusal`]: the account is in already, a name is taken, or cannot be one.
    pub(crate) fn asked(
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
            Some(text) => parse_role(text)?,
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
    pub(crate) fn free_mid(&mut self, jid: &BareJid, limits: &Limits) -> Mid {
        let base = base_name(jid, limits);
        let base = if Mid::parse(&base, limits).is_ok() { base } else { "member".into() };
        let first = self.next_mid.get(&base).copied().unwrap_or(1);
        let free = numbers(first, jid)
            .map(|number| (number, Mid::from_stored(&numbered(&base, "-", number))))
            .find(|(_, mid)| self.take_mid(mid, jid));
        let (number, mid) = free.unwrap_or_else(|| (1, Mid::from_stored(&base)));
        self.next_mid.insert(base, number + 1);
        mid
    }

    /// A nick made from the account, with a number when it is taken.
    pub(crate) fn free_nick(&mut self, jid: &BareJid, limits: &Limits) -> Nick {
        let base = base_name(jid, limits);
        let base = if Nick::parse(&base, limits).is_ok() { base } else { "member".into() };
        let first = self.next_nick.get(&base).copied().unwrap_or(1);
        let free = numbers(first, jid)
            .map(|number| (number, Nick::from_stored(&numbered(&base, " ", number))))
            .find(|(_, nick)| self.take_nick(nick));
        let (number, nick) = free.unwrap_or_else(|| (1, Nick::from_stored(&base)));
        self.next_nick.insert(base, number + 1);
        nick
    }

    fn take_mid(&mut self, mid: &Mid, jid: &BareJid) -> bool {
        self.group.mid_owner(mid).is_none_or(|owner| owner == jid) && self.mids.insert(mid.clone())
    }

    fn take_nick(&mut self, nick: &Nick) -> bool {
        let key = nick.key();
        !self.group.has_nick(&key) && self.nicks.insert(key)
    }
}

/// Reads the name of a role.
pub(crate) fn parse_role(text: &str) -> Result<Role, Refusal> {
    Role::parse(text)
        .ok_or_else(|| Refusal::Malformed(format!("role `{text}`: must be owner, admin or member")))
}

/// The localpart, short enough to leave room for a number.
fn base_name(jid: &BareJid, limits: &Limits) -> String {
    jid.local().unwrap_or("member").chars().take(limits.nick_chars.saturating_sub(9).max(1)).collect()
}

/// Numbers in a row first, from `first`; where there is a crowd of namesakes, then such as come from the account itself,
/// so that nobody can make finding a free one long.
fn numbers(first: u64, jid: &BareJid) -> impl Iterator<Item = u64> {
    let of_account = (0..TRIES_MAX).map(|salt| {
        let mut hasher = DefaultHasher::new();
        (jid.as_str(), salt).hash(&mut hasher);
        10_000_000 + hasher.finish() % 90_000_000
    });
    (first..=TRIES_MAX).chain(of_account)
}

/// Numbers that are tried of each kind.
const TRIES_MAX: u64 = 100;

fn numbered(base: &str, separator: &str, number: u64) -> String {
    if number == 1 { base.to_owned() } else { format!("{base}{separator}{number}") }
}

/// The account that an entry names.
pub(crate) fn account(spec: &MemberSpec) -> Result<BareJid, Refusal> {
    let jid = BareJid::parse(&spec.jid).map_err(|invalid| Refusal::Address(invalid.to_string()))?;
    match jid.local() {
        Some(_) => Ok(jid),
        None => Err(Refusal::Address(format!("`{jid}` is a server, not an account"))),
    }
}
