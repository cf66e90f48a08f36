//! What members send to each other's address in the group: passed on to the real one, and answers passed back.
//! PROTOCOL: messages, "to a member address".
//!
//! Nothing of it is stored. An iq that is never answered is forgotten in time; its asker has a time-out of his own.

use std::sync::Arc;

use groupchat_core::{BareJid, Group, GroupId, Jid, Member, MemberRef, Mid, Nick, Refusal, Visibility};
use groupchat_dialect::{Bounce, Origin, Outbound, Private, PrivateKind, encode};
use quick_cache::unsync::Cache;

use super::request::unavailable;
use super::{Engine, Work};

/// Exchanges that are remembered of each kind; the least used go first.
const EXCHANGES_MAX: usize = 20_000;

/// Exchanges between members that are under way.
pub(super) struct Exchanges {
    /// Iqs that were passed on, by the id under which that was done.
    asked: Cache<Arc<str>, Asked>,
    /// The device that last spoke to a member's address.
    last_device: Cache<(BareJid, GroupId, Mid), Arc<str>>,
    /// Private messages, by sender, id and recipient: an error for one of them goes back to its sender.
    messages: Cache<(GroupId, Mid, Arc<str>, BareJid), Arc<str>>,
}

/// Longest id of what is passed on, in characters: it is remembered.
const ID_CHARS_MAX: usize = 255;

#[derive(Clone)]
struct Asked {
    asker: Arc<str>,
    id: Arc<str>,
    group: GroupId,
    /// Who was asked.
    mid: Mid,
    /// By which account.
    target: BareJid,
}

impl Default for Exchanges {
    fn default() -> Self {
        Self {
            asked: Cache::new(EXCHANGES_MAX),
            last_device: Cache::new(EXCHANGES_MAX),
            messages: Cache::new(EXCHANGES_MAX),
        }
    }
}

impl Engine {
    pub(super) async fn private(&mut self, work: &mut Work, private: Private) {
        match private.kind {
            PrivateKind::Result | PrivateKind::Error => self.answered(work, private).await,
            PrivateKind::Message | PrivateKind::Get | PrivateKind::Set => {
                let (origin, kind, group) = (private.origin.clone(), private.kind, private.group.clone());
                match self.passed_on(work, private).await {
                    Ok(stanzas) => {
                        // A plain query, as for a vCard, is no sign of a client of this protocol.
                        if kind == PrivateKind::Message && !self.rooms.has(&group, &origin.from) {
                            self.learn(work, &origin.from, None);
                        }
                        work.say(origin, Some(&group), stanzas, None);
                    }
                    Err(refusal) => work.refuse(origin, Some(&group), &refusal),
                }
            }
        }
    }

    async fn passed_on(&mut self, work: &mut Work, private: Private) -> Result<Vec<Outbound>, Refusal> {
        let Private { origin, group: id, mid: named, kind, content } = private;
        if content.len() > self.policy.limits.message_bytes {
            return Err(Refusal::TooLarge { bytes_max: self.policy.limits.message_bytes });
        }
        let client_id = origin.carrier.id().cloned();
        if client_id.as_ref().is_some_and(|id| id.chars().count() > ID_CHARS_MAX) {
            return Err(Refusal::TooLong { what: "stanza id", chars_max: ID_CHARS_MAX });
        }
        // Whoever pings a room and is no member is not in it, whether or not there is one: his client is to know, and
        // "no such item" would say that he is there under another nick (XEP-0410 §3.1).
        // Discovery is for occupants, and tells others nothing, whether or not there is such a room (XEP-0045 §6.6).
        let outside = |refusal| match () {
            () if is_ping(kind, &content) => Refusal::NotOccupant,
            () if is_discovery(kind, &content) => {
                Refusal::Malformed("only members may ask what others in this room can do".into())
            }
            () => refusal,
        };
        // Taken out while it is spoken of, so that exchanges can be noted.
        let found = work.group(&mut self.groups, &id).await.map_err(unavailable)?;
        found.filter(|group| !group.deleted).ok_or_else(|| outside(Refusal::NoSuchGroup))?;
        let group = work.take(&id).ok_or(Refusal::NoSuchGroup)?;
        let passed = match sender(&group, origin.from.bare(), kind) {
            Ok(_) => self.passed_in(&group, &origin, &named, kind, &content),
            Err(refusal) => Err(outside(refusal)),
        };
        work.put_back(group);
        passed
    }

    fn passed_in(
        &mut self,
        group: &Group,
        origin: &Origin,
        named: &Mid,
        kind: PrivateKind,
        content: &str,
    ) -> Result<Vec<Outbound>, Refusal> {
        let sender = sender(group, origin.from.bare(), kind)?;
        if let Some(pong) = self.self_ping(group, origin, kind, content, named)? {
            return Ok(vec![pong]);
        }
        let to = self.named(group, &origin.from, named).ok_or(Refusal::NoSuchMember)?;
        let device: Arc<str> = origin.from.to_string().into();
        let exchange = (to.jid.clone(), group.id.clone(), sender.mid.clone());
        self.exchanges.last_device.insert(exchange, device.clone());
        let id = origin.carrier.id();
        if kind == PrivateKind::Message {
            if let Some(id) = id {
                let key = (group.id.clone(), sender.mid.clone(), id.clone(), to.jid.clone());
                self.exchanges.messages.insert(key, device);
            }
            return Ok(self.fanout().private(group, sender, &to.jid, id, content));
        }
        let is_vcard = content.starts_with("<vCard") && self.rooms.has(&group.id, &origin.from);
        let target = if is_vcard {
            // What clients show of each other is with their servers. XEP-0153, XEP-0398.
            to.jid.text()
        } else {
            self.device_of(group, &to.jid, origin.from.bare(), &to.mid).ok_or(Refusal::NotOnline)?
        };
        // Not to be guessed: whoever knows it could try to answer in another's place.
        let asked_as: Arc<str> = format!("gc-{:016x}", rand::random::<u64>()).into();
        let name = self.name_for(group, sender, &Jid::from_stored(&target), is_vcard);
        let (asker, id) = (device, id.cloned().unwrap_or_default());
        let asked = Asked { asker, id, group: group.id.clone(), mid: to.mid.clone(), target: to.jid.clone() };
        self.exchanges.asked.insert(asked_as.clone(), asked);
        let domain = self.policy.domain.as_str();
        Ok(vec![encode::passed_on(domain, &group.id, &name, Some(&asked_as), kind, content, target)])
    }

    /// The member that a device means: by the nick, if it joined the group as a room, else by the member id.
    fn named<'g>(&self, group: &'g Group, device: &Jid, name: &Mid) -> Option<&'g Member> {
        if self.rooms.has(&group.id, device) {
            group.member_by_nick(&Nick::from_stored(name.as_str()))
        } else {
            group.find(&MemberRef::Mid(name.clone()))
        }
    }

    /// By which resource a device knows a member.
    fn name_for(&self, group: &Group, member: &Member, device: &Jid, by_nick: bool) -> Mid {
        if by_nick || self.rooms.has(&group.id, device) {
            Mid::from_stored(member.room_name())
        } else {
            member.mid.clone()
        }
    }

    /// A ping to one's own nick asks whether one is in the room still: answered here. XEP-0410.
    fn self_ping(
        &self,
        group: &Group,
        origin: &Origin,
        kind: PrivateKind,
        content: &str,
        name: &Mid,
    ) -> Result<Option<Outbound>, Refusal> {
        let by_nick = group.member_by_nick(&Nick::from_stored(name.as_str()));
        let is_own = by_nick.is_some_and(|member| member.jid == *origin.from.bare());
        if !is_own || !is_ping(kind, content) {
            return Ok(None);
        }
        if !self.rooms.has(&group.id, &origin.from) {
            return Err(Refusal::NotOccupant);
        }
        Ok(Some(encode::result(origin, None)))
    }

    /// The device that spoke last with the asker, if it is still there, else the newest one.
    fn device_of(&self, group: &Group, member: &BareJid, asker: &BareJid, mid: &Mid) -> Option<Arc<str>> {
        let last = self.exchanges.last_device.get(&(asker.clone(), group.id.clone(), mid.clone())).cloned();
        let present = self.rooms.of(&group.id).map_or(&[][..], |room| room.of(member));
        let online = self.sessions.of(member);
        let is_there = |last: &Arc<str>| {
            online.iter().any(|session| session.jid == *last) || present.iter().any(|o| o.text == *last)
        };
        let newest = || online.last().map(|session| session.jid.clone());
        let newest = || newest().or_else(|| present.last().map(|occupant| occupant.text.clone()));
        last.filter(is_there).or_else(newest)
    }

    /// The answer to an iq that was passed on, back to the asker under the id that he gave.
    async fn answered(&mut self, work: &mut Work, private: Private) {
        let Private { origin, kind, content, .. } = private;
        let Some(id) = origin.carrier.id() else { return };
        if self.exchanges.asked.get(id).is_none_or(|asked| asked.target != *origin.from.bare()) {
            return;
        }
        let Some((_, Asked { asker, id, group, mid, .. })) = self.exchanges.asked.remove(id) else { return };
        // Without the database he is called by his member id.
        let _ = work.group(&mut self.groups, &group).await;
        let domain = self.policy.domain.as_str();
        let known = work.touched(&group).and_then(|known| known.member_by_mid(&mid).map(|who| (known, who)));
        let name =
            known.map_or(mid, |(known, who)| self.name_for(known, who, &Jid::from_stored(&asker), false));
        let answer = encode::passed_on(domain, &group, &name, Some(&id), kind, &content, asker);
        work.say_if_stored(&group, vec![answer]);
    }

    /// The error that a private message met, back to its sender; `None` when it was none.
    pub(super) fn private_bounce(&mut self, group: &Group, bounce: &Bounce) -> Option<Outbound> {
        let (named, id) = (bounce.mid.clone()?, bounce.id.clone()?);
        let member = group.member(bounce.from.bare())?;
        let by_nick = group.member_by_nick(&Nick::from_stored(named.as_str())).map(|by| by.mid.clone());
        let messages = &mut self.exchanges.messages;
        let mut sender_of =
            |mid: Mid| messages.remove(&(bounce.group.clone(), mid, id.clone(), bounce.from.bare().clone()));
        let (_, sender) = sender_of(named).or_else(|| by_nick.and_then(sender_of))?;
        let from = self.name_for(group, member, &Jid::from_stored(&sender), false);
        let domain = self.policy.domain.as_str();
        Some(encode::private_failed(domain, &bounce.group, &from, Some(&id), &bounce.error, sender))
    }
}

fn is_ping(kind: PrivateKind, content: &str) -> bool {
    kind == PrivateKind::Get && content.starts_with("<ping")
}

fn is_discovery(kind: PrivateKind, content: &str) -> bool {
    let head = content.split('>').next().unwrap_or_default();
    kind == PrivateKind::Get && head.contains("http://jabber.org/protocol/disco#")
}

/// The sender as a member of the group.
fn sender<'a>(group: &'a Group, jid: &BareJid, kind: PrivateKind) -> Result<&'a Member, Refusal> {
    group.member(jid).ok_or(match (group.settings.visibility, kind) {
        (Visibility::Private, _) => Refusal::NoSuchGroup,
        (Visibility::Public, PrivateKind::Message) => Refusal::NotMember,
        (Visibility::Public, _) => Refusal::NotAllowed("only members may reach members here"),
    })
}
