//! Addresses as text: taken apart, written into URIs, and, where people typed them, brought into canonical form.
//!
//! What the service says is in canonical form already.

use jid::BareJid;

/// The address without a resource.
pub(crate) fn bare(address: &str) -> &str {
    address.split_once('/').map_or(address, |(bare, _)| bare)
}

/// The bare address as servers write it (RFC 7622): `Alice@Example.ORG/x` is `alice@example.org`. What is no address stays as it is,
/// and whoever is asked for it says so.
pub(crate) fn canonical(address: &str) -> String {
    let bare = bare(address);
    BareJid::new(bare).map_or_else(|_| bare.to_owned(), |jid| jid.to_string())
}

/// What stands behind the first `/`.
pub(crate) fn resource(address: &str) -> Option<&str> {
    address.split_once('/').map(|(_, resource)| resource)
}

/// What stands before the `@`.
pub(crate) fn localpart(address: &str) -> Option<&str> {
    bare(address).split_once('@').map(|(local, _)| local)
}

/// The domain.
pub(crate) fn domain(address: &str) -> &str {
    let bare = bare(address);
    bare.split_once('@').map_or(bare, |(_, domain)| domain)
}

/// The address as a URI. RFC 5122 §2.2.
pub(crate) fn uri(address: &str) -> String {
    let mut uri = String::from("xmpp:");
    for byte in address.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

/// The address that a URI names; `None` if it names something else.
pub(crate) fn of_uri(uri: &str) -> Option<String> {
    let escaped = uri.strip_prefix("xmpp:")?.split(['?', '#']).next()?;
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let code = (first == b'%').then(|| behind.get(..2)).flatten();
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let address = "tea@groupchat.shakespeare.lit/a@b/c";
        assert_eq!(bare(address), "tea@groupchat.shakespeare.lit");
        assert_eq!(resource(address), Some("a@b/c"));
        assert_eq!(localpart(address), Some("tea"));
        assert_eq!(domain(address), "groupchat.shakespeare.lit");
        assert_eq!((localpart("shakespeare.lit"), domain("shakespeare.lit/x")), (None, "shakespeare.lit"));
    }

    #[test]
    fn what_people_type() {
        assert_eq!(canonical("Alice@Example.ORG/Phone"), "alice@example.org");
        assert_eq!(canonical("ÄNNE@g.lit"), "änne@g.lit");
        assert_eq!((canonical("a b@c"), canonical("")), ("a b@c".to_owned(), String::new()));
    }

    #[test]
    fn uris_and_back() {
        for address in ["tea@g.lit/小 红", "a%b@c.d/e?f#g", "测试@g.lit"] {
            assert_eq!(of_uri(&uri(address)).as_deref(), Some(address));
        }
        assert_eq!(of_uri("mailto:a@b"), None);
        assert_eq!(of_uri("xmpp:a%zz@b%"), Some("a%zz@b%".into()));
    }
}
