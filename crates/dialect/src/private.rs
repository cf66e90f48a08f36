//! What members say to each other's address in the group: private messages, and iqs (vCard, Jingle, disco), passed on to
//! the real address and back. PROTOCOL: messages.

use std::sync::Arc;

use groupchat_core::{GroupId, Mid, Refusal};
use minidom::Element;

use crate::decode::{To, answered, is_plain};
use crate::{Decoded, Origin, Outbound, Private, PrivateKind, native, xml};

/// A message to a member's address.
pub(crate) fn message(stanza: &Element, origin: Origin, to: &To) -> Decoded {
    if !matches!(stanza.attr("type"), None | Some("chat" | "normal")) {
        let refused = Refusal::Malformed("messages to the whole group go to its own address".into());
        return answered(stanza, &origin, &refused);
    }
    if stanza.children().all(|child| is_plain(child, "thread")) {
        return answered(stanza, &origin, &Refusal::Malformed("the message is empty".into()));
    }
    decoded(stanza, origin, to, PrivateKind::Message)
}

/// An iq to a member's address, or the answer to one that was passed on.
pub(crate) fn iq(stanza: &Element, origin: Origin, to: &To) -> Decoded {
    let kind = match stanza.attr("type") {
        Some("get") => PrivateKind::Get,
        Some("set") => PrivateKind::Set,
        Some("result") => PrivateKind::Result,
        _ => PrivateKind::Error,
    };
    decoded(stanza, origin, to, kind)
}

fn decoded(stanza: &Element, origin: Origin, to: &To, kind: PrivateKind) -> Decoded {
    let (Some(group), Some(mid)) = (to.group.clone(), to.resource.as_deref().map(Mid::from_stored)) else {
        return answered(stanza, &origin, &Refusal::Unknown);
    };
    let at = origin.at.split('/').next().unwrap_or_default().to_owned();
    let content = xml::content(stanza.children().filter(|child| !native::is_forged(child, &at))).into();
    Decoded::Private(Private { origin, group, mid, kind, content })
}

/// Something passed on: from a member's address in the group to a real address.
pub fn passed_on(
    domain: &str,
    group: &GroupId,
    from: &Mid,
    id: Option<&str>,
    kind: PrivateKind,
    content: &str,
    to: Arc<str>,
) -> Outbound {
    let name = if kind == PrivateKind::Message { "message" } else { "iq" };
    stanza(name, domain, group, from, id, kind.as_str(), content, to)
}

/// The error that a private message met, for its sender.
pub fn failed(
    domain: &str,
    group: &GroupId,
    from: &Mid,
    id: Option<&str>,
    error: &str,
    to: Arc<str>,
) -> Outbound {
    stanza("message", domain, group, from, id, "error", error, to)
}

#[expect(clippy::too_many_arguments, reason = "the parts of a stanza, each of them once")]
fn stanza(
    name: &str,
    domain: &str,
    group: &GroupId,
    from: &Mid,
    id: Option<&str>,
    kind: &str,
    content: &str,
    to: Arc<str>,
) -> Outbound {
    let from = format!("{}/{from}", group.at(domain));
    let head = xml::open(name, &[("from", Some(&from)), ("id", id), ("type", Some(kind))]);
    xml::stanza(head, vec![to], content, name)
}
