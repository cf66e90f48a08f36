//! What the engine hands over to be stored.

use groupchat_core::{
    Addable, Archived, BareJid, Change, GroupId, RoomChange, SessionChange, StanzaId, Timestamp,
};

/// Everything one batch of decisions stores, in one transaction: all of it or nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// When it was decided.
    pub now: Timestamp,
    /// Every group that the batch decided on, with the version it had in memory when the batch began; groups
    /// created in this batch are not listed.
    pub versions: Vec<(GroupId, i64)>,
    /// What happened to the groups, in order. Each change that makes a version raises the stored one by one.
    pub changes: Vec<(GroupId, Change)>,
    /// New rows of the archive.
    pub archive: Vec<Archived>,
    /// Who came online and who went, in order.
    pub sessions: Vec<SessionChange>,
    /// Who came into groups as into rooms, and who went; what each device's state is in the end.
    pub rooms: Vec<RoomChange>,
    /// Which accounts may be added by whom from now on, in order.
    pub people: Vec<(BareJid, Addable)>,
    /// The server of this component has everything up to this row.
    pub cursor: Option<(BareJid, StanzaId)>,
}

impl Batch {
    /// Does it store nothing? (Its versions may still be worth a check.)
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
            && self.archive.is_empty()
            && self.sessions.is_empty()
            && self.rooms.is_empty()
            && self.people.is_empty()
            && self.cursor.is_none()
    }
}
