//! Who is reachable where: full JIDs known to be online. Fed by presence, traffic and bounces.
//!
//! Not here: groups and members; accounts that cannot be reached at all (`reach`). Nor the host's truth: this is what
//! we were told, verified by use.

use std::collections::HashMap;
use std::sync::Arc;

use crate::reach::{Reach, Unreachable};
use crate::{BareJid, Jid, StanzaId};

/// Addresses that one device may announce itself to; beyond them it is only known to be online.
const ADDRESSES_MAX: usize = 1_000;
/// Sessions of all users together; beyond them the newest are not remembered.
const SESSIONS_MAX: usize = 1_000_000;

/// One device online.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its full JID, as text.
    pub jid: Arc<str>,
    /// The addresses of ours, to the letter, that it announced itself to; empty when only its traffic told of it.
    announced_to: Vec<Jid>,
    /// The last row of the archive when it last announced itself (or became known by what it sent); that and what was said
    /// before is not said to it again.
    pub since: StanzaId,
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
#[derive(Debug, Default)]
pub struct Sessions {
    by_user: HashMap<BareJid, Vec<Session>>,
    count: usize,
    reach: Reach,
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

    /// Is there no such account, as far as is known?
    pub fn is_gone(&self, user: &BareJid) -> bool {
        self.reach.of(user) == Some(Unreachable::Gone)
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
        self.count
    }

    /// A device announced itself to `address`, or (`None`) sent something that shows that it is online.
    /// A bare JID is no device and is not learnt. Over the limit the oldest session of the user goes.
    pub fn learn(
        &mut self,
        jid: &Jid,
        address: Option<&Jid>,
        since: StanzaId,
        sessions_per_user: usize,
    ) -> Vec<SessionChange> {
        let mut changes: Vec<_> = self
            .reach
            .seen(jid.bare())
            .then(|| SessionChange::Found(jid.bare().clone()))
            .into_iter()
            .collect();
        if jid.resource().is_none() || (self.count >= SESSIONS_MAX && self.of(jid.bare()).is_empty()) {
            return changes;
        }
        let text = jid.to_string();
        let of_user = self.by_user.entry(jid.bare().clone()).or_default();
        if let Some(known) = of_user.iter_mut().find(|session| *session.jid == *text) {
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
            if of_user.len() >= sessions_per_user {
                let oldest = of_user.remove(0);
                self.count -= 1;
                changes.push(SessionChange::Ended(Jid::from_stored(&oldest.jid)));
            }
            self.count += 1;
            let announced_to = address.into_iter().cloned().collect();
            of_user.push(Session { jid: text.into(), announced_to, since });
        }
        changes.push(SessionChange::Learnt(jid.clone(), address.cloned(), since));
        changes
    }

    /// A device took itself off `address`; off the last one, it is gone.
    pub fn leave(&mut self, jid: &Jid, address: &Jid) -> Option<SessionChange> {
        let text = jid.to_string();
        let session = self.by_user.get_mut(jid.bare())?.iter_mut().find(|session| *session.jid == *text)?;
        session.announced_to.retain(|announced| announced != address);
        if session.announced_to.is_empty() {
            return self.end(jid);
        }
        Some(SessionChange::Left(jid.clone(), address.clone()))
    }

    /// A device is gone.
    pub fn end(&mut self, jid: &Jid) -> Option<SessionChange> {
        let text = jid.to_string();
        let of_user = self.by_user.get_mut(jid.bare())?;
        let before = of_user.len();
        of_user.retain(|session| *session.jid != *text);
        let ended = of_user.len() < before;
        self.count -= before - of_user.len();
        if of_user.is_empty() {
            self.by_user.remove(jid.bare());
        }
        ended.then(|| SessionChange::Ended(jid.clone()))
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
        assert!(!sessions.takes_copies(&user) && !sessions.is_gone(&user));
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
}
