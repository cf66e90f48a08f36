//! A request of a user: what the rules have to know is looked up, they are asked, and their answer carried out.
//!
//! Not here: what carrying out means (`carry_out.rs`).

use std::sync::Arc;

use groupchat_core::{
    Addable, Archived, ArchivedKind, BareJid, Command, Decision, Found, Group, GroupId, Jid, Limits, Member,
    MemberRef, MemberSpec, MemberUpdate, Mentions, MessageRef, Mid, Nick, ReadBy, Refusal, StanzaId,
    Timestamp, create, decide,
};
use groupchat_dialect::{Carrier, Origin, Request, encode};
use groupchat_store::StoreError;
use tracing::{error, trace};

use super::sent::Key;
use super::{Engine, Work};
use crate::config::{CreateGroups, MucMode};
use crate::identity;

/// How often an id is made up for a new group before its creator is told to try again.
const ID_ATTEMPTS: usize = 5;
/// Copies of one group that may wait for the server before no more messages are taken for it. Half a minute of work for
/// Prosody, a few seconds for ejabberd.
const WAITING_MAX: usize = 100_000;

/// Rules, as [`decide`] and `govern`.
pub(super) type Rules = fn(&Group, &BareJid, &Command, &Limits, Timestamp) -> Result<Decision, Refusal>;

/// What holds a request up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// How many messages come into the group, and how many copies wait.
    Message,
    /// How many copies wait.
    Announcement,
    /// Nothing: whoever floods a group must be got rid of.
    Never,
}

impl Pace {
    fn of(command: &Command) -> Self {
        match command {
            Command::Post(_) | Command::Retract(_) | Command::Subject { .. } => Self::Message,
            Command::RemoveMembers(_) | Command::Delete(_) | Command::Roles(_) => Self::Never,
            Command::Affiliate(asked) if asked.only_removes() => Self::Never,
            _ => Self::Announcement,
        }
    }
}

impl Engine {
    pub(super) async fn request(&mut self, work: &mut Work, request: Request) {
        self.metrics.requests.inc();
        let Request { origin, group, mut command } = request;
        if matches!(command, Command::Create(_)) && !self.may_create(&origin) {
            self.metrics.refused.inc();
            // Before anything is looked up: whoever may not create need not know which groups there are.
            let why = Refusal::NotAllowed("only users of this server may create groups here");
            work.refuse(origin, group.as_ref(), &why);
            return;
        }
        // Invitations go to everybody who is added, and can be declined in any case.
        let asks_for_room = !matches!(origin.carrier, Carrier::Message { .. });
        if self.policy.rooms == MucMode::Off && asks_for_room && origin.carrier.is_of_rooms() {
            return work.refuse(origin, group.as_ref(), &Refusal::Unknown);
        }
        let sent = group.as_ref().and_then(|group| Key::of(group, &origin, &command));
        if let (Some(key), Some(group)) = (&sent, &group)
            && self.acknowledged_again(work, &origin, group, key).await
        {
            return;
        }
        let pace = Pace::of(&command);
        let lane = group.clone();
        let in_room = group.as_ref().is_some_and(|id| self.rooms.has(id, &origin.from));
        if in_room {
            by_nicks(&mut command);
        }
        let decided = match group {
            Some(id) => self.decide_in(work, &origin, &id, command).await.map(|decision| (id, decision)),
            None => self.decide_unnamed(work, &origin, command).await,
        };
        match decided {
            Ok((id, decision)) => {
                let by_presence = matches!(origin.carrier, Carrier::Presence { .. });
                let address = by_presence.then(|| Jid::from_stored(&origin.at));
                if !in_room && !origin.carrier.is_of_rooms() {
                    self.learn(work, &origin.from, address.as_ref());
                }
                // Now that it is known that a member says it: nobody else learns how busy a group is, or makes it so.
                match self.pace(work, &id, pace) {
                    Ok(()) => self.carry_out(work, origin, &id, decision, sent),
                    // Not behind what the group has too much of.
                    Err(refusal) => {
                        self.metrics.refused.inc();
                        work.refuse(origin, None, &refusal);
                    }
                }
            }
            Err(refusal) => {
                // Without the text, which may quote what was sent.
                trace!("Refused a request");
                self.metrics.refused.inc();
                work.refuse(origin, lane.as_ref(), &refusal);
            }
        }
    }

    /// A user says who may add him to groups.
    pub(super) fn consent(&mut self, work: &mut Work, origin: Origin, addable: Addable) {
        self.learn(work, &origin.from, None);
        work.people.push((origin.from.bare().clone(), addable));
        let answer = encode::result(&origin, None);
        work.say(origin, None, vec![answer], None);
    }

    pub(super) async fn decide_in(
        &mut self,
        work: &mut Work,
        origin: &Origin,
        id: &GroupId,
        command: Command,
    ) -> Result<Decision, Refusal> {
        self.decide_by(decide, work, origin, id, command).await
    }

    /// By the rules for members, or by those for operators.
    pub(super) async fn decide_by(
        &mut self,
        rules: Rules,
        work: &mut Work,
        origin: &Origin,
        id: &GroupId,
        mut command: Command,
    ) -> Result<Decision, Refusal> {
        let now = work.now;
        let actor = origin.from.bare();
        let limits = &self.policy.limits;
        let group = work.group(&mut self.groups, id).await.map_err(unavailable)?;
        let looked_up = Lookups { store: &self.store, actor };
        let decided = match (&mut command, group) {
            (Command::Create(new), None) => {
                new.people = looked_up.people(&new.members).await.map_err(unavailable)?;
                create(id.clone(), actor, new, &self.policy.defaults, limits, now)
            }
            (_, None) => Err(Refusal::NoSuchGroup),
            (Command::Join { nick, .. }, Some(group))
                if origin.carrier.is_of_rooms() && group.member(actor).is_some() =>
            {
                registered_again(group, actor, nick.as_deref(), limits, now)
            }
            (_, Some(group)) => {
                looked_up.fill(group, &mut command).await.map_err(unavailable)?;
                rules(group, actor, &command, limits, now)
            }
        };
        decided.and_then(|decision| self.fits(work, id, decision))
    }

    /// A request to the service itself: it makes up the id of a new group.
    async fn decide_unnamed(
        &mut self,
        work: &mut Work,
        origin: &Origin,
        command: Command,
    ) -> Result<(GroupId, Decision), Refusal> {
        for _ in 0..ID_ATTEMPTS {
            let id = identity::group_id();
            if work.group(&mut self.groups, &id).await.map_err(unavailable)?.is_none() {
                return Ok((id.clone(), self.decide_in(work, origin, &id, command).await?));
            }
        }
        Err(Refusal::Unavailable)
    }

    /// May one more message come into this group? Not when it gets too many of them, nor when the server does not take
    /// them as fast as they come.
    pub(super) fn pace(&self, work: &Work, id: &GroupId, pace: Pace) -> Result<(), Refusal> {
        if pace == Pace::Never {
            return Ok(());
        }
        let lane = Some(id.as_str().into());
        let waiting = self.outgoing.waiting_in(&lane) + work.copies_in(id);
        if waiting > WAITING_MAX || self.outgoing.is_crowded_with(work.bytes()) {
            return Err(Refusal::Busy);
        }
        if pace == Pace::Message { self.rates.check(id) } else { Ok(()) }
    }

    pub(super) fn may_create(&self, origin: &Origin) -> bool {
        let host = self.policy.domain.as_str().split_once('.').map(|(_, host)| host);
        self.policy.create_groups == CreateGroups::Everyone || host == Some(origin.from.bare().domain())
    }

    /// A message that came twice: if it is stored, its sender's device hears so again, and nobody else.
    async fn acknowledged_again(
        &mut self,
        work: &mut Work,
        origin: &Origin,
        group: &GroupId,
        key: &Key,
    ) -> bool {
        let Some(stored) = self.sent.find(key, work.now) else { return false };
        let message = match self.repeated(work, origin, group, stored).await {
            Ok(Some(message)) => message,
            Ok(None) => return false,
            Err(problem) => {
                // Not decided as a new one: it may be stored.
                work.refuse(origin.clone(), Some(group), &unavailable(problem));
                return true;
            }
        };
        if !self.rooms.has(group, &origin.from) {
            self.learn(work, &origin.from, None);
        }
        // It was looked at for the message.
        let copy = work.touched(group).map(|known| self.fanout().copy_for(known, &message, &origin.from));
        work.say(origin.clone(), Some(group), copy.into_iter().collect(), None);
        true
    }

    /// The message as it is stored, or is about to be, if the sender is still in; without content if it was taken back.
    async fn repeated(
        &mut self,
        work: &mut Work,
        origin: &Origin,
        id: &GroupId,
        stored: StanzaId,
    ) -> Result<Option<Archived>, StoreError> {
        let actor = origin.from.bare();
        let group = work.group(&mut self.groups, id).await?.filter(|group| !group.deleted);
        let Some(mid) = group.and_then(|group| group.member(actor)).map(|member| member.mid.clone()) else {
            return Ok(None);
        };
        if let Some(same_batch) = work.archived(stored) {
            return Ok(Some(same_batch.clone()));
        }
        if let Some(message) = self.store.message(id, &stored.to_string()).await? {
            return Ok(Some(message));
        }
        let taken_back = self.store.found(id, &stored.to_string()).await?;
        Ok(taken_back.map(|found| Archived {
            id: found.id,
            group: id.clone(),
            at: work.now,
            kind: ArchivedKind::Message,
            sender: origin.from.clone(),
            mid,
            client_id: origin.carrier.id().cloned(),
            body: None,
            ordinal: 0,
            countable: false,
            corrects: None,
            read_by: ReadBy::Members,
            mentions: Mentions::default(),
            payload: "".into(),
        }))
    }
}

/// Who joined a group as a room names others there by their nicks.
fn by_nicks(command: &mut Command) {
    let Command::Post(post) = command else { return };
    for who in &mut post.mentions.members {
        if let MemberRef::Mid(nick) = who {
            *who = MemberRef::Nick(Nick::from_stored(nick.as_str()));
        }
    }
}

/// A member registers with the room once more, as some clients do whenever they join: he keeps his nick, or gets the one
/// that he asks for. XEP-0045 §7.10.
fn registered_again(
    group: &Group,
    actor: &BareJid,
    nick: Option<&str>,
    limits: &Limits,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let is_his = |member: &Member| nick == Some(member.nick.as_str()) || nick == Some(member.room_name());
    if nick.is_none() || group.member(actor).is_some_and(is_his) {
        return Ok(Decision::default());
    }
    let who = MemberRef::Jid(actor.clone());
    let update = MemberUpdate { who, nick: nick.map(str::to_owned), role: None };
    decide(group, actor, &Command::UpdateMembers(vec![update]), limits, now)
}

/// What the rules have to know that no group holds.
struct Lookups<'a> {
    store: &'a groupchat_store::Store,
    actor: &'a BareJid,
}

impl Lookups<'_> {
    /// Fills in what this command needs.
    async fn fill(&self, group: &Group, command: &mut Command) -> Result<(), StoreError> {
        let Some(member) = group.member(self.actor) else {
            if let Command::Join { person, .. } = command {
                *person = self
                    .store
                    .people(std::slice::from_ref(self.actor))
                    .await?
                    .remove(self.actor)
                    .unwrap_or_default();
            }
            return Ok(());
        };
        match command {
            Command::AddMembers(addition) | Command::Invite(addition) => {
                addition.people = self.people(&addition.members).await?;
            }
            Command::Affiliate(asked) => {
                let jids = asked.wishes.iter().filter_map(|wish| match &wish.who {
                    MemberRef::Jid(jid) => Some(jid.clone()),
                    MemberRef::Mid(_) | MemberRef::Nick(_) => None,
                });
                asked.people = self.store.people(&jids.collect::<Vec<_>>()).await?;
            }
            Command::Read(receipt) => receipt.found = self.read(group, member, &receipt.message).await?,
            Command::Post(post) => {
                if let Some(correction) = &mut post.corrects {
                    correction.found = self.own(group, &member.mid, &correction.id).await?;
                }
            }
            Command::Retract(retraction) => {
                retraction.found = match &retraction.post {
                    Some(_) => self.own(group, &member.mid, &retraction.id).await?,
                    None => self.store.found(&group.id, &retraction.id).await?,
                };
            }
            Command::Create(_)
            | Command::Update(_)
            | Command::Avatar(_)
            | Command::Freeze(_)
            | Command::Delete(_)
            | Command::UpdateMembers(_)
            | Command::Join { .. }
            | Command::MySettings(_)
            | Command::Depart
            | Command::RemoveMembers(_)
            | Command::Subject { .. }
            | Command::Roles(_)
            | Command::Configure(_) => {}
        }
        Ok(())
    }

    /// What is known of these accounts and of the actor; what is no account is found out by the rules.
    async fn people(&self, specs: &[MemberSpec]) -> Result<groupchat_core::People, StoreError> {
        let mut jids: Vec<_> = specs.iter().filter_map(|spec| BareJid::parse(&spec.jid).ok()).collect();
        jids.push(self.actor.clone());
        self.store.people(&jids).await
    }

    /// The actor's own message of this id, though others may have used the same.
    async fn own(&self, group: &Group, author: &Mid, id: &Arc<str>) -> Result<Option<Found>, StoreError> {
        let newest =
            self.store.messages_by(&group.id, id, author, Timestamp(i64::MAX)).await?.into_iter().next();
        // A correction stands for what it corrects: that is what is corrected again, or taken back with all of them.
        Ok(newest.map(|message| Found {
            id: message.corrects.unwrap_or(message.id),
            mid: message.mid,
            named: id.clone(),
            seen: 0,
        }))
    }

    /// The message that a receipt means. What is read with it is counted only if the receipt says anything new.
    async fn read(
        &self,
        group: &Group,
        reader: &Member,
        message: &MessageRef,
    ) -> Result<Option<Found>, StoreError> {
        let found = match message {
            MessageRef::Id(id) => self.store.found(&group.id, id).await?,
            MessageRef::Newest => {
                self.store.newest_found_by_others(&group.id, &reader.mid, reader.read).await?
            }
        };
        match found {
            Some(found) if found.id > reader.read && found.mid != reader.mid => {
                let own = self.store.own_after(&group.id, &reader.mid, found.id).await?;
                Ok(Some(Found { seen: found.seen + own, ..found }))
            }
            found => Ok(found),
        }
    }
}

pub(super) fn unavailable(problem: StoreError) -> Refusal {
    error!(error = %problem, "The database cannot be read: {problem}");
    Refusal::Unavailable
}
