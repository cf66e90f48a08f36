//! Where stanzas begin and end in a stream of bytes, without reading them: what an XEP-0114 component writes, well-formed
//! and without comments, for another eye has made sure of that.

/// Cuts a stream into its top-level elements.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    bytes: Vec<u8>,
    /// Up to here it has been looked at.
    at: usize,
    /// Where the element that is open begins.
    start: usize,
    /// Where the tag that is open begins.
    tag: usize,
    depth: usize,
    place: Place,
    has_header: bool,
}

#[derive(Debug, Default, Clone, Copy)]
enum Place {
    #[default]
    Text,
    Tag,
    Quoted(u8),
}

/// What came.
#[derive(Debug, PartialEq)]
pub(crate) enum Found<'a> {
    /// The stream header.
    Header,
    /// An element of the stream.
    Element(&'a [u8]),
    /// The stream was closed.
    End,
}

impl Scanner {
    /// For a stream whose header was read already.
    pub(crate) fn behind_header() -> Self {
        Self { has_header: true, ..Self::default() }
    }

    /// What was read and not found complete yet, for more to be put behind it.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        let done = if self.depth == 0 && matches!(self.place, Place::Text) { self.at } else { self.start };
        self.bytes.drain(..done);
        self.at -= done;
        self.start = self.start.saturating_sub(done);
        self.tag = self.tag.saturating_sub(done);
        &mut self.bytes
    }

    /// The next thing that is there in full.
    pub(crate) fn next(&mut self) -> Option<Found<'_>> {
        loop {
            let rest = &self.bytes[self.at..];
            let found = match self.place {
                Place::Text => rest.iter().position(|byte| *byte == b'<'),
                Place::Tag => rest.iter().position(|byte| matches!(byte, b'>' | b'\'' | b'"')),
                Place::Quoted(quote) => rest.iter().position(|byte| *byte == quote),
            };
            let Some(found) = found.map(|index| self.at + index) else {
                self.at = self.bytes.len();
                return None;
            };
            self.at = found + 1;
            match (self.place, self.bytes[found]) {
                (Place::Text, _) => {
                    self.place = Place::Tag;
                    self.tag = found;
                    if self.depth == 0 {
                        self.start = found;
                    }
                }
                (Place::Tag, b'>') => {
                    self.place = Place::Text;
                    match self.tag_ends(found) {
                        Ends::Nothing => {}
                        Ends::Header => return Some(Found::Header),
                        Ends::Element => return Some(Found::Element(&self.bytes[self.start..self.at])),
                        Ends::Stream => return Some(Found::End),
                    }
                }
                (Place::Tag, quote) => self.place = Place::Quoted(quote),
                (Place::Quoted(_), _) => self.place = Place::Tag,
            }
        }
    }

    fn tag_ends(&mut self, end: usize) -> Ends {
        let is_empty = self.bytes[end - 1] == b'/';
        match self.bytes[self.tag + 1] {
            b'?' => return Ends::Nothing,
            b'/' if self.depth == 0 => return Ends::Stream,
            b'/' => self.depth -= 1,
            _ if !self.has_header => {
                self.has_header = true;
                return Ends::Header;
            }
            _ if is_empty => {}
            _ => self.depth += 1,
        }
        if self.depth == 0 { Ends::Element } else { Ends::Nothing }
    }
}

/// What a tag ends.
enum Ends {
    Nothing,
    Header,
    Element,
    Stream,
}

/// The start tag of an element: names and values as they are written.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Head<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) from: &'a [u8],
    pub(crate) to: &'a [u8],
    pub(crate) id: &'a [u8],
    pub(crate) kind: &'a [u8],
}

impl<'a> Head<'a> {
    /// That of an element; what is missing is empty.
    pub(crate) fn of(element: &'a [u8]) -> Self {
        let name_end = position(element, |byte| matches!(byte, b' ' | b'/' | b'>'));
        let mut head = Self { name: &element[1..name_end], ..Self::default() };
        let mut rest = &element[name_end..];
        while let [b' ', after @ ..] = rest {
            let equals = position(after, |byte| matches!(byte, b'=' | b'>' | b'/' | b' '));
            let [b'=', quote, value @ ..] = &after[equals..] else { break };
            let end = position(value, |byte| byte == *quote);
            let field = match &after[..equals] {
                b"from" => Some(&mut head.from),
                b"to" => Some(&mut head.to),
                b"id" => Some(&mut head.id),
                b"type" => Some(&mut head.kind),
                _ => None,
            };
            if let Some(field) = field {
                *field = &value[..end];
            }
            rest = value.get(end + 1..).unwrap_or_default();
        }
        head
    }
}

fn position(bytes: &[u8], is_it: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| is_it(*byte)).unwrap_or(bytes.len())
}
