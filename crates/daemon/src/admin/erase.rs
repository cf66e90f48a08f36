//! `erase`: somebody is forgotten. The engine lets him leave his groups; what he wrote goes here, a few rows in a transaction, so
//! that a hundred thousand messages hold nobody up. Asked for again, it goes on where it was.
//!
//! Not here: which rows these are (the store), and what leaving means (the engine).

use std::fmt::Display;
use std::time::Duration;

use groupchat_core::{BareJid, GroupId, StanzaId};
use groupchat_store::{ERASED, ERASED_NICK, Erased, Store, StoreError, Stretch, Trace};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::{Admin, PATIENCE, Report, Said};
use crate::clock::Clock;
use crate::engine::{Erasure, Order, Outcome, Step};

/// Rows in one transaction.
const ROWS_MAX: u64 = 200;
/// Between two of them, so that others come in between.
const PAUSE: Duration = Duration::from_millis(10);
/// How often it is looked whether the server has heard that he left.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Whoever asks waits so long; then it goes on without him.
const WAIT: Duration = Duration::from_secs(12);

/// What would go.
pub(super) async fn count(store: &Store, who: &BareJid) -> Result<Report, StoreError> {
    let traces = store.traces(who).await?;
    let devices = store.sessions_of(who).await?.len();
    let sum = |held: bool| {
        traces.iter().filter(|trace| trace.is_held == held).map(|trace| trace.messages).sum::<u64>()
    };
    let row = |trace: &Trace| {
        let is = match (trace.is_in, trace.waits) {
            (true, _) => "leaves",
            (false, true) => "waits",
            (false, false) if trace.mids.is_empty() => "is named",
            (false, false) => "was in",
        };
        let held = if trace.is_held { "held: stays" } else { "" };
        [trace.group.to_string(), is.to_owned(), trace.messages.to_string(), held.to_owned()]
    };
    Ok(Report::of(format!(
        "{} messages would go, {} stay because their groups are held",
        sum(false),
        sum(true)
    ))
    .fact("devices", devices)
    .table(["group", "he", "messages", "legal hold"], traces.iter().map(row).collect()))
}

/// Where it is to be erased: what is known of a group, and the last row that is meant.
type Place = (Trace, StanzaId);

impl Admin {
    /// Lets him leave, and begins to erase; waits for the end if that is near. Whatever ends without anybody who waits is written to the
    /// audit log as the end of the same act.
    pub(super) async fn erase(&self, store: &Store, who: &BareJid, (by, act): (&str, &str)) -> Said {
        let failed = |problem: StoreError| problem.to_string();
        let traces = store.traces(who).await.map_err(failed)?;
        for trace in traces.iter().filter(|trace| trace.is_in || trace.waits) {
            self.step(who, Step::Leave(trace.group.clone())).await?;
        }
        self.step(who, Step::Devices).await?;
        let held = traces.iter().filter(|trace| trace.is_held).count();
        let messages: u64 = traces.iter().filter(|trace| !trace.is_held).map(|trace| trace.messages).sum();
        let mut places: Vec<Place> = Vec::new();
        for trace in traces.into_iter().filter(|trace| !trace.is_held) {
            let upto = store.newest(&trace.group).await.map_err(failed)?;
            places.push((trace, upto));
        }
        let (job, rest, account) = (self.clone(), store.clone(), who.clone());
        let (by, act) = (by.to_owned(), act.to_owned());
        let (done, is_done) = oneshot::channel();
        tokio::spawn(async move {
            let outcome = job.rest(&rest, &account, places).await;
            match &outcome {
                Ok(held) => info!(held = held.len(), "Erased an account"),
                Err(why) => warn!("An account is not erased to the end: {why}; ask for it again"),
            }
            let Err(outcome) = done.send(outcome) else { return };
            if let Err(problem) = job.note(&rest, &by, &act, &told(&outcome)).await {
                error!("The audit log lacks how `{act}` ended: {problem}");
            }
        });
        let report = match tokio::time::timeout_at(Instant::now() + WAIT, is_done).await {
            Ok(Ok(Ok(meanwhile))) if meanwhile.is_empty() => {
                Report::of(format!("erased, with {messages} messages"))
            }
            Ok(Ok(outcome @ Ok(_))) => Report::of(told(&outcome)),
            Ok(Ok(outcome)) => return Err(told(&outcome)),
            Ok(Err(_)) => return Err("it stopped in its midst: ask again".to_owned()),
            Err(_) => Report::of(format!(
                "he has left; {messages} messages go now, --dry-run tells how many are left"
            )),
        };
        Ok(match held {
            0 => report,
            held => report.fact("legal hold", format!("{held} groups are held: what he wrote there stays")),
        })
    }

    /// The groups that were held meanwhile.
    async fn rest(&self, store: &Store, who: &BareJid, places: Vec<Place>) -> Result<Vec<GroupId>, String> {
        let mut held = Vec::new();
        for place in &places {
            if self.rest_of(store, who, place).await? == Outcome::Held {
                held.push(place.0.group.clone());
            }
        }
        store.erase_account(who).await.map_err(|problem| problem.to_string())?;
        Ok(held)
    }

    async fn rest_of(&self, store: &Store, who: &BareJid, place: &Place) -> Result<Outcome, String> {
        let (trace, upto) = place;
        let now = Clock::real().now();
        let without = |payload: &str, is_his: bool| without(payload, who, is_his);
        for part in [Part::Written, Part::Told, Part::Marks] {
            if part == Part::Told {
                self.heard(store, *upto).await?;
            }
            let mut stretch = Stretch { after: 0, upto: *upto, rows_max: ROWS_MAX };
            loop {
                let erased = match part {
                    Part::Written => store.erase_written(trace, stretch, now).await,
                    Part::Told => store.erase_told((&trace.group, who), stretch, without).await,
                    Part::Marks => store.erase_marks(trace, stretch).await,
                };
                match erased.map_err(|problem| problem.to_string())? {
                    Erased::To(last) => stretch.after = last,
                    Erased::All => break,
                    Erased::Held => return Ok(Outcome::Held),
                }
                tokio::time::sleep(PAUSE).await;
                self.orders()?;
            }
        }
        self.step(who, Step::Forget(trace.group.clone())).await
    }

    /// Waits until the server has everything up to this row, and that is stored. What it may not have is said again from the archive,
    /// with the names that stand there: whoever hears that somebody left is to hear who.
    async fn heard(&self, store: &Store, upto: StanzaId) -> Result<(), String> {
        let failed = |problem: &dyn Display| problem.to_string();
        let domain =
            BareJid::parse(&self.newest.get().component.domain).map_err(|problem| failed(&problem))?;
        while store.cursor(&domain).await.map_err(|problem| failed(&problem))? < upto {
            tokio::time::sleep(LOOK_EVERY).await;
            self.orders()?;
        }
        Ok(())
    }

    async fn step(&self, who: &BareJid, step: Step) -> Result<Outcome, String> {
        let orders = self.orders()?;
        let (done, is_done) = oneshot::channel();
        let erasure = Erasure { who: who.clone(), step, done };
        orders.send(Order::Erase(Box::new(erasure))).await.map_err(|_| "the service is ending".to_owned())?;
        match tokio::time::timeout(PATIENCE, is_done).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err("it could not be stored".into()),
            Err(_) => Err(format!("no answer for {} s; ask again", PATIENCE.as_secs())),
        }
    }
}

/// What is erased in a group, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Written,
    Told,
    Marks,
}

/// How it ended, in words.
fn told(outcome: &Result<Vec<GroupId>, String>) -> String {
    match outcome {
        Ok(held) if held.is_empty() => "erased to the end".to_owned(),
        Ok(held) => {
            let held: Vec<&str> = held.iter().map(GroupId::as_str).collect();
            format!("erased, but not in what was held meanwhile: {}", held.join(", "))
        }
        Err(why) => format!("not erased to the end: {why}; ask again"),
    }
}

/// What a group said of a change, without him: his address and his nick in the tags that name him, and, if the change `is_his`, why he
/// made it.
fn without(payload: &str, who: &BareJid, is_his: bool) -> String {
    let payload = if is_his { without_reasons(payload) } else { payload.to_owned() };
    payload.split('<').map(|tag| without_in(tag, who)).collect::<Vec<_>>().join("<")
}

/// Reasons hold text alone, and no text holds a `<`.
fn without_reasons(payload: &str) -> String {
    let mut pieces = payload.split('<');
    let mut kept = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (tag, behind) = piece.split_once('>').unwrap_or((piece, ""));
        match tag.split([' ', '/']).next() {
            Some("reason") if tag.ends_with('/') => kept.push_str(behind),
            Some("reason") => {}
            _ if tag == "/reason" => kept.push_str(behind),
            _ => {
                kept.push('<');
                kept.push_str(piece);
            }
        }
    }
    kept
}

fn without_in(tag: &str, who: &BareJid) -> String {
    let named = |value: &str| {
        value.strip_prefix(who.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // Attributes are written with single quotes: every second piece is a value, behind its name.
    let pieces: Vec<&str> = tag.split('\'').collect();
    if !pieces.iter().skip(1).step_by(2).any(|value| named(value)) {
        return tag.to_owned();
    }
    let mut new: Vec<&str> = Vec::with_capacity(pieces.len());
    for (at, piece) in pieces.iter().enumerate() {
        let is_nick = new.last().is_some_and(|before| before.ends_with(" nick="));
        new.push(match at % 2 {
            1 if named(piece) => ERASED,
            1 if is_nick => ERASED_NICK,
            _ => piece,
        });
    }
    new.join("'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_he_is_taken_out() {
        let who = BareJid::parse("al@h").unwrap();
        let said = "<x xmlns='g#addmember'/><item jid='al@h' mid='al' nick='Al' role='member'/>\
                    <item jid='hal@h' mid='hal' nick='Hal'/><item nick='A' jid='al@h/pda'/><item jid='al@h.lit'/>";
        let expected = "<x xmlns='g#addmember'/><item jid='erased@erased.invalid' mid='al' nick='erased' role='member'/>\
                        <item jid='hal@h' mid='hal' nick='Hal'/><item nick='erased' jid='erased@erased.invalid'/>\
                        <item jid='al@h.lit'/>";
        assert_eq!(without(said, &who, false), expected);
        assert_eq!(without("al@h said 'al@h'", &BareJid::parse("b@h").unwrap(), false), "al@h said 'al@h'");
    }

    #[test]
    fn why_he_did_something_goes_and_why_others_did_stays() {
        let who = BareJid::parse("al@h").unwrap();
        let said = "<retract id='1' xmlns='r'><moderated by='tea@g/al'/><reason xmlns='r'>al@h &lt;rude></reason></retract>\
                    <apply-to id='1'><moderated><reason xmlns='m'/><retract/></moderated></apply-to><reasons>x</reasons>";
        let expected = "<retract id='1' xmlns='r'><moderated by='tea@g/al'/></retract>\
                        <apply-to id='1'><moderated><retract/></moderated></apply-to><reasons>x</reasons>";
        assert_eq!(without(said, &who, true), expected);
        assert_eq!(without(said, &who, false), said);
    }
}
