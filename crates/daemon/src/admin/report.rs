//! What a command came to, in a shape of its own: lines for the shell, a form for XMPP clients, JSON for programs.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Names and values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) facts: Vec<Fact>,
    /// What there are several of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) table: Option<Table>,
    /// All of it in a word.
    pub(crate) note: String,
}

/// A name and what is so called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fact {
    /// What it is.
    pub(crate) name: String,
    /// Its value, or several.
    pub(crate) values: Vec<String>,
}

/// Rows of the same columns.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Table {
    /// What they are called.
    pub(crate) columns: Vec<String>,
    /// A value for each column.
    pub(crate) rows: Vec<Vec<String>>,
    /// Where not all of them fit, the last ones count most.
    #[serde(skip)]
    pub(crate) last_first: bool,
}

impl Report {
    /// Nothing but this.
    pub(crate) fn of(note: impl Into<String>) -> Self {
        Self { note: note.into(), ..Self::default() }
    }

    /// One name and value more.
    pub(crate) fn fact(mut self, name: &str, value: impl ToString) -> Self {
        self.facts.push(Fact { name: name.to_owned(), values: vec![value.to_string()] });
        self
    }

    /// One name with all its values, if it has any.
    pub(crate) fn facts(mut self, name: &str, values: Vec<String>) -> Self {
        if !values.is_empty() {
            self.facts.push(Fact { name: name.to_owned(), values });
        }
        self
    }

    /// With these rows.
    pub(crate) fn table<const N: usize>(mut self, columns: [&str; N], rows: Vec<[String; N]>) -> Self {
        self.table = Some(Table {
            columns: columns.map(str::to_owned).to_vec(),
            rows: rows.into_iter().map(Vec::from).collect(),
            last_first: false,
        });
        self
    }

    /// Where not all rows fit, the last ones are shown.
    pub(crate) fn last_first(mut self) -> Self {
        self.table.iter_mut().for_each(|table| table.last_first = true);
        self
    }

    /// As lines for people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let lines = self.facts.iter().flat_map(|fact| fact.values.iter().map(|value| (&fact.name, value)));
        let width = self.facts.iter().map(|fact| fact.name.chars().count()).max().unwrap_or_default();
        for (name, value) in lines {
            let _ = writeln!(text, "{name:<width$}  {value}");
        }
        if let Some(table) = self.table.as_ref().filter(|table| !table.rows.is_empty()) {
            table.write(&mut text);
        }
        text.push_str(&self.note);
        text
    }
}

impl Table {
    fn write(&self, text: &mut String) {
        let rows = || std::iter::once(&self.columns).chain(&self.rows);
        let width =
            |column: usize| rows().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        let widths: Vec<_> =
            (0..self.columns.len()).map(|column| width(column).unwrap_or_default()).collect();
        for row in rows() {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_columns_and_programs_read_json() {
        let report = Report::of("2 groups")
            .fact("link", "up")
            .facts("nothing", Vec::new())
            .facts("devices", vec!["a".into(), "b".into()])
            .table(["id", "name"], vec![["tea".into(), "下午茶".into()], ["coffee".into(), String::new()]]);
        let text = "link     up\ndevices  a\ndevices  b\nid      name\ntea     下午茶\ncoffee\n2 groups";
        assert_eq!(report.text(), text);
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
        assert_eq!(Report::of("done").text(), "done");
    }
}
