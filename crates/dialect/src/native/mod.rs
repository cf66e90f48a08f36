//! The protocol's own stanzas: operations, questions, messages.

mod again;
mod announce;
mod mentions;
pub(crate) mod message;
mod operation;
mod query;
mod receipt;
mod retraction;

pub use again::{Came, Spoken, Went, spoken};
pub use announce::{
    Words, announcement, declined, event_content, invite, my_settings, news, request_content, welcome,
};
pub use message::{copy, ephemeral, late_copy};
pub(crate) use message::{decode as message, delay, is_forged, stanza_id_of as stanza_id};
pub(crate) use operation::{consent, decode as operation, is_operation};
pub(crate) use query::decode as query;
pub use query::{group_info, groups_named, member_info, members, my_groups, receipts};
pub use receipt::receipt;
pub(crate) use retraction::{moderated, moderated_content, moderation};
