//! Files of somebody else's making, a line at a time: whatever they hold, no more than a limit of it is in memory.

use std::io::{self, BufRead, Read as _};

/// Longest line, item or file that is read at once: a message has some hundred kilobytes, and may be written with six bytes for one.
pub(crate) const BYTES_MAX: usize = 16 * 1024 * 1024;

/// How much of a line was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it.
    Whole,
    /// Its beginning: it is longer than the limit, and the rest was passed over.
    Cut,
}

/// The lines of a file.
#[derive(Debug)]
pub(crate) struct BoundedLines<R> {
    from: R,
    bytes_max: usize,
    number: u64,
    begin: u64,
    end: u64,
}

impl<R: BufRead> BoundedLines<R> {
    /// Begins; of no line more than so many bytes are kept.
    pub(crate) fn new(from: R, bytes_max: usize) -> Self {
        Self { from, bytes_max, number: 0, begin: 0, end: 0 }
    }

    /// Puts the next line in the place of what is in `line`, with its end; `None` behind the last.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Option<Extent>> {
        line.clear();
        let limit = u64::try_from(self.bytes_max).unwrap_or(u64::MAX).saturating_add(1);
        let read = self.from.by_ref().take(limit).read_until(b'\n', line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        (self.begin, self.end) = (self.end, self.end + read as u64);
        if read <= self.bytes_max || line.ends_with(b"\n") {
            return Ok(Some(Extent::Whole));
        }
        line.truncate(self.bytes_max);
        self.end += self.from.skip_until(b'\n')? as u64;
        Ok(Some(Extent::Cut))
    }

    /// The number of the line that was read last; the first is 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The byte at which it begins.
    pub(crate) fn begin(&self) -> u64 {
        self.begin
    }

    /// What is read from.
    pub(crate) fn into_inner(self) -> R {
        self.from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_takes_more_than_the_limit_and_all_are_counted() {
        let text = b"ab\n\nabcd\nabcde\nabcdefghijkl\nx".as_slice();
        // A buffer that holds less than a line.
        let mut lines = BoundedLines::new(io::BufReader::with_capacity(3, text), 4);
        let (mut line, mut all) = (Vec::new(), Vec::new());
        while let Some(extent) = lines.next(&mut line).unwrap() {
            assert!(line.len() <= 5 && line.capacity() < 100);
            all.push((lines.number(), lines.begin(), extent, String::from_utf8(line.clone()).unwrap()));
        }
        let all: Vec<_> = all
            .iter()
            .map(|(number, begin, extent, line)| (*number, *begin, *extent, line.as_str()))
            .collect();
        assert_eq!(
            all,
            [
                (1, 0, Extent::Whole, "ab\n"),
                (2, 3, Extent::Whole, "\n"),
                (3, 4, Extent::Whole, "abcd\n"),
                (4, 9, Extent::Cut, "abcd"),
                (5, 15, Extent::Cut, "abcd"),
                (6, 28, Extent::Whole, "x"),
            ]
        );
    }
}
