//! Terms of Erlang as they are printed: what ejabberd keeps a room's options as.

use crate::transfer::cursor::Cursor;

/// Terms in terms; options need about six.
const DEPTH_MAX: usize = 50;

/// A term.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Term {
    Atom(String),
    Number(i64),
    /// A binary, or a string.
    Text(String),
    Tuple(Vec<Term>),
    List(Vec<Term>),
}

impl Term {
    /// The items of a list or a tuple.
    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::Tuple(items) | Self::List(items) => items,
            _ => &[],
        }
    }

    /// The value beside this name in a list of pairs.
    pub(super) fn of(&self, name: &str) -> Option<&Self> {
        self.items().iter().find_map(|pair| match pair.items() {
            [Self::Atom(key), value] if key == name => Some(value),
            _ => None,
        })
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn atom(&self) -> Option<&str> {
        match self {
            Self::Atom(name) => Some(name),
            _ => None,
        }
    }
}

/// Reads a term.
///
/// # Errors
/// Where it is something else, in bytes from its beginning.
pub(super) fn read(text: &str) -> Result<Term, String> {
    let mut cursor = Cursor::new(text.as_bytes(), "as Erlang prints it");
    let term = term(&mut cursor, 0)?;
    skip(&mut cursor);
    cursor.end()?;
    Ok(term)
}

fn skip(cursor: &mut Cursor<'_>) {
    cursor.take_while(|byte| byte.is_ascii_whitespace());
}

fn term(cursor: &mut Cursor<'_>, depth: usize) -> Result<Term, String> {
    skip(cursor);
    if depth > DEPTH_MAX {
        return cursor.wrong();
    }
    if cursor.take(b"<<") {
        return binary(cursor).map(Term::Text);
    }
    match cursor.peek() {
        Some(b'[') => items(cursor, b"]", depth).map(Term::List),
        Some(b'{') => items(cursor, b"}", depth).map(Term::Tuple),
        Some(b'"') => text(cursor).map(Term::Text),
        Some(b'\'') => text(cursor).map(Term::Atom),
        Some(byte) if byte == b'-' || byte.is_ascii_digit() => number(cursor).map(Term::Number),
        Some(byte) if byte.is_ascii_lowercase() => Ok(Term::Atom(word(cursor))),
        _ => cursor.wrong(),
    }
}

/// From the opening bracket.
fn items(cursor: &mut Cursor<'_>, end: &[u8], depth: usize) -> Result<Vec<Term>, String> {
    let mut items = Vec::new();
    cursor.byte()?;
    skip(cursor);
    if cursor.take(end) {
        return Ok(items);
    }
    loop {
        items.push(term(cursor, depth + 1)?);
        skip(cursor);
        if cursor.take(end) {
            return Ok(items);
        }
        cursor.expect(b",")?;
    }
}

/// Behind `<<`: texts and bytes.
fn binary(cursor: &mut Cursor<'_>) -> Result<String, String> {
    let mut bytes = Vec::new();
    loop {
        skip(cursor);
        match cursor.peek() {
            Some(b'"') => bytes.extend(quoted(cursor)?),
            Some(byte) if byte.is_ascii_digit() => match u8::try_from(number(cursor)?) {
                Ok(byte) => bytes.push(byte),
                Err(_) => return cursor.wrong(),
            },
            _ => {}
        }
        cursor.take(b"/utf8");
        skip(cursor);
        if cursor.take(b">>") {
            return cursor.unicode(bytes);
        }
        cursor.expect(b",")?;
    }
}

fn text(cursor: &mut Cursor<'_>) -> Result<String, String> {
    let bytes = quoted(cursor)?;
    cursor.unicode(bytes)
}

/// From a quotation mark to the next of its kind.
fn quoted(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let quote = cursor.byte()?;
    loop {
        match cursor.byte()? {
            byte if byte == quote => return Ok(bytes),
            b'\\' => bytes.push(match cursor.byte()? {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                byte => byte,
            }),
            byte => bytes.push(byte),
        }
    }
}

fn word(cursor: &mut Cursor<'_>) -> String {
    let word = cursor.take_while(|byte| byte.is_ascii_alphanumeric() || b"_@".contains(&byte));
    String::from_utf8_lossy(word).into_owned()
}

fn number(cursor: &mut Cursor<'_>) -> Result<i64, String> {
    let sign = if cursor.take(b"-") { "-" } else { "" };
    let digits = cursor.take_while(|byte| byte.is_ascii_digit());
    let number = format!("{sign}{}", String::from_utf8_lossy(digits));
    number.parse().or_else(|_| cursor.wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_erlang_prints_is_read() {
        let term = read(
            "[{title,<<228,184,139>>},{description,<<\"at \\\"five\\\"\">>},{public,true},{n,-12},{'A b',[]},\
             {affiliations,[{{<<\"alice\">>,<<\"p.lit\">>,<<>>},{owner,<<>>}}]}]",
        )
        .unwrap();
        assert_eq!(term.of("title").and_then(Term::text), Some("下"));
        assert_eq!(term.of("description").and_then(Term::text), Some("at \"five\""));
        assert_eq!(
            (term.of("public").and_then(Term::atom), term.of("A b")),
            (Some("true"), Some(&Term::List(vec![])))
        );
        let alice = &term.of("affiliations").unwrap().items()[0].items()[0];
        assert_eq!(alice.items()[0].text(), Some("alice"));
    }

    #[test]
    fn everything_else_is_refused() {
        let deep = "[".repeat(100_000);
        for wrong in ["", "[", "<<300>>", "<<255>>", "#{a => 1}", "{a b}", "fun()", "X", "[a] b", "\"", &deep]
        {
            assert!(read(wrong).is_err(), "{wrong:.30}");
        }
    }
}
