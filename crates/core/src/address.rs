//! Addresses: who and where.
//!
//! The `jid` crate normalises with tables of Unicode 3.2 and refuses what hosts let through (emoji resources,
//! newer CJK), so addresses are canonicalised through it where it can, and folded simply where it cannot.
//! Hosts do not agree on what they normalise themselves (ejabberd passes group ids as typed), so every address
//! that comes in goes through [`Jid::parse`].

use std::fmt;
use std::sync::Arc;

/// Longest address, in characters and in bytes: every index of every supported database can hold it.
const JID_CHARS_MAX: usize = 512;
const JID_BYTES_MAX: usize = 1_600;
/// Longest group id, in characters.
const GROUP_ID_CHARS_MAX: usize = 255;

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct InvalidAddress {
    text: String,
}

impl InvalidAddress {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }
}

/// `local@domain` or `domain`, canonical: two equal texts are one account. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BareJid(Arc<str>);

impl BareJid {
    /// Reads an address and drops its resource, if any. RFC 7622 §3.
    ///
    /// # Errors
    /// The text is empty, too long, or has an empty or impossible part.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        Ok(Jid::parse(text)?.into_bare())
    }

    /// An address that was parsed before, as the database holds it.
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The canonical text, shared.
    pub fn text(&self) -> Arc<str> {
        self.0.clone()
    }

    /// The part before the `@`; `None` for the address of a server.
    pub fn local(&self) -> Option<&str> {
        self.0.split_once('@').map(|(local, _)| local)
    }

    /// The part behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or(&*self.0, |(_, domain)| domain)
    }
}

/// A bare or full address, its bare part canonical, its resource as sent. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Jid {
    bare: BareJid,
    resource: Option<Arc<str>>,
}

impl Jid {
    /// Reads an address as it came from a host or a client. RFC 7622 §3.
    ///
    /// # Errors
    /// The text is empty, longer than 512 characters, or has an empty or impossible part.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let (bare, resource) = match text.split_once('/') {
            Some((_, "")) => return Err(InvalidAddress::new(format!("the resource of `{text}` is empty"))),
            Some((bare, resource)) => (bare, Some(resource)),
            None => (text, None),
        };
        if resource.is_some_and(|r| r.chars().any(char::is_control)) {
            return Err(InvalidAddress::new("a resource may not have control characters"));
        }
        let bare = canonical_bare(bare)?;
        // Measured now, for what is canonical may be longer than what was sent: `ﬃ` is three letters.
        let added = resource.map_or(0, |resource| resource.chars().count() + 1);
        if bare.chars().count() + added > JID_CHARS_MAX || bare.len() > JID_BYTES_MAX {
            return Err(InvalidAddress::new(format!(
                "an address may have {JID_CHARS_MAX} characters at most"
            )));
        }
        Ok(Self { bare: BareJid(bare.into()), resource: resource.map(Arc::from) })
    }

    /// An address that was parsed before, as the database holds it.
    pub fn from_stored(text: &str) -> Self {
        match text.split_once('/') {
            Some((bare, resource)) => Self::with_resource(BareJid::from_stored(bare), resource),
            None => BareJid::from_stored(text).into(),
        }
    }

    /// The account, without the device.
    pub fn bare(&self) -> &BareJid {
        &self.bare
    }

    /// The account, without the device.
    pub fn into_bare(self) -> BareJid {
        self.bare
    }

    /// The device (or, for an address of ours, the member).
    pub fn resource(&self) -> Option<&str> {
        self.resource.as_deref()
    }

    /// The same account at this device.
    pub fn with_resource(bare: BareJid, resource: &str) -> Self {
        Self { bare, resource: Some(resource.into()) }
    }
}

impl From<BareJid> for Jid {
    fn from(bare: BareJid) -> Self {
        Self { bare, resource: None }
    }
}

/// The id of a group: the localpart of its address, canonical. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(Arc<str>);

impl GroupId {
    /// Reads a group id. It must be a localpart by RFC 7622 §3.3, or a host would not carry its address.
    ///
    /// # Errors
    /// The text is empty, longer than 255 characters, or has characters that a localpart cannot have.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let localpart = |text: &str| Some(jid::NodePart::new(text).ok()?.as_str().to_owned());
        let canonical = settled(text, localpart)
            .ok_or_else(|| InvalidAddress::new(format!("`{text}` cannot be the id of a group")))?;
        if canonical.chars().count() > GROUP_ID_CHARS_MAX {
            let why = format!("a group id may have {GROUP_ID_CHARS_MAX} characters at most");
            return Err(InvalidAddress::new(why));
        }
        Ok(Self(canonical.into()))
    }

    /// An id that was parsed before, as the database holds it.
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The group's address in a service.
    pub fn at(&self, domain: &str) -> String {
        format!("{}@{domain}", self.0)
    }
}

fn canonical_bare(text: &str) -> Result<String, InvalidAddress> {
    let first = folded(text)?;
    if text.is_ascii() {
        // Once is enough, and nearly every address is.
        return Ok(first);
    }
    settled(&first, |text| folded(text).ok())
        .ok_or_else(|| InvalidAddress::new(format!("`{text}` has no canonical form")))
}

/// What `once` makes of the text, again and again until nothing changes: `🄘` becomes `(I)`, and that `(i)`. `None` when
/// it is refused on the way, or does not come to rest.
pub(crate) fn settled(text: &str, once: impl Fn(&str) -> Option<String>) -> Option<String> {
    const ROUNDS_MAX: usize = 4;
    let mut before = text.to_owned();
    for _ in 0..ROUNDS_MAX {
        let after = once(&before)?;
        if after == before {
            return Some(after);
        }
        before = after;
    }
    None
}

fn folded(text: &str) -> Result<String, InvalidAddress> {
    // COMPAT: `jid` 0.12 mis-splits a domain with a trailing dot, so the dot goes first.
    let text = text.trim_end_matches('.');
    if let Ok(jid) = jid::BareJid::new(text) {
        return Ok(jid.as_str().to_owned());
    }
    let (local, domain) = match text.split_once('@') {
        Some((local, domain)) => (Some(local), domain),
        None => (None, text),
    };
    let forbidden = |c: char| c.is_control() || c.is_whitespace() || "\"&'<>@:/".contains(c);
    if local.is_some_and(|l| l.is_empty() || l.chars().any(forbidden)) {
        return Err(InvalidAddress::new(format!("`{text}` has an impossible localpart")));
    }
    if jid::DomainPart::new(domain).is_err() {
        return Err(InvalidAddress::new(format!("`{text}` has an impossible domain")));
    }
    Ok(text.to_lowercase())
}

/// Shows types of one text as that text.
macro_rules! written_as_text {
    ($($type:ty),*) => {$(
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}
pub(crate) use written_as_text;
written_as_text!(BareJid, GroupId);

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.bare.as_str())?;
        self.resource.as_ref().map_or(Ok(()), |resource| write!(f, "/{resource}"))
    }
}

impl fmt::Debug for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        Jid::parse(text).map_or_else(|e| format!("refused: {e}"), |jid| jid.to_string())
    }

    #[test]
    fn addresses_become_canonical() {
        for (sent, canonical) in [
            ("U@C.D./R", "u@c.d/R"),
            ("u@c./r", "u@c/r"),
            ("bob@h..", "bob@h"),
            ("user@host.", "user@host"),
            ("ＡＢＣ@c.d", "abc@c.d"),
            ("Straße@c.d", "strasse@c.d"),
            ("测试五@c.d/monocles chat[1.5.13].5nGY", "测试五@c.d/monocles chat[1.5.13].5nGY"),
            ("u@c.d/🐎", "u@c.d/🐎"),
            ("家😀@C.d", "家😀@c.d"),
            ("Groupchat.C.D", "groupchat.c.d"),
            ("u@c.d/a@b/c", "u@c.d/a@b/c"),
            ("u🄘@c.d", "u(i)@c.d"),
        ] {
            assert_eq!(parsed(sent), canonical, "{sent}");
        }
    }

    #[test]
    fn impossible_addresses_are_refused() {
        for text in
            ["", ".", "@c.d", "u@", "u@.", "u@c.d/", "bob@h．", "a b@c.d", "u@c.d/a\u{7}b", "u@-bad-.tld"]
        {
            assert!(Jid::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lengths_are_those_of_the_canonical_form() {
        for local in ["a".repeat(600), "ﬃ".repeat(340), "İ".repeat(500), "😀".repeat(450)] {
            assert!(Jid::parse(&format!("{local}@c.d")).is_err(), "{local}");
        }
        assert!(Jid::parse(&format!("u@c.d/{}", "r".repeat(507))).is_err());
        assert!(Jid::parse(&format!("u@c.d/{}", "r".repeat(506))).is_ok());
        assert!(GroupId::parse(&"ﬃ".repeat(100)).is_err());
    }

    #[test]
    fn what_is_canonical_stays_as_it_is() {
        for text in ["a@h..", "家😀@c.d", "İ😀@c.d", "ß😀@c.d/R", "u@c.d/a@b/c", "c.d"] {
            let once = Jid::parse(text).unwrap();
            assert_eq!(Jid::parse(&once.to_string()), Ok(once.clone()), "{text}");
            assert_eq!(Jid::from_stored(&once.to_string()), once);
        }
    }

    #[test]
    fn group_ids_are_localparts() {
        assert_eq!(GroupId::parse("Group.UPPER").unwrap().as_str(), "group.upper");
        assert_eq!(GroupId::parse("测试群").unwrap().at("g.d"), "测试群@g.d");
        for text in ["", "a b", "a@b", "a/b", "a'b", &"x".repeat(256)] {
            assert!(GroupId::parse(text).is_err(), "{text}");
        }
    }
}
