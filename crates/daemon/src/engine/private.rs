//! What members send to each other's address in the group: passed on to the real one, and answers passed back.
//! PROTOCOL: messages, "to a member address".
//!
//! Nothing of it is stored. An iq that is never answered is forgotten in time; its asker has a time-out of his own.

use std::sync::Arc;

use groupchat_core::{BareJid, Group, GroupId, Member, MemberRef, Mid, Refusal, Visibility};
use groupchat_dialect::{Bounce, Outbound, Private, PrivateKind, encode};
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
            PrivateKind::Result | PrivateKind::Error => self.answered(work, private),
            PrivateKind::Message | PrivateKind::Get | PrivateKind::Set => {
                let (origin, kind, group) = (private.origin.clone(), private.kind, private.group.clone());
                match self.passed_on(work, private).await {
                    Ok(stanza) => {
                        // A plain query, as for a vCard, is no sign of a client of this protocol.
                        if kind == PrivateKind::Message {
                            self.learn(work, &origin.from, None);
                        }
                        work.say(origin, Some(&group), vec![stanza], None);
                    }
                    Err(refusal) => work.refuse(origin, Some(&group), &refusal),
                }
            }
        }
    }

    async fn passed_on(&mut self, work: &mut Work, private: Private) -> Result<Outbound, Refusal> {
        let Private { origin, group: id, mid, kind, content } = private;
        if content.len() > self.policy.limits.message_bytes {
            return Err(Refusal::TooLarge { bytes_max: self.policy.limits.message_bytes });
        }
        let group = work.group(&mut self.groups, &id).await.map_err(unavailable)?;
        let group = group.filter(|group| !group.deleted).ok_or(Refusal::NoSuchGroup)?;
        let sender = sender(group, origin.from.bare(), kind)?.mid.clone();
        let to = group.find(&MemberRef::Mid(mid.clone())).ok_or(Refusal::NoSuchMember)?.jid.clone();
        let device: Arc<str> = origin.from.to_string().into();
        self.exchanges.last_device.insert((to.clone(), id.clone(), sender.clone()), device.clone());
        let domain = self.policy.domain.as_str();
        let client_id = origin.carrier.id().cloned();
        if client_id.as_ref().is_some_and(|id| id.chars().count() > ID_CHARS_MAX) {
            return Err(Refusal::TooLong { what: "stanza id", chars_max: ID_CHARS_MAX });
        }
        if kind == PrivateKind::Message {
            if let Some(client_id) = &client_id {
                let key = (id.clone(), sender.clone(), client_id.clone(), to.clone());
                self.exchanges.messages.insert(key, device);
            }
            let client_id = client_id.as_deref();
            return Ok(encode::passed_on(domain, &id, &sender, client_id, kind, &content, to.text()));
        }
        let target = self.device_of(&to, origin.from.bare(), &id, &mid).ok_or(Refusal::NotOnline)?;
        // Not to be guessed: whoever knows it could try to answer in another's place.
        let asked_as: Arc<str> = format!("gc-{:016x}", rand::random::<u64>()).into();
        let asked =
            Asked { asker: device, id: client_id.unwrap_or_default(), group: id.clone(), mid, target: to };
        self.exchanges.asked.insert(asked_as.clone(), asked);
        Ok(encode::passed_on(domain, &id, &sender, Some(&asked_as), kind, &content, target))
    }

    /// The device that spoke last with the asker, if it is still there, else the newest one.
    fn device_of(&self, member: &BareJid, asker: &BareJid, group: &GroupId, mid: &Mid) -> Option<Arc<str>> {
        let last = self.exchanges.last_device.get(&(asker.clone(), group.clone(), mid.clone())).cloned();
        let online = self.sessions.of(member);
        let last = last.filter(|last| online.iter().any(|session| session.jid == *last));
        last.or_else(|| online.last().map(|session| session.jid.clone()))
    }

    /// The answer to an iq that was passed on, back to the asker under the id that he gave.
    fn answered(&mut self, work: &mut Work, private: Private) {
        let Private { origin, kind, content, .. } = private;
        let Some(id) = origin.carrier.id() else { return };
        if self.exchanges.asked.get(id).is_none_or(|asked| asked.target != *origin.from.bare()) {
            return;
        }
        let Some((_, Asked { asker, id, group, mid, .. })) = self.exchanges.asked.remove(id) else { return };
        let domain = self.policy.domain.as_str();
        let answer = encode::passed_on(domain, &group, &mid, Some(&id), kind, &content, asker);
        work.say_if_stored(&group, vec![answer]);
    }

    /// The error that a private message met, back to its sender; `None` when it was none.
    pub(super) fn private_bounce(&mut self, group: &Group, bounce: &Bounce) -> Option<Outbound> {
        let (mid, id) = (bounce.mid.clone()?, bounce.id.clone()?);
        let from = group.member(bounce.from.bare())?.mid.clone();
        let key = (bounce.group.clone(), mid, id.clone(), bounce.from.bare().clone());
        let (_, sender) = self.exchanges.messages.remove(&key)?;
        let domain = self.policy.domain.as_str();
        Some(encode::private_failed(domain, &bounce.group, &from, Some(&id), &bounce.error, sender))
    }
}

/// The sender as a member of the group.
fn sender<'a>(group: &'a Group, jid: &BareJid, kind: PrivateKind) -> Result<&'a Member, Refusal> {
    group.member(jid).ok_or(match (group.settings.visibility, kind) {
        (Visibility::Private, _) => Refusal::NoSuchGroup,
        (Visibility::Public, PrivateKind::Message) => Refusal::NotMember,
        (Visibility::Public, _) => Refusal::NotAllowed("only members may reach members here"),
    })
}
