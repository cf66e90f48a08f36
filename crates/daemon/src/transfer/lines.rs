//! Exports as text: a record a line, between a header and an end.

use std::io::{self, BufRead, Write};

use anyhow::{Context, bail};
use groupchat_store::portable::{End, Export, Header, Record};

use super::bounded::{BYTES_MAX, BoundedLines, Extent};

/// Writes an export, and tells how many records it has.
///
/// # Errors
/// The database cannot be read, or nobody takes what is written.
pub(crate) async fn write(to: &mut impl Write, header: Header, export: &mut Export) -> anyhow::Result<u64> {
    line(to, &Record::Header(header))?;
    let mut records = 0;
    while let Some(page) = export.next().await? {
        for record in &page {
            line(to, record)?;
        }
        records += page.len() as u64;
    }
    line(to, &Record::End(End { records }))?;
    to.flush().context("writing the export")?;
    Ok(records)
}

fn line(to: &mut impl Write, record: &Record) -> anyhow::Result<()> {
    let mut text = serde_json::to_vec(record).context("writing a record")?;
    text.push(b'\n');
    to.write_all(&text).context("writing the export")
}

/// Reads records, one at a time, and knows where it is.
pub(crate) struct Lines<R> {
    from: BoundedLines<R>,
    /// The number of the line that was read last.
    pub(crate) number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Begins.
    pub(crate) fn new(from: R) -> Self {
        Self { from: BoundedLines::new(from, BYTES_MAX), number: 0 }
    }

    /// The next record; `None` at the end. Empty lines do not matter.
    ///
    /// # Errors
    /// It cannot be read, is no record, or is too long.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<Record>> {
        let mut text = Vec::new();
        loop {
            self.number += 1;
            let place = || format!("line {}", self.number);
            match self.from.next(&mut text).with_context(place)? {
                None => return Ok(None),
                Some(Extent::Cut) => bail!("line {} is longer than {BYTES_MAX} bytes", self.number),
                Some(Extent::Whole) if text.trim_ascii().is_empty() => {}
                Some(Extent::Whole) => return serde_json::from_slice(&text).with_context(place).map(Some),
            }
        }
    }
}

/// Where an export goes: a new file that only its owner may read, or standard output.
///
/// # Errors
/// The file is there, or cannot be made.
pub(crate) fn target(file: Option<&std::path::Path>) -> anyhow::Result<Box<dyn Write>> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let Some(path) = file else { return Ok(Box::new(io::BufWriter::new(io::stdout()))) };
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let made = made.with_context(|| format!("making the file {}", path.display()))?;
    Ok(Box::new(io::BufWriter::new(made)))
}
