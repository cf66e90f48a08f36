//! The one door to the rules: what a request does to a group, or why it does not.
//!
//! Not here: the rules themselves, one a file; making a group ([`crate::create`], for there is none to ask yet).

use std::sync::Arc;

use crate::{
    Avatar, BareJid, Command, Farewell, Group, Limits, Member, Mentions, Mid, Pending, Post, Receive,
    Refusal, Role, Settings, StanzaId, Timestamp, affiliations, avatar, depart, freeze, join, lifecycle,
    members, my_settings, post, receipts, retract, room_roles,
};

/// What one granted request does.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decision {
    /// To be stored, in this order.
    pub changes: Vec<Change>,
    /// Who is told what; not yet XML.
    pub notices: Vec<Notice>,
}

/// A change of a group, or of what it keeps of its members. What goes into the archive is not among it.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// It is made.
    Created(Box<Group>),
    /// It has these settings now.
    Updated(Settings),
    /// It has this picture now; `None`: none.
    Avatar(Option<Avatar>),
    /// It is deleted; its id stays taken.
    Deleted,
    /// It was made as a room, and is configured now.
    Unlocked,
    /// It was made as a room, and is given up before anybody knew of it: nothing of it stays.
    Abandoned,
    /// More members.
    MembersAdded {
        /// The new ones.
        members: Vec<Member>,
        /// Who was kept out until now.
        unbanned: Vec<BareJid>,
    },
    /// These members have other nicks or roles.
    MembersUpdated(Vec<Member>),
    /// What reaches a member's own devices.
    MemberSettings {
        /// Which member.
        jid: BareJid,
        /// Which messages.
        receive: Receive,
        /// None until then.
        mute_until: Option<Timestamp>,
    },
    /// These asked to join, or were asked, and wait for an answer.
    Waiting(Vec<Pending>),
    /// These have their answer, and it was no.
    Answered(Vec<BareJid>),
    /// One more countable message.
    Posted {
        /// Whose: to him it is no news.
        author: BareJid,
    },
    /// The archive forgets what a message said.
    Retracted {
        /// The message.
        message: StanzaId,
        /// Who took it back.
        by: Mid,
        /// Not the author, but somebody with the right to.
        moderated: bool,
        /// Why.
        reason: Option<Arc<str>>,
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
        /// How many countable messages are no news any more.
        seen: i64,
    },
}

impl Change {
    /// Does it make a new version of the group? (What is a member's own, and what a message adds, does not.)
    pub fn makes_version(&self) -> bool {
        match self {
            Self::Updated(_)
            | Self::Avatar(_)
            | Self::Deleted
            | Self::Unlocked
            | Self::MembersAdded { .. }
            | Self::MembersUpdated(_)
            | Self::MembersRemoved { .. }
            | Self::Waiting(_)
            | Self::Answered(_) => true,
            Self::Created(_)
            | Self::Abandoned
            | Self::MemberSettings { .. }
            | Self::Posted { .. }
            | Self::Retracted { .. }
            | Self::Read { .. } => false,
        }
    }
}

/// Something that somebody is to hear.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Its maker hears that a room is given up which he did not configure.
    Abandoned,
    /// Every member hears it by presence, those who just went too; kept in the archive as an event.
    Announce(Event),
    /// A new member who is away gets a message that his host keeps for him.
    Welcome {
        /// Who.
        member: Member,
        /// Why.
        reason: Option<Arc<str>>,
    },
    /// Somebody who let nobody like the actor add him gets a message that invites him.
    Invite {
        /// Who.
        jid: BareJid,
        /// As what.
        role: Role,
        /// Why.
        reason: Option<Arc<str>>,
    },
    /// An occupant of a room is sent away, and stays a member.
    Kicked {
        /// Who.
        member: Member,
        /// Why.
        reason: Option<Arc<str>>,
    },
    /// Owners and admins hear that somebody asks to join; kept in the archive for them.
    Request {
        /// Who.
        jid: BareJid,
        /// By which name.
        nick: Option<Arc<str>>,
    },
    /// Somebody hears that a request or an invitation was declined.
    Declined {
        /// Who hears it.
        to: BareJid,
        /// Whose it was.
        jid: BareJid,
    },
    /// The actor's other devices hear what he set.
    MySettings {
        /// Which messages reach him.
        receive: Receive,
        /// None until then.
        mute_until: Option<Timestamp>,
    },
    /// Every member gets it.
    Message {
        /// Who said it.
        author: Mid,
        /// What.
        post: Post,
        /// Whom it mentions.
        mentions: Mentions,
        /// It counts as unread.
        countable: bool,
        /// Everybody is to have it, whatever reaches him else: it takes back what he may have.
        retracts: bool,
    },
    /// Every member's devices hear that a message was taken back by a moderator; kept in the archive.
    Moderated {
        /// The message.
        message: StanzaId,
        /// Who did it.
        by: Mid,
        /// Why.
        reason: Option<Arc<str>>,
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
    /// These properties were set, with their new values.
    Updated {
        /// What was named.
        properties: Vec<(String, String)>,
        /// Other members than before may post.
        changes_voice: bool,
    },
    /// It was deleted.
    Deleted(Farewell),
    /// It has this subject now.
    Subject {
        /// Who set it.
        author: Mid,
        /// The subject; empty when it was taken away.
        subject: Arc<str>,
    },
    /// These came.
    Added(Vec<Member>),
    /// These have other nicks or roles.
    MembersUpdated {
        /// As they were.
        before: Vec<Member>,
        /// As they are, in the same order.
        now: Vec<Member>,
    },
    /// These went.
    Removed {
        /// Who.
        who: Vec<Removed>,
        /// Are they kept out?
        banned: bool,
        /// The one who went did so himself.
        left: bool,
        /// Why.
        reason: Option<Arc<str>>,
    },
}

/// Somebody who went, or was kept out without ever having been in.
#[derive(Debug, Clone, PartialEq)]
pub struct Removed {
    /// The account.
    pub jid: BareJid,
    /// What he was; `None`: never in.
    pub member: Option<Member>,
}

impl Removed {
    /// The member id it had.
    pub fn mid(&self) -> Option<&Mid> {
        self.member.as_ref().map(|member| &member.mid)
    }
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
    // What is refused anyway is refused as ever, so that nobody learns more of a group because it is frozen.
    let decision = govern(group, actor, command, limits, now)?;
    match command {
        Command::Freeze(_) => Err(Refusal::NotAllowed("only operators of the service freeze groups")),
        _ if group.settings.frozen && !freeze::leaves_as_it_is(command) => Err(Refusal::Frozen),
        _ => Ok(decision),
    }
}

/// The same in the name of an operator of the service, with the rights of this actor: what is frozen is no hindrance.
///
/// # Errors
/// [`Refusal`]: nothing happens.
pub fn govern(
    group: &Group,
    actor: &BareJid,
    command: &Command,
    limits: &Limits,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let decision = granted(group, actor, command, limits, now)?;
    Ok(if group.locked { lifecycle::unlocked(group, command, decision) } else { decision })
}

fn granted(
    group: &Group,
    actor: &BareJid,
    command: &Command,
    limits: &Limits,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    match command {
        Command::Create(_) => Err(Refusal::GroupTaken(group.id.to_string())),
        _ if group.deleted => Err(Refusal::NoSuchGroup),
        // Whatever it will be, to others than its makers it is not there yet.
        _ if group.locked && group.member(actor).is_none() => Err(Refusal::NoSuchGroup),
        Command::Update(properties) => lifecycle::update(group, actor, properties, limits),
        Command::Avatar(new) => avatar::set(group, actor, new.as_ref(), limits),
        Command::Freeze(frozen) => group.actor(actor).map(|_| freeze::freeze(group, *frozen)),
        Command::Delete(farewell) => lifecycle::delete(group, actor, farewell),
        Command::AddMembers(addition) => members::add(group, actor, addition, limits, now),
        Command::Invite(addition) => members::invite_all(group, actor, addition, limits, now),
        Command::UpdateMembers(updates) => members::update(group, actor, updates, limits),
        Command::RemoveMembers(removal) => members::remove(group, actor, removal, limits),
        Command::Depart => depart::depart(group, actor),
        Command::Join { nick, person } => join::join(group, actor, nick.as_deref(), *person, limits, now),
        Command::MySettings(properties) => my_settings::change(group, actor, properties),
        Command::Post(message) => post::post(group, actor, message, limits),
        Command::Subject { client_id, subject } => {
            post::subject(group, actor, client_id.as_ref(), subject, limits)
        }
        Command::Retract(retraction) => retract::retract(group, actor, retraction, limits),
        Command::Read(receipt) => receipts::read(group, actor, receipt),
        Command::Affiliate(asked) => affiliations::affiliate(group, actor, asked, limits, now),
        Command::Roles(wishes) => room_roles::roles(group, actor, wishes),
        Command::Configure(answer) => lifecycle::configure(group, actor, answer, limits),
    }
}

#[cfg(test)]
mod rights;
