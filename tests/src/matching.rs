//! Whether a received stanza is what a template asks for. Strict: whatever the template does not name must not be
//! there, but for `...` and for what every host adds on the way. Not here: which stanza is compared with which.

use std::collections::BTreeMap;

use minidom::Element;

use crate::xml::own_text;

/// Names bound so far in a conversation.
pub type Bindings = BTreeMap<String, String>;

/// Whose inbox a stanza was found in; decides what counts as added by the host.
#[derive(Debug, Clone, Copy)]
pub struct Receiver<'a> {
    /// Bare JID of the user.
    pub bare: &'a str,
    /// The user's own server.
    pub domain: &'a str,
}

/// Compares, and gives the bindings that hold afterwards; else the first difference in words.
pub fn matches(
    template: &Element,
    actual: &Element,
    receiver: Receiver<'_>,
    bound: &Bindings,
) -> Result<Bindings, String> {
    let mut actual = actual.clone();
    strip_host_additions(template, &mut actual, receiver);
    strip_ignored_attributes(template, &mut actual, receiver);
    compare(template, &actual, bound)
}

/// Replaces every bound `{name}` in a text; one that nothing has bound yet is an error.
pub fn substitute(text: &str, bound: &Bindings) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        out.push_str(&rest[..start]);
        let inner = rest[start..].find('}').map_or("", |end| &rest[start + 1..start + end]);
        if is_name(inner) {
            out.push_str(bound.get(inner).ok_or_else(|| format!("nothing has bound {{{inner}}} yet"))?);
        } else if let Some(repeated) = repetition(inner) {
            out.push_str(&repeated);
        } else {
            out.push('{');
            rest = &rest[start + 1..];
            continue;
        }
        rest = &rest[start + inner.len() + 2..];
    }
    out.push_str(rest);
    Ok(out)
}

/// `5 times ab` is `ababababab`: the way to write a stanza that is too large.
fn repetition(inner: &str) -> Option<String> {
    let (count, what) = inner.split_once(" times ")?;
    Some(what.repeat(count.parse().ok()?))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
}

/// Hosts add delays, avatar hashes and archive ids of their own; a template that names such a child sees it all the same.
fn strip_host_additions(template: &Element, actual: &mut Element, receiver: Receiver<'_>) {
    let additions = [
        ("delay", "urn:xmpp:delay", Some(("from", receiver.domain))),
        ("delay", "urn:xmpp:delay", Some(("from", receiver.bare))),
        ("x", "jabber:x:delay", None),
        ("x", "vcard-temp:x:update", None),
        ("stanza-id", "urn:xmpp:sid:0", Some(("by", receiver.bare))),
    ];
    for (name, ns, condition) in additions {
        if template.has_child(name, ns) {
            continue;
        }
        let is_addition = |child: &Element| {
            child.is(name, ns) && condition.is_none_or(|(key, value)| child.attr(key) == Some(value))
        };
        let nodes = actual.take_nodes();
        for node in nodes.into_iter().filter(|node| !node.as_element().is_some_and(is_addition)) {
            actual.append_node(node);
        }
    }
}

/// Attributes of the stanza itself that only count when the template has them.
fn strip_ignored_attributes(template: &Element, actual: &mut Element, receiver: Receiver<'_>) {
    // RFC 6120 §8.1.2.1: answers of one's own server may or may not carry their sender.
    let own_server = [receiver.bare, receiver.domain];
    let from_ignored =
        actual.name() == "iq" && actual.attr("from").is_some_and(|from| own_server.contains(&from));
    actual.attrs_mut().retain(|namespace, name, _| {
        let ignored = match &***name {
            "to" | "lang" => true,
            "from" => from_ignored,
            _ => false,
        };
        !ignored || template.attrs().contains_key(&**namespace, &***name)
    });
    // RFC 6121 §5.2.2: no type is type normal.
    if actual.name() == "message" && actual.attr("type") == Some("normal") && template.attr("type").is_none()
    {
        actual.attrs_mut().retain(|_, name, _| &***name != "type");
    }
}

fn compare(template: &Element, actual: &Element, bound: &Bindings) -> Result<Bindings, String> {
    if template.name() != actual.name() || template.ns() != actual.ns() {
        return Err(format!("expected {}, found {}", title(template), title(actual)));
    }
    let text = own_text(template);
    let open = text.contains("...");
    let mut bound = compare_attributes(template, actual, open, bound)?;
    let expected_text = text.replacen("...", "", 1);
    let expected_text = expected_text.trim();
    if !(open && expected_text.is_empty()) {
        bound = compare_value(expected_text, &own_text(actual), &bound)
            .map_err(|why| format!("text of {}: {why}", title(template)))?;
    }
    let wanted: Vec<&Element> = template.children().collect();
    let present: Vec<&Element> = actual.children().collect();
    let mut used = vec![false; present.len()];
    let bound = compare_children(&wanted, &present, &mut used, &bound)
        .map_err(|why| format!("in {}: {why}", title(template)))?;
    match used.iter().position(|used| !used) {
        Some(extra) if !open => Err(format!("{} has an unexpected {}", title(actual), title(present[extra]))),
        Some(_) | None => Ok(bound),
    }
}

fn compare_attributes(
    template: &Element,
    actual: &Element,
    open: bool,
    bound: &Bindings,
) -> Result<Bindings, String> {
    let mut bound = bound.clone();
    for ((namespace, name), expected) in template.attrs() {
        let Some(value) = actual.attrs().get(namespace, name) else {
            // RFC 6121 §5.2.2 again, seen from the template's side.
            if template.name() == "message" && &***name == "type" && expected == "normal" {
                continue;
            }
            return Err(format!("{} has no attribute {name}", title(actual)));
        };
        bound = compare_value(expected, value, &bound)
            .map_err(|why| format!("attribute {name} of {}: {why}", title(template)))?;
    }
    let extra = actual
        .attrs()
        .iter()
        .find(|((namespace, name), _)| template.attrs().get(*namespace, *name).is_none());
    match extra {
        Some(((_, name), value)) if !open => {
            Err(format!("{} has an unexpected attribute {name}='{value}'", title(actual)))
        }
        Some(_) | None => Ok(bound),
    }
}

fn compare_value(expected: &str, actual: &str, bound: &Bindings) -> Result<Bindings, String> {
    if expected == "{any}" {
        return Ok(bound.clone());
    }
    if let Some(name) =
        expected.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).filter(|name| is_name(name))
        && !bound.contains_key(name)
    {
        let mut bound = bound.clone();
        bound.insert(name.to_owned(), actual.to_owned());
        return Ok(bound);
    }
    let wanted = substitute(expected, bound)?;
    if wanted == actual { Ok(bound.clone()) } else { Err(format!("expected '{wanted}', found '{actual}'")) }
}

/// Finds a different actual child for each template child, in any order, going back when a choice leads nowhere.
fn compare_children(
    wanted: &[&Element],
    present: &[&Element],
    used: &mut [bool],
    bound: &Bindings,
) -> Result<Bindings, String> {
    let Some((first, rest)) = wanted.split_first() else { return Ok(bound.clone()) };
    let mut reason = format!("no {}", title(first));
    for candidate in 0..present.len() {
        if used[candidate] {
            continue;
        }
        let attempt = compare(first, present[candidate], bound).and_then(|bound| {
            used[candidate] = true;
            let deeper = compare_children(rest, present, used, &bound);
            used[candidate] = deeper.is_ok();
            deeper
        });
        match attempt {
            Ok(bound) => return Ok(bound),
            Err(why) if first.name() == present[candidate].name() => reason = why,
            Err(_) => {}
        }
    }
    Err(reason)
}

fn title(element: &Element) -> String {
    match element.ns() {
        ns if ns == crate::xml::CLIENT_NS => format!("<{}>", element.name()),
        ns => format!("<{} xmlns='{ns}'>", element.name()),
    }
}

#[cfg(test)]
mod tests;
