//! The tables that Prosody writes: constructors of Lua with constants in them, and nothing that would have to be run.

use std::collections::BTreeMap;

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
    let mut reader = Reader { text, at: 0 };
    reader.skip();
    if !reader.take(b"return") {
        reader.take(b"item");
    }
    reader.skip();
    let in_brackets = reader.take(b"(");
    reader.skip();
    let table = match reader.value(0)? {
        Value::Table(table) => table,
        _ => return Err("it is no table".to_owned()),
    };
    reader.skip();
    if in_brackets && !reader.take(b")") {
        return reader.wrong();
    }
    reader.skip();
    reader.take(b";");
    reader.skip();
    if reader.at == text.len() { Ok(table) } else { reader.wrong() }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn wrong<T>(&self) -> Result<T, String> {
        Err(format!("byte {} is not as Prosody writes it", self.at))
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, word: &[u8]) -> bool {
        let is_there = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        if is_there {
            self.at += word.len();
        }
        is_there
    }

    /// White space and comments.
    fn skip(&mut self) {
        while let Some(byte) = self.peek() {
            if byte.is_ascii_whitespace() {
                self.at += 1;
            } else if self.take(b"--") {
                while self.peek().is_some_and(|byte| byte != b'\n') {
                    self.at += 1;
                }
            } else {
                break;
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        match self.peek() {
            Some(b'{') if depth < DEPTH_MAX => self.table(depth).map(Value::Table),
            Some(quote @ (b'"' | b'\'')) => self.text(quote).map(Value::Text),
            _ if self.take(b"true") => Ok(Value::Flag(true)),
            _ if self.take(b"false") => Ok(Value::Flag(false)),
            _ => self.number().map(Value::Number),
        }
    }

    fn table(&mut self, depth: usize) -> Result<Table, String> {
        let mut table = Table::default();
        self.at += 1;
        loop {
            self.skip();
            if self.take(b"}") {
                return Ok(table);
            }
            match self.name()? {
                Some(name) => {
                    let value = self.value(depth + 1)?;
                    table.named.insert(name, value);
                }
                None => {
                    let value = self.value(depth + 1)?;
                    table.listed.push(value);
                }
            }
            self.skip();
            if !self.take(b";") && !self.take(b",") && self.peek() != Some(b'}') {
                return self.wrong();
            }
        }
    }

    /// `["name"] =` or `name =`, if there is one. A number in the place of a name is a place: they come in their order.
    fn name(&mut self) -> Result<Option<String>, String> {
        let start = self.at;
        let name = if self.take(b"[") {
            self.skip();
            let name = match self.value(DEPTH_MAX)? {
                Value::Text(text) => Some(text),
                Value::Number(_) => None,
                _ => return self.wrong(),
            };
            self.skip();
            if !self.take(b"]") {
                return self.wrong();
            }
            name
        } else {
            let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            let word = self.text[start..].iter().take_while(|byte| is_letter(byte)).count();
            self.at += word;
            self.skip();
            if word == 0 || self.peek() != Some(b'=') {
                self.at = start;
                return Ok(None);
            }
            Some(String::from_utf8_lossy(&self.text[start..start + word]).into_owned())
        };
        self.skip();
        if !self.take(b"=") {
            return self.wrong();
        }
        self.skip();
        Ok(name)
    }

    fn text(&mut self, quote: u8) -> Result<String, String> {
        let mut bytes = Vec::new();
        self.at += 1;
        loop {
            let Some(byte) = self.peek() else { return self.wrong() };
            self.at += 1;
            match byte {
                byte if byte == quote => break,
                b'\\' => bytes.push(self.escaped()?),
                byte => bytes.push(byte),
            }
        }
        String::from_utf8(bytes).map_err(|_| format!("the text before byte {} is no UTF-8", self.at))
    }

    fn escaped(&mut self) -> Result<u8, String> {
        let Some(byte) = self.peek() else { return self.wrong() };
        self.at += 1;
        Ok(match byte {
            b'n' | b'\n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'v' => 11,
            b'0'..=b'9' => {
                let mut number = u32::from(byte - b'0');
                for _ in 0..2 {
                    let Some(digit @ b'0'..=b'9') = self.peek() else { break };
                    number = number * 10 + u32::from(digit - b'0');
                    self.at += 1;
                }
                match u8::try_from(number) {
                    Ok(byte) => byte,
                    Err(_) => return self.wrong(),
                }
            }
            byte => byte,
        })
    }

    fn number(&mut self) -> Result<f64, String> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
            self.at += 1;
        }
        let text = std::str::from_utf8(&self.text[start..self.at]).unwrap_or_default();
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => self.wrong(),
        }
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
