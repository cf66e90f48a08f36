//! From "who hears of it" to addresses: which devices get a live copy, who gets one for later.
//!
//! Hosts bounce `groupchat` to bare JIDs, so live copies go to full JIDs, and a member without a known device
//! gets one copy that his host can keep. Presence to a bare JID reaches every online device.

use std::collections::HashSet;
use std::sync::Arc;

use crate::{BareJid, Group, Jid, Member, Mentions, Mid, Sessions, StanzaId, Timestamp};

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
    said: (StanzaId, Timestamp),
    now: Timestamp,
) -> Copies {
    let mut copies = Copies::default();
    let wanting = were_there(group, said.1);
    for member in wanting.filter(|m| m.mid == *author || m.wants(mentions, now)) {
        let before = copies.live.len();
        copies.live.extend(devices_at(sessions, &member.jid, said.0));
        if copies.live.len() == before && sessions.takes_copies(&member.jid) {
            copies.absent.push(member.jid.text());
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

/// The members who had come by then.
fn were_there(group: &Group, said: Timestamp) -> impl Iterator<Item = &Member> {
    group.members().iter().filter(move |member| member.joined <= said)
}

/// The devices of a user that were there when something was said. Those that came later ask for what they missed, and
/// would not have it in its order.
fn devices_at<'a>(
    sessions: &'a Sessions,
    user: &BareJid,
    said: StanzaId,
) -> impl Iterator<Item = Arc<str>> + 'a {
    let devices = sessions.of(user).iter().filter(move |device| device.since < said);
    devices.map(|device| device.jid.clone())
}

/// Every member without a device online when it was said who can be reached.
pub fn all_absent(group: &Group, sessions: &Sessions, said: (StanzaId, Timestamp)) -> Vec<Arc<str>> {
    let away =
        |jid: &&BareJid| devices_at(sessions, jid, said.0).next().is_none() && sessions.takes_copies(jid);
    were_there(group, said.1).map(|member| &member.jid).filter(away).map(BareJid::text).collect()
}

/// Every device of every member that was there when it was said.
pub fn all_devices(group: &Group, sessions: &Sessions, said: (StanzaId, Timestamp)) -> Vec<Arc<str>> {
    were_there(group, said.1).flat_map(|member| devices_at(sessions, &member.jid, said.0)).collect()
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
