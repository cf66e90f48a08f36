//! The component link (XEP-0114): one connection to the XMPP server, kept up for ever.
//!
//! Here are the values that cross the link and the two ways in: [`run`] and [`probe`]. How a connection is made is
//! in `handshake`, how XML becomes elements in [`reader`], how bytes go out in `writer`, how both directions run at
//! once in `pump`, when to try again in `reconnect`, one stanza for many users in `multicast`.
//!
//! What waits to be written, and what the server has not taken in, is in [`queue`].
//!
//! Not here: groups, addresses, what a stanza means, and what must be said again after the program itself ended.

mod echo;
mod error;
mod handshake;
mod keepalive;
mod multicast;
mod notices;
mod pace;
mod pump;
pub mod queue;
pub mod reader;
mod reconnect;
mod splice;
mod status;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use minidom::Element;
use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use error::LinkError;
pub use reader::{ReadLimits, SkipReason, Skipped};
#[doc(hidden)]
pub use splice::copies;
pub use status::{LinkNumbers, LinkStatus, TIME_BOUNDS_US, TimeNumbers, Times};

/// Namespace of the component stream and of every stanza on it (XEP-0114 §3).
pub const COMPONENT_NS: &str = "jabber:component:accept";

/// Where to connect, as whom, and how patiently.
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// Domain of the component, as the server's configuration names it.
    pub domain: String,
    /// The server's component port as `host:port`.
    pub server: String,
    /// Domain of the server's users, which is asked whether it passes on one stanza to many of them (XEP-0033). `None`:
    /// everybody gets a stanza of his own.
    pub server_domain: Option<String>,
    /// Is a multicast service beside the server good enough, too, or only the server itself?
    pub external_multicast: bool,
    /// Secret shared with the server. Never logged.
    pub secret: SecretString,
    /// Limits of a stanza that is read.
    pub limits: ReadLimits,
    /// Largest stanza that is written, in bytes. Prosody closes the link at 512 KiB.
    pub write_bytes_max: usize,
    /// How long at most what was written waits until the server is asked whether it has it. Under load that is done
    /// more often.
    pub echo_after: Duration,
    /// Patience with name resolution and TCP connect together, and once more with the handshake.
    pub connect_timeout: Duration,
    /// Silence of the server after which an echo is asked for.
    pub ping_every: Duration,
    /// Silence after that which counts as a dead link.
    pub ping_timeout: Duration,
    /// Upper bound of the first wait before connecting again; it doubles with each failure.
    pub retry_delay_min: Duration,
    /// Upper bound of every wait before connecting again.
    pub retry_delay_max: Duration,
    /// Where it is noted how the link is doing.
    pub status: Arc<LinkStatus>,
}

impl LinkConfig {
    /// A configuration with the default limits and times: 500 KiB per stanza written, 10 s to connect, an echo after
    /// 50 ms of what was written, or 60 s of silence with 30 s for it to come back, and 0.5 s to 30 s between attempts.
    pub fn new(domain: impl Into<String>, server: impl Into<String>, secret: SecretString) -> Self {
        Self {
            domain: domain.into(),
            server: server.into(),
            server_domain: None,
            external_multicast: false,
            secret,
            limits: ReadLimits::default(),
            write_bytes_max: 500 * 1024,
            echo_after: Duration::from_millis(50),
            connect_timeout: Duration::from_secs(10),
            ping_every: Duration::from_secs(60),
            ping_timeout: Duration::from_secs(30),
            retry_delay_min: Duration::from_millis(500),
            retry_delay_max: Duration::from_secs(30),
            status: Arc::default(),
        }
    }
}

/// What comes from the server, in order.
#[derive(Debug)]
pub enum Incoming {
    /// The handshake is done; what is queued goes out from now on.
    Up,
    /// The link was lost. What the server had not taken in is written again when it is up.
    Down,
    /// A `message`, `presence` or `iq` in [`COMPONENT_NS`]. Nothing else about it has been checked.
    Stanza(Element),
    /// A stanza that broke a read limit. It was consumed; only its head is known, enough for an error reply.
    Skipped(Skipped),
}

/// One stanza for one or many recipients, serialised but for the address.
///
/// For each recipient the link writes `head`, ` to='`, the escaped recipient, `'` and `tail`. `head` is like
/// `<message from='a' id='1' type='groupchat'` (no `to`, no `xmlns`: Prosody refuses stanzas that name their
/// namespace), `tail` like `><body>x</body></message>` or `/>`. The caller escapes text in both; the link drops,
/// and reports in its log, what holds a character that XML does not allow or is larger than
/// [`LinkConfig::write_bytes_max`], for one such stanza would close the link for everybody.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Start tag up to where the address goes.
    pub head: String,
    /// Recipients: full or bare addresses, unescaped, not empty.
    pub to: Vec<Arc<str>>,
    /// Everything after the address.
    pub tail: Arc<str>,
    /// Whose turn it takes. What is in one lane keeps its order for each recipient.
    pub lane: Lane,
}

/// What keeps its order for each recipient, and takes turns with others: for us a group's address, or nothing in particular.
pub type Lane = Option<Arc<str>>;

impl Outgoing {
    /// Is it a request (RFC 6120 §8.2.3), which must not be written twice?
    pub fn is_request(&self) -> bool {
        // Quotes inside values are escaped.
        self.head.starts_with("<iq ")
            && (self.head.contains(" type='get'") || self.head.contains(" type='set'"))
    }
}

/// Keeps the component connected for ever: connects, handshakes, pumps both ways and connects again with jittered
/// exponential back-off when the link is lost.
///
/// * `incoming` full: reading stops, so TCP tells the server to wait; writing goes on.
/// * link down: nothing is taken from `outgoing`, so its senders wait once it is full.
/// * link lost: what the server had not taken in is written again on the next one, before anything else, in the same
///   order; the server may have had some of it. Requests (iq of type get and set) are not: they might be done twice.
/// * `stop` cancelled, or the receiver of `incoming` gone: what is already queued in `outgoing`, and batches that were begun,
///   are written (for at most 5 s, and only if the link is up); when the server has taken that in, `</stream:stream>`. What the
///   server sends until it ends the stream, too, still goes to `incoming`. Then this returns, and for no other reason.
///
/// Errors are not returned: each new reason is logged once, in words that say what to do.
pub async fn run(
    config: LinkConfig,
    incoming: mpsc::Sender<Incoming>,
    outgoing: queue::Receiver,
    stop: CancellationToken,
) {
    // A child, so that a vanished receiver ends this link without stopping the rest of the program.
    let stop = stop.child_token();
    let receiver_gone = async {
        incoming.closed().await;
        stop.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = reconnect::keep_connected(&config, &incoming, &outgoing, &stop) => {}
        () = receiver_gone => {}
    }
}

/// Connects and handshakes once, then closes the stream: for tools that check a configuration.
///
/// # Errors
/// The reason why no link came up, see [`LinkError`].
pub async fn probe(config: &LinkConfig) -> Result<(), LinkError> {
    let connection = handshake::connect(config).await?;
    connection.close().await;
    Ok(())
}
