//! What the engine is asked to do, in the order in which it came.

use groupchat_core::{Addable, GroupId, Jid, Refusal};
use groupchat_dialect::{Bounce, Enter, Origin, Outbound, Presence, Private, Request, encode};

use super::{Act, Erasure, Policy, Resend};
use crate::rates::Rates;

/// What the engine is asked to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Something is to be done in a group.
    Request(Box<Request>),
    /// A device announced itself to an address of ours, or took itself off it.
    Presence(Presence),
    /// A device joins a group as a room.
    Enter(Box<Enter>),
    /// What a room said of presence did not reach a device.
    LostOccupant(Jid, GroupId),
    /// A room was made long ago, and perhaps never configured.
    Leftover(GroupId),
    /// A device showed by what it sent that it is online.
    Seen(Jid),
    /// A message of ours came back.
    Bounce(Bounce),
    /// One that came back earlier, when the database could not say what it was.
    KeptBounce(Bounce),
    /// Something for a member's own address.
    Private(Box<Private>),
    /// Somebody wants to know whether the service works: answered once what came before it is stored.
    Ping(Origin),
    /// A user says who may add him.
    Consent(Origin, Addable),
    /// The link is up, for the first time or again.
    LinkUp,
    /// An administrator does something.
    Act(Box<Act>),
    /// A step of erasing somebody.
    Erase(Box<Erasure>),
    /// An administrator has a member sent again what he missed.
    Resend(Box<Resend>),
    /// The operator has changed what is allowed.
    Reload(Box<(Policy, Rates<GroupId>)>),
}

impl Order {
    /// What whoever asks for something hears while there is no database; `None`: nobody asks.
    pub(crate) fn unavailable(&self) -> Option<Outbound> {
        let asker = match self {
            Self::Request(request) => &request.origin,
            Self::Private(private) if !private.kind.is_answer() => &private.origin,
            Self::Ping(origin) | Self::Consent(origin, _) => origin,
            Self::Enter(enter) => &enter.origin,
            Self::Private(_)
            | Self::Presence(_)
            | Self::LostOccupant(..)
            | Self::Leftover(_)
            | Self::Seen(_)
            | Self::Bounce(_)
            | Self::KeptBounce(_)
            | Self::LinkUp
            | Self::Act(_)
            | Self::Erase(_)
            | Self::Resend(_)
            | Self::Reload(_) => {
                return None;
            }
        };
        Some(encode::refused(asker, &Refusal::Unavailable))
    }
}
