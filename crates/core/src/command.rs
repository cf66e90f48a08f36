//! What can be asked of a group, as the dialect reads it from a stanza.

use std::sync::Arc;

use crate::{BareJid, Mid, StanzaId};

/// One request to change a group or to say something in it.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Make a group.
    Create(NewGroup),
    /// Change settings: property names and values.
    Update(Vec<(String, String)>),
    /// Delete the group.
    Delete,
    /// Add members, all or none.
    AddMembers(Vec<MemberSpec>),
    /// Remove members (all or none), or leave.
    RemoveMembers(Removal),
    /// Say something.
    Post(Post),
    /// Tell that one has read up to a message.
    Read(ReadReceipt),
}

/// What a new group is to be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewGroup {
    /// Settings as property names and values.
    pub properties: Vec<(String, String)>,
    /// Its first members besides the creator.
    pub members: Vec<MemberSpec>,
}

/// Somebody who is to become a member, as a client wrote it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MemberSpec {
    /// The account; a resource is dropped.
    pub jid: String,
    /// The member id; made from the JID when missing.
    pub mid: Option<String>,
    /// The nick; made from the JID when missing.
    pub nick: Option<String>,
    /// The role; `member` when missing.
    pub role: Option<String>,
}

/// Who a request is about.
#[derive(Debug, Clone, PartialEq)]
pub enum MemberRef {
    /// By account.
    Jid(BareJid),
    /// By member id.
    Mid(Mid),
}

/// Who is to go.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Removal {
    /// Whom to remove; nobody named: the actor leaves.
    pub who: Vec<MemberRef>,
    /// Also keep them out.
    pub ban: bool,
}

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// The stanza's `id`, if it has one.
    pub client_id: Option<Arc<str>>,
    /// The text of the body.
    pub body: Option<Arc<str>>,
    /// The children as XML text, cleaned of what is ours to add.
    pub payload: Arc<str>,
    /// Is it kept?
    pub storage: Storage,
}

/// Whether a message is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// Archived, and delivered to members who are away.
    Stored,
    /// For those who are there now: chat states, and what its sender asks not to keep (XEP-0334 §4.2).
    LiveOnly,
}

/// Which message a receipt means.
#[derive(Debug, Clone, PartialEq)]
pub enum MessageRef {
    /// The message with this `id` (its sender's choice) or stanza-id.
    Id(Arc<str>),
    /// The newest one of somebody else (legacy receipts say no more).
    Newest,
}

/// A read receipt.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadReceipt {
    /// The stanza's `id`, if it has one.
    pub client_id: Option<Arc<str>>,
    /// The message it names.
    pub message: MessageRef,
    /// The message that was found for it: its place, its author, and the `id` that a receipt names it by.
    /// `None` when there is none. The engine looks it up before the rules are asked.
    pub found: Option<(StanzaId, Mid, Arc<str>)>,
    /// Written as XEP-0333 `displayed` rather than as the legacy `read`.
    pub displayed: bool,
}
