//! The program's end of the queue: what is handed over, alone or in batches, and how far the server is.

use std::sync::Arc;

use super::{Closed, Item, Shared};
use crate::{Lane, Outgoing};

/// The program's end. Cheap to clone.
#[derive(Debug)]
pub struct Sender(Arc<Shared>);

impl Sender {
    /// The only one so far.
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Hands a stanza over; waits while too much waits to be written.
    ///
    /// # Errors
    /// The link is closed.
    pub async fn send(&self, outgoing: Outgoing) -> Result<(), Closed> {
        self.push(Item::new(outgoing, None), false).await
    }

    /// Begins a batch, of which [`Sender::acknowledged`] will tell. `first` and `last` are what the program counts in,
    /// and higher than those of earlier batches; the batch ends when the value is dropped.
    pub fn batch(&self, first: i64, last: i64) -> Batch {
        let sender = self.clone();
        let mut state = self.0.lock();
        state.ledger.open(first, last);
        let is_in_time = !state.is_closed;
        state.open_batches += usize::from(is_in_time);
        Batch { sender, first, is_in_time }
    }

    /// The server has taken in every batch up to this number; `None` if there was none yet.
    pub fn acknowledged(&self) -> Option<i64> {
        self.0.lock().ledger.acknowledged()
    }

    /// Waits until the server has taken in every batch, or never will.
    pub async fn settled(&self) {
        loop {
            let settled = self.0.settled.notified();
            {
                let state = self.0.lock();
                if state.is_gone || state.ledger.is_settled() {
                    return;
                }
            }
            settled.await;
        }
    }

    /// Copies that wait in a lane.
    pub fn waiting_in(&self, lane: &Lane) -> usize {
        self.0.lock().lanes.copies_in(lane)
    }

    /// Copies that wait in all lanes or are on their way, and what they take in memory, in bytes, about.
    pub fn load(&self) -> (usize, usize) {
        let state = self.0.lock();
        (state.copies(), state.bytes)
    }

    /// With so many bytes more, would the queue be so full that nothing new should be begun? What remains is for saying so.
    pub fn is_crowded_with(&self, bytes: usize) -> bool {
        self.0.lock().is_crowded_with(bytes, &self.0.limits)
    }

    /// Is half of it taken?
    pub fn is_half_full(&self) -> bool {
        self.0.lock().bytes > self.0.limits.bytes_max / 2
    }

    /// `is_in_time`: it is of a batch that was begun before the queue was closed.
    async fn push(&self, item: Item, is_in_time: bool) -> Result<(), Closed> {
        let Shared { limits, room, arrived, .. } = &*self.0;
        let bytes = item.bytes();
        let mut item = Some(item);
        loop {
            let freed = room.notified();
            {
                let mut state = self.0.lock();
                if state.is_gone || (state.is_closed && !is_in_time) {
                    // What the server never gets it never takes in, nor the batch with it.
                    if let Some(batch) = item.as_ref().and_then(|item| item.batch) {
                        state.ledger.add(batch);
                    }
                    return Err(Closed);
                }
                if (state.waiting_bytes == 0 || state.waiting_bytes + bytes <= limits.bytes_max)
                    && let Some(item) = item.take()
                {
                    state.push(item, bytes);
                    arrived.notify_one();
                    return Ok(());
                }
            }
            freed.await;
        }
    }
}

impl Clone for Sender {
    fn clone(&self) -> Self {
        self.0.lock().senders += 1;
        Self(self.0.clone())
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.lock().senders -= 1;
        self.0.arrived.notify_one();
    }
}

/// Stanzas that belong together: the server has taken in all of them, or not yet.
#[derive(Debug)]
pub struct Batch {
    sender: Sender,
    first: i64,
    is_in_time: bool,
}

impl Batch {
    /// As [`Sender::send`].
    ///
    /// # Errors
    /// The link is closed.
    pub async fn send(&self, outgoing: Outgoing) -> Result<(), Closed> {
        self.sender.push(Item::new(outgoing, Some(self.first)), self.is_in_time).await
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.sender.0.lock().open_batches -= usize::from(self.is_in_time);
        self.sender.0.settle(self.first);
        self.sender.0.arrived.notify_one();
    }
}
