//! Who is reachable where: full JIDs known to be online. Fed by presence, traffic and bounces.
//!
//! Not here: groups and members; accounts that cannot be reached at all (`reach`). Nor the host's truth: this is what
//! we were told, verified by use.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use crate::reach::{Reach, Unreachable};
use crate::{BareJid, Jid, StanzaId};

/// Addresses that one device may announce itself to; beyond them it is only known to be online.
const ADDRESSES_MAX: usize = 1_000;
/// Sessions of all users together; beyond them the oldest is forgotten. It may be of somebody who is in no group: his
/// sessions never end by use, and hosts that tell who comes do not all tell who goes.
const SESSIONS_MAX: usize = 1_000_000;

/// One device online.
#[derive(Clone)]
pub struct Session {
    /// Its full JID, as text.
    pub jid: Arc<str>,
    /// The addresses of ours, to the letter, that it announced itself to; empty when only its traffic told of it.
    announced_to: Vec<Jid>,
    /// The last row of the archive when it last announced itself (or became known by what it sent); that and what was said
    /// before is not said to it again.
    pub since: StanzaId,
    /// Its place among all: the smaller the older.
    age: u64,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Ages are given anew at every start, and mean nothing but their order.
        let mut shown = f.debug_struct("Session");
        shown.field("jid", &self.jid).field("announced_to", &self.announced_to);
        shown.field("since", &self.since).finish()
    }
}

/// A change to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionChange {
    /// The device is online since this row of the archive; `None`: its traffic told so.
    Learnt(Jid, Option<Jid>, StanzaId),
    /// It went from this address, but not from all.
    Left(Jid, Jid),
    /// It is gone.
    Ended(Jid),
    /// The account is to get no copies for later.
    Lost(BareJid, Unreachable),
    /// It is to get them again.
    Found(BareJid),
}

/// All sessions, by user.
#[derive(Debug)]
pub struct Sessions {
    by_user: HashMap<BareJid, Vec<Session>>,
    /// Whose they are, oldest first.
    by_age: BTreeMap<u64, BareJid>,
    /// The age of the next one.
    next: u64,
    sessions_max: usize,
    reach: Reach,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            by_user: HashMap::new(),
            by_age: BTreeMap::new(),
            next: 0,
            sessions_max: SESSIONS_MAX,
            reach: Reach::default(),
        }
    }
}

impl Sessions {
    /// Sessions, and accounts that cannot be reached, as they were stored.
    pub fn restore(
        stored: impl IntoIterator<Item = (Jid, Option<Jid>, StanzaId)>,
        unreachable: impl IntoIterator<Item = (BareJid, Unreachable)>,
    ) -> Self {
        let mut sessions = Self { reach: Reach::restore(unreachable), ..Self::default() };
        for (jid, address, since) in stored {
            sessions.learn(&jid, address.as_ref(), since, usize::MAX);
        }
        sessions
    }

    /// The sessions of a user, oldest first.
    pub fn of(&self, user: &BareJid) -> &[Session] {
        self.by_user.get(user).map_or(&[], Vec::as_slice)
    }

    /// Does a member without a session get copies for later?
    pub fn takes_copies(&self, user: &BareJid) -> bool {
        self.reach.of(user).is_none()
    }

    /// Is a member without a session told of what happens to a group, in case he is there? Not where there is no such
    /// account, as far as is known, nor where it only ever came by rooms.
    pub fn takes_announcements(&self, user: &BareJid) -> bool {
        !matches!(self.reach.of(user), Some(Unreachable::Gone | Unreachable::InRooms))
    }

    /// Does an account without a session get letters: that it was added, that somebody invites it?
    pub fn takes_letters(&self, user: &BareJid) -> bool {
        matches!(self.reach.of(user), None | Some(Unreachable::InRooms))
    }

    /// Is this an account of which only rooms are known?
    pub fn is_in_rooms_only(&self, user: &BareJid) -> bool {
        self.reach.of(user) == Some(Unreachable::InRooms)
    }

    /// The account joined a room, and never used a client of the protocol's own: it reads the archive.
    pub fn came_by_room(&mut self, user: &BareJid) -> Option<SessionChange> {
        let came = self.of(user).is_empty() && self.reach.came_by_room(user);
        came.then(|| SessionChange::Lost(user.clone(), Unreachable::InRooms))
    }

    /// Did this device announce itself to this address?
    pub fn is_announced(&self, device: &Jid, address: &Jid) -> bool {
        let text = device.to_string();
        let session = self.of(device.bare()).iter().find(|session| *session.jid == *text);
        session.is_some_and(|session| session.announced_to.contains(address))
    }

    /// A copy for later came back with this condition (RFC 6120 §8.3.3).
    pub fn refused(&mut self, user: &BareJid, condition: &str) -> Option<SessionChange> {
        if !self.of(user).is_empty() {
            // He is here; copies for later are not for him now.
            return None;
        }
        self.reach.came_back(user, condition).map(|why| SessionChange::Lost(user.clone(), why))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.by_age.len()
    }

    /// A device announced itself to `address`, or (`None`) sent something that shows that it is online.
    /// A bare JID is no device and is not learnt. Over a limit the oldest session goes: the user's, or that of all.
    pub fn learn(
        &mut self,
        jid: &Jid,
        address: Option<&Jid>,
        since: StanzaId,
        sessions_per_user: usize,
    ) -> Vec<SessionChange> {
        let found = self.reach.seen(jid.bare()).then(|| SessionChange::Found(jid.bare().clone()));
        let mut changes: Vec<_> = found.into_iter().collect();
        if jid.resource().is_none() {
            return changes;
        }
        if let Some(known) = self.find(jid) {
            let Some(address) = address else { return changes };
            // It may have been away, and we were not told: it asks for what it missed.
            let is_later = known.since < since;
            known.since = known.since.max(since);
            if known.announced_to.len() < ADDRESSES_MAX && !known.announced_to.contains(address) {
                known.announced_to.push(address.clone());
            } else if !is_later {
                return changes;
            }
        } else {
            changes.extend(self.make_room(jid.bare(), sessions_per_user));
            let announced_to = address.into_iter().cloned().collect();
            let session = Session { jid: jid.to_string().into(), announced_to, since, age: self.next };
            // Most users have one device.
            let of_user = self.by_user.entry(jid.bare().clone()).or_insert_with(|| Vec::with_capacity(1));
            of_user.push(session);
            self.by_age.insert(self.next, jid.bare().clone());
            self.next += 1;
        }
        changes.push(SessionChange::Learnt(jid.clone(), address.cloned(), since));
        changes
    }

    fn find(&mut self, jid: &Jid) -> Option<&mut Session> {
        let text = jid.to_string();
        self.by_user.get_mut(jid.bare())?.iter_mut().find(|session| *session.jid == *text)
    }

    /// Ends the session that one more of this user would be too many for.
    fn make_room(&mut self, user: &BareJid, sessions_per_user: usize) -> Option<SessionChange> {
        let whose = if self.of(user).len() >= sessions_per_user {
            user
        } else if self.count() >= self.sessions_max {
            self.by_age.values().next()?
        } else {
            return None;
        };
        let oldest = Jid::from_stored(&self.of(whose).first()?.jid);
        self.end(&oldest)
    }

    /// A device took itself off `address`; off the last one, it is gone.
    pub fn leave(&mut self, jid: &Jid, address: &Jid) -> Option<SessionChange> {
        let session = self.find(jid)?;
        session.announced_to.retain(|announced| announced != address);
        if session.announced_to.is_empty() {
            return self.end(jid);
        }
        Some(SessionChange::Left(jid.clone(), address.clone()))
    }

    /// Forgets an account: its devices, and whether it can be reached.
    pub fn forget(&mut self, user: &BareJid) -> Vec<SessionChange> {
        let devices: Vec<Jid> = self.of(user).iter().map(|session| Jid::from_stored(&session.jid)).collect();
        let found = self.reach.seen(user).then(|| SessionChange::Found(user.clone()));
        devices.iter().filter_map(|device| self.end(device)).chain(found).collect()
    }

    /// A device is gone.
    pub fn end(&mut self, jid: &Jid) -> Option<SessionChange> {
        let age = self.find(jid)?.age;
        self.by_age.remove(&age);
        let of_user = self.by_user.get_mut(jid.bare())?;
        of_user.retain(|session| session.age != age);
        if of_user.is_empty() {
            self.by_user.remove(jid.bare());
        }
        Some(SessionChange::Ended(jid.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: StanzaId = StanzaId(1);

    fn jid(text: &str) -> Jid {
        Jid::parse(text).unwrap()
    }

    #[test]
    fn a_device_is_gone_when_it_left_every_address_it_announced_itself_to() {
        let mut sessions = Sessions::default();
        let phone = jid("a@h/phone");
        let (service, tea) = (jid("g.h"), jid("tea@g.h/a"));
        sessions.learn(&phone, None, NOW, 9);
        assert_eq!(sessions.learn(&phone, None, NOW, 9), []);
        assert_eq!(sessions.learn(&phone, Some(&service), NOW, 9).len(), 1);
        assert_eq!(sessions.learn(&phone, Some(&tea), NOW, 9).len(), 1);
        assert_eq!(sessions.leave(&phone, &tea), Some(SessionChange::Left(phone.clone(), tea)));
        assert_eq!(sessions.leave(&phone, &service), Some(SessionChange::Ended(phone.clone())));
        assert_eq!((sessions.end(&phone), sessions.count()), (None, 0));
    }

    #[test]
    fn a_session_known_by_traffic_alone_ends_with_any_unavailable() {
        let mut sessions = Sessions::default();
        sessions.learn(&jid("a@h/phone"), None, NOW, 9);
        let tea = jid("tea@g.h");
        assert!(matches!(sessions.leave(&jid("a@h/phone"), &tea), Some(SessionChange::Ended(_))));
    }

    #[test]
    fn a_device_that_announces_itself_everywhere_is_remembered_in_some_places() {
        let mut sessions = Sessions::default();
        let address = |n: usize| jid(&format!("g{n}@g.h"));
        let changes: usize = (0..ADDRESSES_MAX * 2)
            .map(|n| sessions.learn(&jid("a@h/1"), Some(&address(n)), NOW, 9).len())
            .sum();
        assert_eq!((changes, sessions.count()), (ADDRESSES_MAX, 1));
    }

    #[test]
    fn a_device_that_announces_itself_again_may_have_been_away() {
        let mut sessions = Sessions::default();
        let (phone, service) = (jid("a@h/phone"), jid("g.h"));
        sessions.learn(&phone, Some(&service), StanzaId(1), 9);
        assert_eq!(sessions.learn(&phone, None, StanzaId(5), 9), [], "traffic does not say so");
        let again = SessionChange::Learnt(phone.clone(), Some(service.clone()), StanzaId(7));
        assert_eq!(sessions.learn(&phone, Some(&service), StanzaId(7), 9), [again]);
        assert_eq!(sessions.of(phone.bare())[0].since, StanzaId(7));
    }

    #[test]
    fn an_account_that_gives_copies_back_gets_none_until_it_is_seen() {
        let mut sessions = Sessions::default();
        let (phone, user) = (jid("a@h/phone"), jid("a@h").bare().clone());
        let lost = sessions.refused(&user, "resource-constraint");
        assert_eq!(lost, Some(SessionChange::Lost(user.clone(), Unreachable::Full)));
        assert!(!sessions.takes_copies(&user) && sessions.takes_announcements(&user));
        assert_eq!(
            sessions.learn(&phone, None, NOW, 9),
            [SessionChange::Found(user.clone()), SessionChange::Learnt(phone.clone(), None, NOW)]
        );
        assert!(sessions.takes_copies(&user));
        assert_eq!(sessions.refused(&user, "resource-constraint"), None, "he is here");
    }

    #[test]
    fn the_oldest_session_makes_room() {
        let mut sessions = Sessions::default();
        for device in ["a@h/1", "a@h/2", "a@h/3"] {
            sessions.learn(&jid(device), None, NOW, 2);
        }
        let left: Vec<_> = sessions.of(jid("a@h").bare()).iter().map(|s| s.jid.to_string()).collect();
        assert_eq!((left, sessions.count()), (vec!["a@h/2".to_owned(), "a@h/3".to_owned()], 2));
        assert!(sessions.learn(&jid("a@h"), None, NOW, 2).is_empty(), "a bare JID is no device");
    }

    #[test]
    fn the_oldest_of_all_makes_room_for_somebody_new() {
        let mut sessions = Sessions { sessions_max: 3, ..Sessions::default() };
        for device in ["a@h/1", "b@h/1", "a@h/2"] {
            assert_eq!(sessions.learn(&jid(device), None, NOW, 9).len(), 1);
        }
        // A sign of life makes no session younger, and needs no room.
        assert_eq!(sessions.learn(&jid("a@h/1"), Some(&jid("g.h")), NOW, 9).len(), 1);
        let learnt = |device: &str| SessionChange::Learnt(jid(device), None, NOW);
        let ended = |device: &str| SessionChange::Ended(jid(device));
        assert_eq!(sessions.learn(&jid("c@h/1"), None, NOW, 9), [ended("a@h/1"), learnt("c@h/1")]);
        // Who has too many himself makes room himself.
        assert_eq!(sessions.learn(&jid("c@h/2"), None, NOW, 1), [ended("c@h/1"), learnt("c@h/2")]);
        assert_eq!(sessions.end(&jid("b@h/1")), Some(ended("b@h/1")));
        assert_eq!(sessions.learn(&jid("d@h/1"), None, NOW, 9), [learnt("d@h/1")]);
        assert_eq!(sessions.learn(&jid("e@h/1"), None, NOW, 9), [ended("a@h/2"), learnt("e@h/1")]);
        assert!(sessions.of(jid("a@h").bare()).is_empty());
        assert_eq!(sessions.count(), 3);
    }
}
