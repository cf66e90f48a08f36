//! A simulated host for the in-process conversations: one XMPP server with its users, and the service as its component,
//! without sockets. It behaves as Prosody was measured to: what it does not deliver, Prosody does not deliver either.
//! It is stricter in one thing: a stanza of the service that would end a real link fails the conversation.

pub(crate) mod accept;
pub(crate) mod client_side;
mod privilege;
mod route;
mod service;
pub(crate) mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::client::Received;
use crate::script::{Script, ServiceStep};
use crate::xml;

pub(crate) use accept::accept;
use service::Service;
pub use service::{Program, Wires, component};
use state::{Link, State};

/// How long a session without a link is kept. Real hosts do it for minutes.
const RESUMPTION_TIME: Duration = Duration::from_millis(100);

/// The longest that anybody needs to wait in earnest: a server for databases that others ask, too, takes its time to delete.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// The host, and the service if it is running.
#[derive(Debug)]
pub struct Host {
    state: Shared,
    program: Option<Program>,
    service: Option<Service>,
    folder: TempDir,
}

/// A device's session.
#[derive(Debug)]
pub struct Session {
    state: Shared,
    user: String,
    resource: String,
    resumable: bool,
    inbox: mpsc::UnboundedReceiver<Received>,
    /// Kept to give the session its link back.
    arrivals: mpsc::UnboundedSender<Received>,
}

#[derive(Debug, Clone)]
struct Shared(Arc<Mutex<State>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere fails the test anyway; the state is good enough to report it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host {
    /// A host with these users and, if there is a program, with a running service.
    pub fn start(users: &[String], program: Option<Program>) -> Result<Self> {
        Self::start_with(State::new(users.iter().cloned().collect()), program)
    }

    /// The host that a conversation asks for.
    pub fn start_for(script: &Script, program: Option<Program>) -> Result<Self> {
        let mut state = State::new(script.users.iter().cloned().collect());
        state.tells_presence = script.host_tells_presence;
        Self::start_with(state, program)
    }

    fn start_with(state: State, program: Option<Program>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("groupchat-conversation-").tempdir()?;
        let state = Shared(Arc::new(Mutex::new(state)));
        let mut host = Self { state, program, service: None, folder };
        if host.program.is_some() {
            host.start_service()?;
        }
        Ok(host)
    }

    /// Logs a device in; it has sent no presence yet.
    pub fn login(&self, user: &str, resource: &str, resumable: bool) -> Result<Session> {
        let (arrivals, inbox) = mpsc::unbounded_channel();
        self.state.lock().bind(user, resource, arrivals.clone())?;
        Ok(Session {
            state: self.state.clone(),
            user: user.to_owned(),
            resource: resource.to_owned(),
            resumable,
            inbox,
            arrivals,
        })
    }

    /// Gives a session that vanished its link back, with all that was kept for it.
    pub fn resume(&self, session: &Session) -> Result<()> {
        self.state.lock().resume(&session.user, &session.resource, session.arrivals.clone())
    }

    /// Stops or starts the service.
    pub async fn service(&mut self, step: ServiceStep) -> Result<()> {
        match (step, self.service.take()) {
            (ServiceStep::Kill, Some(service)) => service.kill().await,
            (ServiceStep::Stop, Some(service)) => service.stop().await?,
            (ServiceStep::Start, None) => self.start_service()?,
            (ServiceStep::Kill | ServiceStep::Stop, None) => bail!("the service is not running"),
            (ServiceStep::Start, Some(_)) => bail!("the service is running already"),
        }
        Ok(())
    }

    /// Lets time pass, for the service all of it.
    pub async fn wait(&self, time: Duration) {
        if let Some(program) = &self.program {
            program.advance(time);
        }
        tokio::time::sleep(time.min(WAIT_MAX)).await;
    }

    fn start_service(&mut self) -> Result<()> {
        let program = self.program.as_ref().context("this conversation is without service")?;
        self.service = Some(Service::start(program, self.folder.path(), &self.state)?);
        Ok(())
    }

    /// An error if the service ended by itself or sent what would end a real link.
    pub fn check(&self) -> Result<()> {
        match self.state.lock().trouble.clone() {
            Some(trouble) => bail!("{trouble}"),
            None => Ok(()),
        }
    }
}

impl Session {
    /// Handles text as if it came over the client's link.
    pub fn send(&self, text: &str) -> Result<()> {
        for stanza in xml::parse_all(text)? {
            self.state.lock().hear_client(&self.user, &self.resource, stanza)?;
        }
        Ok(())
    }

    /// The next stanza, if one comes within `patience`.
    pub async fn next(&mut self, patience: Duration) -> Option<Received> {
        timeout(patience, self.inbox.recv()).await.ok().flatten()
    }

    /// Logs out, or is cut off: the host does the same. Gives what had arrived.
    pub fn close(mut self) -> Vec<Received> {
        self.state.lock().end(&self.user, &self.resource);
        let mut rest = Vec::new();
        while let Ok(received) = self.inbox.try_recv() {
            rest.push(received);
        }
        rest
    }

    /// Loses its link; the host keeps the session for a moment.
    pub fn vanish(&self) -> Result<()> {
        if !self.resumable {
            bail!("{}/{} did not ask for resumption when it logged in", self.user, self.resource);
        }
        self.state.lock().set_link(&self.user, &self.resource, Link::Down(Vec::new()));
        let (state, user, resource) = (self.state.clone(), self.user.clone(), self.resource.clone());
        tokio::spawn(async move {
            tokio::time::sleep(RESUMPTION_TIME).await;
            state.lock().expire(&user, &resource);
        });
        Ok(())
    }
}
