//! A limit on everything that somebody else decides the size of.

/// How much of what one group, member or stanza may have. Configurable; these are the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Members of one group.
    pub members_per_group: usize,
    /// Groups of one user.
    pub groups_per_user: usize,
    /// Requests to join and invitations of one group that wait for an answer.
    pub pending_per_group: usize,
    /// Characters of a group's name.
    pub name_chars: usize,
    /// Characters of a group's description.
    pub description_chars: usize,
    /// Characters of a nick, and of a member id.
    pub nick_chars: usize,
    /// Bytes of a stanza's children as they are written to the host.
    pub message_bytes: usize,
    /// Bytes of a group's picture.
    pub avatar_bytes: usize,
    /// Items of one page of a list.
    pub page_items: usize,
    /// Sessions (devices online) remembered for one user; the oldest is forgotten first.
    pub sessions_per_user: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            members_per_group: 10_000,
            groups_per_user: 1_000,
            pending_per_group: 1_000,
            name_chars: 255,
            description_chars: 4_096,
            nick_chars: 64,
            message_bytes: 131_072,
            avatar_bytes: 65_536,
            page_items: 100,
            sessions_per_user: 50,
        }
    }
}
