//! Reading and printing stanzas for scripts and failure reports. Knows nothing of what they mean.

use anyhow::{Context, Result};
use minidom::rxml::{Namespace, NcName};
use minidom::{Element, Node};

/// The namespace that stanzas without one are in.
pub const CLIENT_NS: &str = "jabber:client";

/// The elements of a text, which may hold several side by side; those without `xmlns` are in [`CLIENT_NS`].
pub fn parse_all(text: &str) -> Result<Vec<Element>> {
    let wrapped = format!("<block xmlns='{CLIENT_NS}'>{text}</block>");
    let block: Element = wrapped.parse().context("this is no well-formed XML")?;
    Ok(block.children().cloned().collect())
}

/// The text directly inside an element, without the white space around it.
pub fn own_text(element: &Element) -> String {
    element.texts().collect::<String>().trim().to_owned()
}

/// Applies `change` to every attribute value and every text of an element.
pub fn map_strings(element: &mut Element, change: &impl Fn(&str) -> String) {
    for value in element.attrs_mut().values_mut() {
        *value = change(value);
    }
    for node in element.nodes_mut() {
        match node {
            Node::Element(child) => map_strings(child, change),
            Node::Text(text) => *text = change(text),
        }
    }
}

/// Sets an attribute without a namespace.
///
/// # Panics
/// If `name` is no XML name.
pub fn set_attribute(element: &mut Element, name: &str, value: &str) {
    let name = NcName::try_from(name).expect("the names of attributes are written in the source");
    element.attrs_mut().insert(Namespace::NONE, name, value.to_owned());
}

/// Moves an element, and the children that had its namespace from it, from one namespace to another: what happens to
/// a stanza that goes from one kind of stream to another.
pub fn change_namespace(element: &Element, from: &str, to: &str) -> Element {
    if element.ns() != from {
        return element.clone();
    }
    let mut moved = Element::bare(element.name(), to);
    *moved.attrs_mut() = element.attrs().clone();
    for node in element.nodes() {
        moved.append_node(match node {
            Node::Element(child) => Node::Element(change_namespace(child, from, to)),
            Node::Text(text) => Node::Text(text.clone()),
        });
    }
    moved
}

/// One line, without the namespace that all stanzas have.
pub fn compact(element: &Element) -> String {
    let mut out = String::new();
    print(element, CLIENT_NS, None, &mut out);
    out
}

/// One element a line, indented by `indent` spaces.
pub fn pretty(element: &Element, indent: usize) -> String {
    let mut out = String::new();
    print(element, CLIENT_NS, Some(indent), &mut out);
    out
}

fn print(element: &Element, outer_ns: &str, indent: Option<usize>, out: &mut String) {
    let pad = |out: &mut String, by: usize| out.push_str(&" ".repeat(by));
    if let Some(by) = indent {
        pad(out, by);
    }
    print_tag(element, outer_ns, out);
    let text = own_text(element);
    let mut children = element.children().peekable();
    if text.is_empty() && children.peek().is_none() {
        out.push_str("/>");
    } else {
        out.push('>');
        out.push_str(&escape(&text));
        let nested = children.peek().is_some();
        for child in children {
            if indent.is_some() {
                out.push('\n');
            }
            print(child, &element.ns(), indent.map(|by| by + 2), out);
        }
        if let (Some(by), true) = (indent, nested) {
            out.push('\n');
            pad(out, by);
        }
        out.push_str(&format!("</{}>", element.name()));
    }
}

fn print_tag(element: &Element, outer_ns: &str, out: &mut String) {
    out.push('<');
    out.push_str(element.name());
    if element.ns() != outer_ns {
        out.push_str(&format!(" xmlns='{}'", escape(&element.ns())));
    }
    for ((namespace, name), value) in element.attrs() {
        let name = match &**namespace {
            "" => name.to_string(),
            "http://www.w3.org/XML/1998/namespace" => format!("xml:{name}"),
            other => format!("{{{other}}}{name}"),
        };
        out.push_str(&format!(" {name}='{}'", escape(value)));
    }
}

/// Text or attribute value with the characters replaced that XML reserves.
pub fn escape(raw: &str) -> String {
    raw.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&apos;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_stanzas_and_their_namespaces() {
        let all = parse_all(
            "<message to='a'><body>1 &lt; 2</body></message>\n <iq><ping xmlns='urn:xmpp:ping'/></iq>",
        )
        .expect("well-formed");
        assert_eq!(all.len(), 2);
        assert!(all[0].is("message", CLIENT_NS));
        assert_eq!(compact(&all[0]), "<message to='a'><body>1 &lt; 2</body></message>");
        assert_eq!(pretty(&all[1], 2), "  <iq>\n    <ping xmlns='urn:xmpp:ping'/>\n  </iq>");
        assert!(parse_all("<message>").is_err());
    }

    #[test]
    fn strings_are_changed_everywhere() {
        let mut all = parse_all("<message to='x@old'><body>old</body></message>").expect("well-formed");
        map_strings(&mut all[0], &|s| s.replace("old", "new"));
        assert_eq!(compact(&all[0]), "<message to='x@new'><body>new</body></message>");
    }
}
