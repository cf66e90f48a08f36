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
mod lifecycle;
mod limits;
mod member;
mod members;
pub mod page;
mod post;
mod receipts;
mod refusal;
mod sessions;
mod settings;

pub use address::{BareJid, GroupId, InvalidAddress, Jid};
pub use archive::{Archived, ArchivedKind, StanzaId, Timestamp};
pub use command::{
    Command, MemberRef, MemberSpec, MessageRef, NewGroup, Post, ReadReceipt, Removal, Storage,
};
pub use decide::{Change, Decision, Event, Notice, Removed, decide};
pub use group::{Group, Sight, sight};
pub use lifecycle::create;
pub use limits::Limits;
pub use member::{Member, Mid, Nick, Role};
pub use refusal::Refusal;
pub use sessions::{Session, SessionChange, Sessions};
pub use settings::{By, Settings, Visibility};
