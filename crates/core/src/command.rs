//! What can be asked of a group, as the dialect reads it from a stanza.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{Affiliations, Avatar, BareJid, Jid, Mid, Nick, RoleWish, StanzaId};

/// One request to change a group or to say something in it.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Make a group.
    Create(NewGroup),
    /// Change settings: property names and values.
    Update(Vec<(String, String)>),
    /// Set the group's picture, or take it away.
    Avatar(Option<Avatar>),
    /// Let operators alone change it from now on, or everybody again who may: theirs alone.
    Freeze(bool),
    /// Delete the group.
    Delete(Farewell),
    /// Add members, all or none.
    AddMembers(Addition),
    /// Invite accounts: add those who are no members, and tell the others once more.
    Invite(Addition),
    /// Change nicks and roles of members, all or none.
    UpdateMembers(Vec<MemberUpdate>),
    /// Become a member on one's own: where it is open, by request, or because one was invited.
    Join {
        /// The nick that is wanted.
        nick: Option<String>,
        /// What is known of the actor. Looked up before the rules are asked.
        person: Person,
    },
    /// Change what reaches one's own devices: property names and values.
    MySettings(Vec<(String, String)>),
    /// Leave for good, whatever one is in it: an operator erases the account.
    Depart,
    /// Remove members (all or none), or leave.
    RemoveMembers(Removal),
    /// Say something.
    Post(Post),
    /// Change the subject.
    Subject {
        /// The stanza's `id`, if it has one.
        client_id: Option<Arc<str>>,
        /// The subject; empty to take it away.
        subject: Arc<str>,
    },
    /// Take back a message of one's own (XEP-0424), or anybody's (XEP-0425).
    Retract(Retraction),
    /// Tell that one has read up to a message.
    Read(ReadReceipt),
    /// Make accounts what they are to be, as rooms have it.
    Affiliate(Affiliations),
    /// Change what occupants of a room may do there: send them away.
    Roles(Vec<RoleWish>),
    /// Submit the configuration of a room, or let it be.
    Configure(Configuration),
}

/// The answer to the form of a room's configuration. XEP-0045 §10.
#[derive(Debug, Clone, PartialEq)]
pub enum Configuration {
    /// It is to be so.
    Submitted {
        /// Property names and values; those that are as they were are no change.
        properties: Vec<(String, String)>,
        /// Nobody can join on his own without having been asked; or everybody can. `None`: as it is.
        is_members_only: Option<bool>,
    },
    /// As it is.
    Cancelled,
}

/// Who is to be added.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Addition {
    /// The new members.
    pub members: Vec<MemberSpec>,
    /// What is known of them. The engine looks it up before the rules are asked.
    pub people: People,
    /// Why, for those who are told.
    pub reason: Option<Arc<str>>,
}

impl Addition {
    /// What is known of this account.
    pub fn person(&self, jid: &BareJid) -> Person {
        self.people.get(jid).copied().unwrap_or_default()
    }
}

/// What the service knows of accounts beyond one group; who is not named is as by default.
pub type People = HashMap<BareJid, Person>;

/// What the service knows of an account beyond one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Person {
    /// How many groups it is in.
    pub groups: usize,
    /// Who may add it.
    pub addable: Addable,
}

/// Who may add an account to a group; others invite it by trying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Addable {
    /// Everybody.
    #[default]
    Everyone,
    /// Users of the same server.
    Domain,
    /// Nobody.
    Nobody,
}

impl Addable {
    /// The text on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Domain => "domain",
            Self::Nobody => "nobody",
        }
    }

    /// Reads such a text.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Everyone, Self::Domain, Self::Nobody].into_iter().find(|addable| addable.as_str() == text)
    }

    /// Does `actor` add `account`, or only invite it?
    pub fn permits(self, account: &BareJid, actor: &BareJid) -> bool {
        match self {
            Self::Everyone => true,
            Self::Domain => account.domain() == actor.domain(),
            Self::Nobody => false,
        }
    }
}

/// What is to change about one member.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberUpdate {
    /// Who.
    pub who: MemberRef,
    /// The new nick.
    pub nick: Option<String>,
    /// The new role.
    pub role: Option<String>,
}

/// A message that is to be taken back.
#[derive(Debug, Clone, PartialEq)]
pub struct Retraction {
    /// What names the message.
    pub id: Arc<str>,
    /// The message that was found for it; `None` when there is none. Looked up before the rules are asked.
    pub found: Option<Found>,
    /// Why.
    pub reason: Option<Arc<str>>,
    /// The retracting message itself, if it is one (XEP-0424); a moderation is an iq.
    pub post: Option<Post>,
}

/// A message of the archive, as far as rules need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its place.
    pub id: StanzaId,
    /// Its author.
    pub mid: Mid,
    /// What a receipt names it by.
    pub named: Arc<str>,
    /// How many countable messages the reader has behind him with it: all up to it, and his own behind it.
    pub seen: i64,
}

/// What a new group is to be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewGroup {
    /// Settings as property names and values.
    pub properties: Vec<(String, String)>,
    /// It is made as a room, and nobody is to know of it before it is configured.
    pub locked: bool,
    /// Its first members besides the creator.
    pub members: Vec<MemberSpec>,
    /// What is known of them and of the creator. The engine looks it up before the rules are asked.
    pub people: People,
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
    /// By nick, as rooms do (XEP-0045).
    Nick(Nick),
}

/// What is said of a group that is deleted. XEP-0045 §10.9.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Farewell {
    /// Why.
    pub reason: Option<Arc<str>>,
    /// Where everybody goes now.
    pub alternate: Option<Jid>,
}

/// Who is to go.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Removal {
    /// Whom to remove; nobody named: the actor leaves.
    pub who: Vec<MemberRef>,
    /// Only if they are no members yet: their request or invitation is answered by no.
    pub pending_only: bool,
    /// Also keep them out.
    pub ban: bool,
    /// Why. XEP-0045 §9.
    pub reason: Option<Arc<str>>,
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
    /// Whom it mentions, as its sender wrote it.
    pub mentions: MentionsAsked,
    /// The message that it corrects (XEP-0308).
    pub corrects: Option<Correction>,
}

/// Whom a message mentions, as its sender wrote it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MentionsAsked {
    /// Everybody.
    pub all: bool,
    /// These.
    pub members: Vec<MemberRef>,
}

/// A message that another one corrects.
#[derive(Debug, Clone, PartialEq)]
pub struct Correction {
    /// What names it.
    pub id: Arc<str>,
    /// The message that was found for it. Looked up before the rules are asked.
    pub found: Option<Found>,
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
    /// The message that was found for it; `None` when there is none. Looked up before the rules are asked.
    pub found: Option<Found>,
    /// Written as XEP-0333 `displayed` rather than as the legacy `read`.
    pub displayed: bool,
}
