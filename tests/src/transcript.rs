//! Who sent and received what, and when: the story that a failure report tells.

use std::fmt;
use std::time::Instant;

use minidom::Element;

use crate::script::Device;
use crate::xml;

/// What happened so far.
#[derive(Debug)]
pub struct Transcript {
    start: Instant,
    entries: Vec<(Instant, String)>,
}

impl Transcript {
    /// An empty one; times count from now.
    pub fn new() -> Self {
        Self { start: Instant::now(), entries: Vec::new() }
    }

    /// A step that is no stanza.
    pub fn note(&mut self, text: impl Into<String>) {
        self.entries.push((Instant::now(), format!("-- {}", text.into())));
    }

    /// Text that a device sent.
    pub fn sent(&mut self, device: &Device, text: &str) {
        let line = text.lines().map(str::trim).collect::<String>();
        self.entries.push((Instant::now(), format!("{device} >> {}", shortened(&line))));
    }

    /// A stanza that a device received.
    pub fn received(&mut self, device: &Device, at: Instant, stanza: &Element) {
        self.entries.push((at, format!("{device} << {}", shortened(&xml::compact(stanza)))));
    }
}

impl Default for Transcript {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Stanzas are noted when they are looked at; they are told in the order in which they came.
        let mut entries: Vec<&(Instant, String)> = self.entries.iter().collect();
        entries.sort_by_key(|(at, _)| *at);
        for (at, text) in entries {
            writeln!(f, "{:>8.3} s  {text}", at.saturating_duration_since(self.start).as_secs_f64())?;
        }
        Ok(())
    }
}

/// Long bodies say nothing in a report.
fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 2000;
    let mut characters = text.chars();
    let kept: String = characters.by_ref().take(CHARS_MAX).collect();
    match characters.count() {
        0 => kept,
        more => format!("{kept} … and {more} characters more"),
    }
}
