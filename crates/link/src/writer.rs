//! The writing half: takes what is queued in batches, splices in the recipients, writes large buffers.
//!
//! It runs on its own, so a consumer that does not read never stops it. Not here: which stanzas are legal (`splice`)
//! and when to ping (`keepalive`).

use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::keepalive::Ping;
use crate::splice::Copies;
use crate::{LinkError, Outgoing};

/// Bytes collected before they are written. A single stanza may exceed it.
const BUFFER_BYTES: usize = 64 * 1024;
/// Stanzas taken from the queue at once. They are lost with the link, so few.
const BATCH_MAX: usize = 64;

/// Where the bytes go, and the limits on the way.
pub(crate) struct Writer<W> {
    output: W,
    buffer: Vec<u8>,
    stanza_bytes_max: usize,
    /// Longest wait for the server to take one buffer.
    stall_timeout: Duration,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    pub(crate) fn new(output: W, stanza_bytes_max: usize, stall_timeout: Duration) -> Self {
        Self { output, buffer: Vec::with_capacity(2 * BUFFER_BYTES), stanza_bytes_max, stall_timeout }
    }

    /// Writes until `stop` is cancelled; then writes what is queued, ends the stream and closes its own direction.
    /// Not to be dropped in between but with the link: a stanza may be half written.
    pub(crate) async fn run(
        &mut self,
        outgoing: &mut mpsc::Receiver<Outgoing>,
        mut pings: mpsc::Receiver<Ping>,
        stop: &CancellationToken,
    ) -> Result<(), LinkError> {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        let mut has_senders = true;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ping) = pings.recv() => self.write_ping(ping).await?,
                taken = outgoing.recv_many(&mut batch, BATCH_MAX), if has_senders => {
                    has_senders = taken > 0;
                    self.write_batch(&mut batch).await?;
                }
            }
        }
        outgoing.close();
        while outgoing.recv_many(&mut batch, BATCH_MAX).await > 0 {
            self.write_batch(&mut batch).await?;
        }
        self.buffer.extend_from_slice(b"</stream:stream>");
        self.flush().await?;
        self.output.shutdown().await.map_err(LinkError::Write)
    }

    async fn write_ping(&mut self, ping: Ping) -> Result<(), LinkError> {
        self.buffer.extend_from_slice(ping.xml.as_bytes());
        self.flush().await?;
        // A watch that no longer waits needs no news.
        ping.written.send(()).unwrap_or_default();
        Ok(())
    }

    async fn write_batch(&mut self, batch: &mut Vec<Outgoing>) -> Result<(), LinkError> {
        for outgoing in batch.drain(..) {
            let mut copies = Copies::new(&outgoing, self.stanza_bytes_max);
            while copies.fill(&mut self.buffer, BUFFER_BYTES) {
                self.flush().await?;
            }
            let dropped = copies.dropped;
            if dropped.total() > 0 {
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
        }
        self.flush().await
    }

    async fn flush(&mut self) -> Result<(), LinkError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = timeout(self.stall_timeout, self.output.write_all(&self.buffer)).await;
        self.buffer.clear();
        match written {
            Ok(result) => result.map_err(LinkError::Write),
            Err(_) => Err(LinkError::Stalled { timeout: self.stall_timeout }),
        }
    }
}
