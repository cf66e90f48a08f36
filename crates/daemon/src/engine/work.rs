//! One batch in the making: the groups it touches, what it stores, what it will say.

use std::collections::HashMap;

use groupchat_core::{Archived, Change, Group, GroupId, Refusal, SessionChange, StanzaId, Timestamp};
use groupchat_dialect::{Origin, Outbound, encode};
use groupchat_store::{Batch, StoreError};

use crate::groups::Groups;

/// A batch in the making.
pub(super) struct Work {
    /// The time at which all of it is decided.
    pub(super) now: Timestamp,
    /// What it does to sessions.
    pub(super) sessions: Vec<SessionChange>,
    groups: HashMap<GroupId, Option<Group>>,
    versions: Vec<(GroupId, i64)>,
    changes: Vec<(GroupId, Change)>,
    archive: Vec<Archived>,
    outcomes: Vec<Outcome>,
    stanzas: usize,
    /// The last id that was used.
    pub(super) last_id: StanzaId,
}

/// What is said once the batch is stored; and who is to hear it if it cannot be. Also what stores nothing itself waits
/// for that: it was decided on what the batch changed.
struct Outcome {
    asker: Option<Origin>,
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
    groups: HashMap<GroupId, Option<Group>>,
    outcomes: Vec<Outcome>,
}

impl Work {
    /// An empty batch; `unsaved` is what the last one could not store.
    pub(super) fn new(now: Timestamp, last_id: StanzaId, unsaved: Vec<SessionChange>) -> Self {
        Self {
            now,
            sessions: unsaved,
            groups: HashMap::new(),
            versions: Vec::new(),
            changes: Vec::new(),
            archive: Vec::new(),
            outcomes: Vec::new(),
            stanzas: 0,
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

    /// To be said when all is stored; the asker hears a refusal if it cannot be.
    pub(super) fn say(&mut self, asker: Origin, speech: Vec<Outbound>, news: Option<News>) {
        self.stanzas += speech.len();
        self.outcomes.push(Outcome { asker: Some(asker), speech, news });
    }

    /// To be said when all is stored; nobody waits for it.
    pub(super) fn say_if_stored(&mut self, speech: Vec<Outbound>) {
        self.outcomes.push(Outcome { asker: None, speech, news: None });
    }

    /// The asker is to hear why not.
    pub(super) fn refuse(&mut self, asker: Origin, why: &Refusal) {
        let speech = vec![encode::refused(&asker, why)];
        self.say(asker, speech, None);
    }

    /// How many stanzas it will say so far.
    pub(super) fn stanzas(&self) -> usize {
        self.stanzas
    }

    /// The part to be stored, and the rest.
    pub(super) fn into_batch(self) -> (Batch, Rest) {
        let Self { now, sessions, groups, versions, changes, archive, outcomes, last_id, .. } = self;
        (Batch { now, versions, changes, archive, sessions }, Rest { last_id, groups, outcomes })
    }
}

impl Rest {
    /// How many requests it was.
    pub(super) fn len(&self) -> usize {
        self.outcomes.len()
    }

    /// All is stored: the groups as they are now go back, and everything may be said.
    pub(super) fn granted(self, groups: &mut Groups) -> Vec<Outbound> {
        self.groups.into_values().flatten().for_each(|group| groups.put(group));
        let said = self.outcomes.into_iter().flat_map(|outcome| {
            if let Some(news) = outcome.news {
                news();
            }
            outcome.speech
        });
        said.collect()
    }

    /// Nothing is stored: the groups are forgotten as the batch had them, and who asked hears that.
    pub(super) fn refused(self) -> Vec<Outbound> {
        let askers = self.outcomes.into_iter().filter_map(|outcome| outcome.asker);
        let said = askers.map(|asker| encode::refused(&asker, &Refusal::Unavailable));
        said.collect()
    }
}
