//! What those hear who joined a group as a room (XEP-0045): who is there, who comes and goes, and what is changed.
//!
//! Only members who are present are shown as occupants: who is merely a member, or present as the protocol's own clients
//! are, is told of by his affiliation. What others see of a member is the first of his devices.

use std::sync::Arc;

use groupchat_core::delivery::{self, Devices};
use groupchat_core::{Archived, BareJid, Event, Group, Member, Nick, Occupant, Removed, Role, Room};
use groupchat_dialect::encode::{self, Absence};
use groupchat_dialect::{Origin, Outbound, PrivateKind};

use super::{Fanout, nick_of};

/// Members of whom everybody hears one by one when they are changed at once. Of more each present one hears of himself
/// alone, for else a large room would be told its square; clients ask the lists.
const TOLD_MAX: usize = 50;

/// By whom something was done, and why.
type By<'a> = (Option<&'a Nick>, Option<&'a str>);

/// Nobody in particular, for no reason.
const BY_NOBODY: By<'static> = (None, None);

/// A member who is present, and what is seen of him.
struct Seen<'a> {
    member: &'a Member,
    devices: &'a [Occupant],
}

impl<'a> Seen<'a> {
    /// `None`: he is not there.
    fn of(room: &'a Room, member: &'a Member) -> Option<Self> {
        let devices = room.of(&member.jid);
        (!devices.is_empty()).then_some(Self { member, devices })
    }

    fn occupant<'s>(&'s self, group: &'s Group) -> encode::Occupant<'s> {
        shown(group, self.member, &self.devices[0])
    }

    fn own(&self) -> Vec<Arc<str>> {
        self.devices.iter().map(|device| device.text.clone()).collect()
    }
}

fn shown<'s>(group: &'s Group, member: &'s Member, device: &'s Occupant) -> encode::Occupant<'s> {
    encode::Occupant { member, settings: &group.settings, jid: &device.text, presence: &device.presence }
}

/// Everybody who is present but this account, if others hear of it.
fn others(room: &Room, but: &BareJid, are_told: bool) -> Vec<Arc<str>> {
    let all = are_told.then(|| room.all()).into_iter().flatten();
    all.filter(|device| device.jid.bare() != but).map(|device| device.text.clone()).collect()
}

fn everybody(room: &Room) -> Vec<Arc<str>> {
    room.all().map(|device| device.text.clone()).collect()
}

impl Fanout<'_> {
    /// What happened to a group, as a room says it.
    pub(crate) fn event_in_room(&self, group: &Group, event: &Event, origin: &Origin) -> Vec<Outbound> {
        let Some(room) = self.presence.rooms.of(&group.id) else { return Vec::new() };
        let name = self.name(group);
        match event {
            Event::Created { .. } | Event::Subject { .. } => Vec::new(),
            Event::Updated { changes_voice, properties } => {
                let mut said = vec![encode::room_status(&name, &["104"], everybody(room))];
                let avatar = properties.iter().find(|(property, _)| property == "avatar");
                said.extend(avatar.map(|(_, hash)| encode::room_avatar(&name, hash, everybody(room))));
                if *changes_voice {
                    said.extend(self.voices(group, room));
                }
                said
            }
            Event::Deleted(farewell) => {
                let seen = group.members().iter().filter_map(|member| Seen::of(room, member));
                let gone = |seen: Seen<'_>| {
                    let occupant = seen.occupant(group);
                    encode::room_absent(
                        &name,
                        &occupant,
                        Absence::Destroyed(farewell),
                        BY_NOBODY,
                        true,
                        seen.own(),
                    )
                };
                seen.map(gone).collect()
            }
            Event::Added(members) => {
                let told = members.iter().take(if members.len() > TOLD_MAX { 0 } else { TOLD_MAX });
                told.map(|member| self.affiliated(group, room, member)).collect()
            }
            Event::MembersUpdated { before, now } => self.updated_in_room(group, room, before, now),
            Event::Removed { who, banned, left, reason } => {
                let actor = group.member(origin.from.bare()).filter(|_| !left).map(|actor| &actor.nick);
                let by = (actor, reason.as_deref());
                let why = if *banned { Absence::Banned } else { Absence::Removed };
                let is_few = who.len() <= TOLD_MAX;
                who.iter().flat_map(|gone| self.removed(group, room, gone, why, by, is_few)).collect()
            }
        }
    }

    /// What members may do who are neither owner nor admin. XEP-0045 §8.3, §8.4.
    fn voices(&self, group: &Group, room: &Room) -> Vec<Outbound> {
        let is_changed = |member: &&Member| member.role == Role::Member && !room.of(&member.jid).is_empty();
        let changed: Vec<&Member> = group.members().iter().filter(is_changed).collect();
        let is_few = changed.len() <= TOLD_MAX;
        changed.into_iter().flat_map(|member| self.present_again(group, room, member, is_few)).collect()
    }

    /// Nicks and roles: first all go, then all come, because two may have swapped their nicks.
    fn updated_in_room(
        &self,
        group: &Group,
        room: &Room,
        before: &[Member],
        now: &[Member],
    ) -> Vec<Outbound> {
        let name = self.name(group);
        let (mut went, mut came) = (Vec::new(), Vec::new());
        let is_few = now.len() <= TOLD_MAX;
        for (old, new) in before.iter().zip(now) {
            let Some(seen) = Seen::of(room, old) else {
                if old.role != new.role && is_few {
                    came.push(self.affiliated(group, room, new));
                }
                continue;
            };
            if old.room_name() != new.room_name() {
                let (occupant, why) = (seen.occupant(group), Absence::Renamed(new.room_name()));
                let to = others(room, &old.jid, is_few);
                went.extend(
                    (!to.is_empty())
                        .then(|| encode::room_absent(&name, &occupant, why, BY_NOBODY, false, to)),
                );
                went.push(encode::room_absent(&name, &occupant, why, BY_NOBODY, true, seen.own()));
            }
            came.extend(self.present_again(group, room, new, is_few));
        }
        went.into_iter().chain(came).collect()
    }

    /// A member who is present, as he is now: to everybody, or to himself alone.
    pub(crate) fn present_again(
        &self,
        group: &Group,
        room: &Room,
        member: &Member,
        tells_others: bool,
    ) -> Vec<Outbound> {
        let Some(seen) = Seen::of(room, member) else { return Vec::new() };
        let (name, occupant) = (self.name(group), seen.occupant(group));
        let to = others(room, &member.jid, tells_others);
        let others = (!to.is_empty()).then(|| encode::room_present(&name, &occupant, &[], None, to));
        others
            .into_iter()
            .chain([encode::room_present(&name, &occupant, &["110"], None, seen.own())])
            .collect()
    }

    /// What somebody is now who is not there.
    fn affiliated(&self, group: &Group, room: &Room, member: &Member) -> Outbound {
        let nick = Some(member.nick.as_str());
        let (jid, affiliation) = (member.jid.as_str(), member.role.as_str());
        encode::room_item_message(&self.name(group), jid, affiliation, nick, None, everybody(room))
    }

    /// Somebody is no member any more, or is kept out.
    fn removed(
        &self,
        group: &Group,
        room: &Room,
        gone: &Removed,
        why: Absence<'_>,
        by: By<'_>,
        is_few: bool,
    ) -> Vec<Outbound> {
        let seen = gone.member.as_ref().and_then(|member| Seen::of(room, member));
        if let Some(seen) = seen {
            return self.gone(group, room, &seen, why, by, is_few);
        }
        let affiliation = if matches!(why, Absence::Banned) { "outcast" } else { "none" };
        let nick = gone.member.as_ref().map(|member| member.nick.as_str());
        let (name, to) = (self.name(group), everybody(room));
        let message =
            is_few.then(|| encode::room_item_message(&name, gone.jid.as_str(), affiliation, nick, by.1, to));
        message.into_iter().collect()
    }

    /// An occupant is sent away, who stays a member. XEP-0045 §8.2.
    pub(crate) fn kicked(
        &self,
        group: &Group,
        member: &Member,
        actor: &BareJid,
        reason: Option<&str>,
    ) -> Vec<Outbound> {
        let seen = self.presence.rooms.of(&group.id).and_then(|room| Some((room, Seen::of(room, member)?)));
        let Some((room, seen)) = seen else { return Vec::new() };
        let actor = group.member(actor).map(|actor| &actor.nick);
        self.gone(group, room, &seen, Absence::Kicked, (actor, reason), true)
    }

    fn gone(
        &self,
        group: &Group,
        room: &Room,
        seen: &Seen<'_>,
        why: Absence<'_>,
        by: By<'_>,
        tells_others: bool,
    ) -> Vec<Outbound> {
        let (name, occupant) = (self.name(group), seen.occupant(group));
        let to = others(room, &seen.member.jid, tells_others);
        let others = (!to.is_empty()).then(|| encode::room_absent(&name, &occupant, why, by, false, to));
        let own = encode::room_absent(&name, &occupant, why, by, true, seen.own());
        others.into_iter().chain([own]).collect()
    }

    /// One device goes, and the others of its account, if there are any, stay.
    pub(crate) fn device_left(
        &self,
        group: &Group,
        member: &Member,
        device: &Occupant,
        why: Absence<'_>,
    ) -> Vec<Outbound> {
        let Some(room) = self.presence.rooms.of(&group.id) else { return Vec::new() };
        let name = self.name(group);
        let leaving = shown(group, member, device);
        let own = encode::room_absent(&name, &leaving, why, BY_NOBODY, true, vec![device.text.clone()]);
        let to = others(room, &member.jid, true);
        let told = match room.of(&member.jid) {
            _ if to.is_empty() => None,
            [only] if only.jid == device.jid => {
                Some(encode::room_absent(&name, &leaving, why, BY_NOBODY, false, to))
            }
            [first, next, ..] if first.jid == device.jid => {
                Some(encode::room_present(&name, &shown(group, member, next), &[], None, to))
            }
            _ => None,
        };
        told.into_iter().chain([own]).collect()
    }

    /// What a device hears that joins, up to its own presence; and what the others hear of it, if it is the first of its
    /// account. XEP-0045 §7.2.
    pub(crate) fn entering(
        &self,
        group: &Group,
        member: &Member,
        device: &Occupant,
        codes: &[&str],
        id: Option<&str>,
    ) -> Vec<Outbound> {
        let name = self.name(group);
        let mut said = Vec::new();
        let nobody = Room::default();
        let room = self.presence.rooms.of(&group.id).unwrap_or(&nobody);
        let present = group.members().iter().filter(|other| other.jid != member.jid);
        for seen in present.filter_map(|other| Seen::of(room, other)) {
            let to = vec![device.text.clone()];
            said.push(encode::room_present(&name, &seen.occupant(group), &[], None, to));
        }
        let is_first = room.of(&member.jid).first().is_none_or(|first| first.jid == device.jid);
        let to = others(room, &member.jid, true);
        let occupant = shown(group, member, device);
        if is_first && !to.is_empty() {
            said.push(encode::room_present(&name, &occupant, &[], None, to));
        }
        said.push(encode::room_present(&name, &occupant, codes, id, vec![device.text.clone()]));
        if !group.settings.avatar.is_empty() {
            said.push(encode::room_avatar(&name, &group.settings.avatar, vec![device.text.clone()]));
        }
        said
    }

    /// What was said, and the subject, for a device that just joined. XEP-0045 §7.2.13–§7.2.15.
    pub(crate) fn history(
        &self,
        group: &Group,
        past: &[(Archived, Arc<str>)],
        device: &Occupant,
    ) -> Vec<Outbound> {
        let to = || device.text.clone();
        let said = past.iter().map(|(row, nick)| encode::room_past(self.domain, row, nick, to()));
        let subject = encode::room_subject(&self.name(group), &group.settings.subject, to());
        said.chain([subject]).collect()
    }

    /// Somebody asks to join: for the devices in the room of those who let people in. XEP-0045 §9.9.
    pub(crate) fn request_in_room(
        &self,
        group: &Group,
        jid: &BareJid,
        nick: Option<&str>,
    ) -> Option<Outbound> {
        let room = self.presence.rooms.of(&group.id)?;
        let answering = group.members().iter().filter(|member| member.role >= Role::Admin);
        let devices = answering.flat_map(|member| room.of(&member.jid));
        let to: Vec<_> = devices.map(|device| device.text.clone()).collect();
        (!to.is_empty()).then(|| encode::room_request(&self.name(group), jid, nick, to))
    }

    /// Somebody declined a request or an invitation, for whoever's it was, as his devices and his account are used to.
    pub(crate) fn declined(&self, group: &Group, to: &BareJid, jid: &BareJid) -> Vec<Outbound> {
        let devices = delivery::of_account(group, self.presence, to);
        let name = self.name(group);
        if !devices.rooms.is_empty() {
            return vec![encode::room_declined(&name, jid, devices.rooms)];
        }
        if self.presence.sessions.is_in_rooms_only(to) {
            return vec![encode::room_declined(&name, jid, vec![to.text()])];
        }
        vec![encode::declined(&name, jid, to.text())]
    }

    /// A private message: to the devices of a member that joined as a room, as a room says it; to his others, or for later,
    /// as his account is used to.
    pub(crate) fn private(
        &self,
        group: &Group,
        sender: &Member,
        to: &BareJid,
        id: Option<&Arc<str>>,
        content: &str,
    ) -> Vec<Outbound> {
        let Devices { native, rooms } = delivery::of_account(group, self.presence, to);
        let (name, id) = (self.name(group), id.map(|id| &**id));
        let in_room = |to| encode::room_private(&name, (&sender.mid, sender.room_name()), id, content, to);
        let natively = |to| {
            let kind = PrivateKind::Message;
            encode::passed_on(self.domain, &group.id, &sender.mid, id, kind, content, to)
        };
        match (rooms.is_empty(), self.presence.sessions.is_in_rooms_only(to)) {
            (false, _) => native.into_iter().map(natively).chain([in_room(rooms)]).collect(),
            (true, true) => vec![in_room(vec![to.text()])],
            (true, false) => vec![natively(to.text())],
        }
    }

    /// The copy of a stored message for one device, in the form in which it hears this group.
    pub(crate) fn copy_for(
        &self,
        group: &Group,
        message: &Archived,
        device: &groupchat_core::Jid,
    ) -> Outbound {
        let to = vec![device.to_string().into()];
        if self.presence.rooms.has(&group.id, device) {
            encode::room_copy(self.domain, message, nick_of(group, &message.mid), to)
        } else {
            encode::copy(self.domain, message, to, false)
        }
    }
}
