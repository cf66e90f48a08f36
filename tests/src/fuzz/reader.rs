//! The stream reader: whatever bytes come and however they are cut, it gives the same elements and the same end, all of
//! them within its limits, and none of them other than minidom's own parser gives.
//!
//! An input is a line that says how, then the stream: its first byte chooses the limits and whether a stream header
//! comes first, each further one the length of a piece.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use groupchat_link::COMPONENT_NS;
use groupchat_link::reader::{Read, ReadLimits, StanzaReader};
use minidom::{Element, Node};
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

/// Small enough that short inputs break every one of them.
const SMALL: ReadLimits = ReadLimits {
    depth_max: 3,
    elements_max: 5,
    attributes_max: 4,
    stanza_bytes_max: 80,
    token_bytes_max: 64,
};

/// How often the reader is asked again after the end.
const MORE_AFTER_THE_END: usize = 2;

/// # Panics
/// The reader breaks one of the promises above.
pub fn run(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n');
    let (how, stream) = at.map_or((&data[..0], data), |at| (&data[..at], &data[at + 1..]));
    let (kind, lengths) = how.split_first().map_or((b' ', how), |(first, rest)| (*first, rest));
    let has_header = kind & 1 == 1;
    let is_small = kind & 2 == 2;
    let limits = if is_small { SMALL } else { ReadLimits::default() };
    let whole = read(stream, &[], has_header, &limits);
    let cut = read(stream, if lengths.is_empty() { b"!" } else { lengths }, has_header, &limits);
    assert_eq!(whole, cut, "it depends on how the bytes are cut");
    for item in &whole {
        if let Item::Stanza(element) = item {
            let used = Used::by(element);
            assert!(used.fits(&limits), "{used:?} is beyond {limits:?}");
            assert_eq!(&written_and_read(element), element, "it cannot be passed on as it came");
        }
    }
    if !has_header && !is_small {
        compare_with_minidom(stream, &whole);
    }
}

/// What came of a stream, one after the other.
#[derive(Debug, PartialEq)]
enum Item {
    Stanza(Element),
    Skipped(groupchat_link::Skipped),
    Eof,
    Error(String),
}

fn read(stream: &[u8], lengths: &[u8], has_header: bool, limits: &ReadLimits) -> Vec<Item> {
    let input = Pieces { stream, lengths, turn: 0, left: 0 };
    let mut reader = match has_header {
        true => StanzaReader::with_header(input, limits.clone()),
        false => StanzaReader::new(input, COMPONENT_NS, limits.clone()),
    };
    let mut items = Vec::new();
    let mut ends = 0;
    while ends <= MORE_AFTER_THE_END {
        // A new future each time: the reader may be interrupted wherever it waits.
        let next = pin!(reader.next()).poll(&mut Context::from_waker(Waker::noop()));
        let item = match next {
            Poll::Pending => continue,
            Poll::Ready(Ok(Read::Stanza(element))) => Item::Stanza(element),
            Poll::Ready(Ok(Read::Skipped(skipped))) => Item::Skipped(skipped),
            Poll::Ready(Ok(Read::Eof)) => Item::Eof,
            Poll::Ready(Err(error)) => Item::Error(error.to_string()),
        };
        ends += usize::from(matches!(item, Item::Eof | Item::Error(_)));
        items.push(item);
    }
    items
}

/// Bytes that come in pieces, with a wait before each.
struct Pieces<'a> {
    stream: &'a [u8],
    /// How long the pieces are, over and over; none: one piece.
    lengths: &'a [u8],
    turn: usize,
    /// Bytes of this piece that were not taken yet.
    left: usize,
}

impl AsyncBufRead for Pieces<'_> {
    fn poll_fill_buf(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<&[u8]>> {
        let pieces = self.get_mut();
        if pieces.left == 0 && !pieces.stream.is_empty() {
            let length = pieces.lengths.get(pieces.turn % pieces.lengths.len().max(1));
            pieces.turn += 1;
            let length = length.map_or(usize::MAX, |byte| usize::from(byte.wrapping_sub(b' ')).max(1));
            pieces.left = length.min(pieces.stream.len());
            return Poll::Pending;
        }
        Poll::Ready(Ok(&pieces.stream[..pieces.left]))
    }

    fn consume(self: Pin<&mut Self>, count: usize) {
        let pieces = self.get_mut();
        pieces.stream = &pieces.stream[count..];
        pieces.left -= count;
    }
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        unreachable!("the reader takes what is buffered")
    }
}

/// What an element costs, counted from the outside; without the declarations of namespaces, which it does not show.
#[derive(Debug, Default)]
struct Used {
    depth: usize,
    elements: usize,
    attributes: usize,
    bytes: usize,
}

impl Used {
    fn by(element: &Element) -> Self {
        let mut used = Self { depth: 1, elements: 1, ..Self::default() };
        used.bytes += element.name().len() + element.ns().len();
        for ((namespace, name), value) in element.attrs() {
            used.attributes += 1;
            used.bytes += namespace.len() + name.len() + value.len();
        }
        for node in element.nodes() {
            match node {
                Node::Text(text) => used.bytes += text.len(),
                Node::Element(child) => {
                    let Self { depth, elements, attributes, bytes } = Self::by(child);
                    used.depth = used.depth.max(depth + 1);
                    used.elements += elements;
                    used.attributes += attributes;
                    used.bytes += bytes;
                }
            }
        }
        used
    }

    fn fits(&self, limits: &ReadLimits) -> bool {
        self.depth <= limits.depth_max
            && self.elements <= limits.elements_max
            && self.attributes <= limits.attributes_max
            && self.bytes <= limits.stanza_bytes_max
    }
}

/// The element as whoever it is passed on to reads it.
fn written_and_read(element: &Element) -> Element {
    let mut stanza = Element::bare("message", COMPONENT_NS);
    stanza.append_child(element.clone());
    let mut bytes = Vec::new();
    stanza.write_to(&mut bytes).expect("what was read can be written");
    // It is one more element, one more level deep.
    let limits = ReadLimits { depth_max: usize::MAX, elements_max: usize::MAX, ..ReadLimits::default() };
    match read(&bytes, &[], false, &limits).swap_remove(0) {
        Item::Stanza(stanza) => stanza.children().next().expect("the element").clone(),
        other => panic!("what is written cannot be read, {other:?}: {}", String::from_utf8_lossy(&bytes)),
    }
}

/// What minidom takes as a stream, the reader gives just so. (It takes more: minidom is strict about namespaces.)
fn compare_with_minidom(stream: &[u8], items: &[Item]) {
    if items.iter().any(|item| matches!(item, Item::Skipped(_))) {
        return;
    }
    let mut document =
        format!("<stream:stream xmlns='{COMPONENT_NS}' xmlns:stream='http://etherx.jabber.org/streams'>")
            .into_bytes();
    document.extend_from_slice(stream);
    // Streams end without a courtesy, too.
    let closed = [document.as_slice(), b"</stream:stream>"].concat();
    let Some(root) = [&document, &closed].into_iter().find_map(|text| Element::from_reader(&text[..]).ok())
    else {
        return;
    };
    let theirs: Vec<&Element> = root.children().collect();
    if theirs.iter().any(|element| is_in_a_reserved_namespace(element)) {
        return;
    }
    let ours: Vec<&Element> = items
        .iter()
        .filter_map(|item| match item {
            Item::Stanza(element) => Some(element),
            Item::Skipped(_) | Item::Eof | Item::Error(_) => None,
        })
        .collect();
    assert_eq!(ours, theirs, "minidom reads something else");
    let is_error = |item: &&Item| matches!(item, Item::Error(_));
    assert_eq!(items.iter().find(is_error), None, "minidom reads all of it");
}

/// The namespace of declarations: minidom reads what it could not write again.
fn is_in_a_reserved_namespace(element: &Element) -> bool {
    let reserved = "http://www.w3.org/2000/xmlns/";
    element.ns() == reserved
        || element.attrs().iter().any(|((namespace, _), _)| namespace == reserved)
        || element.children().any(is_in_a_reserved_namespace)
}
