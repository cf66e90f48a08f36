//! How what is known of a group grows: from messages and events in any order, and from answers.

use std::collections::BTreeMap;

use groupchat_payloads::{Announced, Announcement, GroupItem, InboxItem, Item};

use super::{Counted, GroupState, Snapshot, apply, is_named};
use crate::{Content, Message};

/// Messages beyond the limit that are kept until it is known which are one's own.
const UNCOUNTED_MAX: usize = 1_000;

impl GroupState {
    /// Takes a stored message; true if it is new.
    pub(in crate::view) fn insert(&mut self, message: Message) -> bool {
        let Some(id) = message.stanza_id.clone() else { return false };
        let is_new = match self.timeline.get_mut(&id) {
            Some(known) => {
                known.stamp = known.stamp.take().or(message.stamp);
                if message.content == Content::Retracted {
                    known.content = Content::Retracted;
                    known.mentions.clear();
                }
                false
            }
            None => {
                self.timeline.insert(id.clone(), message);
                true
            }
        };
        if is_new {
            self.note_new(&id);
            self.retract_around(&id);
            self.settle_receipts(&id);
        }
        is_new
    }

    /// What is looked up for every other message, and is not to be searched for each time.
    fn note_new(&mut self, id: &str) {
        let Some(message) = self.timeline.get(id) else { return };
        match &message.content {
            Content::Retraction { of, .. } => {
                self.retractions.entry(of.clone()).or_default().insert(message.mid.clone());
            }
            Content::Event(event) => {
                let mid = event.items.iter().rfind(|item| self.is_me(item)).and_then(|item| item.mid.clone());
                mid.into_iter().for_each(|mid| self.learn_own_mid(mid, id));
            }
            _ => {}
        }
    }

    /// One is this member, said at this place of the archive; what was said later counts more.
    pub(in crate::view) fn learn_own_mid(&mut self, mid: String, place: &str) {
        if self.own.as_ref().is_none_or(|(known, _)| known.as_str() <= place) {
            self.own = Some((place.to_owned(), mid));
        }
    }

    fn is_taken_back(&self, message: &Message) -> bool {
        let names = [message.stanza_id.as_deref(), message.id.as_deref()];
        let by = names.into_iter().flatten().filter_map(|name| self.retractions.get(name));
        by.flatten().any(|by| by.is_none() || *by == message.mid)
    }

    /// Is something taken back that the service may have counted as unread? Then only it can count again.
    pub(in crate::view) fn takes_back_counted(&self, content: &Content, place: &str) -> bool {
        let Content::Retraction { of, .. } = content else { return false };
        let is_later = self.counted.unread > 0 && place > self.counted.up_to.as_str();
        is_later && self.named(of, &|_| true).iter().all(|target| *target <= self.counted.up_to)
    }

    /// After some of the timeline was forgotten.
    fn recollect_retractions(&mut self) {
        self.retractions.clear();
        for message in self.timeline.values() {
            if let Content::Retraction { of, .. } = &message.content {
                self.retractions.entry(of.clone()).or_default().insert(message.mid.clone());
            }
        }
    }

    /// What a retraction takes back, whichever of them came first. XEP-0424 §5: only one's own, or as a moderator.
    fn retract_around(&mut self, id: &str) {
        let Some(message) = self.timeline.get(id) else { return };
        let targets: Vec<String> = if let Content::Retraction { of, .. } = &message.content {
            let of_same = |target: &Message| message.mid.is_none() || target.mid == message.mid;
            self.named(of, &of_same)
        } else {
            let takes_back = self.is_taken_back(message);
            if takes_back { vec![id.to_owned()] } else { Vec::new() }
        };
        for target in targets {
            self.take_back(&target);
        }
        self.retract_correction(id);
    }

    /// The message that is named: by stanza-id, else the newest with that `id`.
    fn named(&self, of: &str, fits: &dyn Fn(&Message) -> bool) -> Vec<String> {
        if self.timeline.get(of).is_some_and(fits) {
            return vec![of.to_owned()];
        }
        let by_id = |(_, target): &(&String, &Message)| {
            target.id.as_deref() == Some(of)
                && fits(target)
                && !matches!(target.content, Content::Retraction { .. })
        };
        self.timeline.iter().rev().find(by_id).map(|(id, _)| id.clone()).into_iter().collect()
    }

    fn take_back(&mut self, id: &str) {
        let Some(message) = self.timeline.get_mut(id) else { return };
        message.content = Content::Retracted;
        message.mentions.clear();
        let (mid, ids) = (message.mid.clone(), [message.id.clone(), message.stanza_id.clone()]);
        for later in self.timeline.values_mut().filter(|later| later.mid == mid) {
            if matches!(&later.content, Content::Correction { of, .. } if ids.contains(&Some(of.clone()))) {
                later.content = Content::Retracted;
            }
        }
    }

    /// A correction of something that was taken back is taken back with it.
    fn retract_correction(&mut self, id: &str) {
        let Some(message) = self.timeline.get(id) else { return };
        let Content::Correction { of, .. } = &message.content else { return };
        let gone = self.timeline.values().any(|target| {
            target.content == Content::Retracted && target.mid == message.mid && is_named(target, of)
        });
        if gone {
            self.take_back(id);
        }
    }

    /// Takes an announcement that has no place yet; the catch-up with this number will have it.
    pub(in crate::view) fn announce(&mut self, number: u64, announcement: Announcement) {
        self.announced.push((number, announcement));
    }

    /// The catch-up with this number is done: what was announced before it began is in the archive.
    pub(in crate::view) fn found_in_archive(&mut self, number: u64) {
        self.announced.retain(|(expected, _)| *expected > number);
    }

    /// Settings of one's own, as another device of one's own changed them.
    pub(in crate::view) fn take_my_settings(&mut self, announcement: &Announcement) {
        if let Some(inbox) = &mut self.inbox {
            let value = |name| announcement.property(name).map(str::to_owned);
            inbox.value.receive = value("receive").or(inbox.value.receive.take());
            inbox.value.muted = value("mute_until").or(inbox.value.muted.take());
        }
    }

    /// Takes the group's line of the inbox, asked for when everything up to `floor` was stored. Gives what is read here
    /// and not there: a receipt got lost.
    pub(in crate::view) fn take_inbox(&mut self, item: InboxItem, floor: &str) -> Option<String> {
        let last = item.last.as_ref().map(|last| last.stanza_id.as_str());
        let up_to = last.into_iter().chain([floor]).max().unwrap_or_default().to_owned();
        let told = item.read_id.clone();
        let unsaid = self.read.clone().filter(|read| told.as_ref().is_none_or(|told| told < read));
        // Once for each position: a service that does not want to know is not told for ever.
        let unsaid = unsaid.filter(|read| self.told_again.as_ref() != Some(read));
        self.told_again = unsaid.clone().or(self.told_again.take());
        if let Some(told) = &told {
            self.move_read(told);
        }
        self.counted = Counted { up_to, read: told, unread: item.unread, mentions: item.mentions };
        self.inbox = Some(Snapshot { value: item, floor: floor.to_owned() });
        self.gone = false;
        unsaid
    }

    /// A catch-up is done: behind this edge it has everything, but for what was forgotten meanwhile.
    pub(in crate::view) fn reaches(&mut self, edge: &str) {
        self.complete_after = Some(edge.max(self.forgotten_to.as_str()).to_owned());
    }

    /// What came before a place where the archive was not read on: changes there may be older than what is known. False if
    /// the service has not counted all of that.
    pub(in crate::view) fn forget_before(&mut self, stanza_id: &str) -> bool {
        let kept = self.timeline.split_off(stanza_id);
        let forgotten = std::mem::replace(&mut self.timeline, kept);
        self.recollect_retractions();
        forgotten.last_key_value().is_none_or(|(last, _)| *last <= self.counted.up_to)
    }

    /// After a login everything may be told again.
    pub(in crate::view) fn forget_told(&mut self) {
        self.told_again = None;
    }

    /// Has one read into what the service counted? Then only it can count again.
    pub(in crate::view) fn needs_recount(&self) -> bool {
        let read = self.read.as_deref().unwrap_or_default();
        read > self.counted.read.as_deref().unwrap_or_default() && read < self.counted.up_to.as_str()
    }

    /// Was the same told by presence?
    pub(in crate::view) fn was_announced(&self, event: &Announcement) -> bool {
        let same = |told: &Announcement| {
            told.kind == event.kind && told.items == event.items && told.properties == event.properties
        };
        self.announced.iter().any(|(_, told)| same(told))
    }

    /// The oldest entry of the part that has no holes.
    pub(in crate::view) fn oldest(&self) -> Option<&str> {
        let edge = self.complete_after.as_deref()?;
        self.timeline.range(edge.to_owned()..).next().map(|(id, _)| id.as_str())
    }

    /// Does the inbox know of a message that is not here, and that a catch-up from this place would bring?
    pub(in crate::view) fn misses_last(&self, settled: &str) -> bool {
        let last = self.inbox.as_ref().and_then(|inbox| inbox.value.last.as_ref());
        last.is_some_and(|last| {
            last.stanza_id.as_str() > settled && !self.timeline.contains_key(&last.stanza_id)
        })
    }

    pub(in crate::view) fn take_info(&mut self, item: GroupItem, floor: &str) {
        self.info = Some(Snapshot { value: item, floor: floor.to_owned() });
    }

    pub(in crate::view) fn take_members(&mut self, members: Vec<Item>, floor: &str) {
        let value: BTreeMap<String, Item> =
            members.into_iter().filter_map(|item| Some((item.jid.clone()?, item))).collect();
        let own = value.get(&self.account).and_then(|item| item.mid.clone());
        own.into_iter().for_each(|mid| self.learn_own_mid(mid, floor));
        self.members = Some(Snapshot { value, floor: floor.to_owned() });
    }

    /// One is out of the group: what happens until one comes back is not heard. True if the members were known.
    pub(in crate::view) fn lose_track(&mut self) -> bool {
        self.complete_after = None;
        self.info = None;
        self.members.take().is_some()
    }

    /// One came into the group at this place of the archive: what is before does not count as unread.
    /// A catch-up that was answered while one was out of it passed over what was said before. True if only the service knows what it
    /// takes for read: it forgets that of who leaves.
    pub(in crate::view) fn joined_at(&mut self, stanza_id: &str) -> bool {
        if self.complete_after.as_deref().is_some_and(|edge| edge < stanza_id) {
            self.complete_after = Some(stanza_id.to_owned());
        }
        if self.joined.as_str() < stanza_id {
            stanza_id.clone_into(&mut self.joined);
        }
        if self.counted.up_to.as_str() < stanza_id {
            self.counted =
                Counted { up_to: stanza_id.to_owned(), read: self.read.clone(), ..Counted::default() };
        }
        self.read.take_if(|read| read.as_str() < stanza_id).is_some()
    }

    /// Forgets the oldest of what is settled until so many are left; counts and changes stay true.
    pub(in crate::view) fn shorten(&mut self, keep: usize, settled: &str) {
        while self.timeline.len() > keep {
            let Some((id, message)) =
                self.timeline.first_key_value().filter(|(id, _)| id.as_str() <= settled)
            else {
                return;
            };
            // Whether it is one's own must be known to count it. A service that never says is not waited for.
            let is_anybodys = message.mid.is_some() && self.own_mid().is_none();
            if is_anybodys && self.timeline.len() < keep + UNCOUNTED_MAX {
                return;
            }
            let id = id.clone();
            self.fold(&id);
            let forgotten = self.timeline.remove(&id);
            if forgotten.is_some_and(|message| matches!(message.content, Content::Retraction { .. })) {
                self.recollect_retractions();
            }
            self.complete_after = self.complete_after.take().map(|edge| edge.max(id.clone()));
            self.forgotten_to = self.forgotten_to.clone().max(id);
        }
    }

    /// How many wait for their place to be settled.
    pub(in crate::view) fn unsettled(&self, settled: &str) -> usize {
        self.timeline
            .range::<str, _>((std::ops::Bound::Excluded(settled), std::ops::Bound::Unbounded))
            .count()
    }

    /// Notes in the snapshots what the oldest entry says, before it goes.
    fn fold(&mut self, id: &str) {
        let Some(message) = self.timeline.get(id).cloned() else { return };
        if id > self.counted.up_to.as_str() {
            let read = self.read.clone().unwrap_or_default();
            let counts =
                message.is_countable() && message.mid.as_deref() != self.own_mid() && id > read.as_str();
            // What was told before, as far as it is still unread.
            let (unread, mentions) = (self.unread_before(false), self.unread_before(true));
            let mentioned = counts && message.mentions(&self.account, self.own_mid());
            self.counted = Counted {
                up_to: id.to_owned(),
                read: self.read.clone(),
                unread: unread + u32::from(counts),
                mentions: mentions + u32::from(mentioned),
            };
        }
        let Content::Event(event) = &message.content else { return };
        if let Some(members) = self.members.as_mut().filter(|members| members.floor.as_str() < id) {
            apply(&mut members.value, event);
            members.floor = id.to_owned();
        }
        let name = event.property("name").filter(|_| event.kind != Announced::MySettings);
        let role = event.items.iter().rfind(|item| item.jid.as_deref() == Some(self.account.as_str()));
        if let Some(inbox) = self.inbox.as_mut().filter(|inbox| inbox.floor.as_str() < id) {
            if let Some(name) = name {
                name.clone_into(&mut inbox.value.name);
            }
            if let Some(role) = role.and_then(|item| item.role.as_ref()) {
                inbox.value.role.clone_from(role);
            }
            inbox.floor = id.to_owned();
        }
        if let Some(info) = self.info.as_mut().filter(|info| info.floor.as_str() < id) {
            if event.kind == Announced::Updated {
                for (name, value) in &event.properties {
                    info.value.properties.retain(|(known, _)| known != name);
                    info.value.properties.push((name.clone(), value.clone()));
                }
            }
            if let Some(name) = name {
                info.value.name = Some(name.to_owned());
            }
            info.floor = id.to_owned();
        }
    }

    /// What was told to be unread, unless it was read since.
    fn unread_before(&self, mentions: bool) -> u32 {
        let told = if mentions { self.counted.mentions } else { self.counted.unread };
        let read = self.read.as_deref().unwrap_or_default();
        if read >= self.counted.up_to.as_str() { 0 } else { told }
    }
}
