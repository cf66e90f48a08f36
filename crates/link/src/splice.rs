//! From a [`Slice`] to bytes: one copy per recipient, each checked.
//!
//! One illegal character or one stanza too large closes the link for every group (Prosody and ejabberd answer with
//! `not-well-formed`), so what would do that is dropped here. Not here: sockets and queues, and one stanza for many
//! (`multicast`).

use std::borrow::Cow;
use std::ops::AddAssign;
use std::sync::Arc;

use crate::Outgoing;
use crate::multicast::Service;
use crate::queue::Slice;
use crate::writer::BUFFER_BYTES;

const TO_OPEN: &str = " to='";
const TO_CLOSE: &str = "'";

/// Writes the copies of one stanza, one after the other.
pub(crate) struct Copies<'a> {
    head: &'a str,
    tail: &'a str,
    recipients: std::slice::Iter<'a, Arc<str>>,
    /// It passes on those that it reaches.
    but: Option<&'a Service>,
    stanza_bytes_max: usize,
    /// What was left out so far.
    pub(crate) dropped: Dropped,
}

/// Copies that were not written, by reason. Counts only: no text of a stanza goes to the log.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) illegal_text: usize,
    pub(crate) illegal_recipient: usize,
    pub(crate) too_large: usize,
}

impl Dropped {
    pub(crate) fn total(self) -> usize {
        self.illegal_text + self.illegal_recipient + self.too_large
    }
}

impl AddAssign for Dropped {
    fn add_assign(&mut self, other: Self) {
        self.illegal_text += other.illegal_text;
        self.illegal_recipient += other.illegal_recipient;
        self.too_large += other.too_large;
    }
}

impl<'a> Copies<'a> {
    /// Recipients that `but` reaches get none.
    pub(crate) fn new(slice: &'a Slice, but: Option<&'a Service>, stanza_bytes_max: usize) -> Self {
        let Outgoing { head, tail, .. } = slice.outgoing();
        let recipients = slice.recipients().iter();
        let mut copies = Self { head, tail, recipients, but, stanza_bytes_max, dropped: Dropped::default() };
        if !slice.is_legal() {
            copies.dropped.illegal_text = std::iter::from_fn(|| copies.next()).count();
        }
        copies
    }

    fn next(&mut self) -> Option<&'a str> {
        let but = self.but;
        self.recipients.by_ref().map(|to| &**to).find(|to| !but.is_some_and(|service| service.reaches(to)))
    }

    /// Appends copies to `buffer` until it holds `buffer_bytes` or more; `true` while there may be more to write.
    pub(crate) fn fill(&mut self, buffer: &mut Vec<u8>, buffer_bytes: usize) -> bool {
        while buffer.len() < buffer_bytes {
            let Some(recipient) = self.next() else { return false };
            self.append(recipient, buffer);
        }
        true
    }

    fn append(&mut self, recipient: &str, buffer: &mut Vec<u8>) {
        if !is_recipient(recipient) {
            self.dropped.illegal_recipient += 1;
            return;
        }
        let recipient = escape(recipient);
        let parts = [self.head, TO_OPEN, &recipient, TO_CLOSE, self.tail];
        if parts.iter().map(|part| part.len()).sum::<usize>() > self.stanza_bytes_max {
            self.dropped.too_large += 1;
            return;
        }
        for part in parts {
            buffer.extend_from_slice(part.as_bytes());
        }
    }
}

/// Escapes `text` for an attribute in single quotes, or between tags (where `]]>` must not be). Predefined entities only:
/// Tigase passes others on unread.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'&' | b'<' | b'>' | b'\'')) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\'' => escaped.push_str("&apos;"),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

/// Can a stanza be addressed so? An address holds no white space but the blank of a resource; a line break would also not
/// survive attribute normalisation.
pub(crate) fn is_recipient(text: &str) -> bool {
    !text.is_empty() && !text.bytes().any(|byte| byte < b' ') && is_legal(text)
}

/// Whether XML allows every character of `text` (XML 1.0 §2.2). Rust strings hold no surrogates, so what remains is
/// control characters and the two non-characters U+FFFE and U+FFFF.
pub(crate) fn is_legal(text: &str) -> bool {
    let bytes = text.as_bytes();
    let legal_control = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\r');
    bytes.iter().enumerate().all(|(at, &byte)| match byte {
        0..b' ' => legal_control(byte),
        // U+FFFE and U+FFFF are EF BF BE and EF BF BF.
        0xEF => !matches!(bytes.get(at + 1..at + 3), Some([0xBF, 0xBE | 0xBF])),
        _ => true,
    })
}

/// All copies of a stanza as the writer makes them, in buffers of its size. For measuring that alone.
#[doc(hidden)]
pub fn copies(outgoing: Outgoing, stanza_bytes_max: usize, mut written: impl FnMut(&[u8])) {
    let slice = Slice::whole(outgoing);
    let mut copies = Copies::new(&slice, None, stanza_bytes_max);
    let mut buffer = Vec::with_capacity(2 * BUFFER_BYTES);
    while copies.fill(&mut buffer, BUFFER_BYTES) {
        written(&buffer);
        buffer.clear();
    }
    written(&buffer);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing(to: &[&str], tail: &str) -> Outgoing {
        Outgoing {
            head: "<message from='g@x'".to_owned(),
            to: to.iter().map(|&to| to.into()).collect(),
            tail: tail.into(),
            lane: None,
        }
    }

    fn spliced(outgoing: &Outgoing, stanza_bytes_max: usize) -> (String, Dropped) {
        let slice = Slice::whole(outgoing.clone());
        let (mut buffer, mut copies) = (Vec::new(), Copies::new(&slice, None, stanza_bytes_max));
        while copies.fill(&mut buffer, usize::MAX) {}
        (String::from_utf8(buffer).unwrap(), copies.dropped)
    }

    #[test]
    fn each_recipient_gets_a_copy() {
        let (text, dropped) = spliced(&outgoing(&["a@b", "c@d/e"], "/>"), 1000);
        assert_eq!(text, "<message from='g@x' to='a@b'/><message from='g@x' to='c@d/e'/>");
        assert_eq!(dropped, Dropped::default());
    }

    #[test]
    fn recipients_are_escaped() {
        let (text, _) = spliced(&outgoing(&["a@b/x'y&z<q\">"], "/>"), 1000);
        assert_eq!(text, "<message from='g@x' to='a@b/x&apos;y&amp;z&lt;q\"&gt;'/>");
    }

    #[test]
    fn a_bad_recipient_costs_only_its_own_copy() {
        let (text, dropped) =
            spliced(&outgoing(&["a@b/\u{1}", "", "a@b/\n", "a@b/\u{FFFF}", "c@d"], "/>"), 1000);
        assert_eq!(text, "<message from='g@x' to='c@d'/>");
        assert_eq!(dropped, Dropped { illegal_recipient: 4, ..Dropped::default() });
    }

    #[test]
    fn illegal_text_costs_all_copies() {
        for tail in
            ["><body>\u{0}</body></message>", "><body>\u{FFFE}</body></message>", "><b>\u{1f}</b></message>"]
        {
            let (text, dropped) = spliced(&outgoing(&["a@b", "c@d"], tail), 1000);
            assert_eq!((text.as_str(), dropped.total()), ("", 2));
        }
    }

    #[test]
    fn an_illegal_head_costs_all_copies() {
        for from in ["g@x/\u{0}", "g@x/\u{b}", "g@x/\u{FFFF}"] {
            let outgoing =
                Outgoing { head: format!("<message from='{from}'"), ..outgoing(&["a@b", "c@d"], "/>") };
            let (text, dropped) = spliced(&outgoing, 1000);
            assert_eq!((text.as_str(), dropped.illegal_text), ("", 2));
        }
    }

    #[test]
    fn whatever_is_long_is_measured_and_whatever_is_odd_is_not() {
        const MAX: usize = 100_000;
        let name = |letters: usize| format!("><{}/></message>", "n".repeat(letters));
        let attributes = |many: usize| {
            let attributes: String = (0..many).map(|n| format!(" a{n}=''")).collect();
            format!("><x{attributes}/></message>")
        };
        let nested = |levels: usize| format!(">{}{}</message>", "<a>".repeat(levels), "</a>".repeat(levels));
        for tail in [name(90_000), attributes(9_000), nested(10_000)] {
            let (text, dropped) = spliced(&outgoing(&["a@b", "c@d"], &tail), MAX);
            assert_eq!((text.matches(&tail).count(), dropped.total()), (2, 0));
        }
        for tail in [name(100_000), attributes(12_000), nested(20_000)] {
            let (text, dropped) = spliced(&outgoing(&["a@b", "c@d"], &tail), MAX);
            assert_eq!((text.as_str(), dropped.too_large), ("", 2));
        }
    }

    #[test]
    fn the_size_counts_the_escaped_address() {
        let fits = "<message from='g@x' to='a@b/&amp;'/>".len();
        assert_eq!(spliced(&outgoing(&["a@b/&"], "/>"), fits).1.total(), 0);
        assert_eq!(spliced(&outgoing(&["a@b/&"], "/>"), fits - 1).1.too_large, 1);
    }

    #[test]
    fn legal_characters() {
        for text in ["", "\t\n\r", "é", "\u{7f}\u{85}", "\u{FFFD}", "\u{FFEE}", "龘𰻝🐎", "\u{10FFFF}"]
        {
            assert!(is_legal(text), "{text:?}");
        }
        for text in ["\u{0}", "a\u{8}", "\u{b}", "\u{1b}", "x\u{FFFE}", "\u{FFFF}x"] {
            assert!(!is_legal(text), "{text:?}");
        }
    }

    #[test]
    fn filling_stops_at_the_buffer_size() {
        let slice = Slice::whole(outgoing(&["a@b"; 100], "/>"));
        let (mut buffer, mut copies) = (Vec::new(), Copies::new(&slice, None, 1000));
        assert!(copies.fill(&mut buffer, 100));
        assert!((100..200).contains(&buffer.len()));
        let one = "<message from='g@x' to='a@b'/>".len();
        assert!(!copies.fill(&mut buffer, usize::MAX));
        assert_eq!(buffer.len(), 100 * one);
    }
}
