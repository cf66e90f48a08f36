//! The picture of a group: who may set it, and how large it may be. A group knows its picture by the hash; its bytes are
//! kept beside it.

use std::sync::Arc;

use crate::lifecycle::may_configure;
use crate::{BareJid, Change, Decision, Event, Group, Limits, Notice, Refusal};

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Avatar {
    /// Its media type.
    pub kind: Arc<str>,
    /// It, in base64.
    pub data: Arc<str>,
    /// How many bytes it has.
    pub bytes: usize,
    /// The hash by which clients know it: SHA-1, in hexadecimal (XEP-0153).
    pub hash: Arc<str>,
}

/// Sets the picture, or takes it away. That it is what it was, nobody hears.
pub(crate) fn set(
    group: &Group,
    actor: &BareJid,
    avatar: Option<&Avatar>,
    limits: &Limits,
) -> Result<Decision, Refusal> {
    may_configure(group, actor)?;
    let bytes_max = limits.avatar_bytes;
    if avatar.is_some_and(|avatar| avatar.bytes > bytes_max) {
        return Err(Refusal::LargeAvatar { bytes_max });
    }
    let hash = avatar.map_or("", |avatar| &avatar.hash);
    if *group.settings.avatar == *hash {
        return Ok(Decision::default());
    }
    let properties = vec![("avatar".to_owned(), hash.to_owned())];
    let event = Event::Updated { properties, changes_voice: false };
    Ok(Decision { changes: vec![Change::Avatar(avatar.cloned())], notices: vec![Notice::Announce(event)] })
}
