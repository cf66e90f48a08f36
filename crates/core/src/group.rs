//! One group in memory: its settings and who is in it, and how a [`Change`] changes that.
//!
//! Not here: whether a change is permitted (one rule a file, named in `decide`).

use std::collections::{HashMap, HashSet};

use crate::{
    BareJid, Change, GroupId, Member, MemberRef, MemberSpec, Mid, Nick, Refusal, Role, Settings, Timestamp,
    Visibility,
};

/// A group: a list of members with roles, and settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Grows with every change of settings or members; a commit checks it, so that a stale copy cannot win.
    pub version: i64,
    /// Its settings.
    pub settings: Settings,
    /// It was deleted; its id stays taken.
    pub deleted: bool,
    /// Made as a room and not configured yet: nobody but its maker knows of it.
    pub locked: bool,
    /// It was given up before anybody knew of it: its id is free.
    pub abandoned: bool,
    /// How many countable messages there were.
    pub countable: i64,
    members: Vec<Member>,
    by_jid: HashMap<BareJid, usize>,
    nicks: HashMap<String, usize>,
    pub(crate) mids: HashMap<Mid, BareJid>,
    pub(crate) banned: HashSet<BareJid>,
    pending: Vec<Pending>,
}

/// Somebody who asked to join, or was asked, and has no answer yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// Who.
    pub jid: BareJid,
    /// Who asked whom.
    pub kind: PendingKind,
    /// As what he is to become a member.
    pub spec: MemberSpec,
    /// Since when.
    pub since: Timestamp,
}

/// Who asked whom.
#[derive(Debug, Clone, PartialEq)]
pub enum PendingKind {
    /// The account asked the group; owners and admins answer.
    Request,
    /// A member asked the account, which answers.
    Invitation {
        /// Who invited.
        by: BareJid,
    },
}

/// A group as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredGroup {
    /// Its id.
    pub id: GroupId,
    /// Its version.
    pub version: i64,
    /// Its settings.
    pub settings: Settings,
    /// It was deleted.
    pub deleted: bool,
    /// Made as a room and not configured yet.
    pub locked: bool,
    /// How many countable messages there were.
    pub countable: i64,
    /// The members, in the order in which they came.
    pub members: Vec<Member>,
    /// The member ids of those who left: nobody else gets them.
    pub former: Vec<(Mid, BareJid)>,
    /// Who is kept out.
    pub banned: Vec<BareJid>,
    /// Who waits for an answer, oldest first.
    pub pending: Vec<Pending>,
}

impl From<StoredGroup> for Group {
    fn from(stored: StoredGroup) -> Self {
        let StoredGroup { id, version, settings, deleted, locked, .. } = stored;
        let StoredGroup { countable, members, former, banned, pending, .. } = stored;
        let mut group = Self {
            id,
            version,
            settings,
            deleted,
            locked,
            abandoned: false,
            countable,
            members,
            by_jid: HashMap::new(),
            nicks: HashMap::new(),
            mids: former.into_iter().collect(),
            banned: banned.into_iter().collect(),
            pending,
        };
        group.index();
        group
    }
}

impl Group {
    /// A new group: nobody was ever in it but these.
    pub fn new(id: GroupId, settings: Settings, members: Vec<Member>) -> Self {
        let (former, banned, pending) = (Vec::new(), Vec::new(), Vec::new());
        StoredGroup {
            id,
            version: 1,
            settings,
            deleted: false,
            locked: false,
            countable: 0,
            members,
            former,
            banned,
            pending,
        }
        .into()
    }

    /// The members in the order in which they came.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member with this account.
    pub fn member(&self, jid: &BareJid) -> Option<&Member> {
        self.by_jid.get(jid).map(|at| &self.members[*at])
    }

    /// The member with this member id.
    pub fn member_by_mid(&self, mid: &Mid) -> Option<&Member> {
        self.mids.get(mid).and_then(|jid| self.member(jid))
    }

    /// The member that a request names.
    pub fn find(&self, who: &MemberRef) -> Option<&Member> {
        match who {
            MemberRef::Jid(jid) => self.member(jid),
            MemberRef::Mid(mid) => self.member_by_mid(mid),
            MemberRef::Nick(nick) => self.member_by_nick(nick),
        }
    }

    /// Is this account kept out?
    pub fn is_banned(&self, jid: &BareJid) -> bool {
        self.banned.contains(jid)
    }

    /// The accounts that are kept out, by address.
    pub fn banned(&self) -> Vec<&BareJid> {
        let mut banned: Vec<_> = self.banned.iter().collect();
        banned.sort_unstable();
        banned
    }

    /// Who asked to join, or was asked, and has no answer yet.
    pub fn pending(&self) -> &[Pending] {
        &self.pending
    }

    /// What this account waits for.
    pub fn pending_of(&self, jid: &BareJid) -> Option<&Pending> {
        self.pending.iter().find(|pending| pending.jid == *jid)
    }

    /// How many are remembered beside the members: by ids that they had, and as banned.
    pub fn remembered(&self) -> usize {
        self.mids.len() + self.banned.len()
    }

    /// Has a member this nick?
    pub fn has_nick(&self, key: &str) -> bool {
        self.nicks.contains_key(key)
    }

    /// The member whose nick looks like this one, or whom a room calls so.
    pub fn member_by_nick(&self, nick: &Nick) -> Option<&Member> {
        self.nicks.get(&nick.key()).map(|at| &self.members[*at])
    }

    /// Who has, or had, this member id.
    pub fn mid_owner(&self, mid: &Mid) -> Option<&BareJid> {
        self.mids.get(mid)
    }

    /// The actor as a member.
    ///
    /// # Errors
    /// What somebody who is not in may hear: [`Refusal::NoSuchGroup`] of a private group, else not allowed.
    pub fn actor(&self, jid: &BareJid) -> Result<&Member, Refusal> {
        self.member(jid).ok_or(match self.settings.visibility {
            Visibility::Private => Refusal::NoSuchGroup,
            Visibility::Public => Refusal::NotAllowed("only members may do this"),
        })
    }

    /// Takes over a change that was decided on this very group.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Created(group) => *self = (**group).clone(),
            Change::Updated(settings) => self.settings = settings.clone(),
            Change::Avatar(new) => {
                self.settings.avatar = new.as_ref().map_or_else(|| "".into(), |avatar| avatar.hash.clone());
            }
            Change::Deleted => self.deleted = true,
            Change::Unlocked => self.locked = false,
            Change::Abandoned => (self.deleted, self.abandoned) = (true, true),
            Change::MembersAdded { members, unbanned } => {
                self.members.extend(members.iter().cloned());
                for jid in unbanned {
                    self.banned.remove(jid);
                }
                self.pending.retain(|pending| !members.iter().any(|member| member.jid == pending.jid));
                self.index();
            }
            Change::MembersUpdated(members) => {
                for member in members {
                    self.replace(member);
                }
                self.index();
            }
            Change::MemberSettings { jid, receive, mute_until } => {
                if let Some(at) = self.by_jid.get(jid) {
                    self.members[*at].receive = *receive;
                    self.members[*at].mute_until = *mute_until;
                }
            }
            Change::MembersRemoved { removed, banned, deletes } => {
                let gone: HashSet<&BareJid> = removed.iter().collect();
                self.members.retain(|member| !gone.contains(&member.jid));
                self.banned.extend(banned.iter().cloned());
                self.pending.retain(|pending| !banned.contains(&pending.jid));
                self.deleted = *deletes;
                self.index();
            }
            Change::Waiting(new) => {
                self.pending.retain(|old| !new.iter().any(|new| new.jid == old.jid));
                self.pending.extend(new.iter().cloned());
            }
            Change::Answered(jids) => self.pending.retain(|pending| !jids.contains(&pending.jid)),
            Change::Posted { author } => {
                self.countable += 1;
                if let Some(at) = self.by_jid.get(author) {
                    self.members[*at].seen += 1;
                }
            }
            Change::Retracted { .. } => {}
            Change::Read { jid, upto, seen } => {
                if let Some(at) = self.by_jid.get(jid) {
                    self.members[*at].read = *upto;
                    self.members[*at].seen = *seen;
                }
            }
        }
        if change.makes_version() {
            self.version += 1;
        }
    }

    fn replace(&mut self, member: &Member) {
        if let Some(at) = self.by_jid.get(&member.jid) {
            self.members[*at] = member.clone();
        }
    }

    fn index(&mut self) {
        self.by_jid = self.members.iter().enumerate().map(|(at, m)| (m.jid.clone(), at)).collect();
        let named = self.members.iter().enumerate();
        self.nicks = named.flat_map(|(at, member)| member.name_keys().map(move |key| (key, at))).collect();
        self.mids.extend(self.members.iter().map(|member| (member.mid.clone(), member.jid.clone())));
    }
}

/// How much of a group somebody can see; PROTOCOL: roles and settings, first row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// A member: everything.
    Inside,
    /// Not a member, but the group is public: that it is there, and what it says of itself.
    Outside,
    /// To this one it does not exist.
    Nothing,
}

/// How much of a group somebody with this role (`None`: no member) can see.
pub fn sight(visibility: Visibility, role: Option<Role>) -> Sight {
    match (visibility, role) {
        (_, Some(_)) => Sight::Inside,
        (Visibility::Public, None) => Sight::Outside,
        (Visibility::Private, None) => Sight::Nothing,
    }
}
