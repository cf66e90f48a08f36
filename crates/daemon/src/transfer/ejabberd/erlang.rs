//! Terms of Erlang as they are printed: what ejabberd keeps a room's options as.

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
    let mut reader = Reader { text: text.as_bytes(), at: 0 };
    let term = reader.term(0)?;
    reader.skip();
    if reader.at == text.len() { Ok(term) } else { reader.wrong() }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn wrong<T>(&self) -> Result<T, String> {
        Err(format!("byte {} is not as Erlang prints it", self.at))
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, word: &[u8]) -> bool {
        let is_there = self.text[self.at..].starts_with(word);
        if is_there {
            self.at += word.len();
        }
        is_there
    }

    fn skip(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn term(&mut self, depth: usize) -> Result<Term, String> {
        self.skip();
        if depth > DEPTH_MAX {
            return self.wrong();
        }
        if self.take(b"<<") {
            return self.binary();
        }
        match self.peek() {
            Some(b'[') => self.items(b"]", depth).map(Term::List),
            Some(b'{') => self.items(b"}", depth).map(Term::Tuple),
            Some(b'"') => self.quoted(b'"').and_then(|bytes| self.unicode(bytes)).map(Term::Text),
            Some(b'\'') => self.quoted(b'\'').and_then(|bytes| self.unicode(bytes)).map(Term::Atom),
            Some(byte) if byte == b'-' || byte.is_ascii_digit() => self.number().map(Term::Number),
            Some(byte) if byte.is_ascii_lowercase() => Ok(Term::Atom(self.word())),
            _ => self.wrong(),
        }
    }

    fn items(&mut self, end: &[u8], depth: usize) -> Result<Vec<Term>, String> {
        let mut items = Vec::new();
        self.at += 1;
        self.skip();
        if self.take(end) {
            return Ok(items);
        }
        loop {
            items.push(self.term(depth + 1)?);
            self.skip();
            if self.take(end) {
                return Ok(items);
            }
            if !self.take(b",") {
                return self.wrong();
            }
        }
    }

    /// Behind `<<`: texts and bytes.
    fn binary(&mut self) -> Result<Term, String> {
        let mut bytes = Vec::new();
        loop {
            self.skip();
            match self.peek() {
                Some(b'"') => bytes.extend(self.quoted(b'"')?),
                Some(byte) if byte.is_ascii_digit() => match u8::try_from(self.number()?) {
                    Ok(byte) => bytes.push(byte),
                    Err(_) => return self.wrong(),
                },
                _ => {}
            }
            self.take(b"/utf8");
            self.skip();
            if self.take(b">>") {
                return self.unicode(bytes).map(Term::Text);
            }
            if !self.take(b",") {
                return self.wrong();
            }
        }
    }

    fn quoted(&mut self, quote: u8) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        self.at += 1;
        loop {
            let Some(byte) = self.peek() else { return self.wrong() };
            self.at += 1;
            match byte {
                byte if byte == quote => return Ok(bytes),
                b'\\' => {
                    let Some(byte) = self.peek() else { return self.wrong() };
                    self.at += 1;
                    bytes.push(match byte {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        byte => byte,
                    });
                }
                byte => bytes.push(byte),
            }
        }
    }

    fn unicode(&self, bytes: Vec<u8>) -> Result<String, String> {
        String::from_utf8(bytes).map_err(|_| format!("the text before byte {} is no UTF-8", self.at))
    }

    fn word(&mut self) -> String {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_@".contains(&byte)) {
            self.at += 1;
        }
        String::from_utf8_lossy(&self.text[start..self.at]).into_owned()
    }

    fn number(&mut self) -> Result<i64, String> {
        let start = self.at;
        self.take(b"-");
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        let digits = String::from_utf8_lossy(&self.text[start..self.at]).into_owned();
        digits.parse().or_else(|_| self.wrong())
    }
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
