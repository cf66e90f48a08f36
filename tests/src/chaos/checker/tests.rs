//! Each kind of violation is found, and what is ordinary is none.

use std::time::Duration;

use super::*;
use crate::chaos::evidence::{Diary, Entry, Message, Reading, Way, What};

/// A run of ada, who sends, and ben, who listens, in the group tea. Time is the number of the entry.
struct Run {
    evidence: Evidence,
    clock: u64,
}

const ADA: usize = 0;
const BEN: usize = 1;
const PHONE: usize = 2;

fn message(id: &str, stanza_id: &str) -> Message {
    Message { id: id.into(), stanza_id: stanza_id.into(), body: format!("text of {id}") }
}

impl Run {
    fn new() -> Self {
        let names = ["ada", "ben"].map(str::to_owned);
        let diaries = names.clone().map(|user| Diary { user, device: "pda".into(), entries: Vec::new() });
        let evidence = Evidence {
            groups: [("tea".to_owned(), names.into())].into(),
            diaries: diaries.into(),
            readings: Vec::new(),
        };
        let mut run = Self { evidence, clock: 0 };
        run.note(ADA, What::Settled);
        run.note(BEN, What::Settled);
        run
    }

    /// Ben has a second device.
    fn with_phone() -> Self {
        let mut run = Self::new();
        let phone = Diary { user: "ben".into(), device: "phone".into(), entries: Vec::new() };
        run.evidence.diaries.push(phone);
        run.note(PHONE, What::Settled);
        run
    }

    fn note(&mut self, diary: usize, what: What) {
        self.clock += 1;
        self.evidence.diaries[diary].entries.push(Entry { at: Duration::from_secs(self.clock), what });
    }

    fn send(&mut self, id: &str) {
        let body = format!("text of {id}");
        self.note(ADA, What::Sent { id: id.into(), group: "tea".into(), body });
    }

    fn copy(&mut self, diary: usize, way: Way, message: Message) {
        self.note(diary, What::Copy { group: "tea".into(), way, resent: false, message });
    }

    /// Sent, and a live copy for each of these.
    fn post(&mut self, id: &str, stanza_id: &str, to: &[usize]) {
        self.send(id);
        for diary in to {
            self.copy(*diary, Way::Live, message(id, stanza_id));
        }
    }

    fn archive(&mut self, rows: &[(&str, &str)]) {
        for user in ["ada", "ben"] {
            let rows = rows.iter().map(|(id, stanza_id)| message(id, stanza_id)).collect();
            self.evidence.readings.push(Reading { user: user.into(), group: "tea".into(), rows });
        }
    }

    /// The figures, and which kinds of violation were found, once each.
    fn judged(&self) -> (Figures, Vec<Kind>) {
        let verdict = check(&self.evidence);
        let mut kinds: Vec<Kind> = verdict.violations.iter().map(|violation| violation.kind).collect();
        kinds.dedup();
        (verdict.figures, kinds)
    }
}

#[test]
fn all_is_well() {
    let mut run = Run::new();
    run.post("m1", "01", &[ADA, BEN]);
    run.post("m2", "02", &[ADA, BEN]);
    run.archive(&[("m1", "01"), ("m2", "02")]);
    let figures = Figures { sent: 2, reflected: 2, live: 4, ..Figures::default() };
    assert_eq!(run.judged(), (figures, vec![]));
}

#[test]
fn what_is_not_in_the_archive_is_lost_whoever_saw_it() {
    let mut run = Run::new();
    run.post("m1", "01", &[ADA, BEN]);
    run.archive(&[]);
    assert_eq!(run.judged().1, [Kind::Lost]);
}

#[test]
fn who_stays_online_must_not_need_the_archive() {
    let mut run = Run::new();
    run.post("m1", "01", &[ADA]);
    run.archive(&[("m1", "01")]);
    assert_eq!(run.judged().1, [Kind::Missed]);
}

#[test]
fn a_gap_in_a_session_is_a_miss_though_the_session_ended() {
    let mut run = Run::new();
    run.post("m1", "01", &[ADA]);
    run.post("m2", "02", &[ADA, BEN]);
    run.note(BEN, What::Gone);
    run.archive(&[("m1", "01"), ("m2", "02")]);
    assert_eq!(run.judged().1, [Kind::Missed]);
}

#[test]
fn who_was_cut_off_or_not_yet_there_may_need_the_archive() {
    let mut run = Run::new();
    run.post("m1", "01", &[ADA]);
    run.note(BEN, What::Gone);
    run.post("m2", "02", &[ADA]);
    run.note(BEN, What::Settled);
    run.post("m3", "03", &[ADA, BEN]);
    run.archive(&[("m1", "01"), ("m2", "02"), ("m3", "03")]);
    let figures = Figures { sent: 3, reflected: 3, live: 4, archive: 2, ..Figures::default() };
    assert_eq!(run.judged(), (figures, vec![]));
}

#[test]
fn the_hosts_store_counts_for_itself_and_live_copies_count_first() {
    let mut run = Run::new();
    run.note(BEN, What::Gone);
    run.post("m1", "01", &[ADA]);
    run.copy(BEN, Way::Absent, message("m1", "01"));
    run.post("m2", "02", &[ADA, BEN]);
    run.copy(BEN, Way::Absent, message("m2", "02"));
    run.archive(&[("m1", "01"), ("m2", "02")]);
    let figures = Figures { sent: 2, reflected: 2, live: 3, absent: 1, duplicates: 1, ..Figures::default() };
    assert_eq!(run.judged(), (figures, vec![]));
}

#[test]
fn a_device_that_misses_what_another_of_the_user_gets_is_counted() {
    let mut run = Run::with_phone();
    run.post("m1", "01", &[ADA, PHONE]);
    run.archive(&[("m1", "01")]);
    let figures = Figures { sent: 1, reflected: 1, live: 2, device_misses: 1, ..Figures::default() };
    assert_eq!(run.judged(), (figures, vec![]));
}

#[test]
fn a_device_of_which_the_service_does_not_know_any_more_is_counted() {
    let mut run = Run::with_phone();
    run.post("m1", "01", &[ADA, PHONE]);
    run.note(BEN, What::Gone);
    run.archive(&[("m1", "01")]);
    assert_eq!(run.judged().0.device_misses, 0, "it went in the same moment");
    let mut run = Run::with_phone();
    run.post("m1", "01", &[ADA, PHONE]);
    run.clock += 10;
    run.note(BEN, What::Gone);
    run.archive(&[("m1", "01")]);
    assert_eq!(run.judged().0.device_misses, 1);
    let mut run = Run::new();
    run.post("m1", "01", &[ADA]);
    run.copy(BEN, Way::Absent, message("m1", "01"));
    run.archive(&[("m1", "01")]);
    let figures =
        Figures { sent: 1, reflected: 1, live: 1, absent: 1, taken_for_absent: 1, ..Figures::default() };
    assert_eq!(run.judged(), (figures, vec![]));
}

#[test]
fn copies_of_a_session_must_ascend() {
    let mut run = Run::new();
    run.send("m1");
    run.post("m2", "02", &[ADA, BEN]);
    run.copy(BEN, Way::Live, message("m1", "01"));
    run.copy(ADA, Way::Live, message("m1", "01"));
    run.archive(&[("m1", "01"), ("m2", "02")]);
    assert_eq!(run.judged().1, [Kind::Reordered]);
    assert_eq!(check(&run.evidence).count(Kind::Reordered), 2);
}

#[test]
fn what_was_seen_before_and_what_was_asked_again_has_no_place_in_the_order() {
    let mut run = Run::new();
    run.send("m1");
    run.post("m2", "02", &[ADA, BEN]);
    run.send("m1");
    run.copy(ADA, Way::Live, message("m1", "01"));
    run.copy(ADA, Way::Live, message("m2", "02"));
    run.note(BEN, What::Gone);
    run.copy(BEN, Way::Live, message("m1", "01"));
    run.archive(&[("m1", "01"), ("m2", "02")]);
    let figures = Figures { sent: 2, repeats: 1, reflected: 2, live: 4, duplicates: 1, ..Figures::default() };
    assert_eq!(run.judged(), (figures, vec![]));
}

#[test]
fn what_the_host_kept_for_an_earlier_session_has_no_place_in_the_order() {
    let mut run = Run::new();
    run.post("m1", "01", &[ADA]);
    run.note(BEN, What::Gone);
    run.post("m2", "02", &[ADA, BEN]);
    let message = message("m1", "01");
    run.note(BEN, What::Copy { group: "tea".into(), way: Way::Live, resent: true, message });
    run.archive(&[("m1", "01"), ("m2", "02")]);
    let figures = Figures { sent: 2, reflected: 2, live: 4, ..Figures::default() };
    assert_eq!(run.judged(), (figures, vec![]));
}

#[test]
fn an_archive_must_ascend() {
    let mut run = Run::new();
    run.post("m1", "01", &[ADA, BEN]);
    run.post("m2", "02", &[ADA, BEN]);
    run.archive(&[("m2", "02"), ("m1", "01")]);
    assert_eq!(run.judged().1, [Kind::Reordered]);
}

#[test]
fn a_message_has_one_stanza_id_and_one_row() {
    let mut run = Run::new();
    run.post("m1", "01", &[ADA]);
    run.copy(BEN, Way::Live, message("m1", "02"));
    run.archive(&[("m1", "01")]);
    assert_eq!(run.judged().1, [Kind::Doubled]);
    let mut run = Run::new();
    run.post("m1", "01", &[ADA, BEN]);
    run.archive(&[("m1", "01"), ("m1", "01")]);
    assert_eq!(run.judged().1, [Kind::Doubled]);
    let mut run = Run::new();
    run.post("m1", "01", &[ADA, BEN]);
    run.post("m2", "01", &[ADA, BEN]);
    run.archive(&[("m1", "01"), ("m2", "01")]);
    assert_eq!(run.judged().1, [Kind::Doubled]);
}

#[test]
fn texts_stay_what_they_were() {
    let mut run = Run::new();
    run.post("m1", "01", &[ADA]);
    run.copy(BEN, Way::Live, Message { body: "text of".into(), ..message("m1", "01") });
    run.archive(&[("m1", "01")]);
    assert_eq!(run.judged().1, [Kind::Altered]);
}

#[test]
fn nothing_comes_from_nowhere_or_goes_to_strangers() {
    let mut run = Run::new();
    run.copy(BEN, Way::Live, message("m1", "01"));
    run.archive(&[]);
    assert_eq!(run.judged().1, [Kind::Phantom]);
    let mut run = Run::new();
    run.post("m1", "01", &[ADA, BEN]);
    run.archive(&[("m1", "01")]);
    run.evidence.diaries.push(Diary { user: "eve".into(), device: "pda".into(), entries: Vec::new() });
    run.copy(2, Way::Live, message("m1", "01"));
    assert_eq!(run.judged().1, [Kind::Phantom]);
}

#[test]
fn what_was_refused_once_must_not_be_there() {
    let mut run = Run::new();
    run.send("m1");
    run.note(ADA, What::Refused { id: "m1".into(), given_up: true });
    run.archive(&[]);
    let figures = Figures { sent: 1, errors: 1, refused: 1, ..Figures::default() };
    assert_eq!(run.judged(), (figures, vec![]));
    run.copy(BEN, Way::Absent, message("m1", "01"));
    assert_eq!(run.judged().1, [Kind::Refused]);
    run.evidence.diaries[BEN].entries.pop();
    run.archive(&[("m1", "01")]);
    assert_eq!(run.judged().1, [Kind::Refused]);
}

#[test]
fn what_was_refused_at_a_second_attempt_may_have_been_stored_at_the_first() {
    let mut run = Run::new();
    run.send("m1");
    run.post("m1", "01", &[BEN]);
    run.note(ADA, What::Refused { id: "m1".into(), given_up: true });
    run.archive(&[("m1", "01")]);
    assert_eq!(run.judged().1, []);
}

#[test]
fn somebody_must_say_what_became_of_a_message() {
    let mut run = Run::new();
    run.send("m1");
    run.archive(&[]);
    assert_eq!(run.judged().1, [Kind::Unanswered]);
}
