//! The statements that ejabberd writes: one `INSERT` a line, each value a number or a text.

use std::collections::HashMap;

/// A row: values by column.
pub(super) type Row = HashMap<String, String>;

/// Does a line begin like one that inserts a row into this table?
pub(super) fn is_row(line: &[u8], table: &str) -> bool {
    let rest = line.strip_prefix(b"INSERT INTO ").and_then(|rest| rest.strip_prefix(table.as_bytes()));
    rest.is_some_and(|rest| rest.starts_with(b"("))
}

/// The row that a line inserts into this table; `None`: it does something else.
///
/// # Errors
/// It begins like one, and is none.
pub(super) fn row(line: &str, table: &str) -> Result<Option<Row>, String> {
    let rest = line.strip_prefix("INSERT INTO ").and_then(|rest| rest.strip_prefix(table));
    let Some(rest) = rest.and_then(|rest| rest.strip_prefix('(')) else { return Ok(None) };
    let parts = rest.split_once(") VALUES (");
    let (columns, values) = parts.ok_or_else(|| format!("a row of {table} without values"))?;
    let columns = columns.split(',').map(|column| column.trim().to_owned());
    let values = values_of(values).ok_or_else(|| format!("a row of {table} that ends in its midst"))?;
    let row: Row = columns.zip(values).collect();
    Ok(Some(row))
}

/// The values before the closing bracket.
fn values_of(text: &str) -> Option<Vec<String>> {
    let mut values = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let mut value = String::new();
        if chars.next_if_eq(&'\'').is_some() {
            loop {
                match chars.next()? {
                    '\'' if chars.next_if_eq(&'\'').is_some() => value.push('\''),
                    '\'' => break,
                    '\\' => value.push(match chars.next()? {
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        '0' => '\0',
                        other => other,
                    }),
                    other => value.push(other),
                }
            }
        } else {
            while let Some(c) = chars.next_if(|c| !matches!(c, ',' | ')')) {
                value.push(c);
            }
        }
        values.push(value);
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        match chars.next()? {
            ',' => {}
            ')' => return Some(values),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_as_they_were() {
        let line =
            "INSERT INTO archive(username, timestamp, txt) VALUES ('a@b', 17, 'it''s \\\"\\n\\\\, (奶)');";
        let row = row(line, "archive").unwrap().unwrap();
        assert_eq!((row["username"].as_str(), row["timestamp"].as_str()), ("a@b", "17"));
        assert_eq!(row["txt"], "it's \"\n\\, (奶)");
    }

    #[test]
    fn what_is_no_row_is_told() {
        assert_eq!(row("-- x", "archive"), Ok(None));
        assert_eq!(row("INSERT INTO archives(a) VALUES (1);", "archive"), Ok(None));
        assert!(row("INSERT INTO archive(a) VALUES ('1", "archive").is_err());
        assert!(row("INSERT INTO archive(a)", "archive").is_err());
    }
}
