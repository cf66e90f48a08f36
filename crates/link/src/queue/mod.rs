//! What waits for the server, and what the server has not taken in yet: the queue between the program and the link.
//!
//! XEP-0114 acknowledges nothing, so the link asks: behind a run of stanzas it writes an *echo*, a ping to its own
//! domain, which servers pass back after everything before it. Until then a stanza stays here, to be written again when
//! the link was lost, and no more than a window of them is on its way. Lanes take turns (`lanes`), batches of the program
//! are followed until the server has them (`ledger`).
//! Not here: when an echo is due (the writer knows), and how copies look on the wire (`splice`).

mod lanes;
mod ledger;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::{Lane, Outgoing};
use lanes::Lanes;
use ledger::Ledger;

/// How much may wait, and be on its way.
#[derive(Debug, Clone)]
pub struct QueueLimits {
    /// Memory of everything in the queue, about, in bytes. Beyond it senders wait; one stanza always fits.
    pub bytes_max: usize,
    /// Copies on their way that the server has not taken in; one of more than a KiB counts once for each KiB. It is also
    /// what a lane waits for behind the others' stanzas, so not more than a server handles in a moment.
    pub window: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { bytes_max: 64 * 1024 * 1024, window: 1_024 }
    }
}

/// A queue, empty.
pub fn queue(limits: QueueLimits) -> (Sender, Receiver) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State { senders: 1, ..State::default() }),
        arrived: Notify::new(),
        room: Notify::new(),
        settled: Notify::new(),
        limits,
    });
    (Sender(shared.clone()), Receiver(shared))
}

/// The link is closed for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the link is closed")]
pub struct Closed;

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// There is something to write, or nobody left who could send anything.
    arrived: Notify,
    /// Something was taken in by the server.
    room: Notify,
    /// A batch was.
    settled: Notify,
    limits: QueueLimits,
}

#[derive(Debug, Default)]
struct State {
    lanes: Lanes,
    /// To be written again, before anything else.
    again: VecDeque<Slice>,
    /// Written, each with the number of the echo that tells of it.
    on_its_way: VecDeque<(u64, Slice)>,
    /// Units of it.
    units: usize,
    /// Those of them that no echo was written behind.
    units_without_echo: usize,
    next_echo: u64,
    /// Echoes are not read at the moment, so nothing can wait for them.
    is_deaf: bool,
    ledger: Ledger,
    bytes: usize,
    senders: usize,
    is_closed: bool,
}

/// A stanza in the queue.
#[derive(Debug)]
struct Item {
    outgoing: Outgoing,
    /// The batch that it belongs to.
    batch: Option<i64>,
    units_per_copy: usize,
}

impl Item {
    fn new(outgoing: Outgoing, batch: Option<i64>) -> Self {
        const KIB: usize = 1_024;
        let units_per_copy = (outgoing.head.len() + outgoing.tail.len()).div_ceil(KIB).max(1);
        Self { outgoing, batch, units_per_copy }
    }

    /// What it takes in memory, about. Recipients are shared with whoever named them.
    fn bytes(&self) -> usize {
        const EACH: usize = 256;
        let Outgoing { head, to, tail, .. } = &self.outgoing;
        EACH + head.len() + tail.len() + to.len() * size_of::<Arc<str>>()
    }
}

/// Copies of one stanza, in a row.
#[derive(Debug, Clone)]
pub struct Slice {
    item: Arc<Item>,
    range: Range<usize>,
}

impl Slice {
    /// The stanza.
    pub fn outgoing(&self) -> &Outgoing {
        &self.item.outgoing
    }

    /// The recipients of these copies.
    pub fn recipients(&self) -> &[Arc<str>] {
        self.item.outgoing.to.get(self.range.clone()).unwrap_or_default()
    }

    fn units(&self) -> usize {
        self.range.len() * self.item.units_per_copy
    }

    fn is_last(&self) -> bool {
        self.range.end == self.item.outgoing.to.len()
    }
}

/// The program's end. Cheap to clone.
#[derive(Debug)]
pub struct Sender(Arc<Shared>);

impl Sender {
    /// Hands a stanza over; waits while the queue is full.
    ///
    /// # Errors
    /// The link is closed.
    pub async fn send(&self, outgoing: Outgoing) -> Result<(), Closed> {
        self.push(Item::new(outgoing, None)).await
    }

    /// Begins a batch, of which [`Sender::acknowledged`] will tell. `first` and `last` are what the program counts in,
    /// and higher than those of earlier batches; the batch ends when the value is dropped.
    pub fn batch(&self, first: i64, last: i64) -> Batch {
        self.0.lock().ledger.open(first, last);
        Batch { sender: self.clone(), first }
    }

    /// The server has taken in every batch up to this number; `None` if there was none yet.
    pub fn acknowledged(&self) -> Option<i64> {
        self.0.lock().ledger.acknowledged()
    }

    /// Waits until the server has taken in every batch.
    pub async fn settled(&self) {
        loop {
            let settled = self.0.settled.notified();
            if self.0.lock().ledger.is_settled() {
                return;
            }
            settled.await;
        }
    }

    /// Copies that wait in a lane.
    pub fn waiting_in(&self, lane: &Lane) -> usize {
        self.0.lock().lanes.copies_in(lane)
    }

    /// With so many bytes more, would the queue be so full that nothing new should be begun? What remains is for saying so.
    pub fn is_crowded_with(&self, bytes: usize) -> bool {
        self.0.lock().is_crowded_with(bytes, &self.0.limits)
    }

    async fn push(&self, item: Item) -> Result<(), Closed> {
        let Shared { limits, room, arrived, .. } = &*self.0;
        let bytes = item.bytes();
        let mut item = Some(item);
        loop {
            let freed = room.notified();
            {
                let mut state = self.0.lock();
                if state.is_closed {
                    // What the server never gets it never takes in, nor the batch with it.
                    if let Some(batch) = item.as_ref().and_then(|item| item.batch) {
                        state.ledger.add(batch);
                    }
                    return Err(Closed);
                }
                if (state.bytes == 0 || state.bytes + bytes <= limits.bytes_max)
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
}

impl Batch {
    /// As [`Sender::send`].
    ///
    /// # Errors
    /// The link is closed.
    pub async fn send(&self, outgoing: Outgoing) -> Result<(), Closed> {
        self.sender.push(Item::new(outgoing, Some(self.first))).await
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.sender.0.settle(self.first);
    }
}

/// The link's end.
#[derive(Debug)]
pub struct Receiver(Arc<Shared>);

impl Receiver {
    /// The next copies to be written; waits for them, and for the window. From then on they are on their way.
    /// `None`: it is empty and will remain so.
    pub async fn next(&self) -> Option<Slice> {
        loop {
            let arrived = self.0.arrived.notified();
            {
                let mut state = self.0.lock();
                if let Some(slice) = state.take(self.0.limits.window) {
                    return Some(slice);
                }
                if (state.senders == 0 || state.is_closed) && state.is_empty() {
                    return None;
                }
            }
            arrived.await;
        }
    }

    /// The next copies, if there are any and the window is open.
    pub fn try_next(&self) -> Option<Slice> {
        self.0.lock().take(self.0.limits.window)
    }

    /// Units that were taken and that no echo was written behind.
    pub fn units_without_echo(&self) -> usize {
        self.0.lock().units_without_echo
    }

    /// The number of the echo that the oldest of what is on its way waits for. Of none while echoes are not read, except
    /// when the program may be waiting for them: full queues on both ends would wait for each other for ever.
    pub fn oldest_echo(&self) -> Option<u64> {
        let state = self.0.lock();
        let is_our_own_fault = state.is_deaf && !state.is_crowded_with(0, &self.0.limits);
        state.on_its_way.front().filter(|_| !is_our_own_fault).map(|(echo, _)| *echo)
    }

    /// The number of an echo that is written now, behind everything taken so far.
    pub fn echo(&self) -> u64 {
        let mut state = self.0.lock();
        state.units_without_echo = 0;
        state.next_echo += 1;
        state.next_echo - 1
    }

    /// The echo of this number came back: the server has taken in what was before it.
    pub fn acknowledge(&self, echo: u64) {
        let mut state = self.0.lock();
        let mut done = Vec::new();
        while let Some((_, slice)) = state.on_its_way.pop_front_if(|(behind, _)| *behind <= echo) {
            state.units -= slice.units();
            if slice.is_last() {
                done.push(slice.item);
            }
        }
        drop(state);
        done.iter().for_each(|item| self.0.release(item));
        self.0.room.notify_waiters();
        self.0.arrived.notify_one();
    }

    /// The link is lost. What was on its way is written again, in the same order, except requests (iq of type get and
    /// set), which might be done twice.
    pub fn lost(&self) {
        let mut dropped = Vec::new();
        {
            let mut state = self.0.lock();
            while let Some((_, slice)) = state.on_its_way.pop_back() {
                if slice.outgoing().is_request() {
                    dropped.push(slice.item);
                } else {
                    state.again.push_front(slice);
                }
            }
            (state.units, state.units_without_echo) = (0, 0);
        }
        dropped.iter().for_each(|item| self.0.release(item));
    }

    /// While echoes are not read none can be waited for, so the window is open.
    pub fn set_deaf(&self, is_deaf: bool) {
        self.0.lock().is_deaf = is_deaf;
        self.0.arrived.notify_one();
    }

    /// Takes nothing more in; what is there can still be taken.
    pub fn close(&self) {
        self.0.lock().is_closed = true;
        self.0.room.notify_waiters();
        self.0.arrived.notify_one();
    }

    /// The next stanza with all its copies, acknowledged at once: for programs that stand in for a server.
    pub async fn recv(&self) -> Option<Outgoing> {
        let mut slice = self.next().await?;
        // The window may end in the midst of its copies.
        let outgoing = slice.outgoing().clone();
        while !slice.is_last() {
            self.acknowledge(self.echo());
            slice = self.next().await?;
        }
        self.acknowledge(self.echo());
        Some(outgoing)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here is left half done by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A stanza is done with.
    fn release(&self, item: &Item) {
        self.lock().bytes -= item.bytes();
        if let Some(batch) = item.batch {
            self.settle(batch);
        }
    }

    fn settle(&self, batch: i64) {
        if self.lock().ledger.settle(batch) {
            self.settled.notify_waiters();
        }
    }
}

impl State {
    fn push(&mut self, item: Item, bytes: usize) {
        self.bytes += bytes;
        if let Some(batch) = item.batch {
            self.ledger.add(batch);
        }
        self.lanes.push(Arc::new(item));
    }

    fn take(&mut self, window: usize) -> Option<Slice> {
        if self.units >= window && !self.is_deaf {
            return None;
        }
        let slice = self.again.pop_front().or_else(|| self.lanes.take())?;
        self.units += slice.units();
        self.units_without_echo += slice.units();
        self.on_its_way.push_back((self.next_echo, slice.clone()));
        Some(slice)
    }

    fn is_crowded_with(&self, bytes: usize, limits: &QueueLimits) -> bool {
        self.bytes + bytes > limits.bytes_max / 4 * 3
    }

    fn is_empty(&self) -> bool {
        self.again.is_empty() && self.lanes.is_empty()
    }
}

#[cfg(test)]
mod tests;
