//! Both halves of an established link at once: reading, writing and the watch over silence.
//!
//! The three run side by side in one future and share nothing but the pulse, so that none waits for another: a full
//! `incoming` stops the reading half only. Not here: connecting, and what to do when the link is lost.

use std::time::Duration;

use minidom::Element;
use tokio::io::AsyncBufRead;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::echo::Echoes;
use crate::error::STREAMS_NS;
use crate::handshake::Connection;
use crate::keepalive::{Pulse, watch};
use crate::multicast::{Heard, Multicast};
use crate::notices::Notices;
use crate::queue::Receiver;
use crate::reader::{Read, StanzaReader};
use crate::writer::Writer;
use crate::{COMPONENT_NS, Incoming, LinkConfig, LinkError, LinkStatus};

/// Longest time for writing what is queued after the program was told to stop.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);
/// Questions about multicast that wait to be written: more than there are in all.
const QUESTIONS_MAX: usize = 64;
/// Longest silence, and longest time, until the other direction's last words: the server's goodbye, or its reason for closing. It
/// sends until it has read to the end what we wrote.
const LAST_WORDS_SILENCE: Duration = Duration::from_secs(3);
const LAST_WORDS_TIMEOUT: Duration = Duration::from_secs(6);

/// Runs an established link until it is lost (`Err`) or closed on purpose (`Ok`).
pub(crate) async fn pump(
    connection: Connection,
    config: &LinkConfig,
    incoming: &mpsc::Sender<Incoming>,
    notices: &mut Notices,
    outgoing: &Receiver,
    stop: &CancellationToken,
) -> Result<(), LinkError> {
    let Connection { input, output, pulse } = connection;
    let echoes = Echoes::new(&config.domain, rand::random());
    let (to_writer, silences) = mpsc::channel(1);
    let (multicast, first) = Multicast::new(config, rand::random());
    outgoing.set_shared(false);
    let (to_ask, questions) = mpsc::channel(QUESTIONS_MAX);
    first.into_iter().try_for_each(|question| to_ask.try_send(question)).unwrap_or_default();
    let reader = StanzaReader::new(input, COMPONENT_NS, config.limits.clone());
    let mut writer = Writer::new(output, outgoing, &echoes, &multicast, config);
    let acknowledgements = Acknowledgements {
        echoes: &echoes,
        queue: outgoing,
        pulse: &pulse,
        multicast: &multicast,
        status: &config.status,
        to_ask,
    };

    let reading = read(reader, config, incoming, notices, &acknowledgements);
    let writing = writer.run(silences, questions, stop);
    tokio::pin!(reading, writing);
    let out_of_time = async {
        stop.cancelled().await;
        sleep(FLUSH_TIMEOUT).await;
    };
    tokio::select! {
        // When we have said the last word, the server's end is no loss.
        biased;
        written = &mut writing => {
            // The server's words say more than our failed write. And if we close with unread input in the socket, the
            // system resets the connection, which can take our last stanzas away from the server.
            let last_words = tokio::select! {
                last_words = &mut reading => Some(last_words),
                () = silence(&pulse) => None,
                () = sleep(LAST_WORDS_TIMEOUT) => None,
            };
            written.map_err(|error| last_words.unwrap_or(error))
        }
        lost = &mut reading => Err(lost),
        silent = watch(&pulse, config, to_writer) => Err(silent),
        behind = unacknowledged(outgoing, config) => Err(behind),
        () = out_of_time => Err(LinkError::Stalled { timeout: FLUSH_TIMEOUT }),
    }
}

/// Ends when nothing more seems to come from a server that has been told goodbye.
async fn silence(pulse: &Pulse) {
    let began = Instant::now();
    loop {
        let left = LAST_WORDS_SILENCE.saturating_sub(pulse.silence().min(began.elapsed()));
        if left.is_zero() {
            return;
        }
        sleep(left).await;
    }
}

/// The reading half: passes on what is meant for the program until the stream ends; says why it ended.
async fn read<R: AsyncBufRead + Unpin>(
    mut reader: StanzaReader<R>,
    config: &LinkConfig,
    incoming: &mpsc::Sender<Incoming>,
    notices: &mut Notices,
    acknowledgements: &Acknowledgements<'_>,
) -> LinkError {
    acknowledgements.pause(true);
    notices.deliver(incoming).await;
    acknowledgements.pause(false);
    loop {
        let passed_on = match reader.next().await {
            Ok(Read::Stanza(element)) if element.is("error", STREAMS_NS) => {
                return LinkError::from_stream_error(&element, &config.domain);
            }
            Ok(Read::Stanza(element)) if acknowledgements.take(&element) => continue,
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
        config.status.stanza_received();
        deliver(passed_on, incoming, acknowledgements).await;
    }
}

/// Hands one item over, waiting as long as it takes. When nobody listens any more the item is dropped; `run` ends then.
async fn deliver(item: Incoming, incoming: &mpsc::Sender<Incoming>, acknowledgements: &Acknowledgements<'_>) {
    if let Err(mpsc::error::TrySendError::Full(item)) = incoming.try_send(item) {
        acknowledgements.pause(true);
        incoming.send(item).await.unwrap_or_default();
        acknowledgements.pause(false);
    }
}

/// What the reading half tells the others.
struct Acknowledgements<'a> {
    echoes: &'a Echoes,
    queue: &'a Receiver,
    pulse: &'a Pulse,
    multicast: &'a Multicast,
    status: &'a LinkStatus,
    to_ask: mpsc::Sender<String>,
}

impl Acknowledgements<'_> {
    /// Is it meant for the link itself: an echo, before which the server has everything, or a word about its multicast?
    fn take(&self, stanza: &Element) -> bool {
        let echo = self.echoes.number(stanza);
        match self.multicast.hear(stanza) {
            Heard::Nothing => {
                echo.into_iter().for_each(|number| self.acknowledge(number));
                return echo.is_some();
            }
            Heard::Answer(questions) => {
                // There is room for all that one connection asks.
                questions
                    .into_iter()
                    .try_for_each(|question| self.to_ask.try_send(question))
                    .unwrap_or_default();
            }
            Heard::Refusal => self.queue.again(),
        }
        self.queue.set_shared(self.multicast.service().is_some());
        true
    }

    fn acknowledge(&self, echo: u64) {
        self.status.echo_back(echo);
        self.queue.acknowledge(echo);
    }

    /// Reading waits for the program, or goes on.
    fn pause(&self, paused: bool) {
        self.pulse.pause(paused);
        self.queue.set_deaf(paused);
    }
}

/// Ends when the server lets the same echo wait for longer than a whole silence with its ping may take. The silence
/// alone would not tell: other things may come from a server that never gets to the echo.
async fn unacknowledged(queue: &Receiver, config: &LinkConfig) -> LinkError {
    let patience = config.ping_every + config.ping_timeout;
    loop {
        let oldest = queue.oldest_echo();
        sleep(patience).await;
        if oldest.is_some() && queue.oldest_echo() == oldest {
            return LinkError::Unacknowledged { timeout: patience };
        }
    }
}

/// The three kinds of stanza (RFC 6120 §8).
fn is_stanza(name: &str) -> bool {
    matches!(name, "message" | "presence" | "iq")
}
