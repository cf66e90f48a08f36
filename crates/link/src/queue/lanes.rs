//! Lanes that take turns, so that a stanza for ten thousand does not keep the others waiting. Within a lane everything
//! keeps its order for each recipient.
//!
//! When several stanzas for the same recipients wait, each recipient gets all of them in a row: a server writes once to
//! his socket then, and not once for each. What that is worth is in `docs/performance.md`.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::{Item, Slice, are_the_same};
use crate::Lane;

/// What a lane may write when it is its turn, in units (see `QueueLimits::window`).
const TURN_UNITS: usize = 128;
/// The same when many recipients share a stanza.
const SHARED_TURN_UNITS: usize = 512;
/// Recipients who then get what is in a row together.
const SHARED_ROW: usize = 64;

/// Stanzas that a recipient gets in a row.
const ROW_MAX: usize = 16;
/// Stanzas among which those for the same recipients are looked for.
const LOOK_AHEAD: usize = 64;

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
    /// Of these first ones each recipient gets all in a row; of none before the first is looked at.
    row: usize,
    /// Recipients who got all of the row.
    served: usize,
    /// The next ones are those up to here: all of them get the same number of the row, whatever changes meanwhile.
    until: usize,
    /// Stanzas of the row that they got.
    given: usize,
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
    /// `is_shared`: many recipients share a stanza, so that a turn is longer, and some of them together get all in a row.
    pub(super) fn take(&mut self, is_shared: bool) -> Option<Slice> {
        let turn_units = if is_shared { SHARED_TURN_UNITS } else { TURN_UNITS };
        let lane = self.turns.pop_front()?;
        let waiting = self.waiting.get_mut(&lane)?;
        let slice = waiting.take(is_shared, turn_units)?;
        self.written += slice.units();
        if waiting.items.is_empty() {
            self.waiting.remove(&lane);
            self.written = 0;
        } else if self.written >= turn_units {
            self.turns.push_back(lane);
            self.written = 0;
        } else {
            self.turns.push_front(lane);
        }
        Some(slice)
    }

    pub(super) fn copies_in(&self, lane: &Lane) -> usize {
        self.waiting.get(lane).map_or(0, |waiting| waiting.copies)
    }

    /// Copies that wait in all of them.
    pub(super) fn copies(&self) -> usize {
        self.waiting.values().map(|waiting| waiting.copies).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }
}

impl Waiting {
    fn take(&mut self, is_shared: bool, turn_units: usize) -> Option<Slice> {
        if self.row == 0 {
            self.row = self.gather();
        }
        let item = self.items.get(self.given)?.clone();
        let all = item.outgoing.to.len();
        if self.given == 0 {
            let some = match (self.row, is_shared) {
                (1, _) => (turn_units / item.units_per_copy).max(1),
                (_, true) => (SHARED_ROW / item.units_per_copy).max(1),
                (_, false) => 1,
            };
            self.until = all.min(self.served + some);
        }
        let range = self.served..self.until;
        self.copies -= range.len();
        self.given += 1;
        if self.given == self.row {
            (self.given, self.served) = (0, self.until);
        }
        if self.given == 0 && self.served >= all {
            self.items.drain(..self.row);
            (self.row, self.served) = (0, 0);
        }
        Some(Slice { item, range })
    }

    /// Brings those for the same recipients as the first to the front, as far as nobody's order changes by it; how many.
    fn gather(&mut self) -> usize {
        let Some(first) = self.items.front().cloned() else { return 0 };
        let mut row = 1;
        let (mut between, mut may_pass): (Option<Arc<Item>>, bool) = (None, true);
        for at in 1..self.items.len().min(LOOK_AHEAD) {
            let item = &self.items[at];
            if is_to_the_same(item, &first) {
                if !may_pass {
                    break;
                }
                if let Some(item) = self.items.remove(at) {
                    self.items.insert(row, item);
                }
                row += 1;
                if row == ROW_MAX {
                    break;
                }
            } else if let Some(between) = &between {
                if !is_to_the_same(item, between) {
                    break;
                }
            } else {
                // What is passed is for one set of others, as the absent are to those who are there.
                may_pass = is_to_others(item, &first);
                between = Some(item.clone());
            }
        }
        row
    }
}

fn is_to_the_same(item: &Item, other: &Item) -> bool {
    are_the_same(&item.outgoing.to, &other.outgoing.to)
}

fn is_to_others(item: &Item, other: &Item) -> bool {
    let to: HashSet<&str> = item.outgoing.to.iter().map(|to| &**to).collect();
    !other.outgoing.to.iter().any(|other| to.contains(&**other))
}

#[cfg(test)]
mod tests;
