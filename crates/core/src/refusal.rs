//! Every "no", as a value. The dialect turns it into XML in one table.

use crate::BareJid;

/// Why a request was not granted. The text says what the sender can do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The group does not exist, or the asker may not know that it does.
    #[error("there is no such group")]
    NoSuchGroup,
    /// The group's address is in use, or was once.
    #[error("the group id `{0}` is taken")]
    GroupTaken(String),
    /// Another member has this nick.
    #[error("the nick `{0}` is taken")]
    NickTaken(String),
    /// Another member has, or had, this member id.
    #[error("the member id `{0}` is taken")]
    MidTaken(String),
    /// The one to be added is in already.
    #[error("{0} is a member already")]
    AlreadyMember(BareJid),
    /// The one to be removed or asked for is not in.
    #[error("there is no such member")]
    NoSuchMember,
    /// A page is to begin at an item that is not in the list (XEP-0059 §2.4).
    #[error("the item that the page should begin at is not in the list")]
    NoSuchItem,
    /// Discovery of a node; no address here has any.
    #[error("there is no such node")]
    NoSuchNode,
    /// The actor's role or the service's policy does not permit it.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// A message from somebody who is not in.
    #[error("only members may post")]
    NotMember,
    /// A message from a member who may not post.
    #[error("only owners and admins may post here")]
    MayNotPost,
    /// The actor is kept out.
    #[error("you were banned from this group")]
    Banned,
    /// Somebody who is not in wants to be present (XEP-0045 §7.2.6).
    #[error("only members may join this room: ask to be added")]
    MembersOnly,
    /// The room does not know this device as present (XEP-0410 §3).
    #[error("you are not in this room")]
    NotOccupant,
    /// The operators of the service have frozen the group.
    #[error("this group is frozen by the operators of the service: it can be read, and not changed")]
    Frozen,
    /// A mention of everybody by somebody who may not.
    #[error("only owners and admins may mention everybody here")]
    MayNotMentionAll,
    /// A message of somebody else, or none at all.
    #[error("there is no such message of yours")]
    NotYourMessage,
    /// The message that is meant is not in the archive.
    #[error("there is no such message")]
    NoSuchMessage,
    /// The group would be left without an owner.
    #[error(
        "the last owner cannot leave while others remain: make somebody else owner first, or delete the group"
    )]
    LastOwner,
    /// A property that no group has.
    #[error("there is no property `{0}`")]
    UnknownProperty(String),
    /// A property cannot have this value.
    #[error("the property `{name}` cannot be `{value}`")]
    Property {
        /// The property.
        name: String,
        /// What was asked for.
        value: String,
    },
    /// A field is missing or not valid; the text names it.
    #[error("{0}")]
    Malformed(String),
    /// Something that should be an address is none.
    #[error("{0}")]
    Address(String),
    /// One of the service's own addresses, where an account is wanted.
    #[error("`{0}` is an address of this service and cannot be a member")]
    OwnAddress(String),
    /// A text is too long.
    #[error("a {what} may have {chars_max} characters at most")]
    TooLong {
        /// Which text.
        what: &'static str,
        /// The limit.
        chars_max: usize,
    },
    /// The stanza is too large.
    #[error("a stanza's content may have {bytes_max} bytes at most")]
    TooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// A picture is too large.
    #[error("an avatar may have {bytes_max} bytes at most")]
    LargeAvatar {
        /// The limit.
        bytes_max: usize,
    },
    /// A list that is wanted at once has more items than one stanza can hold.
    #[error("this list is too long for one stanza: ask for it by pages (XEP-0059)")]
    ListTooLong,
    /// There are too many of them.
    #[error("{what}: {max} at most")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// Too much at once.
    #[error("too fast: {what} may send {per_second} stanzas a second; wait a little")]
    TooFast {
        /// Who is too fast.
        what: &'static str,
        /// The limit.
        per_second: u32,
    },
    /// The member has no device online that could answer.
    #[error("this member is not online")]
    NotOnline,
    /// Too many others are asking.
    #[error("the service is busy; try again later")]
    Busy,
    /// Nothing here answers this.
    #[error("this service does not know this request")]
    Unknown,
    /// Somebody wants to join as one joins a room.
    #[error(
        "groups here cannot be joined as rooms: become a member by being added, or by the groupchat protocol"
    )]
    NoRooms,
    /// It could not be stored; nothing was applied.
    #[error("the service cannot store this now; try again later")]
    Unavailable,
}
