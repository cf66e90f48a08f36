//! A conversation file as values. The language is described in `tests/README.md`. Not here: what the steps do.

mod parse;
mod setup;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use minidom::Element;

pub use setup::{Member, Setup};

/// The resource of a user whose device is not named.
pub const DEFAULT_DEVICE: &str = "pda";

/// The host that conversations are written for; real runs replace it by one of their own.
pub const HOST: &str = "shakespeare.lit";

/// Another domain whose users it can reach; they are named with it, as in `romeo@verona.lit`.
pub const ELSEWHERE: &str = "verona.lit";

/// The service that conversations are written for.
pub const SERVICE: &str = "groupchat.shakespeare.lit";

/// One conversation file.
#[derive(Debug, Clone)]
pub struct Script {
    /// File name for reports.
    pub file: String,
    /// The leading comment.
    pub purpose: String,
    /// Specifications that it is about.
    pub references: Vec<String>,
    /// Hosts that it is played on.
    pub hosts: Vec<HostKind>,
    /// Whether the service takes part; hosts can be tried alone.
    pub with_service: bool,
    /// The host tells the service who is online (XEP-0356).
    pub host_tells_presence: bool,
    /// Lines of the service's configuration that differ from the default.
    pub config: Vec<String>,
    /// Everybody who has an account: the localpart, with its domain if that is [`ELSEWHERE`].
    pub users: Vec<String>,
    /// What happens.
    pub steps: Vec<Step>,
}

impl Script {
    /// Reads a conversation; the error names file and line.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScriptError> {
        parse::parse(file, text)
    }

    /// Reads a conversation file, which is reported as `name`.
    pub fn load(path: &Path, name: &str) -> Result<Self, ScriptError> {
        let text = std::fs::read_to_string(path).map_err(|error| ScriptError {
            file: name.to_owned(),
            line: 0,
            problem: error.to_string(),
        })?;
        Self::parse(name, &text)
    }
}

/// What a conversation can be played on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostKind {
    /// The simulated host; no sockets.
    InProcess,
    /// A Prosody started by the tests.
    Prosody,
    /// An ejabberd started by the tests.
    Ejabberd,
}

impl HostKind {
    /// All of them, in the order of their cost.
    pub const ALL: [Self; 3] = [Self::InProcess, Self::Prosody, Self::Ejabberd];

    /// As written in files and test names.
    pub fn name(self) -> &'static str {
        match self {
            Self::InProcess => "in-process",
            Self::Prosody => "prosody",
            Self::Ejabberd => "ejabberd",
        }
    }

    /// Is it a server of its own?
    pub fn is_real(self) -> bool {
        self != Self::InProcess
    }
}

/// One line of the conversation, with the block below it.
#[derive(Debug, Clone)]
pub struct Step {
    /// Line number of the step.
    pub line: usize,
    /// What happens.
    pub action: Action,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Log in.
    Login(Vec<Device>, Login),
    /// Take up a session again that vanished.
    Resume(Vec<Device>),
    /// Send text as it stands, after substitution.
    Send(Vec<Device>, String),
    /// Each of these receives all the templates next.
    Receive(Vec<Device>, Vec<Template>, Order),
    /// Leave.
    Leave(Vec<Device>, Leaving),
    /// Stop or start the service.
    Service(ServiceStep),
    /// Nothing is left in anybody's inbox, and nothing comes.
    Silence,
    /// Let time pass.
    Wait(Duration),
    /// Make a group with its members.
    Group(Setup),
}

/// How a device comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Login {
    /// What it says after binding its resource.
    pub presence: Presence,
    /// Its session survives the loss of the link for a while.
    pub resumable: bool,
}

/// What a device says after binding its resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Nothing.
    None,
    /// Initial presence.
    Initial,
    /// Initial presence, and one directed to the service.
    Announced,
}

/// How a device goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// It closes the stream.
    Closing,
    /// Its link is cut, and the host notices.
    Dropping,
    /// Its link is cut, and the host keeps the session for a while.
    Vanishing,
}

/// Whether several templates must be met in the order written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// They must.
    AsWritten,
    /// They need not.
    Any,
}

/// What happens to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceStep {
    /// It dies at once.
    Kill,
    /// It is asked to end.
    Stop,
    /// It starts with the same database.
    Start,
}

/// A stanza that is waited for.
#[derive(Debug, Clone)]
pub struct Template {
    /// Its first line in the file.
    pub line: usize,
    /// What it must look like.
    pub stanza: Element,
}

/// Localpart and domain of a user as conversations name him.
pub fn split_user(user: &str) -> (&str, &str) {
    user.split_once('@').unwrap_or((user, HOST))
}

/// Bare JID of a user as conversations name him.
pub fn bare_jid(user: &str) -> String {
    let (local, domain) = split_user(user);
    format!("{local}@{domain}")
}

/// A user's device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Device {
    /// The user: the localpart, with its domain if that is [`ELSEWHERE`].
    pub user: String,
    /// Resource.
    pub resource: String,
}

impl Device {
    /// The default device of a user.
    pub fn of(user: &str) -> Self {
        Self { user: user.to_owned(), resource: DEFAULT_DEVICE.to_owned() }
    }

    /// Bare JID in the conversation's own words.
    pub fn bare(&self) -> String {
        bare_jid(&self.user)
    }

    /// The user's own server.
    pub fn domain(&self) -> &str {
        split_user(&self.user).1
    }

    /// Full JID in the conversation's own words.
    pub fn full(&self) -> String {
        format!("{}/{}", self.bare(), self.resource)
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.user)?;
        if self.resource == DEFAULT_DEVICE { Ok(()) } else { write!(f, "/{}", self.resource) }
    }
}

/// A conversation file that cannot be read.
#[derive(Debug)]
pub struct ScriptError {
    /// The file.
    pub file: String,
    /// The line; 0 for the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.problem)
    }
}

impl std::error::Error for ScriptError {}

#[cfg(test)]
mod tests;
