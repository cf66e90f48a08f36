//! Lines of coloured text: printed at once, and kept for the picture.

use std::io::{IsTerminal as _, Write as _};

/// How a piece of a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As the terminal has it.
    Plain,
    /// Beside the point.
    Dim,
    /// A title.
    Strong,
    /// Something arrived.
    Good,
    /// Something was read.
    Read,
    /// The name of the first, second, … person.
    Person(usize),
}

impl Tone {
    /// The code that terminals understand.
    fn ansi(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Dim => "2",
            Self::Strong => "1",
            Self::Good => "32",
            Self::Read => "36",
            Self::Person(0) => "1;35",
            Self::Person(1) => "1;33",
            Self::Person(_) => "1;34",
        }
    }
}

/// A line in pieces.
pub(crate) type Line = Vec<(Tone, String)>;

/// What was shown so far.
pub(crate) struct Screen {
    lines: Vec<Line>,
    colours: bool,
}

impl Screen {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { lines: Vec::new(), colours: std::io::stdout().is_terminal() && !plain }
    }

    /// Shows a line. There is nobody to tell if the terminal is gone, so that is no error.
    pub(crate) fn show(&mut self, line: &[(Tone, &str)]) {
        let mut text = String::from("  ");
        for (tone, piece) in line {
            match self.colours {
                true => text.push_str(&format!("\x1b[{}m{piece}\x1b[0m", tone.ansi())),
                false => text.push_str(piece),
            }
        }
        writeln!(std::io::stdout(), "{}", text.trim_end()).ok();
        self.lines.push(line.iter().map(|(tone, piece)| (*tone, (*piece).to_owned())).collect());
    }

    /// An empty line.
    pub(crate) fn gap(&mut self) {
        self.show(&[]);
    }

    /// All that was shown.
    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }
}

/// The columns that a text takes: East Asian characters take two.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// The columns that a character takes.
pub(crate) fn columns(c: char) -> usize {
    let wide = matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}');
    if wide { 2 } else { 1 }
}

/// The text with spaces behind it, so that it takes this many columns.
pub(crate) fn pad(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}
