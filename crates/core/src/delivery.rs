//! From "who hears of it" to addresses: which devices get a live copy, who gets one for later.
//!
//! Hosts bounce `groupchat` to bare JIDs, so live copies go to full JIDs, and a member without a known device
//! gets one copy that his host can keep. Presence to a bare JID reaches every online device.

use std::collections::HashSet;
use std::sync::Arc;

use crate::{BareJid, Group, Jid, Mentions, Mid, Sessions, Timestamp};

/// The copies of one message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copies {
    /// Full JIDs of the members' devices.
    pub live: Vec<Arc<str>>,
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
    /// Bare JIDs of everybody else whose account is there.
    pub others: Vec<Arc<str>>,
}

/// A message to every member who wants it and was there when it was said; the author's own devices hear it too.
pub fn message(
    group: &Group,
    sessions: &Sessions,
    author: &Mid,
    mentions: &Mentions,
    (said, now): (Timestamp, Timestamp),
) -> Copies {
    let mut copies = Copies::default();
    let wanting = group.members().iter().filter(|member| member.joined <= said);
    for member in wanting.filter(|m| m.mid == *author || m.wants(mentions, now)) {
        match sessions.of(&member.jid) {
            [] if sessions.takes_copies(&member.jid) => copies.absent.push(member.jid.text()),
            // (None, of an account that cannot be reached.)
            devices => copies.live.extend(devices.iter().map(|device| device.jid.clone())),
        }
    }
    copies
}

/// An announcement to every member, and to those who just went.
pub fn announcement<'a>(
    group: &'a Group,
    sessions: &Sessions,
    actor: &Jid,
    gone: impl IntoIterator<Item = &'a BareJid>,
) -> Announced {
    let asker: Arc<str> = actor.to_string().into();
    let devices = sessions.of(actor.bare()).iter().map(|device| device.jid.clone());
    let own = devices.filter(|device| *device != asker).collect();
    let mut seen = HashSet::new();
    let everybody = group.members().iter().map(|member| &member.jid).chain(gone);
    let others = everybody
        .filter(|jid| *jid != actor.bare() && !sessions.is_gone(jid) && seen.insert(*jid))
        .map(BareJid::text)
        .collect();
    Announced { asker: Some(asker), actor: own, others }
}

/// Every member without a device online who can be reached.
pub fn all_absent(group: &Group, sessions: &Sessions) -> Vec<Arc<str>> {
    let away = |jid: &&BareJid| sessions.of(jid).is_empty() && sessions.takes_copies(jid);
    group.members().iter().map(|member| &member.jid).filter(away).map(BareJid::text).collect()
}

/// Every device of every member.
pub fn all_devices(group: &Group, sessions: &Sessions) -> Vec<Arc<str>> {
    let devices = group.members().iter().flat_map(|member| sessions.of(&member.jid));
    devices.map(|device| device.jid.clone()).collect()
}

/// Every device of these users but one.
pub fn devices<'a>(
    sessions: &Sessions,
    users: impl IntoIterator<Item = &'a BareJid>,
    but: &Jid,
) -> Vec<Arc<str>> {
    let but = but.to_string();
    let all = users.into_iter().flat_map(|user| sessions.of(user)).map(|device| device.jid.clone());
    all.filter(|device| **device != *but).collect()
}
