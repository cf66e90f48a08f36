//! Stanzas to requests, facts to stanzas. [`decode()`] (with [`oversized`]) and [`encode`] are the only doors.
//!
//! What comes in is read leniently: the protocol's legacy forms are no valid data forms, errors or message types.
//! What goes out is text, complete but for the recipient, so that it is made once for a thousand copies.
//!
//! **Not here:** what is permitted (core), who is told (core), what waits (the daemon).

mod adhoc;
mod archive;
mod avatar;
mod date;
mod decode;
mod disco;
pub mod encode;
mod form;
mod inbox;
mod muc;
mod native;
mod paging;
mod private;
mod privilege;
mod refusal;
mod taken;
mod xml;

use std::sync::Arc;

pub use adhoc::{
    Adhoc, AdhocAction, AdhocError, AdhocField, AdhocForm, AdhocKind, AdhocResult, AdhocRun, AdhocWish,
};
pub use decode::{decode, oversized};
use groupchat_core::page::Page;
use groupchat_core::reading::ArchiveFilter;
use groupchat_core::{Addable, Command, GroupId, Jid, Mid};
use groupchat_payloads::MemberKey;
pub use muc::{AdminList, Enter, HistoryAsked};
pub use privilege::Granted;
pub use taken::{Taken, taken};

/// A stanza from the host, understood.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded {
    /// Something is to be done in a group; for the engine.
    Command(Request),
    /// Something is asked; for the queries.
    Query(Question),
    /// A device says that it came or went; for the engine.
    Presence(Presence),
    /// A device wants to be present in a group as in a room; for the engine.
    Enter(Box<Enter>),
    /// What was said to a device of its presence in a room did not arrive; for the engine.
    LostOccupant {
        /// The device.
        from: Jid,
        /// The group.
        group: GroupId,
    },
    /// A message of ours did not arrive; for the engine.
    Bounce(Bounce),
    /// Something for one member's own address; for the engine.
    Private(Private),
    /// A user says who may add him to groups; for the engine.
    Consent {
        /// Who, and how he is answered.
        origin: Origin,
        /// Who may add him.
        addable: Addable,
    },
    /// Something is wanted of the service's commands (XEP-0050); for administrators.
    Adhoc(Box<Adhoc>),
    /// The host says what this service may do beyond others; for the operator.
    Granted(Granted),
    /// It was answered at the door: bad, or not for us.
    Answered(Outbound),
    /// Nothing is to be done, for this reason.
    Ignored(&'static str),
}

/// A command, and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Who asks, and how he is answered.
    pub origin: Origin,
    /// The group; `None` for the service itself, which makes up the id of a new group.
    pub group: Option<GroupId>,
    /// What is asked.
    pub command: Command,
}

/// Who asked, at which address of ours, in what kind of stanza: all that an answer needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// Who.
    pub from: Jid,
    /// Our address, canonical.
    pub at: String,
    /// In what.
    pub carrier: Carrier,
}

/// A device came or went (RFC 6121 §4.6).
#[derive(Debug, Clone, PartialEq)]
pub struct Presence {
    /// The device.
    pub from: Jid,
    /// The address of ours that it told.
    pub address: Jid,
    /// It came.
    pub available: bool,
    /// What it says of itself, as XML text, if it was said to a member's address: an occupant's device says it to all
    /// others.
    pub says: Option<Arc<str>>,
}

/// The kind of stanza that carried a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Carrier {
    /// A presence.
    Presence {
        /// The stanza's id.
        id: Option<Arc<str>>,
        /// The namespace of its operation, if it has one.
        operation: Option<Arc<str>>,
    },
    /// An iq.
    Iq {
        /// The stanza's id.
        id: Arc<str>,
        /// The query's namespace.
        namespace: Arc<str>,
    },
    /// A message.
    Message {
        /// The stanza's id.
        id: Option<Arc<str>>,
        /// It is one that only clients for rooms send: an invitation, or the answer to one.
        is_of_rooms: bool,
    },
}

impl Carrier {
    /// The stanza's id.
    pub fn id(&self) -> Option<&Arc<str>> {
        match self {
            Self::Presence { id, .. } | Self::Message { id, .. } => id.as_ref(),
            Self::Iq { id, .. } => Some(id),
        }
    }

    /// Is it what a client for rooms (XEP-0045) asks in? It is answered as such, and heard of as such.
    pub fn is_of_rooms(&self) -> bool {
        match self {
            Self::Presence { operation: Some(namespace), .. } | Self::Iq { namespace, .. } => {
                muc::is_of_rooms(namespace)
            }
            Self::Message { is_of_rooms, .. } => *is_of_rooms,
            Self::Presence { operation: None, .. } => false,
        }
    }
}

/// A question, and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Who asks, and how he is answered.
    pub origin: Origin,
    /// About which group; `None`: the service.
    pub group: Option<GroupId>,
    /// What.
    pub query: Query,
    /// It is in the protocol's own namespaces, so whoever asks has a slim client and is online.
    pub shows_session: bool,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// The asker's groups.
    MyGroups(Paging),
    /// What a group says of itself.
    GroupInfo,
    /// The groups of this name.
    GroupsNamed(String),
    /// Who is in a group.
    Members(Paging),
    /// One member.
    MemberInfo(MemberKey),
    /// Who has read a message.
    Receipts(String),
    /// The asker's groups with what is unread.
    Inbox(Paging),
    /// A page of the archive. XEP-0313 §4.
    Archive(Box<ArchiveQuery>),
    /// Where the archive begins and ends. XEP-0313 §5.
    ArchiveMetadata,
    /// The form of an archive query. XEP-0313 §4.1.5.
    ArchiveForm,
    /// What is archived. XEP-0441.
    ArchivePreferences,
    /// Who is what in a room. XEP-0045 §9.
    AdminList(AdminList, Paging),
    /// The form of a room's configuration. XEP-0045 §10.2.
    RoomForm,
    /// A group's picture.
    Avatar,
    /// The same as a vCard. XEP-0054.
    VCard,
    /// Which namespaces pass through a room. XEP-0045 §17.
    Traffic,
    /// A name for a new room. XEP-0307.
    UniqueName,
    /// How one becomes a member, or by which nick one is. XEP-0045 §7.10.
    Registration,
    /// The asker's nick in a group. XEP-0045 §7.12.
    ReservedNick,
    /// XEP-0030 §3.
    DiscoInfo,
    /// XEP-0030 §4.
    DiscoItems(Paging),
    /// XEP-0199.
    Ping,
    /// XEP-0092.
    Version,
    /// XEP-0202.
    Time,
    /// XEP-0012 §4.
    Uptime,
}

/// What an archive is asked for. XEP-0313 §4.1.
#[derive(Debug, Clone, PartialEq)]
pub struct ArchiveQuery {
    /// What the asker calls it.
    pub query_id: Option<String>,
    /// Which rows.
    pub filter: ArchiveFilter,
    /// Which page.
    pub paging: Paging,
    /// Newest first within the page (XEP-0313 §4.3.3).
    pub is_flipped: bool,
}

/// The page that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Paging {
    /// Which.
    pub page: Page,
    /// It was asked for as a page: the answer has a `<set/>` even when the list ends with it.
    pub asked: bool,
}

/// A message of ours came back. Hosts return it without its content, and perhaps minutes later.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounce {
    /// The device (or, for a copy that the host was to keep, the account) that did not get it.
    pub from: Jid,
    /// The group it came from.
    pub group: GroupId,
    /// The member it came from.
    pub mid: Option<Mid>,
    /// The stanza's id.
    pub id: Option<Arc<str>>,
    /// The error that came with it, as XML text.
    pub error: Arc<str>,
    /// Its condition (RFC 6120 §8.3.3); empty: none.
    pub condition: String,
}

/// Something for one member's own address, to be passed on to that member's real one.
#[derive(Debug, Clone, PartialEq)]
pub struct Private {
    /// Who sent it, and how he is answered.
    pub origin: Origin,
    /// The group.
    pub group: GroupId,
    /// The member.
    pub mid: Mid,
    /// What it is.
    pub kind: PrivateKind,
    /// Its children as XML text.
    pub content: Arc<str>,
}

/// What somebody sends to a member's own address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrivateKind {
    /// A private message.
    Message,
    /// An iq of type get.
    Get,
    /// An iq of type set.
    Set,
    /// The answer to an iq that was passed on: `result`.
    Result,
    /// The answer to an iq that was passed on: `error`.
    Error,
}

impl PrivateKind {
    /// Does it answer something? Then it is not answered itself.
    pub fn is_answer(self) -> bool {
        matches!(self, Self::Result | Self::Error)
    }

    /// The stanza's type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "chat",
            Self::Get => "get",
            Self::Set => "set",
            Self::Result => "result",
            Self::Error => "error",
        }
    }
}

/// One stanza for one or many recipients, complete but for the address, which goes between `head` and `tail`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// The start tag up to the place of the attribute `to`.
    pub head: String,
    /// The recipients.
    pub to: Vec<Arc<str>>,
    /// The rest.
    pub tail: Arc<str>,
}

impl Outbound {
    /// What it takes in memory, about, in bytes; recipients are shared with whoever named them.
    pub fn bytes(&self) -> usize {
        self.head.len() + self.tail.len() + self.to.len() * size_of::<Arc<str>>()
    }
}
