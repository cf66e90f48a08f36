//! The writing half: takes what is queued, splices in the recipients, writes large buffers, and echoes behind them.
//!
//! It runs on its own, so a consumer that does not read never stops it. Not here: which stanzas are legal (`splice`),
//! what may be on its way (`queue`), and what comes of silence (`keepalive`).

use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::echo::Echoes;
use crate::keepalive::Due;
use crate::multicast::{Lists, Multicast, Service, Together, content};
use crate::queue::{Receiver, Slice};
use crate::splice::{Copies, Dropped};
use crate::{LinkConfig, LinkError, Outgoing};

/// Bytes collected before they are written. A single stanza may exceed it.
pub(crate) const BUFFER_BYTES: usize = 64 * 1024;
/// How long an echo may be under way before another one follows it: the first may have gone another way, to a connection
/// of ours that the server has not noticed the end of.
const ECHO_AGAIN: Duration = Duration::from_secs(2);
/// How long at most a new connection is asked before anything else is written.
const ASKING: Duration = Duration::from_secs(1);
/// Units behind which an echo is written at once: a quarter of the window, so that the server always has work.
const ECHO_EVERY: usize = 256;
/// How long, when the stream is to end, what is queued is written at most: what the server does not get is said at the next start.
const REST_TIMEOUT: Duration = Duration::from_secs(2);
/// How long then the program may take to say what it has begun to say, and after that the server to take it in.
const LAST_BATCH_TIMEOUT: Duration = Duration::from_secs(2);
const LAST_ECHO_TIMEOUT: Duration = Duration::from_secs(2);

/// Where the bytes go, and the limits on the way.
pub(crate) struct Writer<'a, W> {
    output: W,
    queue: &'a Receiver,
    echoes: &'a Echoes,
    multicast: &'a Multicast,
    config: &'a LinkConfig,
    lists: Lists,
    buffer: Vec<u8>,
    /// When the next echo must be written at the latest.
    echo_at: Option<Instant>,
}

impl<'a, W: AsyncWrite + Unpin> Writer<'a, W> {
    pub(crate) fn new(
        output: W,
        queue: &'a Receiver,
        echoes: &'a Echoes,
        multicast: &'a Multicast,
        config: &'a LinkConfig,
    ) -> Self {
        let buffer = Vec::with_capacity(2 * BUFFER_BYTES);
        Self { output, queue, echoes, multicast, config, lists: Lists::default(), buffer, echo_at: None }
    }

    /// Writes until `stop` is cancelled; then writes what is queued, waits until the server has it, and ends the stream. The connection
    /// stays open: at its end Prosody throws away what it has still to write.
    /// Not to be dropped in between but with the link: a stanza may be half written.
    pub(crate) async fn run(
        &mut self,
        mut silences: mpsc::Receiver<Due>,
        mut questions: mpsc::Receiver<String>,
        stop: &CancellationToken,
    ) -> Result<(), LinkError> {
        self.ask(&mut questions, stop).await?;
        let mut has_senders = true;
        loop {
            let echo_at = self.echo_at;
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(written) = silences.recv() => {
                    self.echo().await?;
                    // A watch that no longer waits needs no news.
                    written.send(()).unwrap_or_default();
                }
                Some(question) = questions.recv() => {
                    self.buffer.extend_from_slice(question.as_bytes());
                    self.flush().await?;
                }
                () = until(echo_at), if echo_at.is_some() => self.echo_if_due().await?,
                next = self.queue.next(), if has_senders => {
                    has_senders = next.is_some();
                    self.write(next).await?;
                }
            }
        }
        self.queue.close();
        self.write_rest().await?;
        if self.queue.is_waiting() {
            self.echo().await?;
            // Else what was written is said again at the next start, though the server has it.
            let _ = timeout(LAST_ECHO_TIMEOUT, self.queue.taken_in()).await;
        }
        self.buffer.extend_from_slice(b"</stream:stream>");
        self.flush().await
    }

    /// Writes nothing but questions about multicast until they are answered, or for a moment: an external service may still
    /// work on what an earlier connection gave it, and single stanzas would overtake that.
    async fn ask(
        &mut self,
        questions: &mut mpsc::Receiver<String>,
        stop: &CancellationToken,
    ) -> Result<(), LinkError> {
        let until = Instant::now() + ASKING;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                Some(question) = questions.recv() => {
                    self.buffer.extend_from_slice(question.as_bytes());
                    self.flush().await?;
                }
                is_asking = self.multicast.answered() => if !is_asking { return Ok(()) },
                () = sleep_until(until) => return Ok(()),
            }
        }
    }

    /// What is queued when nothing more comes, in windows as ever, as far as there is time.
    async fn write_rest(&mut self) -> Result<(), LinkError> {
        let end = Instant::now() + REST_TIMEOUT;
        let mut until_empty = Instant::now() + LAST_BATCH_TIMEOUT;
        loop {
            let echo_at = self.echo_at;
            tokio::select! {
                biased;
                () = sleep_until(end) => return Ok(()),
                () = until(echo_at), if echo_at.is_some() => self.echo_if_due().await?,
                next = self.queue.next() => match next {
                    Some(slice) => {
                        self.write(Some(slice)).await?;
                        until_empty = Instant::now() + LAST_BATCH_TIMEOUT;
                    }
                    None => return Ok(()),
                },
                () = sleep_until(until_empty) => return Ok(()),
            }
        }
    }

    /// Writes these copies, and what else can go with them.
    async fn write(&mut self, first: Option<Slice>) -> Result<(), LinkError> {
        let mut next = first;
        while let Some(slice) = next {
            self.append(&slice).await?;
            if self.queue.units_without_echo() >= ECHO_EVERY {
                self.append_echo();
            } else {
                let soon = Instant::now() + self.config.echo_after;
                self.echo_at = Some(self.echo_at.map_or(soon, |due| due.min(soon)));
            }
            next = if self.buffer.len() < BUFFER_BYTES { self.queue.try_next() } else { None };
        }
        self.flush().await
    }

    async fn append(&mut self, slice: &Slice) -> Result<(), LinkError> {
        let bytes_max = self.config.write_bytes_max;
        let service = self.multicast.service().filter(|service| service.carries(slice, bytes_max));
        let mut dropped = Dropped::default();
        if let Some(service) = &service
            && !self.append_by_list(service, slice)
        {
            let mut together = Together::new(service, slice, bytes_max);
            while together.fill(&mut self.buffer) {
                if self.buffer.len() >= BUFFER_BYTES {
                    self.flush().await?;
                }
            }
            dropped += together.dropped;
        }
        let mut copies = Copies::new(slice, service.as_deref(), bytes_max);
        while copies.fill(&mut self.buffer, BUFFER_BYTES) {
            self.flush().await?;
        }
        dropped += copies.dropped;
        self.config.status.copies_written(slice.recipients().len(), dropped.total());
        if dropped.total() > 0 {
            report(slice, dropped);
        }
        Ok(())
    }

    /// Appends one stanza with the number of a list; `false` if that cannot be.
    fn append_by_list(&mut self, service: &Service, slice: &Slice) -> bool {
        let Outgoing { head, tail, .. } = slice.outgoing();
        let bytes_max = self.config.write_bytes_max;
        let content = content(head, tail);
        if !service.has_lists || !slice.is_legal() {
            return false;
        }
        let (lists, buffer) = (&mut self.lists, &mut self.buffer);
        let list = lists.find(service, &self.config.domain, slice.recipients(), bytes_max, buffer);
        let Some(list) = list else { return false };
        list.append(service, head, &content, &mut self.buffer);
        true
    }

    fn append_echo(&mut self) {
        self.echo_at = Some(Instant::now() + ECHO_AGAIN);
        let service = self.multicast.service().filter(|service| !service.is_server());
        let via = service.as_ref().map(|service| &*service.address);
        let number = self.queue.echo();
        self.config.status.echo_written(number);
        self.buffer.extend_from_slice(self.echoes.xml(number, via).as_bytes());
    }

    /// Nothing needs one when the server has everything.
    async fn echo_if_due(&mut self) -> Result<(), LinkError> {
        if self.queue.is_waiting() {
            return self.echo().await;
        }
        self.echo_at = None;
        Ok(())
    }

    async fn echo(&mut self) -> Result<(), LinkError> {
        self.append_echo();
        self.flush().await
    }

    async fn flush(&mut self) -> Result<(), LinkError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        // Longest wait for the server to take one buffer.
        let stall_timeout = self.config.ping_every + self.config.ping_timeout;
        let writing = self.output.write_all(&self.buffer);
        tokio::pin!(writing);
        let written = loop {
            match timeout(stall_timeout, &mut writing).await {
                Ok(result) => break result.map_err(LinkError::Write),
                // We do not read what the server has for us, so it need not read what we have for it.
                Err(_) if self.queue.is_deaf() => {}
                Err(_) => break Err(LinkError::Stalled { timeout: stall_timeout }),
            }
        };
        self.config.status.written(self.buffer.len());
        self.buffer.clear();
        written
    }
}

fn report(slice: &Slice, dropped: Dropped) {
    let outgoing = slice.outgoing();
    tracing::error!(
        stanza_bytes = outgoing.head.len() + outgoing.tail.len(),
        copies = outgoing.to.len(),
        dropped = dropped.total(),
        illegal_text = dropped.illegal_text,
        illegal_recipient = dropped.illegal_recipient,
        too_large = dropped.too_large,
        "Dropped copies of a stanza that would have closed the link"
    );
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
