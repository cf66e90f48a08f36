//! A message of ours came back: the device is gone, and if it was the member's last, he gets the message for later.

use groupchat_core::{Archived, BareJid, Nick, SessionChange, StanzaId, Timestamp};
use groupchat_dialect::{Bounce, Outbound};
use groupchat_store::StoreError;
use quick_cache::unsync::Cache;
use tracing::{debug, error, info};

use super::{Engine, Work};

/// Copies for later that were sent because of a bounce. Each is sent once: a client that answers it with an error,
/// too, would else get it for ever.
pub(super) struct Missed(Cache<(StanzaId, BareJid), ()>);

/// Copies that are remembered: more than come back in the minutes for which a host keeps a dead session.
const MISSED_MAX: usize = 20_000;

/// Bounces that wait for the database at most; the oldest go first.
const KEPT_MAX: usize = 10_000;

/// Messages of one author with the same id are told apart by time only when they are this far from each other: longer
/// than any host keeps a dead session.
const SAME_ID_MS: i64 = 60 * 60 * 1_000;

impl Default for Missed {
    fn default() -> Self {
        Self(Cache::new(MISSED_MAX))
    }
}

/// When links came up again. A server that has just started may not know its users yet, and gives back what is for them:
/// that says nothing of the accounts.
#[derive(Debug, Default)]
pub(super) struct Links {
    has_been: bool,
    again: Option<Timestamp>,
}

/// How long what a server gives back after its return says nothing of accounts.
const RETURN_MS: i64 = 60_000;

impl Links {
    pub(super) fn note(&mut self, now: Timestamp) {
        self.again = self.has_been.then_some(now);
        self.has_been = true;
    }

    fn is_new(&self, now: Timestamp) -> bool {
        self.again.is_some_and(|again| now.0 < again.0 + RETURN_MS)
    }
}

impl Missed {
    fn is_known(&self, key: &(StanzaId, BareJid)) -> bool {
        self.0.peek(key).is_some()
    }

    /// These copies are on their way.
    pub(super) fn note(&mut self, sent: impl IntoIterator<Item = (StanzaId, BareJid)>) {
        for key in sent {
            self.0.insert(key, ());
        }
    }
}

impl Engine {
    /// `is_new`: it has not been kept before. A new one ends its session at once, also when the database cannot tell yet
    /// what came back: later there may be another session with the same resource.
    pub(super) async fn bounce(&mut self, work: &mut Work, bounce: Bounce, is_new: bool) {
        if work.is_blind {
            return self.keep_unread_bounce(work, bounce, is_new);
        }
        match self.came_back(work, &bounce, is_new).await {
            Ok(speech) => work.say_if_stored(&bounce.group, speech),
            Err(problem) => {
                error!(error = %problem, "A message that came back cannot be looked up yet: {problem}");
                work.is_blind = true;
                return self.keep_unread_bounce(work, bounce, is_new);
            }
        }
        work.bounces.push(bounce);
    }

    pub(super) fn keep_unread_bounce(&mut self, work: &mut Work, bounce: Bounce, is_new: bool) {
        if is_new {
            work.sessions.extend(self.sessions.end(&bounce.from));
        }
        self.keep_bounces([bounce]);
    }

    /// The database does not answer: they are looked at again when it does.
    pub(super) fn keep_bounces(&mut self, bounces: impl IntoIterator<Item = Bounce>) {
        self.kept_bounces.extend(bounces);
        // What they are about is in the archive.
        let excess = self.kept_bounces.len().saturating_sub(KEPT_MAX);
        self.kept_bounces.drain(..excess);
    }

    async fn came_back(
        &mut self,
        work: &mut Work,
        bounce: &Bounce,
        is_new: bool,
    ) -> Result<Vec<Outbound>, StoreError> {
        if bounce.from.resource().is_none() {
            return self.came_back_from_account(work, bounce).await;
        }
        let jid = bounce.from.bare();
        let meant = self.meant(work, bounce).await?;
        if meant.is_empty()
            && let Some(group) = work.group(&mut self.groups, &bounce.group).await?
            && let Some(error) = self.private_bounce(group, bounce)
        {
            return Ok(vec![error]);
        }
        if is_new {
            work.sessions.extend(self.sessions.end(&bounce.from));
            self.lose_occupant(work, &bounce.group, &bounce.from).await;
        }
        let is_present = self.rooms.of(&bounce.group).is_some_and(|room| !room.of(jid).is_empty());
        if is_present || !self.sessions.of(jid).is_empty() || !self.sessions.takes_copies(jid) {
            return Ok(Vec::new());
        }
        let is_new = |message: &Archived| {
            let key = (message.id, jid.clone());
            !self.missed.is_known(&key) && work.missed.insert(key)
        };
        let new: Vec<_> = meant.into_iter().filter(is_new).collect();
        let oldest_first = new.iter().rev();
        Ok(oldest_first.filter_map(|message| self.fanout().absent_copy(message, vec![jid.text()])).collect())
    }

    /// A copy that a host was to keep, and did not: it stays in the archive. So nothing is looked up there.
    async fn came_back_from_account(
        &mut self,
        work: &mut Work,
        bounce: &Bounce,
    ) -> Result<Vec<Outbound>, StoreError> {
        let jid = bounce.from.bare();
        let Some(group) = work.group(&mut self.groups, &bounce.group).await? else { return Ok(Vec::new()) };
        if let Some(error) = self.private_bounce(group, bounce) {
            return Ok(vec![error]);
        }
        debug!(member = %jid, condition = bounce.condition, "A copy for later was not taken by the member's server");
        let counts = !self.links.is_new(self.clock.now()) || bounce.condition == "resource-constraint";
        // Of others than members we know nothing, whoever says so.
        if counts && group.member(jid).is_some() {
            self.refused(work, jid, &bounce.condition);
        }
        Ok(Vec::new())
    }

    fn refused(&mut self, work: &mut Work, jid: &BareJid, condition: &str) {
        let lost = self.sessions.refused(jid, condition);
        if let Some(SessionChange::Lost(_, why)) = &lost {
            info!(account = %jid, why = why.as_str(), "No more copies for {jid} until it is seen: its server gives them back");
        }
        work.sessions.extend(lost);
    }

    /// The messages that may have come back from a member who is still there: if it may have been one of several, all of
    /// them, for one too many is better than one too few.
    async fn meant(&mut self, work: &mut Work, bounce: &Bounce) -> Result<Vec<Archived>, StoreError> {
        let (Some(id), Some(mid)) = (&bounce.id, &bounce.mid) else { return Ok(Vec::new()) };
        let since = Timestamp(work.now.0 - SAME_ID_MS);
        let group = work.group(&mut self.groups, &bounce.group).await?.filter(|group| !group.deleted);
        let Some(group) = group else { return Ok(Vec::new()) };
        let Some(joined) = group.member(bounce.from.bare()).map(|member| member.joined) else {
            return Ok(Vec::new());
        };
        // What came back from an occupant names the author by his nick.
        let by_nick = group.member_by_nick(&Nick::from_stored(mid.as_str())).map(|author| author.mid.clone());
        let mut found = self.store.messages_by(&bounce.group, id, mid, since).await?;
        if let Some(author) = by_nick.filter(|author| author != mid) {
            found.extend(self.store.messages_by(&bounce.group, id, &author, since).await?);
            found.sort_unstable_by_key(|message| std::cmp::Reverse(message.id));
        }
        // What was before he came did not come back from him, whatever it says.
        found.retain(|message| message.at >= joined);
        Ok(found)
    }
}
