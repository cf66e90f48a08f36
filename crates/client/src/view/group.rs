//! One group in the picture: what is known of it, whichever order it became known in.
//!
//! Three layers make what is shown: **snapshots** (answers to questions, each good up to some place of the archive), what
//! the **archive** tells behind that place, and what was announced by presence and is **not found in the archive yet**.
//! Each layer is a set, so the order of arrival does not matter.

mod learn;
mod receipts;

use std::collections::{BTreeMap, BTreeSet};

use groupchat_payloads::{Announced, Announcement, GroupItem, InboxItem, Item};

use crate::{Content, Message};

/// A group that one is in.
#[derive(Debug, Clone)]
pub struct GroupState {
    pub(super) address: String,
    account: String,
    /// Messages and events, by stanza-id.
    timeline: BTreeMap<String, Message>,
    /// Everything behind this id is in the timeline, once the catch-up is done; `""`: from the beginning.
    pub(super) complete_after: Option<String>,
    inbox: Option<Snapshot<InboxItem>>,
    info: Option<Snapshot<GroupItem>>,
    members: Option<Snapshot<BTreeMap<String, Item>>>,
    /// Announced by presence, in the order in which that came, with the number of the catch-up that will have it.
    announced: Vec<(u64, Announcement)>,
    /// One's own member id, and the place of the archive where it was said.
    own: Option<(String, String)>,
    /// What the retractions of the timeline take back, and whose they are.
    retractions: BTreeMap<String, BTreeSet<Option<String>>>,
    /// Everything up to here was forgotten, for want of room.
    forgotten_to: String,
    /// Where one last came into the group, if that is known: what was before is not unread.
    joined: String,
    /// How far one has read oneself.
    read: Option<String>,
    /// A position that was told again, because the service did not know it.
    told_again: Option<String>,
    /// How far others have read, by member id.
    readers: BTreeMap<String, String>,
    /// Receipts for messages that are not known yet.
    early_receipts: Vec<(String, String)>,
    /// Some of these were too many.
    lost_receipts: bool,
    /// What is counted before the place from which the timeline is counted.
    counted: Counted,
    /// Not listed by the inbox any more, or told to be over.
    pub(super) gone: bool,
}

/// An answer, and a place in the archive before which it knows everything.
#[derive(Debug, Clone)]
struct Snapshot<T> {
    value: T,
    floor: String,
}

/// Counters as the service told them, and up to where.
#[derive(Debug, Clone, Default)]
struct Counted {
    up_to: String,
    read: Option<String>,
    unread: u32,
    mentions: u32,
}

impl GroupState {
    pub(super) fn new(address: &str, account: &str) -> Self {
        Self {
            address: address.to_owned(),
            account: account.to_owned(),
            timeline: BTreeMap::new(),
            complete_after: None,
            inbox: None,
            info: None,
            members: None,
            announced: Vec::new(),
            own: None,
            retractions: BTreeMap::new(),
            forgotten_to: String::new(),
            joined: String::new(),
            read: None,
            told_again: None,
            readers: BTreeMap::new(),
            early_receipts: Vec::new(),
            lost_receipts: false,
            counted: Counted::default(),
            gone: false,
        }
    }

    /// The group's address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The shown name; its id where no name is known yet.
    pub fn name(&self) -> &str {
        let told =
            self.info.as_ref().and_then(|info| Some((info.floor.as_str(), info.value.name.as_deref()?)));
        let listed = self.inbox.as_ref().map(|inbox| (inbox.floor.as_str(), inbox.value.name.as_str()));
        let known = told.into_iter().chain(listed).max_by_key(|(floor, _)| *floor);
        let changed = self.last_property("name", known.map_or("", |(floor, _)| floor));
        let id = crate::address::localpart(&self.address).unwrap_or(&self.address);
        changed.or(known.map(|(_, name)| name)).unwrap_or(id)
    }

    /// A setting, such as `description` or `post`; known after [`GroupView::load_info`](super::GroupView::load_info), or
    /// when it is changed.
    pub fn setting(&self, name: &str) -> Option<&str> {
        let info = self.info.as_ref();
        let known = info.and_then(|info| info.value.properties.iter().find(|(known, _)| known == name));
        let changed = self.last_property(name, info.map_or("", |info| &info.floor));
        changed.or(known.map(|(_, value)| value.as_str()))
    }

    /// One's own role.
    pub fn role(&self) -> Option<&str> {
        let floor = self.inbox.as_ref().map_or("", |inbox| inbox.floor.as_str());
        let mine = self.events_after(floor).flat_map(|event| &event.items).rfind(|item| self.is_me(item));
        let listed =
            self.inbox.as_ref().map(|inbox| inbox.value.role.as_str()).filter(|role| !role.is_empty());
        mine.and_then(|item| item.role.as_deref()).or(listed)
    }

    /// One's own member id, if it is known yet.
    pub fn own_mid(&self) -> Option<&str> {
        let announced = self.announced.iter().rev().flat_map(|(_, event)| event.items.iter().rev());
        let mine = announced.filter(|item| self.is_me(item)).find_map(|item| item.mid.as_deref());
        mine.or(self.own.as_ref().map(|(_, mid)| mid.as_str()))
    }

    /// Which messages of others reach one's devices (`all`, `mentions`, `none`), as the inbox says.
    pub fn receive(&self) -> Option<&str> {
        self.inbox.as_ref()?.value.receive.as_deref()
    }

    /// Until when nothing does, if so.
    pub fn muted_until(&self) -> Option<&str> {
        self.inbox.as_ref()?.value.muted.as_deref().filter(|until| !until.is_empty())
    }

    /// The subject, if it was set in the part of the archive that is known.
    pub fn subject(&self) -> Option<&str> {
        self.timeline.values().rev().find_map(|message| match &message.content {
            Content::Subject(subject) => Some(subject.as_str()),
            _ => None,
        })
    }

    /// Who is in the group, by account; known after [`GroupView::load_members`](super::GroupView::load_members), and
    /// kept true from then on.
    pub fn members(&self) -> Option<BTreeMap<String, Item>> {
        let snapshot = self.members.as_ref()?;
        let mut members = snapshot.value.clone();
        self.events_after(&snapshot.floor).for_each(|event| apply(&mut members, event));
        Some(members)
    }

    /// The nick of a member, as far as it is known; his member id otherwise.
    pub fn nick(&self, mid: &str) -> String {
        let told = self
            .events_after("")
            .flat_map(|event| &event.items)
            .rfind(|item| item.mid.as_deref() == Some(mid));
        let listed = || self.members.as_ref()?.value.values().find(|item| item.mid.as_deref() == Some(mid));
        let nick = told.filter(|item| item.nick.is_some()).or_else(listed).and_then(|item| item.nick.clone());
        nick.unwrap_or_else(|| mid.to_owned())
    }

    /// Everything that is known of the archive, in order: messages, events, corrections, retractions.
    pub fn timeline(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.timeline.values()
    }

    /// One of these, by stanza-id.
    pub fn message(&self, stanza_id: &str) -> Option<&Message> {
        self.timeline.get(stanza_id)
    }

    /// The text of a message as it is now, after corrections of its author; none if it has none or was taken back.
    pub fn text(&self, stanza_id: &str) -> Option<&str> {
        let message = self.timeline.get(stanza_id)?;
        let Content::Text(first) = &message.content else { return None };
        let corrected =
            self.timeline.range(stanza_id.to_owned()..).rev().find_map(|(_, later)| match &later.content {
                Content::Correction { of, text } if later.mid == message.mid && is_named(message, of) => {
                    Some(text.as_str())
                }
                _ => None,
            });
        corrected.or(Some(first))
    }

    /// The newest message with a text: from the timeline, or as the inbox shows it (its stanza-id, its author, its
    /// beginning).
    pub fn last(&self) -> Option<(&str, &str, &str)> {
        let known = self.timeline.iter().rev().find_map(|(id, message)| {
            let author = message.mid.as_deref().filter(|_| message.mid.is_some())?;
            Some((id.as_str(), author, message.text()?))
        });
        let listed = self.inbox.as_ref().and_then(|inbox| inbox.value.last.as_ref()).map(|last| {
            let author = last.from.as_deref().and_then(crate::address::resource).unwrap_or_default();
            (last.stanza_id.as_str(), author, last.preview.as_str())
        });
        let listed = listed.filter(|(id, ..)| !self.timeline.contains_key(*id));
        known.into_iter().chain(listed).max_by_key(|(id, ..)| *id)
    }

    /// The newest stanza-id that is known.
    pub fn newest(&self) -> Option<&str> {
        self.timeline.last_key_value().map(|(id, _)| id.as_str())
    }

    /// Is there nothing before what is known?
    pub fn reaches_start(&self) -> bool {
        self.complete_after.as_deref() == Some("")
    }

    /// How far one has read oneself: a stanza-id.
    pub fn read_position(&self) -> Option<&str> {
        self.read.as_deref()
    }

    /// Messages of others that one has not read.
    pub fn unread(&self) -> u32 {
        self.count(self.counted.unread, |_| true)
    }

    /// Those among them that mention one, or everybody.
    pub fn mentioned(&self) -> u32 {
        let mid = self.own_mid();
        self.count(self.counted.mentions, |message| message.mentions(&self.account, mid))
    }

    /// The member ids of those who are known to have read a message of one's own, or a later one.
    pub fn read_by(&self, stanza_id: &str) -> Vec<&str> {
        let read = self.readers.iter().filter(|(_, position)| position.as_str() >= stanza_id);
        read.map(|(mid, _)| mid.as_str()).collect()
    }

    /// Is this message one's own?
    pub fn is_own(&self, message: &Message) -> bool {
        message.mid.is_some() && message.mid.as_deref() == self.own_mid()
    }

    fn count(&self, told: u32, which: impl Fn(&Message) -> bool) -> u32 {
        let read = self.read.as_deref().unwrap_or_default();
        let own = self.own_mid();
        let counts =
            |message: &&Message| message.is_countable() && message.mid.as_deref() != own && which(message);
        let between = |from: &str| {
            let from = from.max(self.joined.as_str());
            let behind =
                self.timeline.range::<str, _>((std::ops::Bound::Excluded(from), std::ops::Bound::Unbounded));
            behind.map(|(_, message)| message).filter(counts).count()
        };
        let whole = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let up_to = self.counted.up_to.as_str();
        if read >= up_to {
            return whole(between(read));
        }
        let later = whole(between(up_to));
        if read <= self.counted.read.as_deref().unwrap_or_default() {
            return told + later;
        }
        // Read further than the service knew, into what it counted: what is known of that has been read.
        let known_before = whole(between(self.counted.read.as_deref().unwrap_or_default()) - between(read));
        told.saturating_sub(known_before) + later
    }

    fn is_me(&self, item: &Item) -> bool {
        item.jid.as_deref() == Some(self.account.as_str())
    }

    /// The archive's events behind a place, and what was announced and is not in the archive yet.
    fn events_after(&self, floor: &str) -> impl DoubleEndedIterator<Item = &Announcement> {
        let behind =
            self.timeline.range::<str, _>((std::ops::Bound::Excluded(floor), std::ops::Bound::Unbounded));
        let events = behind.filter_map(|(_, message)| match &message.content {
            Content::Event(event) => Some(event),
            _ => None,
        });
        events.chain(self.announced.iter().map(|(_, event)| event))
    }

    fn last_property(&self, name: &str, floor: &str) -> Option<&str> {
        let telling = |event: &&Announcement| {
            matches!(event.kind, Announced::Created | Announced::Updated | Announced::Added)
        };
        self.events_after(floor).filter(telling).filter_map(|event| event.property(name)).next_back()
    }
}

/// Does `of` name this message?
fn is_named(message: &Message, of: &str) -> bool {
    message.stanza_id.as_deref() == Some(of) || message.id.as_deref() == Some(of)
}

/// What a change makes of the members.
fn apply(members: &mut BTreeMap<String, Item>, event: &Announcement) {
    for item in &event.items {
        let Some(jid) = item.jid.clone() else { continue };
        match event.kind {
            Announced::Added | Announced::MembersUpdated => {
                members.insert(jid, item.clone());
            }
            Announced::Removed => {
                members.remove(&jid);
            }
            _ => {}
        }
    }
}
