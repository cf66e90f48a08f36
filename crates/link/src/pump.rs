//! Both halves of an established link at once: reading, writing and the watch over silence.
//!
//! The three run side by side in one future and share nothing but the pulse, so that none waits for another: a full
//! `incoming` stops the reading half only. Not here: connecting, and what to do when the link is lost.

use std::time::Duration;

use tokio::io::AsyncBufRead;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::error::STREAMS_NS;
use crate::handshake::Connection;
use crate::keepalive::{Pings, Pulse, watch};
use crate::notices::Notices;
use crate::reader::{Read, StanzaReader};
use crate::writer::Writer;
use crate::{COMPONENT_NS, Incoming, LinkConfig, LinkError, Outgoing};

/// Longest time for writing what is queued after the program was told to stop.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for the other direction's last words: the server's goodbye, or its reason for closing.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs an established link until it is lost (`Err`) or closed on purpose (`Ok`).
pub(crate) async fn pump(
    connection: Connection,
    config: &LinkConfig,
    incoming: &mpsc::Sender<Incoming>,
    notices: &mut Notices,
    outgoing: &mut mpsc::Receiver<Outgoing>,
    stop: &CancellationToken,
) -> Result<(), LinkError> {
    let Connection { input, output, pulse } = connection;
    let pings = Pings::new(&config.domain, rand::random());
    let (to_writer, due_pings) = mpsc::channel(1);
    let reader = StanzaReader::new(input, COMPONENT_NS, config.limits.clone());
    let mut writer = Writer::new(output, config.write_bytes_max, config.ping_every + config.ping_timeout);

    let reading = read(reader, config, incoming, notices, &pulse, &pings);
    let writing = writer.run(outgoing, due_pings, stop);
    tokio::pin!(reading, writing);
    let out_of_time = async {
        stop.cancelled().await;
        sleep(FLUSH_TIMEOUT).await;
    };
    tokio::select! {
        lost = &mut reading => Err(lost),
        written = &mut writing => {
            // The server's words say more than our failed write. And if we close with unread input in the socket, the
            // system resets the connection, which can take our last stanzas away from the server.
            let last_words = timeout(LAST_WORDS_TIMEOUT, &mut reading).await;
            written.map_err(|error| last_words.unwrap_or(error))
        }
        silent = watch(&pulse, config, &pings, to_writer) => Err(silent),
        () = out_of_time => Err(LinkError::Stalled { timeout: FLUSH_TIMEOUT }),
    }
}

/// The reading half: passes on what is meant for the program until the stream ends; says why it ended.
async fn read<R: AsyncBufRead + Unpin>(
    mut reader: StanzaReader<R>,
    config: &LinkConfig,
    incoming: &mpsc::Sender<Incoming>,
    notices: &mut Notices,
    pulse: &Pulse,
    pings: &Pings,
) -> LinkError {
    pulse.pause(true);
    notices.deliver(incoming).await;
    pulse.pause(false);
    loop {
        let passed_on = match reader.next().await {
            Ok(Read::Stanza(element)) if element.is("error", STREAMS_NS) => {
                return LinkError::from_stream_error(&element, &config.domain);
            }
            Ok(Read::Stanza(element)) if pings.is_answer(&element) => continue,
            Ok(Read::Stanza(element)) if is_stanza(element.name()) && element.has_ns(COMPONENT_NS) => {
                Incoming::Stanza(element)
            }
            Ok(Read::Stanza(element)) => {
                tracing::debug!(namespace = element.ns(), "Ignored an element that is no stanza");
                continue;
            }
            Ok(Read::Skipped(skipped)) if is_stanza(&skipped.name) => Incoming::Skipped(skipped),
            Ok(Read::Skipped(skipped)) => {
                tracing::debug!(reason = %skipped.reason, "Ignored an element that is no stanza");
                continue;
            }
            Ok(Read::Eof) => return LinkError::Closed,
            Err(error) => return error.into(),
        };
        deliver(passed_on, incoming, pulse).await;
    }
}

/// Hands one item over, waiting as long as it takes. When nobody listens any more the item is dropped; `run` ends then.
async fn deliver(item: Incoming, incoming: &mpsc::Sender<Incoming>, pulse: &Pulse) {
    if let Err(mpsc::error::TrySendError::Full(item)) = incoming.try_send(item) {
        pulse.pause(true);
        incoming.send(item).await.unwrap_or_default();
        pulse.pause(false);
    }
}

/// The three kinds of stanza (RFC 6120 §8).
fn is_stanza(name: &str) -> bool {
    matches!(name, "message" | "presence" | "iq")
}
