//! Rooms that were made and are not configured (XEP-0045 §10.1): locked, known to nobody but their makers, and given up
//! when these go, or after a while.
//!
//! Not here: what configures a room (core).

use groupchat_core::{Command, Decision, GroupId, MemberSpec, NewGroup, Nick, Refusal, Timestamp, abandoned};
use groupchat_dialect::{Carrier, Origin};

use super::{Engine, Work};
use crate::config::MucMode;

/// How long a room may be made and not configured, in milliseconds.
const LEFTOVER_MS: i64 = 10 * 60 * 1_000;

impl Engine {
    /// Joining a room that is not there makes it, locked until it is configured.
    pub(super) async fn new_room(
        &mut self,
        work: &mut Work,
        origin: &Origin,
        id: &GroupId,
        nick: &Nick,
    ) -> Result<Decision, Refusal> {
        if self.policy.rooms != MucMode::Full {
            return Err(Refusal::NoSuchGroup);
        }
        if !self.may_create(origin) {
            return Err(Refusal::NotAllowed("only users of this server may create groups here"));
        }
        let jid = origin.from.bare().to_string();
        let maker = MemberSpec { jid, nick: Some(nick.to_string()), ..MemberSpec::default() };
        let new = NewGroup { locked: true, members: vec![maker], ..NewGroup::default() };
        let decision = self.decide_in(work, origin, id, Command::Create(new)).await?;
        // One of this name that was given up before has nothing to do with how long this one may wait.
        self.leftovers.retain(|(_, other)| other != id);
        self.leftovers.push_back((work.now, id.clone()));
        Ok(decision)
    }

    /// Rooms that were made so long ago and perhaps not configured.
    pub(super) fn due_leftovers(&mut self, now: Timestamp) -> Vec<GroupId> {
        let mut due = Vec::new();
        while let Some((_, id)) = self.leftovers.pop_front_if(|(made, _)| made.0 + LEFTOVER_MS <= now.0) {
            due.push(id);
        }
        due
    }

    /// Looks after these again as soon as there is a database.
    pub(super) fn keep_leftovers(&mut self, ids: impl IntoIterator<Item = GroupId>) {
        ids.into_iter().for_each(|id| self.leftovers.push_front((Timestamp::default(), id)));
    }

    /// A room that nobody configured is given up, and its name is free again.
    pub(super) async fn leftover(&mut self, work: &mut Work, id: GroupId) {
        match work.group(&mut self.groups, &id).await {
            Ok(Some(group)) if group.locked && !group.deleted => {
                self.give_up(work, &id);
                work.leftovers.push(id);
            }
            Ok(_) => {}
            Err(_) => self.keep_leftovers([id]),
        }
    }

    /// Nobody asked for it, so nobody hears anything unless it is stored.
    pub(super) fn give_up(&mut self, work: &mut Work, id: &GroupId) {
        let Some(maker) = work.touched(id).and_then(|group| group.members().first()) else { return };
        let carrier =
            Carrier::Presence { id: None, operation: Some("http://jabber.org/protocol/muc".into()) };
        let origin =
            Origin { from: maker.jid.clone().into(), at: id.at(self.policy.domain.as_str()), carrier };
        let Some((speech, news)) = self.carried(work, &origin, id, abandoned()) else { return };
        work.say_if_stored(id, speech);
        news.into_iter().for_each(|news| work.when_stored(news));
    }
}
