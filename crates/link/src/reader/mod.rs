//! A stream of XML as elements, whatever comes: the lenient reader of XMPP streams.
//!
//! What one user sends must not end the link for all. So, unlike the readers of the XML libraries: nesting, number
//! and size are limited and a stanza over a limit is skipped, not fatal; an undeclared prefix becomes the namespace
//! `urn:undeclared:<prefix>` (ejabberd loses declarations); comments and loose text between stanzas are dropped; of
//! two equal attributes the last wins; nothing recurses deeper than the depth limit, not even dropping an element.
//!
//! What still ends a stream is text that is no XML at all: bad UTF-8, illegal characters, unknown entities,
//! mismatched tags, a reserved prefix declared anew, a name or attribute value longer than
//! [`ReadLimits::token_bytes_max`]. Prosody and ejabberd do not pass these on. Nothing is sent again after a
//! reconnect, so such a stanza cannot end the next link as well.
//!
//! Not here: what an element means. Stream features, stream errors, SASL elements come out like stanzas.

mod assemble;
mod limits;
mod scope;

use std::io;

use minidom::Element;
use rxml::parser::{CommentMode, Options};
use rxml::{AsyncRawReader, Parse, RawParser, WithOptions};
use tokio::io::AsyncBufRead;

pub use limits::{ReadLimits, SkipReason, Skipped};

use assemble::{Assembler, Step};

/// What [`StanzaReader::next`] found.
#[derive(Debug)]
pub enum Read {
    /// A whole top-level element, stanza or not.
    Stanza(Element),
    /// A top-level element that broke a limit; it has been consumed.
    Skipped(Skipped),
    /// The peer closed the stream, or the connection ended between two elements.
    Eof,
}

/// Why a stream cannot be read any further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The text is not XML, or uses what XMPP forbids (RFC 6120 §11.1).
    #[error("the text is not well-formed XML: {0}")]
    Xml(rxml::Error),
    /// The connection ended within an element, or before the stream header.
    #[error("the connection ended in the middle of an element")]
    Truncated,
    /// The stream header itself broke a limit.
    #[error("the stream header is refused: {0}")]
    Header(SkipReason),
    /// So many open elements that even counting them costs too much memory.
    #[error("elements are nested more than {0} deep")]
    Bottomless(usize),
    /// The transport failed.
    #[error("{0}")]
    Io(io::Error),
}

/// Reads the elements of one XML stream.
pub struct StanzaReader<R> {
    events: AsyncRawReader<R>,
    assembler: Assembler,
    header: Option<Element>,
    is_closed: bool,
}

impl<R> StanzaReader<R> {
    /// For a stream whose header has already been read by someone else. Elements without a declared namespace are
    /// in `default_ns`, for example `jabber:client`; the prefix `stream` is known.
    pub fn new(input: R, default_ns: &str, limits: ReadLimits) -> Self {
        let mut reader = Self::with_header(input, limits);
        // The parser wants to see a root; its attributes do not matter, since the scope is set by hand.
        let mut root: &[u8] = b"<stream:stream>";
        while let Ok(Some(_)) = reader.events.parser_mut().parse(&mut root, false) {}
        reader.header = Some(reader.assembler.open_root(default_ns));
        reader
    }

    /// For a stream that starts with the peer's `<stream:stream …>`: see [`Self::header`].
    pub fn with_header(input: R, limits: ReadLimits) -> Self {
        let options = Options {
            max_token_length: limits.token_bytes_max,
            context: None,
            comments: CommentMode::Discard,
        };
        Self {
            events: AsyncRawReader::wrap(input, RawParser::with_options(options)),
            assembler: Assembler::new(limits),
            header: None,
            is_closed: false,
        }
    }

    /// Gives the transport back, with everything in it that has not been read. For a stream restart (RFC 6120
    /// §4.3.3): wrap it again with [`Self::with_header`].
    pub fn into_inner(self) -> R {
        self.events.into_inner().0
    }
}

impl<R: AsyncBufRead + Unpin> StanzaReader<R> {
    /// The peer's stream header (RFC 6120 §4.7) as an element without children; its attributes are `id`, `from`,
    /// `to`, … Whether it is a stream header at all is for the caller to check. Waits for it when it has not come yet;
    /// may be dropped and called again.
    ///
    /// # Errors
    /// [`ReadError::Truncated`] when the connection ends before it, else as [`Self::next`].
    pub async fn header(&mut self) -> Result<Element, ReadError> {
        loop {
            if let Some(header) = &self.header {
                return Ok(header.clone());
            }
            if let Step::End = self.step().await? {
                return Err(ReadError::Truncated);
            }
        }
    }

    /// The next top-level element. Reads past the stream header when that has not been asked for. May be dropped at
    /// any time and called again; nothing is lost. After [`Read::Eof`] it stays there.
    ///
    /// # Errors
    /// The stream cannot be read any further, see [`ReadError`]. A limit is no error, see [`Read::Skipped`].
    pub async fn next(&mut self) -> Result<Read, ReadError> {
        loop {
            match self.step().await? {
                Step::More => {}
                Step::Stanza(element) => return Ok(Read::Stanza(element)),
                Step::Skipped(skipped) => return Ok(Read::Skipped(skipped)),
                Step::End => return Ok(Read::Eof),
            }
        }
    }

    /// Takes in one event of the parser.
    async fn step(&mut self) -> Result<Step, ReadError> {
        if self.is_closed {
            return Ok(Step::End);
        }
        let step = match self.events.read().await {
            Ok(Some(event)) => self.assembler.take(event)?,
            Ok(None) => Step::End,
            Err(error) => self.ended(error)?,
        };
        self.is_closed = matches!(step, Step::End);
        if self.header.is_none() {
            self.header = self.assembler.take_header();
        }
        Ok(step)
    }

    /// A connection that ends between two elements was closed without the courtesy of `</stream:stream>`.
    fn ended(&self, error: io::Error) -> Result<Step, ReadError> {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rxml::Error>()) {
            Some(rxml::Error::InvalidEof(_)) if self.assembler.is_between_elements() => Ok(Step::End),
            Some(rxml::Error::InvalidEof(_)) => Err(ReadError::Truncated),
            Some(not_xml) => Err(ReadError::Xml(*not_xml)),
            None => Err(ReadError::Io(error)),
        }
    }
}
