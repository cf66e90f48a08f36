//! Who is present where as in a room (XEP-0045): full JIDs that joined one group and get the copies of that group alone.
//!
//! Beside [`crate::Sessions`], whose devices get the copies of all their groups: a device may be in both, and then gets
//! those of the groups that it joined as rooms in that form alone. Not here: who may join (`decide`).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::{BareJid, GroupId, Jid, Sessions, StanzaId};

/// Rooms that one account may be present in.
const ROOMS_OF_ACCOUNT_MAX: usize = 1_000;
/// Devices present in all rooms together.
const OCCUPANTS_MAX: usize = 1_000_000;

/// One device that is present in a group as in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupant {
    /// Its full JID.
    pub jid: Jid,
    /// The same as text.
    pub text: Arc<str>,
    /// The last row of the archive when it joined; that and what was said before it got as history.
    pub since: StanzaId,
    /// What its presence says, as XML text.
    pub presence: Arc<str>,
}

/// A change to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomChange {
    /// The device is present, with this presence, since this row of the archive; or says something new of itself.
    Entered(GroupId, Occupant),
    /// It is present no more.
    Left(GroupId, Jid),
}

/// Everybody who is present in one group as in a room.
#[derive(Debug, Default)]
pub struct Room {
    /// The devices of each account, in the order in which they came.
    by_account: HashMap<BareJid, Vec<Occupant>>,
}

impl Room {
    /// The devices of an account, in the order in which they came. What others see of the account is the first one.
    pub fn of(&self, account: &BareJid) -> &[Occupant] {
        self.by_account.get(account).map_or(&[], Vec::as_slice)
    }

    /// Is this device present?
    pub fn has(&self, device: &Jid) -> bool {
        self.of(device.bare()).iter().any(|occupant| occupant.jid == *device)
    }

    /// All devices, account by account.
    pub fn all(&self) -> impl Iterator<Item = &Occupant> {
        let mut accounts: Vec<_> = self.by_account.iter().collect();
        // A map has another order in each process, and whatever is done twice is to be said in the same words.
        accounts.sort_unstable_by_key(|(account, _)| *account);
        accounts.into_iter().flat_map(|(_, devices)| devices)
    }

    /// How many accounts are present.
    pub fn accounts(&self) -> usize {
        self.by_account.len()
    }
}

/// All rooms with somebody in them.
#[derive(Debug, Default)]
pub struct Rooms {
    by_group: HashMap<GroupId, Room>,
    by_account: HashMap<BareJid, BTreeSet<GroupId>>,
    count: usize,
}

impl Rooms {
    /// Rooms as they were stored, in the order in which devices came.
    pub fn restore(stored: impl IntoIterator<Item = (GroupId, Occupant)>) -> Self {
        let mut rooms = Self::default();
        for (group, occupant) in stored {
            rooms.enter(&group, occupant);
        }
        rooms
    }

    /// Who is present in this group; `None`: nobody.
    pub fn of(&self, group: &GroupId) -> Option<&Room> {
        self.by_group.get(group)
    }

    /// Is this device present in this group?
    pub fn has(&self, group: &GroupId, device: &Jid) -> bool {
        self.of(group).is_some_and(|room| room.has(device))
    }

    /// How many devices are present in all rooms.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The limit that keeps this device out of this group: its account is in too many, or too many devices are in all.
    pub fn too_many(&self, group: &GroupId, device: &Jid) -> Option<usize> {
        if self.has(group, device) {
            return None;
        }
        let rooms = self.by_account.get(device.bare());
        let is_full =
            rooms.is_some_and(|rooms| rooms.len() >= ROOMS_OF_ACCOUNT_MAX && !rooms.contains(group));
        [(self.count >= OCCUPANTS_MAX, OCCUPANTS_MAX), (is_full, ROOMS_OF_ACCOUNT_MAX)]
            .into_iter()
            .find_map(|(is_full, max)| is_full.then_some(max))
    }

    /// The device that has to go for this one to come into this group: the oldest of an account's, when it has so many.
    pub fn in_the_way(&self, group: &GroupId, device: &Jid, devices_max: usize) -> Option<&Occupant> {
        let devices = self.of(group)?.of(device.bare());
        let is_new = !devices.iter().any(|occupant| occupant.jid == *device);
        devices.first().filter(|_| is_new && devices.len() >= devices_max)
    }

    /// A device is present from now on, or what it says of itself is new.
    pub fn enter(&mut self, group: &GroupId, occupant: Occupant) -> RoomChange {
        let account = occupant.jid.bare().clone();
        let room = self.by_group.entry(group.clone()).or_default();
        let devices = room.by_account.entry(account.clone()).or_default();
        match devices.iter_mut().find(|known| known.jid == occupant.jid) {
            Some(known) => *known = occupant.clone(),
            None => {
                devices.push(occupant.clone());
                self.count += 1;
                self.by_account.entry(account).or_default().insert(group.clone());
            }
        }
        RoomChange::Entered(group.clone(), occupant)
    }

    /// A device is present no more; `None`: it was not.
    pub fn leave(&mut self, group: &GroupId, device: &Jid) -> Option<RoomChange> {
        let room = self.by_group.get_mut(group)?;
        let devices = room.by_account.get_mut(device.bare())?;
        let at = devices.iter().position(|occupant| occupant.jid == *device)?;
        devices.remove(at);
        self.count -= 1;
        if devices.is_empty() {
            room.by_account.remove(device.bare());
            if room.by_account.is_empty() {
                self.by_group.remove(group);
            }
            self.forget(device.bare(), group);
        }
        Some(RoomChange::Left(group.clone(), device.clone()))
    }

    fn forget(&mut self, account: &BareJid, group: &GroupId) {
        if let Some(groups) = self.by_account.get_mut(account) {
            groups.remove(group);
            if groups.is_empty() {
                self.by_account.remove(account);
            }
        }
    }

    /// The groups in which this device is present.
    pub fn groups_of(&self, device: &Jid) -> Vec<GroupId> {
        let groups = self.by_account.get(device.bare()).into_iter().flatten();
        groups.filter(|group| self.has(group, device)).cloned().collect()
    }
}

/// Who is reachable where, in whichever form.
#[derive(Debug, Clone, Copy)]
pub struct Presence<'a> {
    /// Devices that get the copies of all their groups.
    pub sessions: &'a Sessions,
    /// Devices that joined groups as rooms.
    pub rooms: &'a Rooms,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jid(text: &str) -> Jid {
        Jid::parse(text).unwrap()
    }

    fn occupant(text: &str, presence: &str) -> Occupant {
        Occupant { jid: jid(text), text: text.into(), since: StanzaId(1), presence: presence.into() }
    }

    #[test]
    fn a_device_is_present_until_it_leaves() {
        let (tea, cup) = (GroupId::from_stored("tea"), GroupId::from_stored("cup"));
        let mut rooms = Rooms::default();
        rooms.enter(&tea, occupant("a@h/1", ""));
        rooms.enter(&tea, occupant("a@h/2", ""));
        rooms.enter(&cup, occupant("a@h/1", ""));
        assert_eq!(rooms.groups_of(&jid("a@h/1")), [cup.clone(), tea.clone()]);
        assert_eq!((rooms.count(), rooms.of(&tea).map(Room::accounts)), (3, Some(1)));
        assert_eq!(rooms.leave(&cup, &jid("a@h/2")), None);
        assert!(rooms.leave(&tea, &jid("a@h/1")).is_some() && rooms.has(&tea, &jid("a@h/2")));
        assert!(rooms.leave(&tea, &jid("a@h/2")).is_some() && rooms.of(&tea).is_none());
        assert_eq!((rooms.groups_of(&jid("a@h/1")), rooms.count()), (vec![cup], 1));
    }

    #[test]
    fn everybody_is_told_in_one_order() {
        let tea = GroupId::from_stored("tea");
        let in_order = |numbers: &mut dyn Iterator<Item = u32>| {
            let mut rooms = Rooms::default();
            numbers.for_each(|n| drop(rooms.enter(&tea, occupant(&format!("u{n}@h/1"), ""))));
            rooms.of(&tea).unwrap().all().map(|device| device.text.clone()).collect::<Vec<_>>()
        };
        assert_eq!(in_order(&mut (0..50)), in_order(&mut (0..50).rev()));
    }

    #[test]
    fn news_of_itself_gives_a_device_no_second_place() {
        let tea = GroupId::from_stored("tea");
        let mut rooms = Rooms::default();
        rooms.enter(&tea, occupant("a@h/1", ""));
        let oldest =
            |device: &str, max| rooms.in_the_way(&tea, &jid(device), max).map(|it| it.text.to_string());
        assert_eq!(oldest("a@h/2", 1).as_deref(), Some("a@h/1"));
        assert_eq!([oldest("a@h/2", 2), oldest("b@h/1", 1), oldest("a@h/1", 1)], [None, None, None]);
        rooms.enter(&tea, occupant("a@h/1", "<show>away</show>"));
        let shown = &rooms.of(&tea).unwrap().of(jid("a@h").bare())[0];
        assert_eq!((&*shown.presence, rooms.count()), ("<show>away</show>", 1));
    }
}
