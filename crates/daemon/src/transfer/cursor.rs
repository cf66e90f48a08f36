//! A place in a text of somebody else's making that moves on: what readers of constants have in common.
//!
//! Not here: what stands there (`ejabberd/erlang.rs`, `prosody/lua.rs`).

/// A place in a text.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    /// How it should be, for whoever hears that it is not: `as Erlang prints it`.
    should_be: &'static str,
}

impl<'a> Cursor<'a> {
    /// At the beginning of it.
    pub(super) fn new(text: &'a [u8], should_be: &'static str) -> Self {
        Self { text, at: 0, should_be }
    }

    /// What is here is something else.
    pub(super) fn wrong<T>(&self) -> Result<T, String> {
        Err(format!("byte {} is not {}", self.at, self.should_be))
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// The next byte; an error at the end.
    pub(super) fn byte(&mut self) -> Result<u8, String> {
        let Some(byte) = self.peek() else { return self.wrong() };
        self.at += 1;
        Ok(byte)
    }

    /// Goes past this, if it is here.
    pub(super) fn take(&mut self, word: &[u8]) -> bool {
        let is_there = self.rest().starts_with(word);
        if is_there {
            self.at += word.len();
        }
        is_there
    }

    /// Goes past this, or it is wrong.
    pub(super) fn expect(&mut self, word: &[u8]) -> Result<(), String> {
        if self.take(word) { Ok(()) } else { self.wrong() }
    }

    /// Goes past all bytes of a kind; what they are.
    pub(super) fn take_while(&mut self, is_of_it: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let count = rest.iter().take_while(|byte| is_of_it(**byte)).count();
        self.at += count;
        rest.get(..count).unwrap_or_default()
    }

    /// Nothing is left, or it is wrong.
    pub(super) fn end(&self) -> Result<(), String> {
        if self.rest().is_empty() { Ok(()) } else { self.wrong() }
    }

    /// What was read up to here, as text.
    pub(super) fn unicode(&self, bytes: Vec<u8>) -> Result<String, String> {
        String::from_utf8(bytes).map_err(|_| format!("the text before byte {} is no UTF-8", self.at))
    }
}
