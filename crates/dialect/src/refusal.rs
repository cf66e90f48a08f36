//! The one table of refusals: what each is on the wire. PROTOCOL: refusals; RFC 6120 §8.3.

use groupchat_core::Refusal;
use minidom::Element;
use xmpp_parsers::stanza_error::{DefinedCondition as Condition, ErrorType, StanzaError};

use crate::xml::{self, STREAM};
use crate::{Carrier, Origin, Outbound};

/// Texts may quote what was sent, and an answer must not outgrow what hosts take.
const TEXT_CHARS_MAX: usize = 300;

/// What a refusal of a request in this kind of stanza is called on the wire.
fn on_the_wire(refusal: &Refusal, origin: &Origin) -> (Condition, ErrorType) {
    use ErrorType::{Auth, Cancel, Modify, Wait};
    let carrier = &origin.carrier;
    let in_message = matches!(carrier, Carrier::Message { .. });
    let in_iq = matches!(carrier, Carrier::Iq { .. });
    // What goes to a member is no question to the room, whatever it is.
    let is_of_rooms = carrier.is_of_rooms() && !(in_iq && origin.at.contains('/'));
    match refusal {
        Refusal::NoSuchGroup
        | Refusal::NoSuchMember
        | Refusal::NoSuchItem
        | Refusal::NoSuchNode
        | Refusal::NoSuchMessage => (Condition::ItemNotFound, Cancel),
        Refusal::GroupTaken(_) | Refusal::NickTaken(_) | Refusal::MidTaken(_) | Refusal::AlreadyMember(_) => {
            (Condition::Conflict, Cancel)
        }
        Refusal::NotAllowed(_) | Refusal::Frozen if in_message || (is_of_rooms && in_iq) => {
            (Condition::Forbidden, Auth)
        }
        Refusal::Banned if is_of_rooms => (Condition::Forbidden, Auth),
        Refusal::MembersOnly => (Condition::RegistrationRequired, Auth),
        Refusal::NotAllowed(_) | Refusal::Frozen | Refusal::Banned => (Condition::NotAllowed, Cancel),
        Refusal::NotMember | Refusal::NotOccupant => (Condition::NotAcceptable, Cancel),
        Refusal::MayNotPost | Refusal::MayNotMentionAll | Refusal::NotYourMessage => {
            (Condition::Forbidden, Auth)
        }
        Refusal::LastOwner
        | Refusal::UnknownProperty(_)
        | Refusal::Property { .. }
        | Refusal::OwnAddress(_) => (Condition::NotAcceptable, Modify),
        Refusal::Malformed(_) => (Condition::BadRequest, Modify),
        Refusal::Address(_) => (Condition::JidMalformed, Modify),
        Refusal::TooLong { .. }
        | Refusal::TooLarge { .. }
        | Refusal::LargeAvatar { .. }
        | Refusal::ListTooLong => (Condition::PolicyViolation, Modify),
        Refusal::TooMany { .. } | Refusal::Busy => (Condition::ResourceConstraint, Wait),
        Refusal::TooFast { .. } => (Condition::PolicyViolation, Wait),
        Refusal::NotOnline => (Condition::RecipientUnavailable, Wait),
        Refusal::Unknown | Refusal::NoRooms => (Condition::ServiceUnavailable, Cancel),
        Refusal::Unavailable => (Condition::InternalServerError, Wait),
    }
}

/// The answer to a request that is not granted, to the asker alone.
pub fn answer(origin: &Origin, refusal: &Refusal) -> Outbound {
    let (condition, kind) = on_the_wire(refusal, origin);
    let error = error_with(&origin.at, (condition, kind), &refusal.to_string(), None);
    let echo = match &origin.carrier {
        Carrier::Presence { operation, .. } => {
            operation.as_ref().map(|namespace| Element::bare("x", namespace.to_string()))
        }
        Carrier::Iq { namespace, .. } if *refusal == Refusal::NoSuchGroup && is_ours(namespace) => {
            Some(not_exists(namespace, &origin.at))
        }
        Carrier::Message { .. } | Carrier::Iq { .. } => None,
    };
    error_stanza(origin, echo, &error)
}

/// The stanza that holds this error, for whoever asked.
pub(crate) fn error_stanza(origin: &Origin, echo: Option<Element>, error: &Element) -> Outbound {
    let name = match &origin.carrier {
        Carrier::Presence { .. } => "presence",
        Carrier::Message { .. } => "message",
        Carrier::Iq { .. } => "iq",
    };
    let id = origin.carrier.id().map(|id| &**id);
    let head = xml::open(name, &[("from", Some(&origin.at)), ("id", id), ("type", Some("error"))]);
    let content = xml::content(echo.iter().chain([error]));
    xml::stanza(head, vec![origin.from.to_string().into()], &content, name)
}

/// A query that holds the legacy error for "not there".
pub(crate) fn not_exists(namespace: &str, by: &str) -> Element {
    let mut error = Element::builder("error", namespace).build();
    groupchat_payloads::set(&mut error, "by", by);
    groupchat_payloads::set(&mut error, "type", "cancel");
    error.append_child(Element::bare("not-exists", "urn:ietf:params:xml:ns:xmpp-stanzas"));
    Element::builder("query", namespace).append(error).build()
}

/// The error itself, with a condition of its own if there is one. RFC 6120 §8.3.4.
pub(crate) fn error_with(
    by: &str,
    (condition, kind): (Condition, ErrorType),
    text: &str,
    specific: Option<Element>,
) -> Element {
    let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
    let mut error = StanzaError::new(kind, condition, "en", text);
    error.by = jid::Jid::new(by).ok();
    error.other = specific;
    let element = Element::from(error);
    debug_assert_eq!(element.ns(), STREAM, "xmpp-parsers is built for component streams");
    element
}

fn is_ours(namespace: &str) -> bool {
    namespace.starts_with(groupchat_payloads::ns::GROUPCHAT)
}
