//! What may come again: a service that was killed does not know what the host had of it, and says it once more. Clients
//! know it by its stanza-id, or it tells them what they know; so it is no step of a conversation.

use std::collections::{BTreeMap, HashSet};

use minidom::Element;

use crate::script::{Device, SERVICE};
use crate::xml::compact;

/// What the service said to each user, and whether it may say it again.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    heard: BTreeMap<String, HashSet<String>>,
    possible: bool,
}

impl Repeats {
    /// The service was killed.
    pub(super) fn expect(&mut self) {
        self.possible = true;
    }

    /// Notes what a device received; `true`: its user has had it, and it may be a repeat.
    pub(super) fn is_one(&mut self, device: &Device, stanza: &Element) -> bool {
        let Some(what) = fingerprint(stanza) else { return false };
        let is_new = self.heard.entry(device.user.clone()).or_default().insert(what);
        self.possible && !is_new
    }
}

/// By what it is known again; `None`: it never comes again.
fn fingerprint(stanza: &Element) -> Option<String> {
    let from = stanza.attr("from").filter(|from| from.contains(SERVICE))?;
    let group = from.split('/').next().unwrap_or(from);
    if stanza.name() == "iq" || stanza.attr("type") == Some("error") {
        return None;
    }
    let is_mark =
        |child: &&Element| child.is("stanza-id", "urn:xmpp:sid:0") && child.attr("by") == Some(group);
    if let Some(mark) = stanza.children().find(is_mark) {
        return Some(format!("{group} {}", mark.attr("id").unwrap_or_default()));
    }
    // The one who asked was told the same with his own id and a status code; hosts change the order of children.
    let without_code =
        |child: &Element| compact(child).replace("<status code='110'/>", "").replace("></x>", "/>");
    let mut children: Vec<String> = stanza.children().map(without_code).collect();
    children.sort_unstable();
    Some(format!("{} {from} {}", stanza.name(), children.concat()))
}
