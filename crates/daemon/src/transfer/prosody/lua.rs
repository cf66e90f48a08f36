//! The tables that Prosody writes: constructors of Lua with constants in them, and nothing that would have to be run.

use std::collections::BTreeMap;

use crate::transfer::cursor::Cursor;

/// Tables in tables; a stanza needs about ten.
const DEPTH_MAX: usize = 100;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(f64),
    Flag(bool),
    Table(Table),
}

/// A table: what has a name, and what has a place.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Table {
    pub(super) named: BTreeMap<String, Value>,
    pub(super) listed: Vec<Value>,
}

impl Table {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.named.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        match self.named.get(name) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        matches!(self.named.get(name), Some(Value::Flag(true)))
    }

    pub(super) fn table(&self, name: &str) -> Option<&Self> {
        match self.named.get(name) {
            Some(Value::Table(table)) => Some(table),
            _ => None,
        }
    }
}

/// Reads `return { … };`, `item({ … });` or a table alone.
///
/// # Errors
/// Where it is something else, in bytes from its beginning.
pub(super) fn read(text: &[u8]) -> Result<Table, String> {
    let mut cursor = Cursor::new(text, "as Prosody writes it");
    skip(&mut cursor);
    if !cursor.take(b"return") {
        cursor.take(b"item");
    }
    skip(&mut cursor);
    let in_brackets = cursor.take(b"(");
    skip(&mut cursor);
    let Value::Table(table) = value(&mut cursor, 0)? else { return Err("it is no table".to_owned()) };
    skip(&mut cursor);
    if in_brackets {
        cursor.expect(b")")?;
    }
    skip(&mut cursor);
    cursor.take(b";");
    skip(&mut cursor);
    cursor.end()?;
    Ok(table)
}

/// White space and comments.
fn skip(cursor: &mut Cursor<'_>) {
    cursor.take_while(|byte| byte.is_ascii_whitespace());
    while cursor.take(b"--") {
        cursor.take_while(|byte| byte != b'\n');
        cursor.take_while(|byte| byte.is_ascii_whitespace());
    }
}

fn value(cursor: &mut Cursor<'_>, depth: usize) -> Result<Value, String> {
    match cursor.peek() {
        Some(b'{') if depth < DEPTH_MAX => table(cursor, depth).map(Value::Table),
        Some(b'"' | b'\'') => text(cursor).map(Value::Text),
        _ if cursor.take(b"true") => Ok(Value::Flag(true)),
        _ if cursor.take(b"false") => Ok(Value::Flag(false)),
        _ => number(cursor).map(Value::Number),
    }
}

/// From the opening bracket.
fn table(cursor: &mut Cursor<'_>, depth: usize) -> Result<Table, String> {
    let mut table = Table::default();
    cursor.byte()?;
    loop {
        skip(cursor);
        if cursor.take(b"}") {
            return Ok(table);
        }
        let name = name(cursor)?;
        let value = value(cursor, depth + 1)?;
        match name {
            Some(name) => drop(table.named.insert(name, value)),
            None => table.listed.push(value),
        }
        skip(cursor);
        if !cursor.take(b";") && !cursor.take(b",") && cursor.peek() != Some(b'}') {
            return cursor.wrong();
        }
    }
}

/// `["name"] =` or `name =`, if there is one. A number in the place of a name is a place: they come in their order.
fn name(cursor: &mut Cursor<'_>) -> Result<Option<String>, String> {
    let name = if cursor.take(b"[") {
        skip(cursor);
        let name = match value(cursor, DEPTH_MAX)? {
            Value::Text(text) => Some(text),
            Value::Number(_) => None,
            _ => return cursor.wrong(),
        };
        skip(cursor);
        cursor.expect(b"]")?;
        name
    } else {
        let before = cursor.clone();
        let word = cursor.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        skip(cursor);
        if word.is_empty() || cursor.peek() != Some(b'=') {
            *cursor = before;
            return Ok(None);
        }
        Some(String::from_utf8_lossy(word).into_owned())
    };
    skip(cursor);
    cursor.expect(b"=")?;
    skip(cursor);
    Ok(name)
}

/// From a quotation mark to the next of its kind.
fn text(cursor: &mut Cursor<'_>) -> Result<String, String> {
    let mut bytes = Vec::new();
    let quote = cursor.byte()?;
    loop {
        match cursor.byte()? {
            byte if byte == quote => return cursor.unicode(bytes),
            b'\\' => bytes.push(escaped(cursor)?),
            byte => bytes.push(byte),
        }
    }
}

/// Behind a backslash.
fn escaped(cursor: &mut Cursor<'_>) -> Result<u8, String> {
    Ok(match cursor.byte()? {
        b'n' | b'\n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'v' => 11,
        digit @ b'0'..=b'9' => {
            let mut number = u32::from(digit - b'0');
            for _ in 0..2 {
                let Some(digit @ b'0'..=b'9') = cursor.peek() else { break };
                number = number * 10 + u32::from(digit - b'0');
                cursor.byte()?;
            }
            return u8::try_from(number).or_else(|_| cursor.wrong());
        }
        byte => byte,
    })
}

fn number(cursor: &mut Cursor<'_>) -> Result<f64, String> {
    let digits = cursor.take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    match std::str::from_utf8(digits).unwrap_or_default().parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => cursor.wrong(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_prosody_writes_is_read() {
        let table = read(
            b"item({\n\t{\n\t\t\"Milk? <&\\'\\\"\\n\\\\ \\229\\165\\182\";\n\t\t[\"name\"] = \"body\";\n\t};\n\
              \t[\"when\"] = 1795271730.5;\n\t[\"on\"] = true;\n\tplain = { [1] = \"a\"; [2] = \"b\" },\n});\n",
        )
        .unwrap();
        let Value::Table(body) = &table.listed[0] else { panic!("{table:?}") };
        assert_eq!(body.listed, [Value::Text("Milk? <&'\"\n\\ 奶".into())]);
        assert_eq!((body.text("name"), table.number("when")), (Some("body"), Some(1_795_271_730.5)));
        assert!(table.is_set("on") && table.table("plain").unwrap().listed.len() == 2);
        assert_eq!(read(b"-- a comment\nreturn {\n};"), Ok(Table::default()));
    }

    #[test]
    fn everything_else_is_refused() {
        let deep = "{".repeat(100_000);
        for wrong in
            ["", "return 1", "return {", "return { os.exit() }", "{ \"\\999\" }", "{ 1 2 }", "{}; x", &deep]
        {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong:.30}");
        }
        assert!(read(b"{ \"\\255\" }").is_err());
    }
}
