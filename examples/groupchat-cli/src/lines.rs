//! Lines that are typed, in a terminal or from a file, and lines that are shown meanwhile.

use std::io::{IsTerminal as _, Write as _};

use anyhow::{Context as _, Result};
use rustyline_async::{Readline, ReadlineEvent, SharedWriter};
use tokio::io::{AsyncBufReadExt as _, BufReader, Stdin};

/// Where lines come from and go to.
pub(crate) enum Lines {
    /// A terminal: what is shown goes above the line that is being typed.
    Terminal { editor: Box<Readline>, shown: SharedWriter },
    /// Anything else.
    Plain(tokio::io::Lines<BufReader<Stdin>>),
}

impl Lines {
    pub(crate) fn new() -> Result<Self> {
        // Some say that they are terminals, and have no size.
        let has_size = crossterm::terminal::size().is_ok_and(|(columns, rows)| columns > 0 && rows > 0);
        if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && has_size) {
            return Ok(Self::Plain(BufReader::new(tokio::io::stdin()).lines()));
        }
        let (mut editor, shown) = Readline::new("> ".to_owned()).context("cannot use the terminal")?;
        // What was said is shown when it is stored.
        editor.should_print_line_on(false, false);
        Ok(Self::Terminal { editor: Box::new(editor), shown })
    }

    /// The next line; none: there are no more. May be dropped without losing anything.
    pub(crate) async fn next(&mut self) -> Result<Option<String>> {
        match self {
            Self::Plain(lines) => lines.next_line().await.context("cannot read the standard input"),
            Self::Terminal { editor, .. } => {
                match editor.readline().await.context("cannot read the terminal")? {
                    ReadlineEvent::Line(line) => {
                        editor.add_history_entry(line.clone());
                        Ok(Some(line))
                    }
                    ReadlineEvent::Eof | ReadlineEvent::Interrupted => Ok(None),
                }
            }
        }
    }

    /// Shows a line.
    pub(crate) fn print(&mut self, line: &str) -> Result<()> {
        match self {
            Self::Plain(_) => {
                let mut out = std::io::stdout().lock();
                writeln!(out, "{line}")?;
                Ok(out.flush()?)
            }
            Self::Terminal { editor, shown } => {
                writeln!(shown, "{line}")?;
                Ok(editor.flush()?)
            }
        }
    }

    /// What stands before the line that is being typed.
    pub(crate) fn prompt(&mut self, prompt: &str) -> Result<()> {
        if let Self::Terminal { editor, .. } = self {
            editor.update_prompt(prompt)?;
        }
        Ok(())
    }

    /// Leaves the terminal as it was.
    pub(crate) fn close(self) {
        if let Self::Terminal { mut editor, shown } = self {
            drop(shown);
            // The terminal may be gone.
            editor.flush().ok();
        }
    }
}
