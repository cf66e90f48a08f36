//! From "who hears of it" to addresses: which devices get a live copy and in which form, who gets one for later.
//!
//! Hosts bounce `groupchat` to bare JIDs, so live copies go to full JIDs, and a member without a known device
//! gets one copy that his host can keep. Presence to a bare JID reaches every online device. A device that joined the
//! group as a room gets what a room says, and nothing else of that group.

use std::collections::HashSet;
use std::sync::Arc;

use crate::{BareJid, Group, Jid, Member, Mentions, Mid, Presence, Room, StanzaId, Timestamp};

/// Full JIDs, by the form in which they hear.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Devices {
    /// As the protocol's own clients do.
    pub native: Vec<Arc<str>>,
    /// As occupants of a room (XEP-0045).
    pub rooms: Vec<Arc<str>>,
}

impl Devices {
    /// Is it nobody?
    pub fn is_empty(&self) -> bool {
        self.native.is_empty() && self.rooms.is_empty()
    }

    fn len(&self) -> usize {
        self.native.len() + self.rooms.len()
    }
}

/// The copies of one message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copies {
    /// The members' devices.
    pub live: Devices,
    /// Bare JIDs of members without a device online, if they can be reached.
    pub absent: Vec<Arc<str>>,
}

/// The copies of one announcement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Announced {
    /// The device that asked.
    pub asker: Option<Arc<str>>,
    /// The actor's other devices.
    pub actor: Vec<Arc<str>>,
    /// Bare JIDs of everybody else whose account is there; full ones where a device of it hears it as in a room.
    pub others: Vec<Arc<str>>,
}

/// A message to every member who wants it and was there when it was said; the author's own devices hear it too.
pub fn message(
    group: &Group,
    presence: Presence<'_>,
    author: &Mid,
    mentions: &Mentions,
    said: (StanzaId, Timestamp),
    now: Timestamp,
) -> Copies {
    let mut copies = Copies::default();
    let room = presence.rooms.of(&group.id);
    for member in were_there(group, said.1).filter(|m| m.mid == *author || m.wants(mentions, now)) {
        let before = copies.live.len();
        devices_at(presence, room, &member.jid, said.0, &mut copies.live);
        if copies.live.len() == before && presence.sessions.takes_copies(&member.jid) {
            copies.absent.push(member.jid.text());
        }
    }
    copies
}

/// An announcement to every member, and to those who just went; as the protocol's own clients hear it.
pub fn announcement<'a>(
    group: &'a Group,
    presence: Presence<'_>,
    actor: &Jid,
    gone: impl IntoIterator<Item = &'a BareJid>,
) -> Announced {
    let room = presence.rooms.of(&group.id);
    let asker: Arc<str> = actor.to_string().into();
    let own = natives(presence, room, actor.bare()).filter(|device| *device != asker).collect();
    let is_native = room.is_none_or(|room| !room.has(actor));
    let mut seen = HashSet::new();
    let mut others = Vec::new();
    for jid in group.members().iter().map(|member| &member.jid).chain(gone) {
        if *jid == *actor.bare() || !seen.insert(jid) {
            continue;
        }
        if room.is_some_and(|room| !room.of(jid).is_empty()) {
            others.extend(natives(presence, room, jid));
        } else if presence.sessions.takes_announcements(jid) {
            others.push(jid.text());
        }
    }
    Announced { asker: is_native.then_some(asker), actor: own, others }
}

/// The devices of a user that hear of this group as the protocol's own clients do.
fn natives<'a>(
    presence: Presence<'a>,
    room: Option<&'a Room>,
    user: &BareJid,
) -> impl Iterator<Item = Arc<str>> + use<'a> {
    let occupants = room.map_or(&[][..], |room| room.of(user));
    let devices = presence.sessions.of(user).iter();
    devices.map(|device| device.jid.clone()).filter(|device| !occupants.iter().any(|o| o.text == *device))
}

/// The members who had come by then.
fn were_there(group: &Group, said: Timestamp) -> impl Iterator<Item = &Member> {
    group.members().iter().filter(move |member| member.joined <= said)
}

/// The devices of a user that were there when something was said. Those that came later ask for what they missed, and
/// would not have it in its order.
fn devices_at(
    presence: Presence<'_>,
    room: Option<&Room>,
    user: &BareJid,
    said: StanzaId,
    devices: &mut Devices,
) {
    let sessions = presence.sessions.of(user).iter().filter(|device| device.since < said);
    let occupants = room.map_or(&[][..], |room| room.of(user));
    let natives = sessions.map(|device| &device.jid);
    if occupants.is_empty() {
        devices.native.extend(natives.cloned());
        return;
    }
    devices.native.extend(natives.filter(|device| !occupants.iter().any(|o| o.text == **device)).cloned());
    let present = occupants.iter().filter(|occupant| occupant.since < said);
    devices.rooms.extend(present.map(|occupant| occupant.text.clone()));
}

/// Every member without a device online when it was said who can be reached.
pub fn all_absent(group: &Group, presence: Presence<'_>, said: (StanzaId, Timestamp)) -> Vec<Arc<str>> {
    let room = presence.rooms.of(&group.id);
    let is_away = |jid: &&BareJid| {
        let mut devices = Devices::default();
        devices_at(presence, room, jid, said.0, &mut devices);
        devices.is_empty() && presence.sessions.takes_copies(jid)
    };
    were_there(group, said.1).map(|member| &member.jid).filter(is_away).map(BareJid::text).collect()
}

/// Every device of every member that was there when it was said.
pub fn all_devices(group: &Group, presence: Presence<'_>, said: (StanzaId, Timestamp)) -> Devices {
    let room = presence.rooms.of(&group.id);
    let mut devices = Devices::default();
    for member in were_there(group, said.1) {
        devices_at(presence, room, &member.jid, said.0, &mut devices);
    }
    devices
}

/// Every device of these users but one.
pub fn devices<'a>(
    group: &Group,
    presence: Presence<'_>,
    users: impl IntoIterator<Item = &'a BareJid>,
    but: &Jid,
) -> Devices {
    let room = presence.rooms.of(&group.id);
    let but: Arc<str> = but.to_string().into();
    let mut devices = Devices::default();
    for user in users {
        devices_at(presence, room, user, StanzaId(i64::MAX), &mut devices);
    }
    devices.native.retain(|device| *device != but);
    devices.rooms.retain(|device| *device != but);
    devices
}

/// Every device of one user.
pub fn of_account(group: &Group, presence: Presence<'_>, user: &BareJid) -> Devices {
    let mut devices = Devices::default();
    devices_at(presence, presence.rooms.of(&group.id), user, StanzaId(i64::MAX), &mut devices);
    devices
}
