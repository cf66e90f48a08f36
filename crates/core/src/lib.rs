//! The rules of groups: values in, values out.
//!
//! A request is a [`Command`] by an actor; [`decide()`] says what it changes and who hears of it, or why not.
//! [`Sessions`] says who is reachable where, [`delivery`] turns "who hears" into addresses.
//!
//! **Not here:** XML, SQL, the clock, random numbers, anything that waits.

mod address;
mod affiliations;
mod archive;
mod avatar;
mod command;
mod decide;
pub mod delivery;
mod depart;
mod freeze;
mod group;
mod join;
mod lifecycle;
mod limits;
mod member;
mod members;
mod my_settings;
mod names;
pub mod page;
mod post;
mod reach;
pub mod reading;
mod receipts;
mod refusal;
mod retract;
mod room_roles;
mod rooms;
mod sessions;
mod settings;

pub use address::{BareJid, GroupId, InvalidAddress, Jid};
pub use affiliations::{Affiliation, Affiliations, Standing};
pub use archive::{Archived, ArchivedKind, Mentions, ReadBy, StanzaId, Timestamp};
pub use avatar::Avatar;
pub use command::{
    Addable, Addition, Command, Configuration, Correction, Farewell, Found, MemberRef, MemberSpec,
    MemberUpdate, MentionsAsked, MessageRef, NewGroup, People, Person, Post, ReadReceipt, Removal,
    Retraction, Storage,
};
pub use decide::{Change, Decision, Event, Notice, Removed, decide, govern};
pub use group::{Group, Pending, PendingKind, Sight, StoredGroup, sight};
pub use lifecycle::{abandoned, create};
pub use limits::Limits;
pub use member::{Member, Mid, Nick, Receive, Role};
pub use reach::Unreachable;
pub use refusal::Refusal;
pub use room_roles::{RoleWish, RoomRole};
pub use rooms::{Occupant, Presence, Room, RoomChange, Rooms};
pub use sessions::{Session, SessionChange, Sessions};
pub use settings::{By, History, Join, Settings, Visibility};
