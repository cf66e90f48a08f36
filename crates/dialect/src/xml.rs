//! XML text: start tags, and the text of elements as it stands inside a stanza.

use std::sync::Arc;

use minidom::Element;

use crate::Outbound;

/// The namespace of a component's stream.
pub(crate) const STREAM: &str = "jabber:component:accept";

/// A start tag without its end, `<name a='b'`, leaving out attributes without a value.
pub(crate) fn open(name: &str, attributes: &[(&str, Option<&str>)]) -> String {
    let mut tag = format!("<{name}");
    for (key, value) in attributes {
        if let Some(value) = value {
            tag.push(' ');
            tag.push_str(key);
            tag.push_str("='");
            escape_into(&mut tag, value);
            tag.push('\'');
        }
    }
    tag
}

/// The text of these elements as they stand inside a stanza: those in the stream's namespace without `xmlns`,
/// because hosts refuse or misread a repeated one.
pub(crate) fn content<'a>(elements: impl IntoIterator<Item = &'a Element>) -> String {
    const HEAD: &str = "<message xmlns='jabber:component:accept'>";
    const FOOT: &str = "</message>";
    let mut wrapper = Element::bare("message", STREAM);
    for element in elements {
        wrapper.append_child(element.clone());
    }
    let mut bytes = Vec::new();
    // Writing to memory fails only for names that are no XML names, which no parsed element has.
    if wrapper.write_to(&mut bytes).is_err() {
        return String::new();
    }
    let text = String::from_utf8(bytes).unwrap_or_default();
    let inner = text.strip_prefix(HEAD).and_then(|rest| rest.strip_suffix(FOOT));
    inner.unwrap_or_default().to_owned()
}

/// A stanza of these attributes and this content, for these recipients.
pub(crate) fn stanza(head: String, to: Vec<Arc<str>>, content: &str, name: &str) -> Outbound {
    let tail = if content.is_empty() { "/>".into() } else { format!(">{content}</{name}>").into() };
    Outbound { head, to, tail }
}

fn escape_into(out: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&apos;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\r' | '\t' => out.push(' '),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_has_the_streams_namespace_but_does_not_say_so() {
        let message: Element = "<message xmlns='jabber:component:accept'><body>a&lt;'b</body>\
            <x xmlns='urn:x'><y/><body xmlns='jabber:client'>n</body></x><p:q xmlns:p='urn:p' p:r='1'/></message>"
            .parse()
            .unwrap();
        let text = content(message.children());
        assert!(text.starts_with("<body>a&lt;"), "{text}");
        assert!(!text.contains("jabber:component:accept"), "{text}");
        let again: Element =
            format!("<message xmlns='jabber:component:accept'>{text}</message>").parse().unwrap();
        assert_eq!(again, message);
    }

    #[test]
    fn attributes_are_escaped() {
        assert_eq!(
            open("m", &[("id", Some("a'<&\">b\n")), ("x", None)]),
            "<m id='a&apos;&lt;&amp;&quot;&gt;b '"
        );
    }
}
