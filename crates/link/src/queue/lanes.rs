//! Lanes that take turns, so that a stanza for ten thousand does not keep the others waiting. Within a lane everything
//! keeps its order.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::{Item, Slice};
use crate::Lane;

/// What a lane may write when it is its turn, in units (see `QueueLimits::window`).
const TURN_UNITS: usize = 128;

/// What waits to be written for the first time.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    waiting: HashMap<Lane, Waiting>,
    /// Lanes in which something waits, the next one first.
    turns: VecDeque<Lane>,
    /// What the first one has written in its turn, in units.
    written: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    items: VecDeque<Arc<Item>>,
    /// Copies of the first one that were taken.
    taken: usize,
    copies: usize,
}

impl Lanes {
    pub(super) fn push(&mut self, item: Arc<Item>) {
        let lane = &item.outgoing.lane;
        let waiting = self.waiting.entry(lane.clone()).or_default();
        if waiting.items.is_empty() {
            self.turns.push_back(lane.clone());
        }
        waiting.copies += item.outgoing.to.len();
        waiting.items.push_back(item);
    }

    /// The next copies, all of one stanza. A lane goes on until its turn is over, however small its stanzas are.
    pub(super) fn take(&mut self) -> Option<Slice> {
        let lane = self.turns.pop_front()?;
        let waiting = self.waiting.get_mut(&lane)?;
        let item = waiting.items.front()?.clone();
        let all = item.outgoing.to.len();
        let some = (TURN_UNITS / item.units_per_copy).max(1);
        let range = waiting.taken..all.min(waiting.taken + some);
        waiting.copies -= range.len();
        waiting.taken = range.end;
        if range.end == all {
            waiting.items.pop_front();
            waiting.taken = 0;
        }
        self.written += range.len() * item.units_per_copy;
        if waiting.items.is_empty() {
            self.waiting.remove(&lane);
            self.written = 0;
        } else if self.written >= TURN_UNITS {
            self.turns.push_back(lane);
            self.written = 0;
        } else {
            self.turns.push_front(lane);
        }
        Some(Slice { item, range })
    }

    pub(super) fn copies_in(&self, lane: &Lane) -> usize {
        self.waiting.get(lane).map_or(0, |waiting| waiting.copies)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }
}
