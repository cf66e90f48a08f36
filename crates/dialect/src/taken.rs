//! Messages that were said in a room of another service, as our archive would have them.

use std::sync::Arc;

use minidom::Element;

use crate::decode::is_plain;
use crate::native::message::{is_forged, is_lasting};
use crate::xml;

/// What a message says.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// The text of its body.
    pub body: Option<Arc<str>>,
    /// Its children as XML text, without what only the room itself may say.
    pub payload: String,
    /// It corrects another one (XEP-0308).
    pub corrects: bool,
}

/// Reads a message of a room with this address; `None`: there is nothing in it that is worth keeping. Its namespace is that
/// of a component's stream.
pub fn taken(stanza: &Element, room: &str) -> Option<Taken> {
    let kept: Vec<&Element> = stanza.children().filter(|child| !is_forged(child, room)).collect();
    let body = kept.iter().find(|child| is_plain(child, "body")).map(|body| body.text().into());
    if kept.is_empty() || (body.is_none() && !is_lasting(&kept)) {
        return None;
    }
    let corrects = kept.iter().any(|child| child.is("replace", "urn:xmpp:message-correct:0"));
    Some(Taken { body, payload: xml::content(kept), corrects })
}
