//! Why a link did not come up or was lost, in words that tell an operator what to do.
//!
//! Not here: logging (see `reconnect`) and errors of single stanzas, which never end a link.

use std::io;
use std::time::Duration;

use minidom::Element;

use crate::reader::ReadError;

/// Namespace of the element `stream:error` (RFC 6120 §4.9.1).
pub(crate) const STREAMS_NS: &str = "http://etherx.jabber.org/streams";
/// Namespace of the conditions inside it (RFC 6120 §4.9.2).
const CONDITIONS_NS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
/// Longest text of a stream error that is kept, in characters; it goes to the log.
const TEXT_CHARS_MAX: usize = 200;

/// A failure of the link as a whole. Its text is meant for the log and holds neither stanza text nor the secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// `server` is not of the form `host:port`.
    #[error("the server address `{server}` is not of the form host:port, for example 127.0.0.1:5347")]
    Address {
        /// The address as configured.
        server: String,
    },
    /// The host name has no address.
    #[error(
        "cannot resolve the host name of the server address `{server}` ({source}): check its spelling and the DNS"
    )]
    Resolve {
        /// The address as configured.
        server: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// Nobody listens.
    #[error("{server} refused the connection: is the XMPP server up, and is its component port open?")]
    Refused {
        /// The address as configured.
        server: String,
    },
    /// Any other failure of the TCP connection attempt.
    #[error("cannot connect to {server}: {source}")]
    Connect {
        /// The address as configured.
        server: String,
        /// What the system said.
        source: io::Error,
    },
    /// No TCP connection in time.
    #[error(
        "{server} did not answer within {timeout:?}: is the host reachable, does a firewall drop the port?"
    )]
    ConnectTimeout {
        /// The address as configured.
        server: String,
        /// How long was waited.
        timeout: Duration,
    },
    /// Connected, but no end of the handshake in time.
    #[error(
        "{server} accepted the connection but did not finish the handshake within {timeout:?}: is this the component port?"
    )]
    HandshakeTimeout {
        /// The address as configured.
        server: String,
        /// How long was waited.
        timeout: Duration,
    },
    /// Stream error `not-authorized` (XEP-0114 §3).
    #[error(
        "the server refuses the secret for `{domain}`: the same secret must stand in both configurations (ejabberd also says this for a domain it does not know){}",
        quoted(.text)
    )]
    WrongSecret {
        /// Domain of the component.
        domain: String,
        /// The server's own words, may be empty.
        text: String,
    },
    /// Stream error `host-unknown`.
    #[error("the server knows no component `{domain}`: add it to the server's configuration{}", quoted(.text))]
    UnknownDomain {
        /// Domain of the component.
        domain: String,
        /// The server's own words, may be empty.
        text: String,
    },
    /// Stream error `conflict`.
    #[error(
        "`{domain}` is taken: another copy of this component is connected, or the domain belongs to the server itself{}",
        quoted(.text)
    )]
    Conflict {
        /// Domain of the component.
        domain: String,
        /// The server's own words, may be empty.
        text: String,
    },
    /// The server closed the connection without a word before the handshake was done.
    #[error(
        "the server closed the connection during the handshake for `{domain}`: Tigase does this when the secret is wrong, any server while it starts or stops"
    )]
    ClosedInHandshake {
        /// Domain of the component.
        domain: String,
    },
    /// The other side does not speak XEP-0114.
    #[error("{server} does not speak the component protocol ({reason}): is this the component port?")]
    NotComponentPort {
        /// The address as configured.
        server: String,
        /// What was wrong.
        reason: String,
    },
    /// Any other stream error (RFC 6120 §4.9.3).
    #[error("the server ended the stream with `{condition}`{}", quoted(.text))]
    Stream {
        /// The condition, an element name of RFC 6120 §4.9.3.
        condition: String,
        /// The server's own words, may be empty.
        text: String,
    },
    /// The server closed an established link without an error.
    #[error("the server closed the link: it was probably stopped or reloaded")]
    Closed,
    /// A ping was not answered.
    #[error("the server has been silent for {ping_timeout:?} after a ping: the link is dead")]
    Silent {
        /// How long was waited.
        ping_timeout: Duration,
    },
    /// The server takes nothing more.
    #[error("the server has taken nothing from the link for {timeout:?}: it hangs or is overloaded")]
    Stalled {
        /// How long was waited.
        timeout: Duration,
    },
    /// Echoes do not come back.
    #[error(
        "the server has not passed back a ping of the component to its own domain for {timeout:?}: it is overloaded, or another process is connected as the same component and gets it"
    )]
    Unacknowledged {
        /// How long was waited.
        timeout: Duration,
    },
    /// Reading failed.
    #[error("reading from the server failed: {0}")]
    Read(#[from] ReadError),
    /// Writing failed.
    #[error("writing to the server failed: {0}")]
    Write(#[source] io::Error),
}

impl LinkError {
    /// Reads a `stream:error` element (RFC 6120 §4.9) that was sent to the component `domain`.
    pub(crate) fn from_stream_error(error: &Element, domain: &str) -> Self {
        let child = |wanted: fn(&str) -> bool| {
            error.children().find(|child| child.has_ns(CONDITIONS_NS) && wanted(child.name()))
        };
        let condition = child(|name| name != "text").map_or("undefined-condition", Element::name);
        let text: String = child(|name| name == "text")
            .map(Element::text)
            .unwrap_or_default()
            .chars()
            .filter(|c| !c.is_control())
            .take(TEXT_CHARS_MAX)
            .collect();
        let domain = domain.to_owned();
        match condition {
            "not-authorized" => Self::WrongSecret { domain, text },
            "host-unknown" => Self::UnknownDomain { domain, text },
            "conflict" => Self::Conflict { domain, text },
            other => Self::Stream { condition: other.to_owned(), text },
        }
    }
}

/// The server's own words as an appendix to ours; nothing when there are none.
fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" (server: “{text}”)") }
}
