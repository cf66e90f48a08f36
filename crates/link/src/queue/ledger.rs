//! Which batches the server has not taken in as a whole.

use std::collections::BTreeMap;

/// Batches by the first of what the program counts in.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// What is missing of each, and one for itself as long as it is open.
    missing: BTreeMap<i64, usize>,
    /// The last number of all batches so far.
    last: Option<i64>,
}

impl Ledger {
    pub(super) fn open(&mut self, first: i64, last: i64) {
        *self.missing.entry(first).or_default() += 1;
        self.last = self.last.max(Some(last));
    }

    pub(super) fn add(&mut self, batch: i64) {
        *self.missing.entry(batch).or_default() += 1;
    }

    /// One less is missing; `true`: nothing is, of any batch.
    pub(super) fn settle(&mut self, batch: i64) -> bool {
        if let Some(missing) = self.missing.get_mut(&batch) {
            *missing -= 1;
            if *missing == 0 {
                self.missing.remove(&batch);
            }
        }
        self.is_settled()
    }

    pub(super) fn is_settled(&self) -> bool {
        self.missing.is_empty()
    }

    pub(super) fn acknowledged(&self) -> Option<i64> {
        self.missing.keys().next().map(|first| first - 1).or(self.last)
    }
}
