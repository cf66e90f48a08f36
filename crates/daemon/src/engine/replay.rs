//! What is stored and perhaps was not said is said again, from the archive, with the same ids: after a crash or a stop
//! what the server may not have taken in, and after a failed commit what was stored all the same.
//!
//! To those who are members now and were then, where they are now; who left with an announcement hears that one. What is
//! not archived is not said again: answers, refusals, receipts, chat states.
//! Not here: a lost link alone, after which the link itself writes again what the server may not have.

use groupchat_core::{Archived, BareJid, Group, Member, Pending, PendingKind, Role, StanzaId, Timestamp};
use groupchat_dialect::Outbound;
use groupchat_dialect::encode::{self, Came, Spoken, Went, Words};
use groupchat_link::queue::{Batch, Closed, Sender};
use groupchat_store::StoreError;
use tracing::info;

use super::Engine;
use crate::fanout::outgoing_of;

/// Rows that are read at once.
const ROWS_MAX: usize = 200;

/// Why it could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The link is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// Rows of which it is not known whether the server has them, nor perhaps whether they are stored.
#[derive(Debug)]
pub(super) struct Doubt {
    /// They are behind this one,
    after: StanzaId,
    /// up to this one.
    upto: StanzaId,
    /// Keeps the cursor where it is.
    batch: Batch,
    /// Invitations of that time were made again.
    is_invited: bool,
}

impl Doubt {
    pub(super) fn new(outgoing: &Sender, after: StanzaId, upto: StanzaId) -> Self {
        Self { after, upto, batch: outgoing.batch(after.0 + 1, upto.0), is_invited: false }
    }
}

impl Engine {
    /// Says again what is in doubt. If that fails the rest is still in doubt, and some of it may be said once more.
    ///
    /// # Errors
    /// The database cannot be read, or the link is closed for good.
    pub(super) async fn settle_doubts(&mut self) -> Result<(), ReplayError> {
        if self.is_unsure {
            self.take_over().await?;
            self.is_unsure = false;
        }
        while self.is_at_work
            && let Some(mut doubt) = self.doubts.pop_front()
        {
            if let Err(problem) = self.say_again(&mut doubt).await {
                self.doubts.push_front(doubt);
                return Err(problem);
            }
        }
        Ok(())
    }

    async fn say_again(&mut self, doubt: &mut Doubt) -> Result<(), ReplayError> {
        if !doubt.is_invited {
            self.invite_again(doubt).await?;
            doubt.is_invited = true;
        }
        let mut count = 0;
        loop {
            let mut rows = self.store.behind(doubt.after, ROWS_MAX).await?;
            rows.retain(|row| row.archived.id <= doubt.upto);
            let Some(reached) = rows.last().map(|row| row.archived.id) else { break };
            for row in rows.iter().filter(|row| row.retracted.is_none()) {
                for stanza in self.said_again(&row.archived).await? {
                    doubt.batch.send(outgoing_of(stanza, Some(&row.archived.group))).await?;
                }
                count += 1;
            }
            // So far it is said: the cursor may follow, though the service be killed before the end.
            doubt.batch = self.outgoing.batch(reached.0 + 1, doubt.upto.0);
            doubt.after = reached;
        }
        if count > 0 {
            info!(rows = count, "Sent again {count} messages and events that the server may not have had");
        }
        Ok(())
    }

    async fn said_again(&mut self, row: &Archived) -> Result<Vec<Outbound>, StoreError> {
        let Some(group) = self.groups.take(&row.group).await? else { return Ok(Vec::new()) };
        let said = self.in_the_same_words(&group, row).await;
        self.groups.put(group);
        said
    }

    async fn in_the_same_words(&self, group: &Group, row: &Archived) -> Result<Vec<Outbound>, StoreError> {
        let fanout = self.fanout();
        let now = Timestamp(self.clock.now().0.max(self.last_now.0));
        Ok(match encode::spoken(row) {
            Spoken::Message => fanout.message(group, row, now),
            Spoken::Retraction => fanout.to_everybody(group, row),
            Spoken::Subject => fanout.to_all_devices(group, row),
            Spoken::Moderation => fanout.moderated(group, row),
            Spoken::Request if group.deleted => Vec::new(),
            Spoken::Request => vec![fanout.request(group, &row.payload)],
            Spoken::Announcement(came, went) => {
                let mut left = self.store.left_at(&group.id, row.at).await?;
                // Others may have left in the same moment by something else.
                if let Went::These(named) = &went {
                    left.retain(|jid| named.contains(jid));
                }
                let news = fanout.announced(group, row, &left);
                let adder = row.sender.bare();
                let new = group.members().iter().filter(|member| is_new(member, &came, row));
                let welcome = |member| fanout.welcome(group, member, (adder, None), Words::Body, row.id);
                let welcomes = new.filter_map(welcome);
                news.into_iter().chain(welcomes).collect()
            }
        })
    }

    /// Invitations are in no archive: those of that time that wait for an answer are made again.
    async fn invite_again(&mut self, doubt: &Doubt) -> Result<(), ReplayError> {
        // An id is about the microsecond of its making.
        let [after, until] = [doubt.after, doubt.upto].map(|id| Timestamp(id.0 / 1_000));
        for (id, pending) in self.store.invited(after, until).await? {
            let Some(group) = self.groups.take(&id).await? else { continue };
            let invitation = self.invitation(&group, &pending);
            self.groups.put(group);
            if let Some(stanza) = invitation {
                doubt.batch.send(outgoing_of(stanza, Some(&id))).await?;
            }
        }
        Ok(())
    }

    fn invitation(&self, group: &Group, pending: &Pending) -> Option<Outbound> {
        let PendingKind::Invitation { by } = &pending.kind else { return None };
        let role = pending.spec.role.as_deref().and_then(Role::parse).unwrap_or(Role::Member);
        Some(self.fanout().invite(group, (&pending.jid, role), (by, None), Words::Body, pending.since))
    }
}

/// Did this member come by what was announced, added by somebody else?
fn is_new(member: &Member, came: &Came, row: &Archived) -> bool {
    let is_named = |named: &[BareJid]| named.contains(&member.jid);
    let came = match came {
        Came::These(named) => is_named(named),
        Came::Everybody => true,
    };
    came && member.joined == row.at && member.jid != *row.sender.bare()
}
