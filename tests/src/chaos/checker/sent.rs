//! What was sent, and what became of it at its sender.

use std::collections::HashMap;
use std::time::Duration;

use crate::chaos::evidence::{Diary, Evidence, Way, What};

/// A message as its sender knows it.
#[derive(Debug)]
pub(super) struct Sent<'a> {
    pub(super) group: &'a str,
    pub(super) body: &'a str,
    /// The diary of the device that sent it.
    pub(super) diary: usize,
    /// When it was sent for the first time.
    pub(super) at: Duration,
    pub(super) attempts: usize,
    /// A live copy came to the device that sent it.
    pub(super) reflected: bool,
    /// It came back as an error, and was not sent again.
    pub(super) given_up: bool,
    /// The stanza-id of whatever copy or row was seen first.
    pub(super) stanza_id: Option<&'a str>,
}

/// All messages of a run, by id.
#[derive(Debug)]
pub(super) struct Messages<'a>(pub(super) HashMap<&'a str, Sent<'a>>);

impl<'a> Messages<'a> {
    pub(super) fn gather(evidence: &'a Evidence) -> Self {
        let mut messages = Self(HashMap::new());
        for (number, diary) in evidence.diaries.iter().enumerate() {
            messages.read(number, diary);
        }
        messages
    }

    pub(super) fn get(&self, id: &str) -> Option<&Sent<'a>> {
        self.0.get(id)
    }

    fn read(&mut self, number: usize, diary: &'a Diary) {
        for entry in &diary.entries {
            match &entry.what {
                What::Sent { id, group, body } => {
                    let sent = self.0.entry(id).or_insert_with(|| Sent {
                        group,
                        body,
                        diary: number,
                        at: entry.at,
                        attempts: 0,
                        reflected: false,
                        given_up: false,
                        stanza_id: None,
                    });
                    sent.attempts += 1;
                }
                What::Refused { id, given_up: true } => self.own(number, id, |sent| sent.given_up = true),
                What::Copy { way: Way::Live, message, .. } => {
                    self.own(number, &message.id, |sent| sent.reflected = true);
                }
                What::Refused { .. } | What::Copy { .. } | What::Settled | What::Gone => {}
            }
        }
    }

    /// Notes something of a message that this device sent itself.
    fn own(&mut self, diary: usize, id: &str, note: impl FnOnce(&mut Sent<'a>)) {
        if let Some(sent) = self.0.get_mut(id).filter(|sent| sent.diary == diary) {
            note(sent);
        }
    }
}
