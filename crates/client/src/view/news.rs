//! What the view tells of that which arrived.

use groupchat_payloads::Announcement;

use crate::{Invitation, Message, Refusal};

/// What an arriving stanza changed.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// A message or an event that was not known; look it up with [`GroupState::message`](crate::GroupState::message).
    Message {
        /// The group's address.
        group: String,
        /// The message's stanza-id.
        stanza_id: String,
    },
    /// Something that is stored nowhere: a chat state.
    Passing(Box<Message>),
    /// A message of one's own is stored.
    Stored {
        /// The group's address.
        group: String,
        /// The `id` that it was posted under.
        id: String,
        /// Its stanza-id.
        stanza_id: String,
    },
    /// A message of one's own was refused, for good.
    Refused {
        /// The group's address.
        group: String,
        /// The `id` that it was posted under, if it had one.
        id: Option<String>,
        /// Why.
        refusal: Refusal,
    },
    /// Somebody has read one's messages up to this one; or one has oneself, on another device.
    Read {
        /// The group's address.
        group: String,
        /// Who.
        mid: String,
        /// The message, as the receipt names it.
        id: String,
    },
    /// A group was changed; the archive tells the same later, which is no news then.
    Announced {
        /// The group's address.
        group: String,
        /// What was changed.
        announcement: Announcement,
    },
    /// Something of a group is known better: its members, settings, counters, receipts.
    Changed {
        /// The group's address.
        group: String,
    },
    /// Older messages of a group are there.
    History {
        /// The group's address.
        group: String,
    },
    /// One is no longer in the group.
    Gone {
        /// The group's address.
        group: String,
    },
    /// One is invited.
    Invited(Invitation),
    /// A private message.
    Private {
        /// The group's address.
        group: String,
        /// Who says it.
        mid: String,
        /// Its text.
        body: String,
    },
    /// Everything that was missed is there.
    CaughtUp,
    /// What was missed is refused, and not for the moment alone; [`retry`](crate::GroupView::retry) asks again.
    CatchUpRefused(Refusal),
}
