//! Lists of recipients that the server remembers for the time of a connection, so that a message to the same devices as
//! the last one names a number instead of a hundred addresses. Only our own module for Prosody does that.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use super::{LISTS_NS, Service};
use crate::queue::are_the_same;
use crate::splice::{escape, is_recipient};

/// Lists at a time; the module has room for as many. When there are more, or more addresses, all begin anew.
const LISTS_MAX: usize = 1_000;
const ADDRESSES_MAX: usize = 100_000;

/// The lists of one connection.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    /// By what the list holds, values not texts: somebody who logged in again is another value.
    known: HashMap<u64, Arc<List>>,
    addresses: usize,
    /// No number is given twice before all begin anew.
    next: usize,
}

/// A list that the server knows.
#[derive(Debug)]
pub(crate) struct List {
    number: usize,
    /// All that it was made of. Holding them keeps their places from being taken by others.
    to: Vec<Arc<str>>,
}

impl Lists {
    /// The list of these recipients. If the server does not know it yet, what tells it is put behind `buffer`. `None`: it
    /// would be too large, or hold what is no address.
    pub(crate) fn find(
        &mut self,
        service: &Service,
        domain: &str,
        to: &[Arc<str>],
        stanza_bytes_max: usize,
        buffer: &mut Vec<u8>,
    ) -> Option<Arc<List>> {
        let key = key(to);
        if let Some(list) = self.known.get(&key).filter(|list| are_the_same(&list.to, to)) {
            return Some(list.clone());
        }
        if to.len() > service.recipients_max {
            return None;
        }
        if self.next >= LISTS_MAX || self.addresses + to.len() > ADDRESSES_MAX {
            *self = Self::default();
        }
        let reached: Vec<&Arc<str>> = to.iter().filter(|to| service.reaches(to)).collect();
        if !reached.iter().all(|to| is_recipient(to)) {
            return None;
        }
        let number = self.next;
        // No address holds a line break.
        let lines: Vec<_> = reached.iter().map(|to| escape(to)).collect();
        let told = format!(
            "<message from='{}' to='{}'><list xmlns='{LISTS_NS}' number='{number}'>{}</list></message>",
            escape(domain),
            escape(&service.address),
            lines.join("\n")
        );
        if told.len() > stanza_bytes_max {
            return None;
        }
        buffer.extend_from_slice(told.as_bytes());
        let list = Arc::new(List { number, to: to.to_vec() });
        self.addresses += to.len();
        self.next += 1;
        self.known.insert(key, list.clone());
        Some(list)
    }
}

impl List {
    /// Appends the stanza, for all of the list that the service reaches.
    pub(crate) fn append(&self, service: &Service, head: &str, content: &str, buffer: &mut Vec<u8>) {
        let number = self.number.to_string();
        let to = escape(&service.address);
        for part in
            [head, " to='", &to, "'><to-list xmlns='", LISTS_NS, "' number='", &number, "'/>", content]
        {
            buffer.extend_from_slice(part.as_bytes());
        }
    }
}

fn key(to: &[Arc<str>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    to.iter().for_each(|to| Arc::as_ptr(to).cast::<u8>().hash(&mut hasher));
    hasher.finish()
}
