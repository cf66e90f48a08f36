//! By which names new members are in: their accounts, member ids and nicks, asked for or made up; each free.

use std::collections::HashSet;

use crate::{BareJid, Group, Limits, MemberSpec, Mid, Nick, Refusal, Role};

/// The names that are taken: in the group, and by the new members so far.
pub(crate) struct Names<'a> {
    group: &'a Group,
    jids: HashSet<BareJid>,
    nicks: HashSet<String>,
    mids: HashSet<Mid>,
}

impl<'a> Names<'a> {
    /// Those of the group.
    pub(crate) fn of(group: &'a Group) -> Self {
        Self { group, jids: HashSet::new(), nicks: HashSet::new(), mids: HashSet::new() }
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
        numbers(self.group.members().len() + self.mids.len())
            .map(|number| Mid::from_stored(&numbered(&base, "-", number)))
            .find(|mid| self.take_mid(mid, jid))
            .unwrap_or_else(|| Mid::from_stored(&base))
    }

    /// A nick made from the account, with a number when it is taken.
    pub(crate) fn free_nick(&mut self, jid: &BareJid, limits: &Limits) -> Nick {
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

/// Reads the name of a role.
pub(crate) fn parse_role(text: &str) -> Result<Role, Refusal> {
    Role::parse(text)
        .ok_or_else(|| Refusal::Malformed(format!("role `{text}`: must be owner, admin or member")))
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

/// The account that an entry names.
pub(crate) fn account(spec: &MemberSpec) -> Result<BareJid, Refusal> {
    let jid = BareJid::parse(&spec.jid).map_err(|invalid| Refusal::Address(invalid.to_string()))?;
    match jid.local() {
        Some(_) => Ok(jid),
        None => Err(Refusal::Address(format!("`{jid}` is a server, not an account"))),
    }
}
