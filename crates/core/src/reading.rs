//! What readers ask of what was said, and what they are shown of it: the archive and the inbox.
//!
//! Not here: who may read what (the store shows each reader what is his), and how it is written (the dialect).

use crate::page::Paged;
use crate::{Archived, BareJid, GroupId, Mid, Receive, Role, StanzaId, Timestamp};

/// Which rows of an archive are wanted. Everything that is asked for must hold. XEP-0313 §4.1.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArchiveFilter {
    /// Not older than this.
    pub start: Option<Timestamp>,
    /// Not younger than this.
    pub end: Option<Timestamp>,
    /// Behind this row, which must be there.
    pub after_id: Option<StanzaId>,
    /// Before this row, which must be there.
    pub before_id: Option<StanzaId>,
    /// Exactly these rows, which must be there; the rest of the filter and the page are not asked then.
    pub ids: Vec<StanzaId>,
    /// By whom, or where.
    pub with: With,
}

/// By whom rows are, or where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum With {
    /// By anybody.
    #[default]
    Anybody,
    /// In this group.
    Group(GroupId),
    /// By this member of this group.
    Member(GroupId, Mid),
    /// By this account, under whatever member ids it has or had.
    Account(BareJid),
}

/// A row of the archive as a reader is shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// What it says; without body, payload and mentions when it was taken back. A mention of everybody may hide
    /// mentions of single members.
    pub archived: Archived,
    /// It was taken back.
    pub retracted: Option<Tombstone>,
}

/// What stands in the place of a message that was taken back. XEP-0424 §5, XEP-0425 §5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Mid,
    /// Not by its author, but by somebody who looks after the group.
    pub moderated: bool,
    /// Why.
    pub reason: Option<String>,
}

/// Some of a user's groups, and what is unread in all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbox {
    /// Some of the groups. The key of a page is a group id.
    pub page: Paged<InboxItem>,
    /// What is unread in all of them.
    pub total_unread: i64,
    /// The unread mentions in all of them.
    pub total_mentions: i64,
    /// In how many groups something is unread.
    pub unread_groups: usize,
}

/// A group that a user is in, and what is new there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxItem {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// The user's role.
    pub role: Role,
    /// How many messages of others the user has not read.
    pub unread: i64,
    /// How many of them, or of those that do not count, mention the user or everybody.
    pub mentions: i64,
    /// Everything up to here was read.
    pub read: StanzaId,
    /// Which messages reach the user's devices.
    pub receive: Receive,
    /// None of them until then; `None` when that is over.
    pub mute_until: Option<Timestamp>,
    /// The newest message with a text, if the user sees it.
    pub last: Option<Preview>,
}

/// What an inbox shows of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Its id.
    pub id: StanzaId,
    /// When it was sent.
    pub at: Timestamp,
    /// Its author.
    pub mid: Mid,
    /// The beginning of its text, at most [`PREVIEW_CHARS`] characters.
    pub text: String,
}

/// Characters of a message that an inbox shows.
pub const PREVIEW_CHARS: usize = 200;
