//! The limits of a stanza that is read, and what is left of one that broke them.

use std::fmt;

use rxml::NcName;

/// Longest attribute of a skipped stanza's head that is kept, in bytes: an address has at most 3,071 (RFC 7622 §3.1).
const KEPT_BYTES_MAX: usize = 4096;

/// How large a top-level element may be. All counts are per top-level element, itself included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadLimits {
    /// Levels of nesting. Default 100: forms, archives and forwarded messages need about ten.
    pub depth_max: usize,
    /// Elements. Default 10,000.
    pub elements_max: usize,
    /// Attributes, namespace declarations included. Default 10,000.
    pub attributes_max: usize,
    /// Bytes of text, names, attributes and the namespaces of elements, as they are held in memory, without markup.
    /// Default 2 MiB: servers pass on 256 KiB to 1 MiB. Namespaces count once for each element, because each element
    /// holds a copy.
    pub stanza_bytes_max: usize,
    /// Bytes of one name or one attribute value; **more ends the stream**. Default 2 MiB, above the largest stanza of
    /// the servers. Buffers of this size are allocated, so it should not be huge.
    pub token_bytes_max: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            depth_max: 100,
            elements_max: 10_000,
            attributes_max: 10_000,
            stanza_bytes_max: 2 << 20,
            token_bytes_max: 2 << 20,
        }
    }
}

/// Which limit was broken first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// [`ReadLimits::depth_max`].
    TooDeep,
    /// [`ReadLimits::elements_max`].
    TooManyElements,
    /// [`ReadLimits::attributes_max`], or more than 256 namespace declarations in force at one place.
    TooManyAttributes,
    /// [`ReadLimits::stanza_bytes_max`].
    TooLarge,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooDeep => "nested too deep",
            Self::TooManyElements => "too many elements",
            Self::TooManyAttributes => "too many attributes",
            Self::TooLarge => "too large",
        })
    }
}

/// The head of a stanza that broke a limit: enough to answer it with an error. Attributes longer than 4,096 bytes are
/// left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Local name: `message`, `presence`, `iq` or, from [`crate::reader::StanzaReader`], any other.
    pub name: String,
    /// Attribute `from`.
    pub from: Option<String>,
    /// Attribute `to`.
    pub to: Option<String>,
    /// Attribute `id`.
    pub id: Option<String>,
    /// Attribute `type`.
    pub kind: Option<String>,
    /// Why it was skipped.
    pub reason: SkipReason,
}

impl Skipped {
    /// `attributes` are those without a prefix, in order: of two equal ones the last wins.
    pub(super) fn new<'a>(
        name: &str,
        attributes: impl Iterator<Item = (&'a str, &'a str)>,
        reason: SkipReason,
    ) -> Self {
        let mut skipped = Self { name: name.to_owned(), from: None, to: None, id: None, kind: None, reason };
        attributes.for_each(|(name, value)| skipped.note(name, value));
        skipped
    }

    /// Keeps an attribute of the stanza's head if it is one of the four.
    pub(super) fn note(&mut self, name: &str, value: &str) {
        let kept = match name {
            "from" => &mut self.from,
            "to" => &mut self.to,
            "id" => &mut self.id,
            "type" => &mut self.kind,
            _ => return,
        };
        *kept = (value.len() <= KEPT_BYTES_MAX).then(|| value.to_owned());
    }
}

/// What the element being read has cost so far.
#[derive(Debug, Default)]
pub(super) struct Used {
    elements: usize,
    attributes: usize,
    bytes: usize,
}

impl Used {
    pub(super) fn element(&mut self, name: &NcName) {
        self.elements += 1;
        self.bytes += name.len();
    }

    pub(super) fn attribute(&mut self, name: &NcName, value: &str) {
        self.attributes += 1;
        self.bytes += name.len() + value.len();
    }

    pub(super) fn bytes(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Whether all is within `limits`; else the first limit that is not kept.
    pub(super) fn check(&self, limits: &ReadLimits) -> Result<(), SkipReason> {
        if self.elements > limits.elements_max {
            Err(SkipReason::TooManyElements)
        } else if self.attributes > limits.attributes_max {
            Err(SkipReason::TooManyAttributes)
        } else if self.bytes > limits.stanza_bytes_max {
            Err(SkipReason::TooLarge)
        } else {
            Ok(())
        }
    }
}
