//! One batch in the making: the groups it touches, what it stores, what it will say.

use std::collections::{BTreeSet, HashMap, HashSet};

use groupchat_core::{
    Addable, Archived, BareJid, Change, Command, Group, GroupId, Jid, Occupant, Refusal, SessionChange,
    StanzaId, Timestamp,
};
use groupchat_dialect::{Bounce, Origin, Outbound, encode};
use groupchat_link::Outgoing;
use groupchat_store::{Batch, StoreError};

use super::Order;
use crate::fanout::outgoing_of;
use crate::groups::Groups;

/// Copies to be said by which a batch is large enough, however few requests it has.
const COPIES_MAX: usize = 16_384;

/// A batch in the making.
pub(super) struct Work {
    /// The time at which all of it is decided.
    pub(super) now: Timestamp,
    /// What it does to sessions.
    pub(super) sessions: Vec<SessionChange>,
    /// The devices that came into rooms, went, or said something of themselves there.
    pub(super) in_rooms: BTreeSet<(GroupId, Jid)>,
    /// Where they were, as far as that was decided, in this order: if it cannot be stored they are there still.
    pub(super) rooms_before: Vec<(GroupId, Jid, Option<Occupant>)>,
    /// Rooms that are given up because nobody configured them; once more if the batch cannot be stored.
    pub(super) leftovers: Vec<GroupId>,
    /// Who may be added by whom from now on.
    pub(super) people: Vec<(BareJid, Addable)>,
    /// What came back and was looked at; once more if the batch cannot be stored.
    pub(super) bounces: Vec<Bounce>,
    /// The database did not answer when something was looked up: what nobody waits for is not tried again.
    pub(super) is_blind: bool,
    /// Copies for later that are sent because of it.
    pub(super) missed: HashSet<(StanzaId, BareJid)>,
    groups: HashMap<GroupId, Option<Group>>,
    versions: Vec<(GroupId, i64)>,
    changes: Vec<(GroupId, Change)>,
    archive: Vec<Archived>,
    outcomes: Vec<Outcome>,
    copies: HashMap<Option<GroupId>, usize>,
    all_copies: usize,
    bytes: usize,
    /// The last id that was used.
    pub(super) last_id: StanzaId,
}

/// Who came and went, to be stored with the next batch.
#[derive(Debug, Default)]
pub(super) struct Unsaved {
    /// Devices.
    pub(super) sessions: Vec<SessionChange>,
    /// Devices in rooms.
    pub(super) in_rooms: BTreeSet<(GroupId, Jid)>,
}

impl Unsaved {
    /// Is there nothing?
    pub(super) fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.in_rooms.is_empty()
    }
}

/// What is said once the batch is stored; and who is to hear it if it cannot be. Also what stores nothing itself waits
/// for that: it was decided on what the batch changed.
struct Outcome {
    asker: Option<Origin>,
    /// In whose lane it goes.
    group: Option<GroupId>,
    speech: Vec<Outbound>,
    /// What happened, for the log.
    news: Option<News>,
}

/// What happened, told to the log once it is stored.
pub(super) type News = Box<dyn FnOnce() + Send>;

/// What remains of a batch when the part to be stored is taken out.
pub(super) struct Rest {
    /// The last id that the batch used.
    pub(super) last_id: StanzaId,
    /// What came back.
    pub(super) bounces: Vec<Bounce>,
    /// Copies for later that are sent because of it.
    pub(super) missed: HashSet<(StanzaId, BareJid)>,
    /// The devices that came into rooms, went, or said something of themselves there.
    pub(super) in_rooms: BTreeSet<(GroupId, Jid)>,
    /// Rooms that are given up because nobody configured them.
    pub(super) leftovers: Vec<GroupId>,
    /// Where they were.
    pub(super) rooms_before: Vec<(GroupId, Jid, Option<Occupant>)>,
    groups: HashMap<GroupId, Option<Group>>,
    outcomes: Vec<Outcome>,
}

impl Work {
    /// An empty batch; `unsaved` is what the last one could not store.
    pub(super) fn new(now: Timestamp, last_id: StanzaId, unsaved: Unsaved) -> Self {
        Self {
            now,
            sessions: unsaved.sessions,
            in_rooms: unsaved.in_rooms,
            rooms_before: Vec::new(),
            leftovers: Vec::new(),
            people: Vec::new(),
            bounces: Vec::new(),
            is_blind: false,
            missed: HashSet::new(),
            groups: HashMap::new(),
            versions: Vec::new(),
            changes: Vec::new(),
            archive: Vec::new(),
            outcomes: Vec::new(),
            copies: HashMap::new(),
            all_copies: 0,
            bytes: 0,
            last_id,
        }
    }

    /// The group as this batch has it so far.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) async fn group(
        &mut self,
        groups: &mut Groups,
        id: &GroupId,
    ) -> Result<Option<&Group>, StoreError> {
        if !self.groups.contains_key(id) {
            let group = groups.take(id).await?;
            self.versions.extend(group.as_ref().map(|group| (id.clone(), group.version)));
            self.groups.insert(id.clone(), group);
        }
        Ok(self.groups.get(id).and_then(Option::as_ref))
    }

    /// A group that this batch has looked at before.
    pub(super) fn touched(&self, id: &GroupId) -> Option<&Group> {
        self.groups.get(id).and_then(Option::as_ref)
    }

    /// What is known of a group that nothing was decided on: it is loaded anew when it is needed.
    pub(super) fn forget(&mut self, id: &GroupId) {
        self.groups.remove(id);
        self.versions.retain(|(group, _)| group != id);
    }

    /// Takes a touched group out, to speak of it while rows are added; [`Work::put_back`] goes with it.
    pub(super) fn take(&mut self, id: &GroupId) -> Option<Group> {
        self.groups.get_mut(id).and_then(Option::take)
    }

    /// Puts back what was taken out.
    pub(super) fn put_back(&mut self, group: Group) {
        self.groups.insert(group.id.clone(), Some(group));
    }

    /// Takes over a change: later requests of the batch see it.
    pub(super) fn apply(&mut self, id: &GroupId, change: Change) {
        if change == Change::Abandoned {
            // Nothing of it stays: neither what this batch has said in it so far.
            self.archive.retain(|row| row.group != *id);
        }
        match (self.groups.get_mut(id), &change) {
            (Some(Some(group)), _) => group.apply(&change),
            (Some(slot), Change::Created(group)) => *slot = Some((**group).clone()),
            (Some(None) | None, _) => {}
        }
        self.changes.push((id.clone(), change));
    }

    /// The id of the next row of the archive.
    pub(super) fn next_id(&mut self) -> StanzaId {
        self.last_id = self.last_id.next(self.now);
        self.last_id
    }

    /// Adds a row to the archive.
    pub(super) fn archive(&mut self, row: Archived) {
        self.archive.push(row);
    }

    /// Can this be decided in the same batch? Not when there is much to say already; nor when it has to find stored what
    /// the batch has only decided: a message that it is about, who may be added, what was said before somebody came.
    pub(super) fn has_room_for(&self, order: &Order) -> bool {
        let waits = match order {
            Order::Request(request) => match (&request.command, &request.group) {
                (Command::Retract(_), Some(group)) => self.has_said_in(group),
                (Command::Post(post), Some(group)) => post.corrects.is_some() && self.has_said_in(group),
                (Command::Read(_), Some(group)) => {
                    let reader = request.origin.from.bare();
                    self.archive.iter().any(|row| row.group == *group && row.sender.bare() == reader)
                }
                (
                    Command::AddMembers(_)
                    | Command::Invite(_)
                    | Command::Affiliate(_)
                    | Command::Join { .. },
                    Some(group),
                ) => self.has_said_in(group) || self.changes_people(),
                (Command::Create(_), _) => self.changes_people(),
                _ => false,
            },
            // It may be about anything.
            Order::Act(_) | Order::Erase(_) => {
                !self.changes.is_empty() || !self.archive.is_empty() || self.changes_people()
            }
            Order::Resend(resend) => self.has_said_in(&resend.group),
            // What is said in this batch is to be in its history.
            Order::Enter(enter) => self.has_said_in(&enter.group) || self.changes_people(),
            Order::Presence(_)
            | Order::LostOccupant(..)
            | Order::Leftover(_)
            | Order::Seen(_)
            | Order::Bounce(_)
            | Order::Private(_)
            | Order::Ping(_)
            | Order::Consent(..)
            | Order::KeptBounce(_)
            | Order::LinkUp
            | Order::Reload(_) => false,
        };
        !waits && self.all_copies < COPIES_MAX
    }

    fn has_said_in(&self, group: &GroupId) -> bool {
        self.archive.iter().any(|row| row.group == *group)
    }

    fn changes_people(&self) -> bool {
        let counts = |change: &Change| {
            matches!(
                change,
                Change::Created(_)
                    | Change::MembersAdded { .. }
                    | Change::MembersRemoved { .. }
                    | Change::Deleted
            )
        };
        !self.people.is_empty() || self.changes.iter().any(|(_, change)| counts(change))
    }

    /// The row of the archive with this id, if this batch adds it.
    pub(super) fn archived(&self, id: StanzaId) -> Option<&Archived> {
        self.archive.iter().rev().find(|row| row.id == id)
    }

    /// To be said when all is stored; the asker hears a refusal if it cannot be.
    pub(super) fn say(
        &mut self,
        asker: Origin,
        group: Option<&GroupId>,
        speech: Vec<Outbound>,
        news: Option<News>,
    ) {
        self.count(group, &speech);
        self.outcomes.push(Outcome { asker: Some(asker), group: group.cloned(), speech, news });
    }

    /// To be said when all is stored; nobody waits for it.
    pub(super) fn say_if_stored(&mut self, group: &GroupId, speech: Vec<Outbound>) {
        self.count(Some(group), &speech);
        self.outcomes.push(Outcome { asker: None, group: Some(group.clone()), speech, news: None });
    }

    /// To be done when all is stored.
    pub(super) fn when_stored(&mut self, news: News) {
        self.outcomes.push(Outcome { asker: None, group: None, speech: Vec::new(), news: Some(news) });
    }

    fn count(&mut self, group: Option<&GroupId>, speech: &[Outbound]) {
        let copies: usize = speech.iter().map(|stanza| stanza.to.len()).sum();
        *self.copies.entry(group.cloned()).or_default() += copies;
        self.all_copies += copies;
        self.bytes += speech.iter().map(Outbound::bytes).sum::<usize>();
    }

    /// Copies to be said in this group.
    pub(super) fn copies_in(&self, group: &GroupId) -> usize {
        self.copies.get(&Some(group.clone())).copied().unwrap_or_default()
    }

    /// What is to be said takes so much memory, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The asker is to hear why not; in its order with what else the group says.
    pub(super) fn refuse(&mut self, asker: Origin, group: Option<&GroupId>, why: &Refusal) {
        let speech = vec![encode::refused(&asker, why)];
        self.say(asker, group, speech, None);
    }

    /// The part to be stored, and the rest.
    pub(super) fn into_batch(self) -> (Batch, Rest) {
        let Self {
            now,
            sessions,
            in_rooms,
            rooms_before,
            leftovers,
            people,
            bounces,
            missed,
            groups,
            versions,
            changes,
            archive,
            outcomes,
            last_id,
            ..
        } = self;
        let batch = Batch { now, versions, changes, archive, sessions, people, ..Batch::default() };
        (batch, Rest { last_id, bounces, missed, in_rooms, leftovers, rooms_before, groups, outcomes })
    }
}

impl Rest {
    /// How many requests it was.
    pub(super) fn len(&self) -> usize {
        self.outcomes.len()
    }

    /// All is stored: the groups as they are now go back, and everything may be said.
    pub(super) fn granted(self, groups: &mut Groups) -> Vec<Outgoing> {
        let known = self.groups.into_values().flatten().filter(|group| !group.abandoned);
        known.for_each(|group| groups.put(group));
        let said = self.outcomes.into_iter().flat_map(|outcome| {
            if let Some(news) = outcome.news {
                news();
            }
            let group = outcome.group;
            outcome.speech.into_iter().map(move |stanza| outgoing_of(stanza, group.as_ref()))
        });
        said.collect()
    }

    /// Nothing is stored: the groups are forgotten as the batch had them, and who asked hears that.
    pub(super) fn refused(self) -> Vec<Outgoing> {
        let askers = self.outcomes.into_iter().filter_map(|outcome| outcome.asker);
        let said = askers.map(|asker| outgoing_of(encode::refused(&asker, &Refusal::Unavailable), None));
        said.collect()
    }
}

#[cfg(test)]
mod tests {
    use groupchat_core::{ArchivedKind, Mentions, Mid, ReadBy};

    use super::*;

    #[test]
    fn what_was_said_in_a_room_that_is_given_up_in_the_same_batch_is_not_kept() {
        let [tea, cup] = ["tea", "cup"].map(GroupId::from_stored);
        let mut work = Work::new(Timestamp(1), StanzaId(1), Unsaved::default());
        for group in [&tea, &cup] {
            let id = work.next_id();
            work.archive(Archived {
                id,
                group: group.clone(),
                at: Timestamp(1),
                kind: ArchivedKind::Event,
                sender: Jid::from_stored("a@h/1"),
                mid: Mid::from_stored("a"),
                client_id: None,
                body: None,
                ordinal: 0,
                countable: false,
                corrects: None,
                read_by: ReadBy::Members,
                mentions: Mentions::default(),
                payload: "".into(),
            });
        }
        work.apply(&tea, Change::Abandoned);
        let (batch, _) = work.into_batch();
        assert_eq!(batch.archive.iter().map(|row| &row.group).collect::<Vec<_>>(), [&cup]);
    }
}
