//! Devices that are present in groups as in rooms (XEP-0045): they come, say something of themselves, and go.
//!
//! Membership is decided by the rules, as whoever asks for it otherwise: joining under a free nick changes one's nick, and
//! joining an open group makes a member. Not here: the stanzas (`fanout/rooms.rs`); rooms that are not configured yet
//! (`leftovers.rs`).

use std::sync::Arc;

use groupchat_core::page::{From, Page};
use groupchat_core::reading::ArchiveFilter;
use groupchat_core::{
    Archived, ArchivedKind, Change, Command, Decision, Event, Group, GroupId, Jid, Member, MemberRef,
    MemberUpdate, Nick, Notice, Occupant, Person, Refusal, RoomChange, Timestamp,
};
use groupchat_dialect::encode::Absence;
use groupchat_dialect::{Carrier, Enter, HistoryAsked, Origin, Outbound, Presence};
use groupchat_store::{ArchiveScope, StoreError};

use super::request::{Pace, unavailable};
use super::{Engine, Work};
use crate::config::MucMode;
use crate::queries;

/// Messages that a device gets when it joins and does not say how many it wants; and those that it can ask for.
const HISTORY: usize = 20;
const HISTORY_MAX: usize = 100;

impl Engine {
    /// A device joins.
    pub(super) async fn enter(&mut self, work: &mut Work, enter: Enter) {
        let (origin, group) = (enter.origin.clone(), enter.group.clone());
        if self.policy.rooms == MucMode::Off {
            return work.refuse(origin, None, &Refusal::NoRooms);
        }
        if let Err(refusal) = self.let_in(work, enter).await {
            work.refuse(origin, Some(&group), &refusal);
        }
    }

    async fn let_in(&mut self, work: &mut Work, enter: Enter) -> Result<(), Refusal> {
        let Enter { origin, group: id, nick: asked, history, presence } = enter;
        let nick = Nick::parse(&asked, &self.policy.limits)?;
        let decision = match self.as_member(work, &origin, &id, &nick).await {
            // In a frozen group nobody changes his nick; he is let in by the one that he has.
            Err(Refusal::Frozen) if is_member(work, &id, &origin.from) => None,
            decided => decided?,
        };
        let is_new = decision.as_ref().is_some_and(makes_group);
        if let Some(max) = self.rooms.too_many(&id, &origin.from) {
            return Err(Refusal::TooMany { what: "rooms that a user is in, or devices in all of them", max });
        }
        self.pace(work, &id, Pace::Announcement)?;
        let past = match is_new {
            true => Vec::new(),
            false => self.past(&origin, &id, history, work.now).await.map_err(unavailable)?,
        };
        let is_native = self.is_native(&origin.from).await.map_err(unavailable)?;
        // From here on nothing is refused.
        if let Some(decision) = decision {
            self.carry_out(work, origin.clone(), &id, decision, None);
        }
        if !is_native {
            work.sessions.extend(self.sessions.came_by_room(origin.from.bare()));
        }
        let Some(group) = work.take(&id) else { return Ok(()) };
        let Some(member) = group.member(origin.from.bare()).cloned() else {
            work.put_back(group);
            return Ok(());
        };
        let device = Occupant {
            text: origin.from.to_string().into(),
            jid: origin.from.clone(),
            since: work.last_id,
            presence,
        };
        let changed = (member.room_name() != &*asked).then_some("210");
        let codes: Vec<&str> =
            ["100", "110"].into_iter().chain(is_new.then_some("201")).chain(changed).collect();
        let mut speech = self.make_place(work, &group, &member, &origin.from);
        let fanout = self.fanout();
        let id_of_request = origin.carrier.id().map(|id| &**id);
        speech.extend(fanout.entering(&group, &member, &device, &codes, id_of_request));
        speech.extend(fanout.history(&group, &past, &device));
        work.put_back(group);
        self.enter_room(work, &id, device);
        work.say(origin, Some(&id), speech, None);
        Ok(())
    }

    /// Of many devices of one account the oldest goes: most of them are gone, and nobody ever said so.
    fn make_place(&mut self, work: &mut Work, group: &Group, member: &Member, device: &Jid) -> Vec<Outbound> {
        let max = self.policy.limits.sessions_per_user;
        let Some(oldest) = self.rooms.in_the_way(&group.id, device, max).cloned() else { return Vec::new() };
        let speech = self.fanout().device_left(group, member, &oldest, Absence::Lost);
        self.leave_room(work, &group.id, &oldest.jid);
        speech
    }

    /// What makes of whoever joins a member of this nick; nothing, if he is one.
    async fn as_member(
        &mut self,
        work: &mut Work,
        origin: &Origin,
        id: &GroupId,
        nick: &Nick,
    ) -> Result<Option<Decision>, Refusal> {
        let actor = origin.from.bare();
        let group = work.group(&mut self.groups, id).await.map_err(unavailable)?;
        let Some(group) = group else { return self.new_room(work, origin, id, nick).await.map(Some) };
        if group.deleted || (group.locked && group.member(actor).is_none()) {
            return Err(Refusal::NoSuchGroup);
        }
        let is_banned = group.is_banned(actor);
        match group.member(actor) {
            // A nick that cannot stand in an address is replaced there, and clients go on with what they see.
            Some(member) if member.nick == *nick || member.room_name() == nick.as_str() => Ok(None),
            Some(_) => self.decide_in(work, origin, id, renamed(&origin.from, nick)).await.map(Some),
            None => {
                let join = Command::Join { nick: Some(nick.to_string()), person: Person::default() };
                match self.decide_in(work, origin, id, join).await {
                    Ok(decision) if lets_in(&decision) => Ok(Some(decision)),
                    // Where it takes approval one registers: a join that is refused changes nothing.
                    Ok(_) => Err(Refusal::MembersOnly),
                    Err(Refusal::NoSuchGroup | Refusal::NotAllowed(_) | Refusal::Banned) if is_banned => {
                        Err(Refusal::Banned)
                    }
                    Err(Refusal::NoSuchGroup | Refusal::NotAllowed(_)) => Err(Refusal::MembersOnly),
                    Err(why) => Err(why),
                }
            }
        }
    }

    /// Did the account ever come by a client of the protocol's own? One that did not reads the archive.
    async fn is_native(&self, device: &Jid) -> Result<bool, StoreError> {
        let account = device.bare();
        if self.sessions.is_in_rooms_only(account) {
            return Ok(false);
        }
        Ok(!self.sessions.of(account).is_empty() || self.store.came_natively(account).await?)
    }

    /// What was said lately, as much as is asked for, with the nicks of its authors.
    async fn past(
        &self,
        origin: &Origin,
        id: &GroupId,
        asked: HistoryAsked,
        now: Timestamp,
    ) -> Result<Vec<(Archived, Arc<str>)>, StoreError> {
        let stanzas_max = asked.stanzas_max.unwrap_or(HISTORY).min(HISTORY_MAX);
        if stanzas_max == 0 || asked.chars_max == Some(0) {
            return Ok(Vec::new());
        }
        let since = asked.seconds.map(|seconds| Timestamp(now.0.saturating_sub(seconds * 1_000)));
        let filter = ArchiveFilter { start: since.max(asked.since), ..ArchiveFilter::default() };
        let scope = ArchiveScope::Group { id: id.clone(), reader: origin.from.bare().clone() };
        // Of what the archive holds some is no message.
        let page = Page { from: From::End, items_max: HISTORY_MAX };
        let found = self.store.archive(&scope, &filter, &page).await?;
        let mut chars_left = asked.chars_max.unwrap_or(usize::MAX);
        let mut said: Vec<_> = found
            .items
            .into_iter()
            .rev()
            .filter(|shown| shown.retracted.is_none() && is_said(&shown.archived))
            .take(stanzas_max)
            .take_while(|shown| {
                let chars = shown.archived.payload.chars().count();
                let fits = chars <= chars_left;
                chars_left = chars_left.saturating_sub(chars);
                fits
            })
            .collect();
        said.reverse();
        let names = queries::names(&self.store, id, &said).await?;
        let named = |row: Archived| {
            let nick = names.get(&row.mid).map_or(row.mid.as_str(), |name| &name.nick).into();
            (row, nick)
        };
        Ok(said.into_iter().map(|shown| named(shown.archived)).collect())
    }

    /// Presence from a device; is it of an occupant, and so done with?
    pub(super) async fn occupant_presence(&mut self, work: &mut Work, presence: &Presence) -> bool {
        let Presence { from, address, available, says } = presence;
        let Some(id) = address.bare().local().map(GroupId::from_stored) else { return false };
        if !self.rooms.has(&id, from) {
            return false;
        }
        let says = says.clone().unwrap_or_default();
        if !*available {
            self.device_leaves(work, &id, from, Absence::Left(&says)).await;
            return true;
        }
        let origin = Origin {
            from: from.clone(),
            at: address.to_string(),
            carrier: Carrier::Presence { id: None, operation: Some("http://jabber.org/protocol/muc".into()) },
        };
        if let Err(refusal) = self.renewed(work, &origin, &id, address, says).await {
            work.refuse(origin, Some(&id), &refusal);
        }
        true
    }

    /// An occupant says something new of himself, or wants to be called otherwise. XEP-0045 §7.6, §7.7.
    async fn renewed(
        &mut self,
        work: &mut Work,
        origin: &Origin,
        id: &GroupId,
        address: &Jid,
        says: Arc<str>,
    ) -> Result<(), Refusal> {
        let Some(old) = self.occupant(id, &origin.from).cloned() else { return Ok(()) };
        let nick = address.resource().map(|nick| Nick::parse(nick, &self.policy.limits)).transpose()?;
        let decision = match nick {
            Some(nick) => self.as_member(work, origin, id, &nick).await?,
            None => None,
        };
        let is_new = old.presence != says;
        if !is_new && decision.is_none() {
            return Ok(());
        }
        let paced = self.pace(work, id, Pace::Announcement);
        self.enter_room(work, id, Occupant { presence: says, ..old });
        if let Some(decision) = decision {
            paced?;
            // It tells his presence, too.
            self.carry_out(work, origin.clone(), id, decision, None);
            return Ok(());
        }
        let is_shown = |room: &groupchat_core::Room| {
            room.of(origin.from.bare()).first().is_some_and(|first| first.jid == origin.from)
        };
        // What a busy group is not told now is seen by who comes later. An error would end the presence: ejabberd forgets
        // an address that answers with one, and says nothing when the device goes.
        let room = self.rooms.of(id).filter(|room| paced.is_ok() && is_shown(room));
        if let (Some(room), Some(group)) = (room, work.touched(id))
            && let Some(member) = group.member(origin.from.bare())
        {
            let speech = self.fanout().present_again(group, room, member, true);
            work.say_if_stored(id, speech);
        }
        Ok(())
    }

    /// A device could not be reached: it is there no more.
    pub(super) async fn lose_occupant(&mut self, work: &mut Work, id: &GroupId, device: &Jid) {
        if self.rooms.has(id, device) {
            self.device_leaves(work, id, device, Absence::Lost).await;
        }
    }

    async fn device_leaves(&mut self, work: &mut Work, id: &GroupId, device: &Jid, why: Absence<'_>) {
        // Without the database it is gone all the same, and the others hear of it when they join again.
        let group = work.group(&mut self.groups, id).await.ok().flatten();
        let speech = group.and_then(|group| {
            let member = group.member(device.bare())?;
            let occupant = self.occupant(id, device)?;
            Some(self.fanout().device_left(group, member, occupant, why))
        });
        work.say_if_stored(id, speech.unwrap_or_default());
        self.rooms.leave(id, device);
        // Whether or not the batch is stored: it is a fact.
        work.rooms_before.retain(|(group, other, _)| group != id || other != device);
        work.in_rooms.insert((id.clone(), device.clone()));
        let is_locked = work.touched(id).is_some_and(|group| group.locked && !group.deleted);
        if is_locked && self.rooms.of(id).is_none() {
            self.give_up(work, id);
        }
    }

    fn occupant(&self, id: &GroupId, device: &Jid) -> Option<&Occupant> {
        self.rooms.of(id)?.of(device.bare()).iter().find(|occupant| occupant.jid == *device)
    }

    fn enter_room(&mut self, work: &mut Work, id: &GroupId, device: Occupant) {
        let before = self.occupant(id, &device.jid).cloned();
        work.rooms_before.push((id.clone(), device.jid.clone(), before));
        work.in_rooms.insert((id.clone(), device.jid.clone()));
        self.rooms.enter(id, device);
    }

    pub(super) fn leave_room(&mut self, work: &mut Work, id: &GroupId, device: &Jid) {
        let before = self.occupant(id, device).cloned();
        work.rooms_before.push((id.clone(), device.clone(), before));
        work.in_rooms.insert((id.clone(), device.clone()));
        self.rooms.leave(id, device);
    }

    /// What was decided was not stored: everybody is where he was.
    pub(super) fn restore_rooms(&mut self, before: Vec<(GroupId, Jid, Option<Occupant>)>) {
        for (id, device, occupant) in before.into_iter().rev() {
            match occupant {
                Some(occupant) => drop(self.rooms.enter(&id, occupant)),
                None => drop(self.rooms.leave(&id, &device)),
            }
        }
    }

    /// Where these devices are now, to be stored.
    pub(super) fn room_changes<'a>(
        &self,
        devices: impl IntoIterator<Item = &'a (GroupId, Jid)>,
    ) -> Vec<RoomChange> {
        let change = |(id, device): &(GroupId, Jid)| match self.occupant(id, device) {
            Some(occupant) => RoomChange::Entered(id.clone(), occupant.clone()),
            None => RoomChange::Left(id.clone(), device.clone()),
        };
        devices.into_iter().map(change).collect()
    }

    /// The devices that what is told here sends out of the room.
    pub(super) fn leaving(&self, group: &Group, notice: &Notice) -> Vec<Jid> {
        let Some(room) = self.rooms.of(&group.id) else { return Vec::new() };
        match notice {
            Notice::Announce(Event::Deleted(_)) | Notice::Abandoned => {
                room.all().map(|device| device.jid.clone()).collect()
            }
            Notice::Kicked { member, .. } => {
                room.of(&member.jid).iter().map(|device| device.jid.clone()).collect()
            }
            Notice::Announce(Event::Removed { who, .. }) => {
                let devices = who.iter().flat_map(|gone| room.of(&gone.jid));
                devices.map(|device| device.jid.clone()).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn lets_in(decision: &Decision) -> bool {
    matches!(decision.changes.first(), Some(Change::MembersAdded { .. }))
}

fn makes_group(decision: &Decision) -> bool {
    matches!(decision.changes.first(), Some(Change::Created(_)))
}

/// Is it something that somebody said, and not that he changed the subject?
fn is_said(row: &Archived) -> bool {
    // With a text, or with more than the subject, it is a message that has one.
    let is_alone = row.body.is_none() && row.payload.matches('<').count() <= 2;
    row.kind == ArchivedKind::Message && !(is_alone && row.payload.starts_with("<subject"))
}

/// Is he a member of a group that this batch has looked at?
fn is_member(work: &Work, id: &GroupId, device: &Jid) -> bool {
    work.touched(id).is_some_and(|group| group.member(device.bare()).is_some())
}

/// The command by which a member gets another nick.
fn renamed(device: &Jid, nick: &Nick) -> Command {
    let who = MemberRef::Jid(device.bare().clone());
    Command::UpdateMembers(vec![MemberUpdate { who, nick: Some(nick.to_string()), role: None }])
}
