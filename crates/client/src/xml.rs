//! Elements, shorter than minidom has it.

use groupchat_payloads::{ns, set};
use minidom::Element;

pub(crate) const CORRECTION: &str = "urn:xmpp:message-correct:0";
pub(crate) const DATA: &str = "jabber:x:data";
pub(crate) const DELAY: &str = "urn:xmpp:delay";
pub(crate) const FALLBACK: &str = "urn:xmpp:fallback:0";
pub(crate) const FASTEN: &str = "urn:xmpp:fasten:0";
pub(crate) const FORWARD: &str = "urn:xmpp:forward:0";
pub(crate) const MAM: &str = "urn:xmpp:mam:2";
pub(crate) const MODERATE: &str = "urn:xmpp:message-moderate:1";
pub(crate) const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
pub(crate) const REFERENCE: &str = "urn:xmpp:reference:0";
pub(crate) const REPLY: &str = "urn:xmpp:reply:0";
pub(crate) const RETRACT: &str = "urn:xmpp:message-retract:1";
pub(crate) const RETRACT_0: &str = "urn:xmpp:message-retract:0";
pub(crate) const RSM: &str = "http://jabber.org/protocol/rsm";
pub(crate) const STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
pub(crate) const STANZA_ID: &str = "urn:xmpp:sid:0";

/// An element with attributes.
pub(crate) fn element(name: &str, namespace: &str, attributes: &[(&str, &str)]) -> Element {
    let mut element = Element::bare(name, namespace);
    for (name, value) in attributes {
        set(&mut element, name, value);
    }
    element
}

/// An element with a text.
pub(crate) fn text(name: &str, namespace: &str, text: &str) -> Element {
    let mut element = Element::bare(name, namespace);
    element.append_text(text);
    element
}

/// The element with these children, too.
pub(crate) fn with(mut element: Element, children: impl IntoIterator<Item = Element>) -> Element {
    for child in children {
        element.append_child(child);
    }
    element
}

/// The first child of this name and namespace.
pub(crate) fn child<'a>(element: &'a Element, name: &str, namespace: &str) -> Option<&'a Element> {
    element.children().find(|child| child.is(name, namespace))
}

/// The first child of this name in the stream's namespace, such as a body.
pub(crate) fn plain<'a>(element: &'a Element, name: &str) -> Option<&'a Element> {
    let of_stream = |child: &Element| child.is(name, ns::CLIENT) || child.is(name, ns::COMPONENT);
    element.children().find(|child| of_stream(child))
}

/// A plain attribute as text of one's own.
pub(crate) fn attribute(element: &Element, name: &str) -> Option<String> {
    element.attr(name).map(str::to_owned)
}
