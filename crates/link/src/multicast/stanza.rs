//! From a slice to bytes, many recipients to a stanza: `<addresses/>` with an `<address type='bcc'/>` each (XEP-0033 §3),
//! behind the start tag.

use std::borrow::Cow;
use std::sync::Arc;

use super::Service;
use crate::queue::Slice;
use crate::splice::{Dropped, escape, is_recipient};

const OPEN: &str = "><addresses xmlns='http://jabber.org/protocol/address'>";
const CLOSE: &str = "</addresses>";
const EACH_OPEN: &str = "<address type='bcc' jid='";
const EACH_CLOSE: &str = "'/>";

/// Writes the copies that the service passes on; others stay for `splice`.
pub(crate) struct Together<'a> {
    service: &'a Service,
    /// Start tag up to where the address goes.
    head: &'a str,
    /// What follows the start tag, its end included.
    content: Cow<'a, str>,
    recipients: std::iter::Peekable<std::slice::Iter<'a, Arc<str>>>,
    stanza_bytes_max: usize,
    /// What was left out so far.
    pub(crate) dropped: Dropped,
}

impl<'a> Together<'a> {
    /// Checks what all copies share once.
    pub(crate) fn new(service: &'a Service, slice: &'a Slice, stanza_bytes_max: usize) -> Self {
        let outgoing = slice.outgoing();
        let (head, tail) = (outgoing.head.as_str(), &*outgoing.tail);
        let mut dropped = Dropped::default();
        let mut recipients = slice.recipients().iter();
        if !slice.is_legal() {
            dropped.illegal_text = slice.recipients().iter().filter(|to| service.reaches(to)).count();
            recipients = [].iter();
        }
        let recipients = recipients.peekable();
        Self { service, head, content: content(head, tail), recipients, stanza_bytes_max, dropped }
    }

    /// Appends one stanza to `buffer`; `true` while there may be more.
    pub(crate) fn fill(&mut self, buffer: &mut Vec<u8>) -> bool {
        let start = buffer.len();
        for part in [self.head, " to='", &escape(&self.service.address), "'", OPEN] {
            buffer.extend_from_slice(part.as_bytes());
        }
        let mut count = 0;
        while let Some(recipient) = self.recipients.next_if(|_| count < self.service.recipients_max) {
            if !self.service.reaches(recipient) {
                continue;
            }
            if !is_recipient(recipient) {
                self.dropped.illegal_recipient += 1;
                continue;
            }
            let before = buffer.len();
            for part in [EACH_OPEN, &escape(recipient), EACH_CLOSE] {
                buffer.extend_from_slice(part.as_bytes());
            }
            let bytes = buffer.len() - start + CLOSE.len() + self.content.len();
            if bytes > self.stanza_bytes_max && count == 0 {
                buffer.truncate(before);
                self.dropped.too_large += 1;
                continue;
            }
            count += 1;
            // A stanza is full long before it is too large, so that the next address need not be measured first.
            if bytes > self.stanza_bytes_max / 2 {
                break;
            }
        }
        if count == 0 {
            buffer.truncate(start);
        } else {
            buffer.extend_from_slice(CLOSE.as_bytes());
            buffer.extend_from_slice(self.content.as_bytes());
        }
        self.recipients.peek().is_some()
    }
}

/// What comes behind `<addresses/>`: the caller's tail without the end of the start tag.
pub(crate) fn content<'a>(head: &str, tail: &'a str) -> Cow<'a, str> {
    match tail.strip_prefix('>') {
        Some(content) => content.into(),
        None => {
            let name = head.trim_start_matches('<').split(' ').next().unwrap_or_default();
            format!("</{name}>").into()
        }
    }
}
