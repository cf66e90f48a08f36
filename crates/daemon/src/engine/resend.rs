//! What one member missed is said again to him, because an administrator asks for it: with the same ids, and marked with the
//! time when it was said (XEP-0203).
//!
//! Not here: what is said again by itself, after a crash (`replay.rs`).

use groupchat_core::page::{From, Page};
use groupchat_core::reading::{ArchiveFilter, Shown};
use groupchat_core::{Archived, ArchivedKind, BareJid, Group, GroupId, Refusal, StanzaId};
use groupchat_dialect::Outbound;
use groupchat_store::{ArchivePage, ArchiveScope, StoreError};
use tokio::sync::oneshot;

use super::request::unavailable;
use super::{Engine, Work};
use crate::queries;

/// Messages at once.
pub(crate) const RESEND_MAX: usize = 500;
/// Rows of the archive that are looked through for them: not every row is a message that still says something.
const ROWS_MAX: usize = 5_000;
/// And so many bytes of them, about: what is sent at once must find room among what waits for the server.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// Rows that are read at once, at least.
const PAGE_ROWS: usize = 50;

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
    /// Hears what it came to, or why nothing; dropped if what was stored with it could not be.
    pub(crate) done: oneshot::Sender<Result<Resent, Refusal>>,
}

/// What it came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resent {
    /// So many messages were said again.
    pub(crate) messages: usize,
    /// What is left, if not all was looked through.
    pub(crate) left: Option<Left>,
}

/// What was not looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// What stands behind this row.
    Behind(StanzaId),
    /// What stands before it, though fewer were found than were wanted.
    Before(StanzaId),
}

impl Engine {
    pub(super) async fn resend(&mut self, work: &mut Work, resend: Resend) {
        match self.said_once_more(work, &resend).await {
            Ok((resent, speech)) => {
                work.say_if_stored(&resend.group, speech);
                // Whoever asked may have lost patience.
                work.when_stored(Box::new(move || drop(resend.done.send(Ok(resent)))));
            }
            Err(refusal) => drop(resend.done.send(Err(refusal))),
        }
    }

    async fn said_once_more(
        &mut self,
        work: &mut Work,
        resend: &Resend,
    ) -> Result<(Resent, Vec<Outbound>), Refusal> {
        let group = work.group(&mut self.groups, &resend.group).await.map_err(unavailable)?;
        let group = group.filter(|group| !group.deleted).ok_or(Refusal::NoSuchGroup)?;
        group.member(&resend.member).ok_or(Refusal::NoSuchMember)?;
        let (rows, left) = self.missed_rows(resend).await.map_err(|problem| match problem {
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
        Ok((Resent { messages: rows.len(), left }, speech))
    }

    /// The messages that are meant, as far as this member sees them, oldest first.
    async fn missed_rows(&self, resend: &Resend) -> Result<(Vec<Shown>, Option<Left>), StoreError> {
        let scope = ArchiveScope::Group { id: resend.group.clone(), reader: resend.member.clone() };
        let filter = ArchiveFilter { after_id: resend.after, ..ArchiveFilter::default() };
        let is_forward = resend.after.is_some();
        let messages_max = resend.messages_max.min(RESEND_MAX);
        let mut from = if is_forward { From::Start } else { From::End };
        let (mut found, mut looked_at, mut bytes) = (Vec::new(), 0, 0);
        loop {
            let wanted = messages_max - found.len();
            let page = Page { from, items_max: wanted.max(PAGE_ROWS) };
            let ArchivePage { items, complete, .. } = self.store.archive(&scope, &filter, &page).await?;
            let edge = if is_forward { items.last() } else { items.first() };
            let Some(edge) = edge.map(|row| row.archived.id) else { return Ok((found, None)) };
            looked_at += items.len();
            let mut messages: Vec<Shown> = items.into_iter().filter(still_says_something).collect();
            bytes += messages.iter().map(|row| row.archived.payload.len()).sum::<usize>();
            let is_too_much = messages.len() > wanted;
            if is_forward {
                messages.truncate(wanted);
                found.append(&mut messages);
            } else {
                messages.drain(..messages.len().saturating_sub(wanted));
                messages.append(&mut found);
                found = messages;
            }
            let is_enough = found.len() >= messages_max;
            if is_enough || complete || looked_at >= ROWS_MAX || bytes >= BYTES_MAX {
                let left = match (is_forward, found.last()) {
                    (true, Some(last)) if is_too_much => Some(Left::Behind(last.archived.id)),
                    (true, _) if !complete => Some(Left::Behind(edge)),
                    (false, _) if !is_enough && !complete => Some(Left::Before(edge)),
                    _ => None,
                };
                return Ok((found, left));
            }
            let edge = edge.to_string();
            from = if is_forward { From::After(edge) } else { From::Before(edge) };
        }
    }

    /// To his devices, or as a copy for later if he has none and his server takes it.
    fn once_more(&self, group: &Group, member: &BareJid, row: &Archived, nick: &str) -> Vec<Outbound> {
        self.fanout().once_more(group, member, row, nick, self.sessions.takes_copies(member))
    }
}

fn still_says_something(row: &Shown) -> bool {
    row.retracted.is_none() && row.archived.kind == ArchivedKind::Message
}
