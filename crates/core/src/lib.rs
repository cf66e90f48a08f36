//! The rules of groups: values in, values out.
//!
//! A request is a [`Command`] by an actor; [`decide()`] says what it changes and who hears of it, or why not.
//! [`Sessions`] says who is reachable where, [`delivery`] turns "who hears" into addresses.
//!
//! **Not here:** XML, SQL, the clock, random numbers, anything that waits.

mod address;
mod archive;
mod command;
mod decide;
pub mod delivery;
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
mod sessions;
mod settings;

pub use address::{BareJid, GroupId, InvalidAddress, Jid};
pub use archive::{Archived, ArchivedKind, Mentions, ReadBy, StanzaId, Timestamp};
pub use command::{
    Addable, Addition, Command, Correction, Found, MemberRef, MemberSpec, MemberUpdate, MentionsAsked,
    MessageRef, NewGroup, People, Person, Post, ReadReceipt, Removal, Retraction, Storage,
};
pub use decide::{Change, Decision, Event, Notice, Removed, decide};
pub use group::{Group, Pending, PendingKind, Sight, StoredGroup, sight};
pub use lifecycle::create;
pub use limits::Limits;
pub use member::{Member, Mid, Nick, Receive, Role};
pub use reach::Unreachable;
pub use refusal::Refusal;
pub use sessions::{Session, SessionChange, Sessions};
pub use settings::{By, History, Join, Settings, Visibility};
