//! A request of a user: decided, written down, and what is to be said of it.

use std::sync::Arc;

use groupchat_core::{
    Archived, ArchivedKind, Change, Command, Decision, Event, Group, GroupId, Jid, MessageRef, Mid, NewGroup,
    Notice, ReadReceipt, Refusal, Storage, create, decide,
};
use groupchat_dialect::{Carrier, Origin, Outbound, Request, encode};
use groupchat_store::StoreError;
use tracing::{error, info, trace};

use super::work::News;
use super::{Engine, Work};
use crate::config::CreateGroups;
use crate::fanout::{self, Fanout};
use crate::identity;

/// How often an id is made up for a new group before its creator is told to try again.
const ID_ATTEMPTS: usize = 5;

impl Engine {
    pub(super) async fn request(&mut self, work: &mut Work, request: Request) {
        let Request { origin, group, command } = request;
        if matches!(command, Command::Create(_)) && !self.may_create(&origin) {
            // Before anything is looked up: whoever may not create need not know which groups there are.
            work.refuse(origin, &Refusal::NotAllowed("only users of this server may create groups here"));
            return;
        }
        let decided = match group {
            Some(id) => self.decide_in(work, &origin, &id, command).await.map(|decision| (id, decision)),
            None => self.decide_unnamed(work, &origin, command).await,
        };
        match decided {
            Ok((id, decision)) => {
                let by_presence = matches!(origin.carrier, Carrier::Presence { .. });
                let address = by_presence.then(|| Jid::from_stored(&origin.at));
                self.learn(work, &origin.from, address.as_ref());
                self.carry_out(work, origin, &id, decision);
            }
            Err(refusal) => {
                // Not at debug: the text may quote what was sent.
                trace!(reason = %refusal, "Refused a request: {refusal}");
                work.refuse(origin, &refusal);
            }
        }
    }

    async fn decide_in(
        &mut self,
        work: &mut Work,
        origin: &Origin,
        id: &GroupId,
        mut command: Command,
    ) -> Result<Decision, Refusal> {
        let now = work.now;
        let group = work.group(&mut self.groups, id).await.map_err(unavailable)?;
        let actor = origin.from.bare();
        let decided = match (&mut command, group) {
            (Command::Create(new), None) => self.create(origin, id, new, now),
            (_, None) => Err(Refusal::NoSuchGroup),
            (Command::Read(receipt), Some(group)) => {
                if let Some(reader) = group.member(actor) {
                    receipt.found = self.find(id, &reader.mid, receipt).await.map_err(unavailable)?;
                }
                decide(group, actor, &command, &self.policy.limits, now)
            }
            (_, Some(group)) => decide(group, actor, &command, &self.policy.limits, now),
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

    fn create(
        &self,
        origin: &Origin,
        id: &GroupId,
        new: &NewGroup,
        now: groupchat_core::Timestamp,
    ) -> Result<Decision, Refusal> {
        create(id.clone(), origin.from.bare(), new, &self.policy.limits, now)
    }

    fn may_create(&self, origin: &Origin) -> bool {
        let host = self.policy.domain.as_str().split_once('.').map(|(_, host)| host);
        self.policy.create_groups == CreateGroups::Everyone || host == Some(origin.from.bare().domain())
    }

    /// The message that a receipt means: its place, its author, and what the receipt names it by.
    async fn find(
        &self,
        group: &GroupId,
        reader: &Mid,
        receipt: &ReadReceipt,
    ) -> Result<Option<(groupchat_core::StanzaId, Mid, Arc<str>)>, StoreError> {
        Ok(match &receipt.message {
            MessageRef::Id(id) => {
                let found = self.store.message(group, id).await?;
                found.map(|message| (message.id, message.mid, id.clone()))
            }
            MessageRef::Newest => {
                let found = self.store.newest_message_by_others(group, reader).await?;
                found.map(|message| {
                    let named = message.client_id.unwrap_or_else(|| message.id.to_string().into());
                    (message.id, message.mid, named)
                })
            }
        })
    }

    /// An announcement goes out as one stanza for each member, so it has to be one that hosts take.
    fn fits(&self, work: &Work, id: &GroupId, decision: Decision) -> Result<Decision, Refusal> {
        let bytes_max = self.policy.limits.message_bytes;
        let group = match &decision.change {
            Some(Change::Created(group)) => Some(&**group),
            _ => work.touched(id),
        };
        let name = group.map(|group| self.fanout().name(group).name.to_owned()).unwrap_or_default();
        let name = encode::Group { domain: self.policy.domain.as_str(), id, name: &name };
        for notice in &decision.notices {
            if let Notice::Announce(event) = notice
                && encode::event_content(&name, event).len() > bytes_max
            {
                return Err(Refusal::TooLarge { bytes_max });
            }
        }
        Ok(decision)
    }

    /// A granted request: its change, its rows in the archive, its stanzas.
    fn carry_out(&self, work: &mut Work, origin: Origin, id: &GroupId, decision: Decision) {
        let Decision { change, notices } = decision;
        let created = matches!(change, Some(Change::Created(_)));
        let news = change.as_ref().and_then(|change| news(id, change));
        if let Some(change) = change {
            work.apply(id, change);
        }
        let Some(group) = work.take(id) else { return };
        let mut speech = Vec::new();
        speech.extend(encode::granted(&origin, &self.fanout().name(&group), created));
        for notice in notices {
            speech.extend(self.put_into_words(work, &origin, &group, notice));
        }
        work.put_back(group);
        work.say(origin, speech, news);
    }

    fn put_into_words(
        &self,
        work: &mut Work,
        origin: &Origin,
        group: &Group,
        notice: Notice,
    ) -> Vec<Outbound> {
        let fanout = self.fanout();
        match notice {
            Notice::Announce(event) => {
                let row = self.event_row(work, origin, group, &event);
                work.archive(row);
                fanout.announcement(group, &event, &origin.from, origin.carrier.id())
            }
            Notice::Welcome(member) => {
                // The same id as the announcement has in the archive: it is the same news.
                fanout.welcome(group, &member, origin.from.bare(), work.last_id).into_iter().collect()
            }
            Notice::Message { author, post } if post.storage == Storage::LiveOnly => {
                fanout.ephemeral(group, &author, &post).into_iter().collect()
            }
            Notice::Message { author, post } => {
                let row = Archived {
                    id: work.next_id(),
                    group: group.id.clone(),
                    at: work.now,
                    kind: ArchivedKind::Message,
                    sender: origin.from.clone(),
                    mid: author,
                    client_id: post.client_id,
                    body: post.body,
                    payload: post.payload,
                };
                let copies = fanout.message(group, &row);
                work.archive(row);
                copies
            }
            Notice::Receipt { reader, author, message_id, client_id, displayed } => {
                let receipt = fanout::Receipt {
                    reader: &reader,
                    author: author.as_ref(),
                    message_id: &message_id,
                    client_id: client_id.as_ref(),
                    displayed,
                };
                fanout.receipt(&group.id, &receipt, &origin.from).into_iter().collect()
            }
        }
    }

    fn event_row(&self, work: &mut Work, origin: &Origin, group: &Group, event: &Event) -> Archived {
        let actor = group.member(origin.from.bare()).map(|member| member.mid.clone());
        let mid = actor.or_else(|| match event {
            Event::Removed { who, .. } => {
                who.iter().find(|gone| gone.jid == *origin.from.bare()).and_then(|gone| gone.mid.clone())
            }
            Event::Created { .. } | Event::Updated(_) | Event::Deleted | Event::Added(_) => None,
        });
        Archived {
            id: work.next_id(),
            group: group.id.clone(),
            at: work.now,
            kind: ArchivedKind::Event,
            sender: origin.from.clone(),
            mid: mid.unwrap_or_else(|| Mid::from_stored("")),
            client_id: None,
            body: None,
            payload: encode::event_content(&self.fanout().name(group), event).into(),
        }
    }

    pub(super) fn fanout(&self) -> Fanout<'_> {
        Fanout { domain: self.policy.domain.as_str(), absent: self.policy.absent, sessions: &self.sessions }
    }
}

fn unavailable(problem: StoreError) -> Refusal {
    error!(error = %problem, "The database cannot be read: {problem}");
    Refusal::Unavailable
}

/// What a change is in the log, once it is stored.
fn news(id: &GroupId, change: &Change) -> Option<News> {
    let id = id.clone();
    Some(match change {
        Change::Created(group) => {
            let members = group.members().len();
            Box::new(move || info!(group = %id, members, "Created group {id} of {members}"))
        }
        Change::Updated(_) => Box::new(move || info!(group = %id, "Changed the settings of group {id}")),
        Change::Deleted => Box::new(move || info!(group = %id, "Deleted group {id}")),
        Change::MembersAdded { members, .. } => {
            let members = members.len();
            Box::new(move || info!(group = %id, members, "Added {members} to group {id}"))
        }
        Change::MembersRemoved { removed, banned, deletes } => {
            let (members, banned, deleted) = (removed.len(), banned.len(), *deletes);
            Box::new(
                move || info!(group = %id, members, banned, deleted, "Removed {members} from group {id}"),
            )
        }
        Change::Read { .. } => return None,
    })
}
