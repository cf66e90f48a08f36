//! What one member missed is said again to him, because an administrator asks for it: with the same ids, and marked with the
//! time when it was said (XEP-0203).
//!
//! Not here: what is said again by itself, after a crash (`replay.rs`).

use groupchat_core::page::{From, Page};
use groupchat_core::reading::{ArchiveFilter, Shown};
use groupchat_core::{Archived, ArchivedKind, BareJid, Group, GroupId, Refusal, StanzaId};
use groupchat_dialect::Outbound;
use groupchat_store::{ArchiveScope, StoreError};
use tokio::sync::oneshot;

use super::request::unavailable;
use super::{Engine, Work};
use crate::queries;

/// Messages at once.
pub(crate) const RESEND_MAX: usize = 500;

/// What is to be said again.
#[derive(Debug)]
pub(crate) struct Resend {
    /// Of which group.
    pub(crate) group: GroupId,
    /// To whom.
    pub(crate) member: BareJid,
    /// All behind this row; else the last.
    pub(crate) after: Option<StanzaId>,
    /// So many at most.
    pub(crate) messages_max: usize,
    /// Hears how many it was, or why none.
    pub(crate) done: oneshot::Sender<Result<usize, Refusal>>,
}

impl Engine {
    pub(super) async fn resend(&mut self, work: &mut Work, resend: Resend) {
        let outcome = self.said_once_more(work, &resend).await.map(|(messages, speech)| {
            work.say_if_stored(&resend.group, speech);
            messages
        });
        // Whoever asked may have lost patience.
        resend.done.send(outcome).unwrap_or_default();
    }

    async fn said_once_more(
        &mut self,
        work: &mut Work,
        resend: &Resend,
    ) -> Result<(usize, Vec<Outbound>), Refusal> {
        let group = work.group(&mut self.groups, &resend.group).await.map_err(unavailable)?;
        let group = group.filter(|group| !group.deleted).ok_or(Refusal::NoSuchGroup)?;
        group.member(&resend.member).ok_or(Refusal::NoSuchMember)?;
        let rows = self.missed_rows(resend).await.map_err(|problem| match problem {
            StoreError::NoSuchItem(_) => Refusal::NoSuchItem,
            problem => unavailable(problem),
        })?;
        let names = queries::names(&self.store, &resend.group, &rows).await.map_err(unavailable)?;
        let Some(group) = work.touched(&resend.group) else { return Err(Refusal::NoSuchGroup) };
        let mut speech = Vec::new();
        for Shown { archived, .. } in &rows {
            let nick = names.get(&archived.mid).map_or(archived.mid.as_str(), |name| &name.nick);
            speech.extend(self.once_more(group, &resend.member, archived, nick));
        }
        let bytes: usize = speech.iter().map(Outbound::bytes).sum();
        if self.outgoing.is_crowded_with(work.bytes() + bytes) {
            return Err(Refusal::Busy);
        }
        if speech.is_empty() && !rows.is_empty() {
            return Err(Refusal::NotOnline);
        }
        Ok((rows.len(), speech))
    }

    /// The messages that are meant, as far as this member sees them, oldest first.
    async fn missed_rows(&self, resend: &Resend) -> Result<Vec<Shown>, StoreError> {
        let scope = ArchiveScope::Group { id: resend.group.clone(), reader: resend.member.clone() };
        let filter = ArchiveFilter { after_id: resend.after, ..ArchiveFilter::default() };
        let from = if resend.after.is_some() { From::Start } else { From::End };
        let messages_max = resend.messages_max.min(RESEND_MAX);
        let mut rows =
            self.store.archive(&scope, &filter, &Page { from, items_max: messages_max }).await?.items;
        rows.retain(|row| row.retracted.is_none() && row.archived.kind == ArchivedKind::Message);
        Ok(rows)
    }

    /// To his devices, or as a copy for later if he has none and his server takes it.
    fn once_more(&self, group: &Group, member: &BareJid, row: &Archived, nick: &str) -> Vec<Outbound> {
        self.fanout().once_more(group, member, row, nick, self.sessions.takes_copies(member))
    }
}
