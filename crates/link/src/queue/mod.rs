//! What waits for the server, and what the server has not taken in yet: the queue between the program and the link.
//!
//! XEP-0114 acknowledges nothing, so the link asks: behind a run of stanzas it writes an *echo*, a ping to its own
//! domain, which servers pass back after everything before it. Until then a stanza stays here, to be written again when
//! the link was lost, and no more than a window of them is on its way. Lanes take turns (`lanes`), batches of the program
//! are followed until the server has them (`ledger`).
//! Not here: when an echo is due (the writer knows), and how copies look on the wire (`splice`).

mod lanes;
mod ledger;
mod receiver;
mod sender;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::Outgoing;
use crate::splice::is_legal;
use lanes::Lanes;
use ledger::Ledger;
pub use receiver::Receiver;
pub use sender::{Batch, Sender};

/// How much may wait, and be on its way.
#[derive(Debug, Clone)]
pub struct QueueLimits {
    /// Memory of what waits to be written, about, in bytes. Beyond it senders wait; one stanza always fits.
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
    (Sender::new(shared.clone()), Receiver::new(shared))
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
    /// One stanza goes to many recipients, so that it is best for as many as possible.
    is_shared: bool,
    /// Echoes are not read at the moment, so nothing can wait for them.
    is_deaf: bool,
    ledger: Ledger,
    /// What is not written yet. Senders wait for this alone: for what is on its way they would wait for echoes, which may be
    /// behind what they themselves have to take in.
    waiting_bytes: usize,
    /// That, and what is on its way.
    bytes: usize,
    senders: usize,
    /// Nothing more is taken in, but for batches that were begun before.
    is_closed: bool,
    /// So many of those are not ended yet.
    open_batches: usize,
    /// Nothing more is written either.
    is_gone: bool,
}

/// A stanza in the queue.
#[derive(Debug)]
struct Item {
    outgoing: Outgoing,
    /// The batch that it belongs to.
    batch: Option<i64>,
    units_per_copy: usize,
    /// All of its characters may be written. Looked at once, however many copies there are.
    is_legal: bool,
}

impl Item {
    fn new(outgoing: Outgoing, batch: Option<i64>) -> Self {
        const KIB: usize = 1_024;
        let units_per_copy = (outgoing.head.len() + outgoing.tail.len()).div_ceil(KIB).max(1);
        let is_legal = is_legal(&outgoing.head) && is_legal(&outgoing.tail);
        Self { outgoing, batch, units_per_copy, is_legal }
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

    /// All copies of a stanza that was in no queue.
    pub(crate) fn whole(outgoing: Outgoing) -> Self {
        let range = 0..outgoing.to.len();
        Self { item: Arc::new(Item::new(outgoing, None)), range }
    }

    /// May its text be written?
    pub(crate) fn is_legal(&self) -> bool {
        self.item.is_legal
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

/// Are these the same recipients, who have not gone and come again in between? That would be another value of the same
/// text.
pub(crate) fn are_the_same(to: &[Arc<str>], other: &[Arc<str>]) -> bool {
    to.len() == other.len() && to.iter().zip(other).all(|(to, other)| Arc::ptr_eq(to, other))
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

/// Copies that share a stanza are worth this many times as many on their way: servers pass them on faster, and best when
/// several messages are there at once.
const SHARED_WINDOW: usize = 4;

impl State {
    fn push(&mut self, item: Item, bytes: usize) {
        self.bytes += bytes;
        self.waiting_bytes += bytes;
        if let Some(batch) = item.batch {
            self.ledger.add(batch);
        }
        self.lanes.push(Arc::new(item));
    }

    fn take(&mut self, window: usize) -> Option<Slice> {
        let window = if self.is_shared { SHARED_WINDOW * window } else { window };
        if self.units >= window && !self.is_deaf {
            return None;
        }
        let slice = self.again.pop_front().or_else(|| self.lanes.take(self.is_shared))?;
        self.units += slice.units();
        self.units_without_echo += slice.units();
        if slice.is_last() {
            self.waiting_bytes -= slice.item.bytes();
        }
        self.on_its_way.push_back((self.next_echo, slice.clone()));
        Some(slice)
    }

    /// What was on its way is to be written again, but for requests, which come back.
    fn take_back(&mut self) -> VecDeque<(u64, Slice)> {
        let mut requests = VecDeque::new();
        while let Some((echo, slice)) = self.on_its_way.pop_back() {
            if slice.outgoing().is_request() {
                requests.push_front((echo, slice));
            } else {
                self.waiting_bytes += if slice.is_last() { slice.item.bytes() } else { 0 };
                self.again.push_front(slice);
            }
        }
        (self.units, self.units_without_echo) = (0, 0);
        requests
    }

    fn is_crowded_with(&self, bytes: usize, limits: &QueueLimits) -> bool {
        self.bytes + bytes > limits.bytes_max / 4 * 3
    }

    /// Copies that the server has not taken in.
    fn copies(&self) -> usize {
        let of = |slice: &Slice| slice.recipients().len();
        let on_its_way: usize = self.on_its_way.iter().map(|(_, slice)| of(slice)).sum();
        self.lanes.copies() + self.again.iter().map(of).sum::<usize>() + on_its_way
    }

    fn is_empty(&self) -> bool {
        self.again.is_empty() && self.lanes.is_empty()
    }

    /// Will nothing come any more?
    fn is_over(&self) -> bool {
        self.senders == 0 || (self.is_closed && self.open_batches == 0)
    }
}

#[cfg(test)]
mod tests;
