//! The one door to the rules: what a request does to a group, or why it does not.
//!
//! Not here: the rules themselves, one a file; making a group ([`crate::create`], for there is none to ask yet).

use std::sync::Arc;

use crate::{
    BareJid, Command, Group, Limits, Member, Mid, Post, Refusal, Settings, StanzaId, Timestamp, lifecycle,
    members, post, receipts,
};

/// What one granted request does.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decision {
    /// To be stored.
    pub change: Option<Change>,
    /// Who is told what; not yet XML.
    pub notices: Vec<Notice>,
}

/// A change of a group. What a message adds to the archive is no change of the group.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// It is made.
    Created(Box<Group>),
    /// It has these settings now.
    Updated(Settings),
    /// It is deleted; its id stays taken.
    Deleted,
    /// More members.
    MembersAdded {
        /// The new ones.
        members: Vec<Member>,
        /// Who was kept out until now.
        unbanned: Vec<BareJid>,
    },
    /// Fewer members.
    MembersRemoved {
        /// Who went.
        removed: Vec<BareJid>,
        /// Who is kept out from now on.
        banned: Vec<BareJid>,
        /// Nobody is left, which deletes the group.
        deletes: bool,
    },
    /// A member has read up to here.
    Read {
        /// Which member.
        jid: BareJid,
        /// The last message read.
        upto: StanzaId,
    },
}

impl Change {
    /// Does it make a new version of the group? (A read position is its owner's alone.)
    pub fn makes_version(&self) -> bool {
        match self {
            Self::Updated(_) | Self::Deleted | Self::MembersAdded { .. } | Self::MembersRemoved { .. } => {
                true
            }
            Self::Created(_) | Self::Read { .. } => false,
        }
    }
}

/// Something that somebody is to hear.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Every member hears it by presence, those who just went too; kept in the archive as an event.
    Announce(Event),
    /// A new member who is away gets a message that his host keeps for him.
    Welcome(Member),
    /// Every member gets it.
    Message {
        /// Who said it.
        author: Mid,
        /// What.
        post: Post,
    },
    /// The author of a message hears that it was read, and so do the reader's other devices.
    Receipt {
        /// Who read.
        reader: Mid,
        /// Whose message it was; `None`: he is not to hear of it.
        author: Option<BareJid>,
        /// What the receipt names the message by.
        message_id: Arc<str>,
        /// The stanza `id` of the reader's receipt.
        client_id: Option<Arc<str>>,
        /// Written as XEP-0333 `displayed`.
        displayed: bool,
    },
}

/// What happened to a group.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It was made; its name.
    Created {
        /// The name.
        name: Arc<str>,
    },
    /// These properties changed, with their new values.
    Updated(Vec<(String, String)>),
    /// It was deleted.
    Deleted,
    /// These came.
    Added(Vec<Member>),
    /// These went.
    Removed {
        /// Who.
        who: Vec<Removed>,
        /// Are they kept out?
        banned: bool,
        /// The one who went did so himself.
        left: bool,
    },
}

/// Somebody who went, or (without a member id) was kept out without ever having been in.
#[derive(Debug, Clone, PartialEq)]
pub struct Removed {
    /// The account.
    pub jid: BareJid,
    /// The member id it had.
    pub mid: Option<Mid>,
}

/// What this request of this actor does to this group at this time.
///
/// # Errors
/// [`Refusal`]: nothing happens, and the actor alone hears why.
pub fn decide(
    group: &Group,
    actor: &BareJid,
    command: &Command,
    limits: &Limits,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    match command {
        Command::Create(_) => Err(Refusal::GroupTaken(group.id.to_string())),
        _ if group.deleted => Err(Refusal::NoSuchGroup),
        Command::Update(properties) => lifecycle::update(group, actor, properties, limits),
        Command::Delete => lifecycle::delete(group, actor),
        Command::AddMembers(specs) => members::add(group, actor, specs, limits, now),
        Command::RemoveMembers(removal) => members::remove(group, actor, removal, limits),
        Command::Post(message) => post::post(group, actor, message, limits),
        Command::Read(receipt) => receipts::read(group, actor, receipt),
    }
}
