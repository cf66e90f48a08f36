//! Administrators' commands from their own XMPP clients (XEP-0050): who may, which step it is, and what is answered.
//!
//! A session is one form that was handed out: it is taken once, within minutes, from the device that asked for it. There are
//! few, and the oldest goes first. Not here: the commands (`admin`), and XML (the dialect).

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use groupchat_core::{Jid, Timestamp};
use groupchat_dialect::{
    Adhoc, AdhocAction, AdhocError, AdhocResult, AdhocRun, AdhocWish, Origin, Outbound, encode,
};
use minidom::Element;

use crate::admin::{Admin, AdminCommand, Table, commands, form_of, read_form};
use crate::identity;

/// Forms that may be out; also those that came back, so that it can be told what became of them.
const SESSIONS_MAX: usize = 256;
/// How long a form may be filled in.
const SESSION_MS: i64 = 10 * 60 * 1_000;

/// Where commands are asked for.
#[derive(Debug)]
pub(crate) struct Desk {
    admin: Admin,
    sessions: Sessions,
}

/// The forms that are out.
#[derive(Debug, Default)]
struct Sessions(Mutex<VecDeque<Session>>);

#[derive(Debug)]
struct Session {
    id: String,
    device: Jid,
    node: String,
    until: Timestamp,
    is_open: bool,
}

/// Why not; with words of its own, if the usual ones say too little.
type Failed = (AdhocError, Option<String>);

impl Desk {
    /// For a service.
    pub(crate) fn new(admin: Admin) -> Self {
        Self { admin, sessions: Sessions::default() }
    }

    /// What is answered; commands are carried out.
    pub(crate) async fn answer(&self, adhoc: &Adhoc) -> Outbound {
        let Adhoc { origin, wish } = adhoc;
        let may = self.admin.is_administrator(origin.from.bare());
        let answer = match wish {
            AdhocWish::List => Ok(list(&origin.at, may)),
            AdhocWish::ListInfo => Ok(encode::adhoc_list_info()),
            AdhocWish::Info(node) => match form_of(node) {
                None => Err((AdhocError::NoSuchCommand, None)),
                Some(_) if !may => Err((AdhocError::Forbidden, None)),
                Some(form) => Ok(encode::adhoc_info(node, &form.title)),
            },
            AdhocWish::Run(_) if !may => Err((AdhocError::Forbidden, None)),
            AdhocWish::Run(run) => self.step(origin, run).await,
        };
        match answer {
            Ok(payload) => encode::result(origin, Some(&payload)),
            Err((error, text)) => encode::adhoc_failed(origin, error, text.as_deref()),
        }
    }

    async fn step(&self, origin: &Origin, run: &AdhocRun) -> Result<Element, Failed> {
        let node = run.node.as_str();
        let form = form_of(node).ok_or((AdhocError::NoSuchCommand, None))?;
        let now = self.admin.clock.now();
        let session = match &run.session {
            Some(id) => {
                self.sessions.find(id, (&origin.from, node), now).map_err(|error| (error, None))?;
                Some(id.as_str())
            }
            None => None,
        };
        let take =
            |id: &str| self.sessions.take(id, (&origin.from, node), now).map_err(|error| (error, None));
        match (run.action, session, &run.form) {
            (AdhocAction::Next | AdhocAction::Prev, ..) | (AdhocAction::Cancel, None, _) => {
                Err((AdhocError::BadAction, None))
            }
            (AdhocAction::Cancel, Some(id), _) => {
                take(id)?;
                Ok(encode::adhoc_canceled(node, id))
            }
            // Programs know what is in the form, and may send it at once.
            (AdhocAction::Execute | AdhocAction::Complete, _, Some(fields)) => {
                let command = read_form(node, fields).map_err(|why| (AdhocError::BadPayload, Some(why)))?;
                // What is wrong with a form can be put right, so it is taken when it can be read, and by one alone.
                session.map_or(Ok(()), take)?;
                let id = session.map_or_else(identity::session_id, str::to_owned);
                Ok(self.carry_out(origin, (node, &id, form.title), command).await)
            }
            (AdhocAction::Execute | AdhocAction::Complete, Some(_), None) => {
                Err((AdhocError::BadPayload, None))
            }
            (AdhocAction::Execute | AdhocAction::Complete, None, None) if form.fields.is_empty() => {
                let command = read_form(node, &[]).map_err(|why| (AdhocError::BadPayload, Some(why)))?;
                Ok(self.carry_out(origin, (node, &identity::session_id(), form.title), command).await)
            }
            (AdhocAction::Execute, None, None) => {
                let id = self.sessions.begin(&origin.from, node, now);
                Ok(encode::adhoc_asks(node, &id, &form))
            }
            (AdhocAction::Complete, None, None) => Err((AdhocError::BadAction, None)),
        }
    }

    async fn carry_out(
        &self,
        origin: &Origin,
        (node, session, title): (&str, &str, String),
        command: AdminCommand,
    ) -> Element {
        let said = self.admin.carry_out(command, &format!("{} by XMPP", origin.from)).await;
        let said = said.map(|report| {
            let Table { columns, rows, last_first } = report.table.unwrap_or_default();
            let facts = report.facts.into_iter().map(|fact| (fact.name, fact.values)).collect();
            (report.note, AdhocResult { title, facts, columns, rows, last_first })
        });
        let said = said.as_ref().map(|(note, result)| (note.as_str(), result)).map_err(String::as_str);
        encode::adhoc_done(node, session, said)
    }
}

impl Sessions {
    /// One more form is out; its id.
    fn begin(&self, device: &Jid, node: &str, now: Timestamp) -> String {
        let id = identity::session_id();
        let until = Timestamp(now.0 + SESSION_MS);
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= SESSIONS_MAX {
            sessions.pop_front();
        }
        sessions.push_back(Session {
            id: id.clone(),
            device: device.clone(),
            node: node.to_owned(),
            until,
            is_open: true,
        });
        id
    }

    /// Is this form out, with this device, for this command?
    fn find(&self, id: &str, whose: (&Jid, &str), now: Timestamp) -> Result<(), AdhocError> {
        self.with(id, whose, now, |_| {})
    }

    /// The same, and nobody can take it any more.
    fn take(&self, id: &str, whose: (&Jid, &str), now: Timestamp) -> Result<(), AdhocError> {
        self.with(id, whose, now, |session| session.is_open = false)
    }

    fn with(
        &self,
        id: &str,
        (device, node): (&Jid, &str),
        now: Timestamp,
        then: impl FnOnce(&mut Session),
    ) -> Result<(), AdhocError> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it =
            |session: &&mut Session| session.id == id && session.device == *device && session.node == node;
        match sessions.iter_mut().find(is_it) {
            None => Err(AdhocError::BadSession),
            Some(session) if !session.is_open || session.until < now => Err(AdhocError::SessionExpired),
            Some(session) => {
                then(session);
                Ok(())
            }
        }
    }
}

/// The commands, for those who may use them.
fn list(domain: &str, may: bool) -> Element {
    let all: Vec<_> = if may { commands().collect() } else { Vec::new() };
    encode::adhoc_list(domain, all.iter().map(|(name, about)| (*name, about.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_taken_once_however_many_send_it_at_once() {
        let (sessions, now) = (Sessions::default(), Timestamp(0));
        let device = Jid::parse("ops@a.lit/pda").unwrap();
        let other = Jid::parse("ops@a.lit/phone").unwrap();
        for _ in 0..100 {
            let id = sessions.begin(&device, "delete", now);
            assert_eq!(sessions.take(&id, (&other, "delete"), now), Err(AdhocError::BadSession));
            assert_eq!(sessions.find(&id, (&device, "delete"), now), Ok(()));
            let taken = std::thread::scope(|scope| {
                let take = || sessions.take(&id, (&device, "delete"), now).is_ok();
                let both = [scope.spawn(take), scope.spawn(take)];
                both.into_iter().filter_map(|one| one.join().ok()).filter(|is_taken| *is_taken).count()
            });
            assert_eq!(taken, 1);
            assert_eq!(sessions.find(&id, (&device, "delete"), now), Err(AdhocError::SessionExpired));
        }
    }
}
