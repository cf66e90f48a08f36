//! Rows of the archive, read back to be said again: what each was when it was said, and so who is to hear it.

use groupchat_core::{Archived, ArchivedKind, BareJid, ReadBy};
use groupchat_payloads::ns;
use minidom::Element;

use super::retraction;
use crate::decode::is_plain;
use crate::xml;

/// What a row of the archive was when it was said.
#[derive(Debug, Clone, PartialEq)]
pub enum Spoken {
    /// A message to whoever wants it.
    Message,
    /// A message that takes another one back, to everybody.
    Retraction,
    /// The group's subject, to everybody who is there.
    Subject,
    /// That a moderator took a message back, to everybody who is there.
    Moderation,
    /// That somebody wants to join, to owners and admins.
    Request,
    /// An announcement, to everybody, and to those who went by it.
    Announcement(Came, Went),
}

/// Who came into the group by what was announced, and is told so if he is away.
#[derive(Debug, Clone, PartialEq)]
pub enum Came {
    /// These.
    These(Vec<BareJid>),
    /// Everybody who is in it since then.
    Everybody,
}

/// Who went by what was announced, and hears of that.
#[derive(Debug, Clone, PartialEq)]
pub enum Went {
    /// These.
    These(Vec<BareJid>),
    /// Everybody: the group was deleted.
    Everybody,
}

/// What this row was when it was said. One that was taken back says nothing any more and is not to be asked about.
pub fn spoken(row: &Archived) -> Spoken {
    let text = format!("<message xmlns='{}'>{}</message>", xml::STREAM, row.payload);
    // What is archived was written by us, or read from a stanza.
    let message: Element = text.parse().unwrap_or_else(|_| Element::bare("message", xml::STREAM));
    let children: Vec<&Element> = message.children().collect();
    match (row.kind, row.read_by) {
        (ArchivedKind::Message, _) if retraction::named(&children).is_some() => Spoken::Retraction,
        (ArchivedKind::Message, _) if is_subject(&children) => Spoken::Subject,
        (ArchivedKind::Message, _) => Spoken::Message,
        (ArchivedKind::Event, ReadBy::Admins) => Spoken::Request,
        (ArchivedKind::Event, ReadBy::Members) if retraction::named(&children).is_some() => {
            Spoken::Moderation
        }
        (ArchivedKind::Event, ReadBy::Members) => Spoken::Announcement(came(&children), went(&children)),
    }
}

fn is_subject(children: &[&Element]) -> bool {
    children.iter().any(|child| is_plain(child, "subject"))
        && !children.iter().any(|child| is_plain(child, "body"))
}

fn came(children: &[&Element]) -> Came {
    if is(children, ns::CREATEGROUP) {
        return Came::Everybody;
    }
    Came::These(if is(children, ns::ADDMEMBER) { named(children) } else { Vec::new() })
}

fn went(children: &[&Element]) -> Went {
    if is(children, ns::DELETEGROUP) {
        return Went::Everybody;
    }
    Went::These(if is(children, ns::REMOVEMEMBER) { named(children) } else { Vec::new() })
}

fn is(children: &[&Element], namespace: &str) -> bool {
    children.iter().any(|child| child.is("x", namespace))
}

fn named(children: &[&Element]) -> Vec<BareJid> {
    let items = children.iter().filter(|child| is_plain(child, "item"));
    items.filter_map(|item| BareJid::parse(item.attr("jid")?).ok()).collect()
}
