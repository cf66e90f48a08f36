//! A granted request becomes changes, rows of the archive, and stanzas to be said once all of it is stored.

use std::sync::Arc;

use groupchat_core::{
    Archived, ArchivedKind, Change, Decision, Event, Farewell, Group, GroupId, Mentions, Mid, Notice, Post,
    Presence, ReadBy, Refusal, Storage,
};
use groupchat_dialect::encode::{self, Words};
use groupchat_dialect::{Carrier, Origin, Outbound};
use tracing::info;

use super::sent::Key;
use super::work::News;
use super::{Engine, Work};
use crate::fanout::{Fanout, Receipt};

impl Engine {
    /// An announcement goes out as one stanza for each member, so it has to be one that hosts take.
    pub(super) fn fits(&self, work: &Work, id: &GroupId, decision: Decision) -> Result<Decision, Refusal> {
        let bytes_max = self.policy.limits.message_bytes;
        let group = match decision.changes.first() {
            Some(Change::Created(group)) => Some(&**group),
            _ => work.touched(id),
        };
        let name = group.map(|group| group.settings.name.clone()).unwrap_or_default();
        let name = encode::Group { domain: self.policy.domain.as_str(), id, name: &name };
        let is_large = |notice: &Notice| match notice {
            Notice::Announce(event) => encode::event_content(&name, event).len() > bytes_max,
            _ => false,
        };
        if decision.notices.iter().any(is_large) {
            Err(Refusal::TooLarge { bytes_max })
        } else {
            Ok(decision)
        }
    }

    pub(super) fn carry_out(
        &mut self,
        work: &mut Work,
        origin: Origin,
        id: &GroupId,
        decision: Decision,
        sent: Option<Key>,
    ) {
        let Some((speech, news)) = self.carried(work, &origin, id, decision) else { return };
        if let Some(key) = sent {
            self.sent.note(key, work.last_id, work.now);
        }
        work.say(origin, Some(id), speech, news);
    }

    /// Takes over what was decided; what is to be said of it, and to be logged, once it is stored.
    pub(super) fn carried(
        &mut self,
        work: &mut Work,
        origin: &Origin,
        id: &GroupId,
        decision: Decision,
    ) -> Option<(Vec<Outbound>, Option<News>)> {
        let Decision { changes, notices } = decision;
        let created = matches!(changes.first(), Some(Change::Created(_)));
        let news = changes.iter().find_map(|change| news(id, change));
        for change in changes {
            work.apply(id, change);
        }
        let group = work.take(id)?;
        let mut speech: Vec<Outbound> =
            encode::granted(origin, &self.fanout().name(&group), created).into_iter().collect();
        for notice in notices {
            let leaving = self.leaving(&group, &notice);
            speech.extend(self.put_into_words(work, origin, &group, notice));
            leaving.iter().for_each(|device| self.leave_room(work, &group.id, device));
        }
        work.put_back(group);
        Some((speech, news))
    }

    fn put_into_words(
        &self,
        work: &mut Work,
        origin: &Origin,
        group: &Group,
        notice: Notice,
    ) -> Vec<Outbound> {
        let fanout = self.fanout();
        let actor = origin.from.bare();
        match notice {
            Notice::Announce(Event::Subject { author, subject }) => {
                let event = Event::Subject { author: author.clone(), subject };
                let content = encode::event_content(&fanout.name(group), &event);
                let row = Archived {
                    kind: ArchivedKind::Message,
                    mid: author,
                    client_id: origin.carrier.id().cloned(),
                    ..row(work, origin, group, &content)
                };
                fanout.to_all_devices(group, &said(work, row))
            }
            Notice::Announce(event) => {
                let content = encode::event_content(&fanout.name(group), &event);
                let mid = doer(origin, group, &event);
                let event_row = Archived { mid, ..row(work, origin, group, &content) };
                work.archive(event_row);
                let native = fanout.announcement(group, &event, origin).into_iter();
                native.chain(fanout.event_in_room(group, &event, origin)).collect()
            }
            // The same id as the announcement has in the archive: it is the same news.
            Notice::Welcome { member, reason } => {
                let by = (actor, reason.as_deref());
                let letter = fanout.welcome(group, &member, by, words(&origin.carrier), work.last_id);
                letter.into_iter().collect()
            }
            Notice::Invite { jid, role, reason } => {
                let by = (actor, reason.as_deref());
                vec![fanout.invite(group, (&jid, role), by, words(&origin.carrier), work.now)]
            }
            Notice::Kicked { member, reason } => fanout.kicked(group, &member, actor, reason.as_deref()),
            Notice::Request { jid, nick } => {
                let content = encode::request_content(&jid, nick.as_deref());
                let request = Archived { read_by: ReadBy::Admins, ..row(work, origin, group, &content) };
                work.archive(request);
                let in_room = fanout.request_in_room(group, &jid, nick.as_deref());
                std::iter::once(fanout.request(group, &content)).chain(in_room).collect()
            }
            Notice::Declined { to, jid } => fanout.declined(group, &to, &jid),
            Notice::Abandoned => fanout.event_in_room(group, &Event::Deleted(Farewell::default()), origin),
            Notice::MySettings { receive, mute_until } => {
                fanout.my_settings(group, receive, mute_until, &origin.from).into_iter().collect()
            }
            Notice::Message { author, post, .. } if post.storage == Storage::LiveOnly => {
                fanout.ephemeral(group, &author, &post, work.now)
            }
            Notice::Message { author, post, mentions, countable, retracts } => {
                let row = message_row(work, origin, group, author, post, mentions, countable);
                let row = said(work, row);
                if retracts {
                    fanout.to_everybody(group, &row)
                } else {
                    fanout.message(group, &row, work.now)
                }
            }
            Notice::Moderated { message, by, reason } => {
                let content = encode::moderated_content(&fanout.name(group), message, &by, reason.as_deref());
                let row = Archived { mid: by, ..row(work, origin, group, &content) };
                fanout.moderated(group, &said(work, row))
            }
            Notice::Receipt { reader, author, message_id, client_id, displayed } => {
                let receipt = Receipt {
                    reader: &reader,
                    author: author.as_ref(),
                    message_id: &message_id,
                    client_id: client_id.as_ref(),
                    displayed,
                };
                fanout.receipt(group, &receipt, &origin.from)
            }
        }
    }

    pub(super) fn fanout(&self) -> Fanout<'_> {
        let presence = Presence { sessions: &self.sessions, rooms: &self.rooms };
        Fanout { domain: self.policy.domain.as_str(), absent: self.policy.absent, presence }
    }
}

/// How somebody is told that he is added or invited, by what asked for it.
fn words(carrier: &Carrier) -> Words {
    match carrier {
        // Stock clients make somebody a member, and invite him themselves.
        Carrier::Iq { .. } if carrier.is_of_rooms() => Words::None,
        Carrier::Message { is_of_rooms: true, .. } => Words::Invitation,
        Carrier::Iq { .. } | Carrier::Message { .. } | Carrier::Presence { .. } => Words::Body,
    }
}

/// Puts a row into the archive, and gives it back to be spoken of.
fn said(work: &mut Work, row: Archived) -> Archived {
    work.archive(row.clone());
    row
}

/// A row of the archive that says this; an event, by nobody in particular.
fn row(work: &mut Work, origin: &Origin, group: &Group, content: &str) -> Archived {
    Archived {
        id: work.next_id(),
        group: group.id.clone(),
        at: work.now,
        kind: ArchivedKind::Event,
        sender: origin.from.clone(),
        mid: Mid::from_stored(""),
        client_id: None,
        body: None,
        ordinal: group.countable,
        countable: false,
        corrects: None,
        read_by: ReadBy::Members,
        mentions: Mentions::default(),
        payload: content.into(),
    }
}

fn message_row(
    work: &mut Work,
    origin: &Origin,
    group: &Group,
    author: Mid,
    post: Post,
    mentions: Mentions,
    countable: bool,
) -> Archived {
    let Post { client_id, body, payload, corrects, .. } = post;
    let corrects = corrects.and_then(|correction| correction.found).map(|found| found.id);
    let empty = row(work, origin, group, "");
    Archived {
        kind: ArchivedKind::Message,
        mid: author,
        client_id,
        body,
        countable,
        corrects,
        mentions,
        payload,
        ..empty
    }
}

/// The member id of whoever did it, though he may have left by it.
fn doer(origin: &Origin, group: &Group, event: &Event) -> Mid {
    let actor = origin.from.bare();
    let left = match event {
        Event::Removed { who, .. } => {
            who.iter().find(|gone| gone.jid == *actor).and_then(|gone| gone.mid().cloned())
        }
        _ => None,
    };
    left.or_else(|| group.member(actor).map(|member| member.mid.clone()))
        .unwrap_or_else(|| Mid::from_stored(""))
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
        Change::Avatar(new) => {
            let what = if new.is_some() { "Set" } else { "Took away" };
            Box::new(move || info!(group = %id, "{what} the picture of group {id}"))
        }
        Change::Deleted => Box::new(move || info!(group = %id, "Deleted group {id}")),
        Change::MembersAdded { members, .. } if members.is_empty() => return None,
        Change::MembersAdded { members, .. } => {
            let members = members.len();
            Box::new(move || info!(group = %id, members, "Added {members} to group {id}"))
        }
        Change::MembersUpdated(members) => {
            let members = members.len();
            Box::new(move || info!(group = %id, members, "Changed nicks or roles of {members} in group {id}"))
        }
        Change::MembersRemoved { removed, banned, deletes } => {
            let (members, banned, deleted) = (removed.len(), banned.len(), *deletes);
            Box::new(
                move || info!(group = %id, members, banned, deleted, "Removed {members} from group {id}"),
            )
        }
        Change::Retracted { message, moderated, .. } => {
            let (message, moderated): (Arc<str>, _) = (message.to_string().into(), *moderated);
            Box::new(
                move || info!(group = %id, message = &*message, moderated, "A message was taken back in group {id}"),
            )
        }
        Change::Abandoned => {
            Box::new(move || info!(group = %id, "Room {id} was given up before it was configured"))
        }
        Change::Waiting(_)
        | Change::Unlocked
        | Change::Answered(_)
        | Change::MemberSettings { .. }
        | Change::Posted { .. }
        | Change::Read { .. } => return None,
    })
}
