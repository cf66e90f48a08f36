//! What a device has sent and got no answer to, and when it sends it again, with the same id and text, as good clients
//! do. Knows no sockets.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// No answer for this long, and a message is sent again.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long after an error a message is sent again.
const AFTER_ERROR: Duration = Duration::from_millis(700);

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) id: String,
    pub(super) group: &'static str,
    pub(super) body: String,
    /// Not sent again after an error.
    pub(super) gives_up: bool,
}

/// Those without an answer.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// By number, so that they are sent again in the order in which they were written.
    waiting: BTreeMap<u64, (Letter, Instant)>,
    written: u64,
}

impl Outbox {
    /// How many were written so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// A new one, to be sent at once.
    pub(super) fn write(&mut self, letter: Letter, now: Instant) {
        self.waiting.insert(self.written, (letter, now));
        self.written += 1;
    }

    /// Those that are to be sent now, as far as anybody knows; asked again, they are to be sent later.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Letter> {
        let mut due = Vec::new();
        for (letter, at) in self.waiting.values_mut().filter(|(_, at)| *at <= now) {
            *at = now + PATIENCE;
            due.push(letter.clone());
        }
        due
    }

    /// The copy came. True if somebody waited for it.
    pub(super) fn reflected(&mut self, id: &str) -> bool {
        let found = self.number(id);
        found.is_some_and(|number| self.waiting.remove(&number).is_some())
    }

    /// An error came. True if the message is given up now.
    pub(super) fn refused(&mut self, id: &str, now: Instant) -> bool {
        let Some(number) = self.number(id) else { return false };
        match self.waiting.get_mut(&number) {
            Some((letter, _)) if letter.gives_up => self.waiting.remove(&number).is_some(),
            Some((_, at)) => {
                *at = now + AFTER_ERROR;
                false
            }
            None => false,
        }
    }

    /// The stream is gone, and perhaps what was sent on it: everything is sent on the next one.
    pub(super) fn cut_off(&mut self, now: Instant) {
        self.waiting.values_mut().for_each(|(_, at)| *at = now);
    }

    fn number(&self, id: &str) -> Option<u64> {
        self.waiting.iter().find(|(_, (letter, _))| letter.id == id).map(|(number, _)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(id: &str, gives_up: bool) -> Letter {
        Letter { id: id.into(), group: "tea", body: "Milk?".into(), gives_up }
    }

    fn ids(letters: &[Letter]) -> Vec<&str> {
        letters.iter().map(|letter| letter.id.as_str()).collect()
    }

    #[test]
    fn what_has_no_answer_is_sent_again_and_what_has_one_is_not() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        outbox.write(letter("m1", false), now);
        outbox.write(letter("m2", true), now);
        assert_eq!(ids(&outbox.due(now)), ["m1", "m2"]);
        assert_eq!(ids(&outbox.due(now)), [""; 0]);
        assert!(outbox.reflected("m2") && !outbox.reflected("m2"));
        assert_eq!(ids(&outbox.due(now + PATIENCE)), ["m1"]);
        outbox.cut_off(now);
        assert_eq!(ids(&outbox.due(now)), ["m1"]);
    }

    #[test]
    fn after_an_error_a_message_is_sent_again_or_given_up() {
        let (mut outbox, now) = (Outbox::default(), Instant::now());
        outbox.write(letter("m1", false), now);
        outbox.write(letter("m2", true), now);
        outbox.due(now);
        assert!(!outbox.refused("m1", now));
        assert!(outbox.refused("m2", now) && !outbox.refused("m2", now));
        assert_eq!(ids(&outbox.due(now + AFTER_ERROR)), ["m1"]);
    }
}
