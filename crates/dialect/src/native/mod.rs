//! The protocol's own stanzas: operations, questions, messages.

mod announce;
mod message;
mod operation;
mod query;
mod receipt;

pub(crate) use announce::{announcement, event_content, welcome};
pub(crate) use message::{copy, decode as message, ephemeral};
pub(crate) use operation::{decode as operation, is_operation};
pub(crate) use query::{decode as query, group_info, groups_named, member_info, members, my_groups};
pub(crate) use receipt::receipt;
