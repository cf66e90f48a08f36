//! The protocol's payloads: whatever an element holds can be read or is refused, and what was read and written again
//! reads the same.

use groupchat_payloads::{Item, Operation, Query, Receipt, ns, properties};
use minidom::Element;

/// # Panics
/// Something that was read is not written as it was.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    // As a stanza comes from the host.
    let wrapped = format!("<message xmlns='jabber:component:accept'>{text}</message>");
    let Ok(stanza) = wrapped.parse::<Element>() else { return };
    for element in stanza.children() {
        check(element, &stanza);
    }
}

fn check(element: &Element, stanza: &Element) {
    let namespace = element.ns();
    // In an iq the query holds everything; in a presence it lies beside.
    for children in [element.children(), stanza.children()] {
        if let Ok(Some(operation)) = Operation::read(&namespace, element, children) {
            let written = through_text(&operation.write_query());
            let again = Operation::read(&written.ns(), &written, written.children());
            assert_eq!(again, Ok(Some(operation)));
        }
    }
    if let Ok(Some(query)) = Query::read(element) {
        assert_eq!(Query::read(&through_text(&query.write())), Ok(Some(query)));
    }
    if let Some(receipt) = Receipt::read(element) {
        assert_eq!(Receipt::read(&through_text(&receipt.write())), Some(receipt));
    }
    for namespace in [&*namespace, ns::ADDMEMBER] {
        if let Some(item) = Item::read(element, namespace) {
            let written = through_text(&item.write(namespace));
            assert_eq!(Item::read(&written, namespace), Some(item));
        }
    }
    texts_as_properties(element);
}

/// Any texts can be names and values.
fn texts_as_properties(element: &Element) {
    let texts: Vec<&str> = element.attrs().values().map(String::as_str).chain(element.texts()).collect();
    let pairs = texts.iter().zip(texts.iter().rev());
    let list: Vec<(String, String)> =
        pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let pairs = list.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut query = Element::bare("query", ns::UPDATEGROUP);
    query.append_child(properties(pairs, ns::UPDATEGROUP));
    let query = through_text(&query);
    // The id of a group is told as a property, and is none when it comes back.
    let properties = list.into_iter().filter(|(name, _)| name != "id").collect();
    let read = Operation::read(ns::UPDATEGROUP, &query, query.children());
    assert_eq!(read, Ok(Some(Operation::UpdateGroup { properties })));
}

/// The element as it arrives when it is sent in a stanza.
fn through_text(element: &Element) -> Element {
    let mut stanza = Element::bare("message", "jabber:component:accept");
    stanza.append_child(element.clone());
    let mut bytes = Vec::new();
    stanza.write_to(&mut bytes).expect("what was read can be written");
    let text = String::from_utf8(bytes).expect("XML is text");
    let arrived = text.parse::<Element>();
    let arrived = arrived.unwrap_or_else(|why| panic!("what is written is no XML ({why}): {text}"));
    arrived.children().next().expect("the element").clone()
}
