//! A stanza as Prosody keeps it, as an element.

use groupchat_link::COMPONENT_NS;
use minidom::Element;

use super::lua::{Table, Value};

/// Makes the element. What has no namespace of its own is in the stream's, as its parent is or not.
///
/// # Errors
/// It is no stanza.
pub(super) fn element(table: &Table) -> Result<Element, String> {
    inside(table, COMPONENT_NS)
}

fn inside(table: &Table, parent: &str) -> Result<Element, String> {
    let name = table.text("name").filter(|name| is_name(name)).ok_or("an element has no name")?;
    let attributes = table.table("attr");
    let ns = attributes.and_then(|attributes| attributes.text("xmlns")).unwrap_or(parent);
    // What clients say is in their namespace, whichever the server kept.
    let ns = if ns == "jabber:client" { COMPONENT_NS } else { ns };
    let mut element = Element::bare(name, ns);
    for (name, value) in attributes.map(|attributes| &attributes.named).into_iter().flatten() {
        let Value::Text(value) = value else { continue };
        // Others with a prefix lost what it stood for.
        if name != "xmlns" && is_name(name) {
            groupchat_payloads::set(&mut element, name, value);
        }
    }
    for child in &table.listed {
        match child {
            Value::Text(text) => element.append_text(text.as_str()),
            Value::Table(child) => {
                element.append_child(inside(child, ns)?);
            }
            _ => return Err("an element holds what is neither text nor element".to_owned()),
        }
    }
    Ok(element)
}

fn is_name(name: &str) -> bool {
    let is_start = |c: char| c.is_alphabetic() || c == '_';
    name.starts_with(is_start) && name.chars().all(|c| is_start(c) || c.is_numeric() || "-.".contains(c))
}
