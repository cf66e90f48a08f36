//! `<property name value/>` and the `<properties/>` around several.
//!
//! Legacy writes a value as the element's text, newer forms as its attribute `value`; both are read.

use minidom::Element;

use crate::{Invalid, empty, is, set};

/// A property of a group in `namespace`, its value as text.
pub fn property(name: &str, value: &str, namespace: &str) -> Element {
    let mut element = empty("property", namespace);
    set(&mut element, "name", name);
    element.append_text(value);
    element
}

/// The same with its value as an attribute, as answers have it.
pub fn property_attribute(name: &str, value: &str, namespace: &str) -> Element {
    let mut element = empty("property", namespace);
    set(&mut element, "name", name);
    set(&mut element, "value", value);
    element
}

/// Several properties, in `namespace`.
pub fn properties<'a>(list: impl IntoIterator<Item = (&'a str, &'a str)>, namespace: &str) -> Element {
    let mut element = empty("properties", namespace);
    for (name, value) in list {
        element.append_child(property(name, value, namespace));
    }
    element
}

/// Name and value of the element when it is a property.
///
/// # Errors
/// It has no name.
pub(crate) fn read(element: &Element, namespace: &str) -> Result<Option<(String, String)>, Invalid> {
    if !is(element, "property", namespace) {
        return Ok(None);
    }
    let name = element.attr("name").ok_or_else(|| Invalid("a <property/> has no name".into()))?;
    let value = element.attr("value").map_or_else(|| element.text(), str::to_owned);
    Ok(Some((name.to_owned(), value)))
}
