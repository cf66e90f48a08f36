//! What was found: about what, how bad, in words that say what to do.

use serde::Serialize;

use crate::commands::exit;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What it is about.
    pub(super) topic: &'static str,
    /// How it is.
    pub(super) state: State,
    /// What was found, and if it is bad what to do.
    pub(super) text: String,
    #[serde(skip)]
    exit: u8,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// The component works, but not as well as it could.
    Warning,
    /// The component does not work.
    Error,
    /// It was not looked at.
    Skipped,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Skipped => "skipped",
        }
    }
}

impl Finding {
    pub(super) fn new(topic: &'static str, state: State, text: String) -> Self {
        Self { topic, state, text, exit: exit::FAILURE }
    }

    pub(super) fn ok(topic: &'static str, text: impl Into<String>) -> Self {
        Self::new(topic, State::Ok, text.into())
    }

    pub(super) fn warning(topic: &'static str, text: impl Into<String>) -> Self {
        Self::new(topic, State::Warning, text.into())
    }

    pub(super) fn error(topic: &'static str, text: impl Into<String>, exit: u8) -> Self {
        Self { exit, ..Self::new(topic, State::Error, text.into()) }
    }
}

/// The code to end with: that of the first error; else whether there are warnings.
pub(super) fn exit(findings: &[Finding]) -> u8 {
    let error = findings.iter().find(|finding| finding.state == State::Error);
    let warned = findings.iter().any(|finding| finding.state == State::Warning);
    error.map_or(if warned { exit::WARNINGS } else { 0 }, |error| error.exit)
}
