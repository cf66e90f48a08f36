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

use crate::admin::{Admin, AdminCommand, commands, form_of, read_form};
use crate::identity;

/// Forms that may be out; also those that came back, so that it can be told what became of them.
const SESSIONS_MAX: usize = 256;
/// How long a form may be filled in.
const SESSION_MS: i64 = 10 * 60 * 1_000;

/// Where commands are asked for.
#[derive(Debug)]
pub(crate) struct Desk {
    admin: Admin,
    sessions: Mutex<VecDeque<Session>>,
}

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
        Self { admin, sessions: Mutex::default() }
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
        let session = match &run.session {
            Some(id) => {
                self.find(id, &origin.from, node).map_err(|error| (error, None))?;
                Some(id.as_str())
            }
            None => None,
        };
        match (run.action, session, &run.form) {
            (AdhocAction::Next | AdhocAction::Prev, ..) | (AdhocAction::Cancel, None, _) => {
                Err((AdhocError::BadAction, None))
            }
            (AdhocAction::Cancel, Some(id), _) => {
                self.end(id);
                Ok(encode::adhoc_canceled(node, id))
            }
            // Programs know what is in the form, and may send it at once.
            (AdhocAction::Execute | AdhocAction::Complete, _, Some(fields)) => {
                let command = read_form(node, fields).map_err(|why| (AdhocError::BadPayload, Some(why)))?;
                let id = session.map_or_else(identity::session_id, str::to_owned);
                self.end(&id);
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
                let id = self.begin(&origin.from, node);
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
            let (columns, rows) = report.table.map(|table| (table.columns, table.rows)).unwrap_or_default();
            let facts = report.facts.into_iter().map(|fact| (fact.name, fact.values)).collect();
            (report.note, AdhocResult { title, facts, columns, rows })
        });
        let said = said.as_ref().map(|(note, result)| (note.as_str(), result)).map_err(String::as_str);
        encode::adhoc_done(node, session, said)
    }

    fn begin(&self, device: &Jid, node: &str) -> String {
        let id = identity::session_id();
        let until = Timestamp(self.admin.clock.now().0 + SESSION_MS);
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
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

    fn find(&self, id: &str, device: &Jid, node: &str) -> Result<(), AdhocError> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it =
            |session: &&Session| session.id == id && session.device == *device && session.node == node;
        match sessions.iter().find(is_it) {
            None => Err(AdhocError::BadSession),
            Some(session) if !session.is_open || session.until < self.admin.clock.now() => {
                Err(AdhocError::SessionExpired)
            }
            Some(_) => Ok(()),
        }
    }

    fn end(&self, id: &str) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.iter_mut().filter(|session| session.id == id).for_each(|session| session.is_open = false);
    }
}

/// The commands, for those who may use them.
fn list(domain: &str, may: bool) -> Element {
    let all: Vec<_> = if may { commands().collect() } else { Vec::new() };
    encode::adhoc_list(domain, all.iter().map(|(name, about)| (*name, about.as_str())))
}
