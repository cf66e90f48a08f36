//! One order per group: that of the stanza-ids, in every session of every device and in every archive.

use std::collections::{HashMap, HashSet};

use super::sent::Messages;
use super::{Kind, Verdict};
use crate::chaos::evidence::{Diary, Evidence, Reading, Way, What};

pub(super) fn check(evidence: &Evidence, messages: &Messages<'_>, verdict: &mut Verdict) {
    for (number, diary) in evidence.diaries.iter().enumerate() {
        check_diary(number, diary, messages, verdict);
    }
    for reading in &evidence.readings {
        check_reading(reading, verdict);
    }
}

/// The live copies that a device had not seen before, of one group in one session, must ascend.
/// COMPAT: what ejabberd had kept for a session (XEP-0198) it gives to the next one of the same device, behind what that
/// one has got already.
fn check_diary(number: usize, diary: &Diary, messages: &Messages<'_>, verdict: &mut Verdict) {
    let mut seen = HashSet::new();
    let mut newest: HashMap<&str, &str> = HashMap::new();
    for entry in &diary.entries {
        match &entry.what {
            What::Gone => newest.clear(),
            What::Copy { group, way, resent, message } => {
                let is_first = seen.insert(message.stanza_id.as_str());
                // What this device sent again is acknowledged again, whenever that may be.
                let is_answer =
                    messages.get(&message.id).is_some_and(|sent| sent.diary == number && sent.attempts > 1);
                if !is_first || *way == Way::Absent || *resent || is_answer {
                    continue;
                }
                let newest = newest.entry(group).or_default();
                if message.stanza_id.as_str() < *newest {
                    verdict.add(
                        Kind::Reordered,
                        format!(
                            "{} ({}) came to {}/{} at {:.3} s, behind {newest} of {group}",
                            message.id,
                            message.stanza_id,
                            diary.user,
                            diary.device,
                            entry.at.as_secs_f64()
                        ),
                    );
                } else {
                    *newest = &message.stanza_id;
                }
            }
            What::Settled | What::Sent { .. } | What::Refused { .. } => {}
        }
    }
}

fn check_reading(reading: &Reading, verdict: &mut Verdict) {
    for pair in reading.rows.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        if after.stanza_id == before.stanza_id {
            verdict.add(Kind::Doubled, format!("{} is twice in {}'s archive", after.id, reading.group));
        } else if after.stanza_id < before.stanza_id {
            verdict.add(
                Kind::Reordered,
                format!("{} lies behind {} in the archive of {}", after.id, before.id, reading.group),
            );
        }
    }
}
