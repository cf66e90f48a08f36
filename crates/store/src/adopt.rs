//! Taking over a database of the original shape: tables of our names with a few of our columns.
//!
//! They are renamed, ours are made, and each group is written as if its people had done everything again: by the rules, in
//! their old order, at the old times. What was said before is no news to anybody. The old tables stay, renamed once more.
//! Interrupted, it goes on where it was, since a group that is there was taken over.

mod message;
mod original;
mod predecessor;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use groupchat_core::{
    Addition, Archived, BareJid, Change, Command, Group, GroupId, Jid, Limits, MemberRef, MemberSpec, Mid,
    NewGroup, People, Receive, Refusal, Removal, Role, Settings, StanzaId, Timestamp, create, decide,
};
use groupchat_entity::group;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter,
};

use crate::error::Doing;
use crate::{Batch, StoreError, commit};
use message::archived;
use original::{GROUPS, GroupRow, MEMBERS, MESSAGES, MessageRow, PAGE_ROWS};
pub use predecessor::Predecessor;

/// Members that one request may name.
const MEMBERS_PER_REQUEST: usize = 1_000;
/// Messages that are written at once.
const MESSAGES_PER_BATCH: usize = 1_000;
/// Complaints that are kept; one more says how many there were.
const LEFT_OUT_MAX: usize = 100;
/// A message may be so much later than now: clocks differ. Ids follow times, so what is later would keep them ahead for ever.
const AHEAD_MS_MAX: i64 = 24 * 60 * 60 * 1_000;

/// What was taken over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adopted {
    /// Groups.
    pub groups: usize,
    /// Their members.
    pub members: usize,
    /// Their messages.
    pub messages: usize,
    /// What could not be, and why; at most a hundred lines.
    pub left_out: Vec<String>,
}

/// Renames tables of the original shape, so that ours can be made.
pub(crate) async fn set_aside(tx: &DatabaseTransaction) -> Result<(), StoreError> {
    for table in [GROUPS, MEMBERS, MESSAGES] {
        table.set_aside(tx).await.doing("setting a table of the original shape aside")?;
    }
    Ok(())
}

/// Takes over what was set aside, at this time; `None`: there is nothing.
pub(crate) async fn adopt(tx: &DatabaseTransaction, now: Timestamp) -> Result<Option<Adopted>, StoreError> {
    const DOING: &str = "taking over the tables of the original shape";
    if !GROUPS.is_aside(tx).await.doing(DOING)? {
        return Ok(None);
    }
    let mut adoption = Adoption {
        tx,
        latest: now.0.saturating_add(AHEAD_MS_MAX),
        used: HashSet::new(),
        seen: HashMap::new(),
        done: Adopted::default(),
        left_out: 0,
    };
    let rows = original::groups(tx).await.doing(DOING)?;
    adoption.report_lost(&rows).await.doing(DOING)?;
    for row in &rows {
        adoption.group(row).await?;
    }
    // The groups last: while they are set aside, the whole begins again.
    for table in [MESSAGES, MEMBERS, GROUPS] {
        table.finish(tx).await.doing(DOING)?;
    }
    let Adoption { mut done, left_out, .. } = adoption;
    if left_out > done.left_out.len() {
        done.left_out.push(format!("and {} more", left_out - done.left_out.len()));
    }
    Ok(Some(done))
}

struct Adoption<'a> {
    tx: &'a DatabaseTransaction,
    /// Ids of messages, which must be unique over all groups.
    used: HashSet<i64>,
    /// No message is later.
    latest: i64,
    /// The groups that were looked at, with the ids that they had.
    seen: HashMap<GroupId, String>,
    done: Adopted,
    left_out: usize,
}

/// A group on its way from one shape to the other.
struct Arrival {
    group: Group,
    owner: BareJid,
    changes: Vec<Change>,
    /// Member ids of those too who are in no more.
    mids: HashMap<BareJid, Mid>,
}

impl Adoption<'_> {
    fn leave_out(&mut self, what: String) {
        self.left_out += 1;
        if self.done.left_out.len() < LEFT_OUT_MAX {
            self.done.left_out.push(what);
        }
    }

    async fn group(&mut self, row: &GroupRow) -> Result<(), StoreError> {
        const DOING: &str = "reading a table of the original shape";
        let Ok(id) = GroupId::parse(&row.id) else {
            self.leave_out(format!("the group `{}`: this cannot be the id of a group", row.id));
            return Ok(());
        };
        if let Some(first) = self.seen.get(&id) {
            self.leave_out(format!("the group `{}`: its id is, as addresses go, that of `{first}`", row.id));
            return Ok(());
        }
        self.seen.insert(id.clone(), row.id.clone());
        if self.is_there(&id).await? {
            return Ok(());
        }
        let members = self.members(row).await?;
        let first = original::messages(self.tx, &row.id, 0).await.doing(DOING)?;
        let born = first.iter().find_map(|message| original::time(&message.time, self.latest));
        let born = Timestamp(born.unwrap_or_default());
        let Some(mut arrival) = self.create(id, row, &members, born) else { return Ok(()) };
        let authors = original::authors(self.tx, &row.id).await.doing(DOING)?;
        self.remember_authors(&mut arrival, &authors, born);
        let changes = std::mem::take(&mut arrival.changes);
        self.write(&arrival, changes, Vec::new(), born).await?;
        self.messages(&mut arrival, &row.id, first, born).await?;
        self.done.groups += 1;
        self.done.members += arrival.group.members().len();
        Ok(())
    }

    /// Members and messages of groups that are not there.
    async fn report_lost(&mut self, groups: &[GroupRow]) -> Result<(), DbErr> {
        // MySQL finds a group by its id in letters of any case.
        let is_mysql = self.tx.get_database_backend() == DbBackend::MySql;
        let written = |id: &str| if is_mysql { id.to_lowercase() } else { id.to_owned() };
        let groups: BTreeSet<String> = groups.iter().map(|row| written(&row.id)).collect();
        for table in [MEMBERS, MESSAGES] {
            let named = table.named(self.tx).await?.into_iter();
            let lost: Vec<_> = named.filter(|(id, _)| !groups.contains(&written(id))).collect();
            if let Some((id, _)) = lost.first() {
                let rows: i64 = lost.iter().map(|(_, rows)| rows).sum();
                let (name, count) = (table.name, lost.len());
                let what = format!("{rows} rows of {name}: the {count} groups that they name are not there");
                self.leave_out(format!("{what} (as `{id}`)"));
            }
        }
        Ok(())
    }

    async fn is_there(&self, id: &GroupId) -> Result<bool, StoreError> {
        let found = group::Entity::find().filter(group::Column::GroupId.eq(id.as_str()));
        Ok(found.count(self.tx).await.doing("looking for a group")? > 0)
    }

    /// Who is in the group, each once, with his role, and whether messages reach him.
    async fn members(&mut self, row: &GroupRow) -> Result<Vec<(BareJid, Role, bool)>, StoreError> {
        let rows = original::members(self.tx, &row.id).await.doing("reading the original members")?;
        let mut members: Vec<(BareJid, Role, bool)> = Vec::with_capacity(rows.len());
        let mut seen = HashSet::new();
        for member in rows {
            match user(&member.jid).map(Jid::into_bare) {
                Some(jid) if seen.insert(jid.clone()) => {
                    let role = Role::parse(&member.authority.trim().to_lowercase()).unwrap_or(Role::Member);
                    members.push((jid, role, member.is_received));
                }
                Some(_) => {}
                None => self
                    .leave_out(format!("`{}` in the group `{}`: no address of a user", member.jid, row.id)),
            }
        }
        Ok(members)
    }

    /// Makes the group and lets its members in.
    fn create(
        &mut self,
        id: GroupId,
        row: &GroupRow,
        members: &[(BareJid, Role, bool)],
        born: Timestamp,
    ) -> Option<Arrival> {
        // Without an owner the highest is it.
        let first =
            members.iter().enumerate().max_by_key(|(at, (_, role, _))| (*role, std::cmp::Reverse(*at)));
        let Some((_, (owner, ..))) = first else {
            self.leave_out(format!("the group `{}`: nobody is in it", row.id));
            return None;
        };
        let properties = self.properties(row);
        let new = NewGroup { properties, ..NewGroup::default() };
        let made = create(id, owner, &new, &Settings::default(), &limits(), born);
        let group = match made.map(|decision| decision.changes.into_iter().next()) {
            Ok(Some(Change::Created(group))) => *group,
            Ok(_) => return None,
            Err(refusal) => {
                self.leave_out(format!("the group `{}`: {refusal}", row.id));
                return None;
            }
        };
        let changes = vec![Change::Created(Box::new(group.clone()))];
        let mut arrival = Arrival { group, owner: owner.clone(), changes, mids: HashMap::new() };
        let others = members.iter().filter(|(jid, ..)| jid != owner);
        let others: Vec<_> = others.map(|(jid, role, _)| spec(jid, *role)).collect();
        self.let_in(&mut arrival, &others, born);
        for (jid, ..) in members.iter().filter(|(.., is_received)| !is_received) {
            let deaf = Change::MemberSettings { jid: jid.clone(), receive: Receive::None, mute_until: None };
            arrival.apply(deaf);
        }
        Some(arrival)
    }

    /// Name and description, if they can be these.
    fn properties(&mut self, row: &GroupRow) -> Vec<(String, String)> {
        let mut properties = Vec::new();
        for (name, value) in [("name", &row.name), ("description", &row.description)] {
            let property = (name.to_owned(), value.clone());
            match Settings::default().with(std::slice::from_ref(&property), &limits()) {
                Ok(_) => properties.push(property),
                Err(_) if value.is_empty() => {}
                Err(refusal) => self.leave_out(format!("the {name} of the group `{}`: {refusal}", row.id)),
            }
        }
        properties
    }

    fn let_in(&mut self, arrival: &mut Arrival, specs: &[MemberSpec], at: Timestamp) {
        let addition = |members: &[MemberSpec]| {
            Command::AddMembers(Addition { members: members.to_vec(), people: People::new(), reason: None })
        };
        for chunk in specs.chunks(MEMBERS_PER_REQUEST) {
            if carry_out(arrival, &addition(chunk), at).is_ok() {
                continue;
            }
            // One who cannot be let in does not keep the others out.
            for one in chunk {
                if let Err(refusal) = carry_out(arrival, &addition(std::slice::from_ref(one)), at) {
                    self.leave_out(format!("`{}` in the group `{}`: {refusal}", one.jid, arrival.group.id));
                }
            }
        }
    }

    /// Gives whoever wrote and is in no more a member id, as if he had left.
    fn remember_authors(&mut self, arrival: &mut Arrival, authors: &[String], at: Timestamp) {
        let mut gone = BTreeMap::new();
        for author in authors.iter().filter_map(|author| user(author)) {
            let author = author.into_bare();
            if arrival.group.member(&author).is_none() {
                gone.insert(author.to_string(), author);
            }
        }
        let specs: Vec<_> = gone.values().map(|jid| spec(jid, Role::Member)).collect();
        self.let_in(arrival, &specs, at);
        arrival.mids = arrival.group.members().iter().map(|m| (m.jid.clone(), m.mid.clone())).collect();
        let gone = gone.into_values().filter(|jid| arrival.group.member(jid).is_some());
        let gone: Vec<_> = gone.map(MemberRef::Jid).collect();
        for chunk in gone.chunks(MEMBERS_PER_REQUEST) {
            let removal =
                Command::RemoveMembers(Removal { who: chunk.to_vec(), ban: false, ..Removal::default() });
            if let Err(refusal) = carry_out(arrival, &removal, at) {
                self.leave_out(format!("who left the group `{}` is in it: {refusal}", arrival.group.id));
            }
        }
    }

    /// Archives the messages, and lets every member have read them.
    async fn messages(
        &mut self,
        arrival: &mut Arrival,
        original: &str,
        first: Vec<MessageRow>,
        born: Timestamp,
    ) -> Result<(), StoreError> {
        const DOING: &str = "reading the original messages";
        let (mut last, mut at) = (StanzaId::default(), born);
        let mut messages = first;
        for page in 1_u64.. {
            for chunk in messages.chunks(MESSAGES_PER_BATCH) {
                let (mut rows, mut changes) = (Vec::new(), Vec::new());
                for message in chunk {
                    at = self.time_of(arrival, message, at);
                    let Some((sender, mid)) = self.sender_of(arrival, message) else { continue };
                    last = self.free_id(last.next(at));
                    let change = Change::Posted { author: sender.bare().clone() };
                    if !message.body.is_empty() {
                        arrival.group.apply(&change);
                        changes.push(change);
                    }
                    rows.push(archived(arrival, message, (sender, mid), last, at));
                }
                self.done.messages += rows.len();
                self.write(arrival, changes, rows, at).await?;
            }
            if messages.len() < PAGE_ROWS {
                break;
            }
            messages = original::messages(self.tx, original, page).await.doing(DOING)?;
        }
        let seen = arrival.group.countable;
        let read = |jid: &BareJid| Change::Read { jid: jid.clone(), upto: last, seen };
        let read = arrival.group.members().iter().map(|member| read(&member.jid)).collect();
        self.write(arrival, read, Vec::new(), at).await
    }

    /// When a message was sent; one of which that cannot be told was sent with the one before it.
    fn time_of(&mut self, arrival: &Arrival, message: &MessageRow, before: Timestamp) -> Timestamp {
        let at = original::time(&message.time, self.latest).map(Timestamp);
        if at.is_none() {
            let (id, group) = (&message.id, &arrival.group.id);
            let what = format!("the time `{}` of the message `{id}` in the group `{group}`", message.time);
            self.leave_out(format!("{what}: no time; it has that of the one before it"));
        }
        at.unwrap_or(before)
    }

    /// Who sent a message, with his member id.
    fn sender_of(&mut self, arrival: &Arrival, message: &MessageRow) -> Option<(Jid, Mid)> {
        let sender = user(&message.sender)
            .and_then(|sender| arrival.mids.get(sender.bare()).cloned().map(|mid| (sender, mid)));
        if sender.is_none() {
            let (id, group) = (&message.id, &arrival.group.id);
            self.leave_out(format!("the message `{id}` in the group `{group}`: no sender"));
        }
        sender
    }

    /// This id, or the next one that no message of another group has.
    fn free_id(&mut self, mut id: StanzaId) -> StanzaId {
        while !self.used.insert(id.0) {
            id.0 += 1;
        }
        id
    }

    async fn write(
        &self,
        arrival: &Arrival,
        changes: Vec<Change>,
        archive: Vec<Archived>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let changes = changes.into_iter().map(|change| (arrival.group.id.clone(), change)).collect();
        commit::write(self.tx, &Batch { now, changes, archive, ..Batch::default() }).await
    }
}

impl Arrival {
    fn apply(&mut self, change: Change) {
        self.group.apply(&change);
        self.changes.push(change);
    }
}

/// Does what a command says, by the rules.
fn carry_out(arrival: &mut Arrival, command: &Command, at: Timestamp) -> Result<(), Refusal> {
    let decision = decide(&arrival.group, &arrival.owner, command, &limits(), at)?;
    decision.changes.into_iter().for_each(|change| arrival.apply(change));
    Ok(())
}

/// The address of a user; of a whole server nobody is.
fn user(text: &str) -> Option<Jid> {
    Jid::parse(text).ok().filter(|jid| jid.bare().local().is_some())
}

fn spec(jid: &BareJid, role: Role) -> MemberSpec {
    MemberSpec { jid: jid.to_string(), role: Some(role.as_str().into()), ..MemberSpec::default() }
}

/// What was there is taken over, however much it is.
fn limits() -> Limits {
    Limits {
        members_per_group: usize::MAX / 16,
        groups_per_user: usize::MAX,
        name_chars: 384,
        description_chars: 100_000,
        ..Limits::default()
    }
}
