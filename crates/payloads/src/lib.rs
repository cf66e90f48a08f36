//! The groupchat namespaces as types, for the service and for clients alike.
//!
//! Two forms of everything exist: the legacy one, where a payload's elements lie side by side in a presence and
//! in the stream's namespace, and the one in an iq, where `<query/>` holds them. Both are read by the same code.
//!
//! **Not here:** what a payload means (the rules), and standard XMPP payloads (xmpp-parsers).

mod announcement;
mod answer;
mod avatar;
mod item;
pub mod ns;
mod operation;
mod property;
mod query;
mod receipt;

pub use announcement::{Announced, Announcement};
pub use answer::{GroupItem, InboxItem, LastMessage, Readers};
pub use avatar::Avatar;
pub use item::Item;
pub use operation::Operation;
pub use property::{properties, property, property_attribute};
pub use query::{MemberKey, Query};
pub use receipt::{Receipt, ReceiptForm};

use minidom::Element;

/// Why a payload cannot be read; the text names the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

/// Is this element `name`, in `namespace` or in the stream's (which is how legacy clients and minimal ones write it)?
pub(crate) fn is(element: &Element, name: &str, namespace: &str) -> bool {
    let ns = element.ns();
    element.name() == name && (ns == namespace || ns == ns::COMPONENT || ns == ns::CLIENT)
}

/// An element without attributes and children.
pub(crate) fn empty(name: &str, namespace: &str) -> Element {
    Element::bare(name, namespace)
}

/// Sets a plain attribute. Names are ours and legal; one that is not would be left out.
pub fn set(element: &mut Element, name: &str, value: &str) {
    if let Ok(name) = minidom::rxml::NcName::try_from(name) {
        element.set_attr(minidom::rxml::Namespace::NONE, name, value);
    }
}
