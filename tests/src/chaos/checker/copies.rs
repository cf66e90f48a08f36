//! Each copy and each row of an archive, for itself: was it sent, is it what was sent, has it the one stanza-id.

use std::collections::{HashMap, HashSet};

use super::sent::Messages;
use super::{Kind, Verdict};
use crate::chaos::evidence::{Evidence, Message, What};

pub(super) fn check<'a>(evidence: &'a Evidence, messages: &mut Messages<'a>, verdict: &mut Verdict) {
    let mut seen = Seen { messages, names: HashMap::new() };
    for diary in &evidence.diaries {
        let place = format!("{}/{}", diary.user, diary.device);
        let mut of_device = HashSet::new();
        for entry in &diary.entries {
            match &entry.what {
                What::Copy { group, message, .. } => {
                    let is_member =
                        evidence.groups.get(group).is_some_and(|members| members.contains(&diary.user));
                    if !is_member {
                        verdict.add(
                            Kind::Phantom,
                            format!("{} of {group} came to {place}, who is no member", message.id),
                        );
                    }
                    seen.one(group, message, &place, verdict);
                    let known = !of_device.insert(message.stanza_id.as_str());
                    verdict.figures.duplicates += usize::from(known);
                }
                What::Refused { .. } => verdict.figures.errors += 1,
                What::Sent { .. } | What::Settled | What::Gone => {}
            }
        }
    }
    for reading in &evidence.readings {
        let place = format!("the archive of {} as {} reads it", reading.group, reading.user);
        for message in &reading.rows {
            seen.one(&reading.group, message, &place, verdict);
        }
    }
}

/// What is known of stanza-ids so far.
struct Seen<'m, 'a> {
    messages: &'m mut Messages<'a>,
    /// The message that has this stanza-id. They are unique over the service.
    names: HashMap<&'a str, &'a str>,
}

impl<'a> Seen<'_, 'a> {
    fn one(&mut self, group: &str, message: &'a Message, place: &str, verdict: &mut Verdict) {
        let Message { id, stanza_id, body } = message;
        let Some(sent) = self.messages.0.get_mut(id.as_str()).filter(|sent| sent.group == group) else {
            verdict.add(Kind::Phantom, format!("{id} in {group}, which nobody sent there: {place}"));
            return;
        };
        if sent.body != body {
            verdict.add(Kind::Altered, format!("{id} says {body:?} instead of {:?}: {place}", sent.body));
        }
        let first = *sent.stanza_id.get_or_insert(stanza_id);
        let owner = *self.names.entry(stanza_id).or_insert(id);
        if first != stanza_id || owner != id || stanza_id.is_empty() {
            verdict.add(
                Kind::Doubled,
                format!(
                    "{id} has the stanza-id {stanza_id:?}, but also {first:?}, or {owner} has it: {place}"
                ),
            );
        }
    }
}
