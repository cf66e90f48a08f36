//! Whom each message reached, and how: live, by the host's store, or by the archive only.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::sent::{Messages, Sent};
use super::{Kind, Verdict};
use crate::chaos::evidence::{Diary, Evidence, Way, What};

pub(super) fn check(evidence: &Evidence, messages: &Messages<'_>, verdict: &mut Verdict) {
    let received: Vec<Received<'_>> = evidence.diaries.iter().map(Received::of).collect();
    let mut devices: BTreeMap<&str, Vec<&Received<'_>>> = BTreeMap::new();
    for received in &received {
        devices.entry(received.user).or_default().push(received);
    }
    let archives = Archives::of(evidence);
    let mut ids: Vec<&&str> = messages.0.keys().collect();
    ids.sort_unstable();
    for id in ids {
        let message = Fate { id, sent: &messages.0[*id] };
        message.count(verdict);
        let members = evidence.groups.get(message.sent.group).into_iter().flatten();
        for member in members {
            let devices = devices.get(member.as_str()).map_or(&[][..], Vec::as_slice);
            message.at(member, devices, &archives, verdict);
        }
    }
}

/// The devices of a user get their copies within this time of each other.
const AT_ONCE: Duration = Duration::from_secs(2);

/// One message, and what became of it.
struct Fate<'m, 'a> {
    id: &'a str,
    sent: &'m Sent<'a>,
}

impl Fate<'_, '_> {
    fn count(&self, verdict: &mut Verdict) {
        let figures = &mut verdict.figures;
        figures.sent += 1;
        figures.repeats += self.sent.attempts - 1;
        figures.reflected += usize::from(self.sent.reflected);
        figures.refused += usize::from(self.sent.given_up && !self.sent.reflected);
        if !self.sent.reflected && !self.sent.given_up {
            verdict.add(Kind::Unanswered, self.describe());
        }
    }

    /// How it reached one member.
    fn at(&self, member: &str, devices: &[&Received<'_>], archives: &Archives<'_>, verdict: &mut Verdict) {
        let got = |way| devices.iter().filter_map(|device| device.copies.get(&(self.id, way))).min().copied();
        let (live, absent) = (got(Way::Live), got(Way::Absent));
        let archived = archives.hold(member, self.sent.group, self.id);
        // A second attempt may be refused while the first is stored: only of a single one is it known.
        if self.sent.given_up && !self.sent.reflected && self.sent.attempts == 1 {
            if live.is_some() || absent.is_some() || archived {
                verdict.add(Kind::Refused, format!("{} reached {member}", self.describe()));
            }
            return;
        }
        if !self.sent.reflected {
            return;
        }
        if !archived {
            verdict.add(Kind::Lost, format!("{} is not in the archive that {member} reads", self.describe()));
        }
        let came = live.or(absent);
        let waiting = || devices.iter().filter(|device| device.was_waiting_for(self.sent, came));
        let figures = &mut verdict.figures;
        match (live, absent) {
            (Some(_), _) => {
                figures.live += 1;
                figures.device_misses += waiting().filter(|device| !device.has(self.id)).count();
            }
            (None, Some(_)) => {
                figures.absent += 1;
                figures.taken_for_absent += usize::from(waiting().next().is_some());
            }
            (None, None) if archived && waiting().next().is_none() => figures.archive += 1,
            (None, None) if archived => {
                let names: Vec<&str> = waiting().map(|device| device.name).collect();
                let names = names.join(", ");
                verdict.add(Kind::Missed, format!("{} never came to {member} ({names})", self.describe()));
            }
            // Said above.
            (None, None) => {}
        }
    }

    fn describe(&self) -> String {
        let Sent { group, attempts, stanza_id, at, .. } = self.sent;
        let stanza_id = stanza_id.unwrap_or("none");
        let at = at.as_secs_f64();
        format!("{} ({stanza_id}) to {group}, sent at {at:.3} s, {attempts} time(s)", self.id)
    }
}

/// What one device received.
struct Received<'a> {
    user: &'a str,
    name: &'a str,
    /// When it first got each message in each way.
    copies: HashMap<(&'a str, Way), Duration>,
    sessions: Vec<Session<'a>>,
}

/// One session, from when the service was known to know of it.
#[derive(Default)]
struct Session<'a> {
    settled: Option<Duration>,
    /// `None`: it lasted to the end of the run.
    gone: Option<Duration>,
    /// The newest message of each group that came live in it.
    newest: HashMap<&'a str, &'a str>,
}

impl<'a> Received<'a> {
    fn of(diary: &'a Diary) -> Self {
        let mut copies = HashMap::new();
        let mut sessions = vec![Session::default()];
        for entry in &diary.entries {
            let Some(session) = sessions.last_mut() else { break };
            match &entry.what {
                What::Settled => {
                    session.settled.get_or_insert(entry.at);
                }
                What::Gone => {
                    session.gone = Some(entry.at);
                    sessions.push(Session::default());
                }
                What::Copy { group, way, resent, message } => {
                    copies.entry((message.id.as_str(), *way)).or_insert(entry.at);
                    if *way == Way::Live && !resent {
                        let newest = session.newest.entry(group).or_default();
                        *newest = (*newest).max(&message.stanza_id);
                    }
                }
                What::Sent { .. } | What::Refused { .. } => {}
            }
        }
        Self { user: &diary.user, name: &diary.device, copies, sessions }
    }

    fn has(&self, id: &str) -> bool {
        [Way::Live, Way::Absent].iter().any(|way| self.copies.contains_key(&(id, *way)))
    }

    /// Whether the device was online before the message was sent, and then either to the end of the run, or long enough
    /// to be sent a later message of the same group, or well beyond the moment in which the user got a copy elsewhere:
    /// whatever else happened, this one should have come before that.
    fn was_waiting_for(&self, sent: &Sent<'_>, came: Option<Duration>) -> bool {
        self.sessions.iter().any(|session| {
            let knew = session.settled.is_some_and(|settled| settled < sent.at);
            let later = session.newest.get(sent.group).copied() > Some(sent.stanza_id.unwrap_or_default());
            let lasted = session.gone.is_none_or(|gone| came.is_some_and(|came| gone > came + AT_ONCE));
            knew && (later || lasted)
        })
    }
}

/// The ids of the messages in each archive that was read.
struct Archives<'a>(HashMap<(&'a str, &'a str), HashSet<&'a str>>);

impl<'a> Archives<'a> {
    fn of(evidence: &'a Evidence) -> Self {
        let ids = evidence.readings.iter().map(|reading| {
            let ids = reading.rows.iter().map(|row| row.id.as_str()).collect();
            ((reading.user.as_str(), reading.group.as_str()), ids)
        });
        Self(ids.collect())
    }

    fn hold(&self, member: &str, group: &str, id: &str) -> bool {
        self.0.get(&(member, group)).is_some_and(|ids| ids.contains(id))
    }
}
