//! A message of the original shape as one of the archive.

use groupchat_core::{Archived, ArchivedKind, Jid, Mentions, Mid, ReadBy, StanzaId, Timestamp};

use super::Arrival;
use super::original::MessageRow;

/// The message as its sender, with his member id, would have sent it at this time.
pub(super) fn archived(
    arrival: &Arrival,
    message: &MessageRow,
    (sender, mid): (Jid, Mid),
    id: StanzaId,
    at: Timestamp,
) -> Archived {
    let has_text = !message.body.is_empty();
    // An id that clients cannot have sent again is no help to them.
    let client_id = (1..=255).contains(&message.id.chars().count()).then(|| message.id.as_str().into());
    Archived {
        id,
        group: arrival.group.id.clone(),
        at,
        kind: ArchivedKind::Message,
        sender,
        mid,
        client_id,
        body: has_text.then(|| message.body.as_str().into()),
        ordinal: arrival.group.countable,
        countable: has_text,
        corrects: None,
        read_by: ReadBy::Members,
        mentions: Mentions::default(),
        payload: if has_text { format!("<body>{}</body>", escaped(&message.body)).into() } else { "".into() },
    }
}

/// Text as it stands in XML, without what cannot stand there (XML 1.0 §2.2).
fn escaped(text: &str) -> String {
    let is_allowed = |c: &char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
    let text: String =
        text.chars().filter(is_allowed).filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}')).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
