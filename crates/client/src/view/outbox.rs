//! Messages of one's own that are not known to be stored.

use minidom::Element;

#[derive(Debug, Clone, Default)]
pub(super) struct Outbox(Vec<Pending>);

#[derive(Debug, Clone)]
struct Pending {
    group: String,
    id: String,
    stanza: Element,
    is_sent: bool,
}

impl Outbox {
    pub(super) fn add(&mut self, group: &str, id: &str, stanza: Element) {
        self.0.push(Pending { group: group.to_owned(), id: id.to_owned(), stanza, is_sent: false });
    }

    /// Nothing counts as sent any more.
    pub(super) fn hold(&mut self) {
        self.0.iter_mut().for_each(|pending| pending.is_sent = false);
    }

    /// The next one to be sent, in the order in which they were posted.
    pub(super) fn next(&mut self) -> Option<Element> {
        let pending = self.0.iter_mut().find(|pending| !pending.is_sent)?;
        pending.is_sent = true;
        Some(pending.stanza.clone())
    }

    pub(super) fn has(&self, group: &str, id: &str) -> bool {
        self.0.iter().any(|pending| pending.group == group && pending.id == id)
    }

    /// It waits no longer; true if it did.
    pub(super) fn stored(&mut self, group: &str, id: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|pending| pending.group != group || pending.id != id);
        self.0.len() < before
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|pending| pending.id.as_str())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
