//! Groups as rooms, for clients that speak XEP-0045 and its companions: joining, presence, messages, what stands in the
//! place of this protocol's operations. All of it is read as the same commands, and is written from the same facts.
//!
//! **Not here:** any rule (core); who is present (the daemon).

mod admin;
mod enter;
mod invite;
mod message;
mod owner;
mod presence;
mod register;

use groupchat_core::{By, Role, Settings, Visibility};
use minidom::Element;

use crate::avatar;

pub use admin::{AdminList, members as admin_members, outcasts};
pub(crate) use admin::{MUC_ADMIN, command as admin_command, query as admin_query};
pub use enter::{Enter, HistoryAsked};
pub(crate) use enter::{decode as enter, says};
pub use invite::declined;
pub(crate) use invite::decode as invitation;
pub(crate) use message::{by_nick, occupant_id};
pub use message::{copy, ephemeral, item_message, moderated, past, private, receipt, status, subject};
pub use owner::form;
pub(crate) use owner::{MUC_OWNER, command as owner_command};
pub use presence::{Absence, Occupant, absent, present};
pub(crate) use register::{REGISTER, answer as registration_answer, command as registration_command};
pub use register::{registration, request};

/// A join.
pub(crate) const MUC: &str = "http://jabber.org/protocol/muc";
/// What a room says of its occupants, and invitations.
pub(crate) const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
/// Stable names for occupants. XEP-0421.
pub(crate) const OCCUPANT_ID: &str = "urn:xmpp:occupant-id:0";

/// Is this what clients for rooms ask in? Whoever does is answered as such a client.
pub(crate) fn is_of_rooms(namespace: &str) -> bool {
    [REGISTER, avatar::VCARD].contains(&namespace)
        || namespace.strip_prefix(MUC).is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

/// A member's affiliation: what he is to the group. XEP-0045 §5.2.
pub(crate) fn affiliation(role: Role) -> &'static str {
    role.as_str()
}

/// A member's role while he is present: what he may do. XEP-0045 §5.1.
pub(crate) fn room_role(role: Role, settings: &Settings) -> &'static str {
    match role {
        Role::Owner | Role::Admin => "moderator",
        Role::Member if settings.voice().permits(role) => "participant",
        Role::Member => "visitor",
    }
}

/// Names for new rooms. XEP-0307.
pub(crate) const MUC_UNIQUE: &str = "http://jabber.org/protocol/muc#unique";

/// A name that no room has.
pub fn unique(name: &str) -> Element {
    Element::builder("unique", MUC_UNIQUE).append(name).build()
}

/// An `<item/>` of `muc#user`.
pub(crate) fn item(attributes: &[(&str, Option<&str>)]) -> Element {
    let mut item = Element::bare("item", MUC_USER);
    for (name, value) in attributes {
        if let Some(value) = value {
            groupchat_payloads::set(&mut item, name, value);
        }
    }
    item
}

/// A `<status/>` of `muc#user`. XEP-0045 §15.6.
pub(crate) fn code(code: &str) -> Element {
    let mut status = Element::bare("status", MUC_USER);
    groupchat_payloads::set(&mut status, "code", code);
    status
}

/// An `<x/>` of `muc#user` that holds these.
pub(crate) fn user(children: impl IntoIterator<Item = Element>) -> Element {
    Element::builder("x", MUC_USER).append_all(children).build()
}

/// What a group is as a room, for those who discover it. XEP-0045 §6.4, XEP-0410 §4, XEP-0421 §4.
pub(crate) fn features(settings: &Settings) -> Vec<&'static str> {
    vec![
        MUC,
        "muc_membersonly",
        "muc_nonanonymous",
        "muc_persistent",
        "muc_unsecured",
        match settings.visibility {
            Visibility::Private => "muc_hidden",
            Visibility::Public => "muc_public",
        },
        match settings.voice() {
            By::Members => "muc_unmoderated",
            By::Admins => "muc_moderated",
        },
        "http://jabber.org/protocol/muc#stable_id",
        "http://jabber.org/protocol/muc#self-ping-optimization",
        OCCUPANT_ID,
        "urn:xmpp:sid:0",
        REGISTER,
        avatar::VCARD,
    ]
}
