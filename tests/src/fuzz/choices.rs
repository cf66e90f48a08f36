//! Bytes as a row of choices. When they are used up every choice is the first one, so that any input means something
//! and a shorter one means something simpler.

/// The choices that are left.
#[derive(Debug)]
pub(super) struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    /// One choice a byte.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        // Printable bytes first: a kept input can be read, and written by hand.
        usize::from(first.wrapping_sub(b' ')) % bound.max(1)
    }

    /// One of these.
    pub(super) fn of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// True once in `times`, and never without a byte that says so.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// What has not been chosen by, as text.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }
}
