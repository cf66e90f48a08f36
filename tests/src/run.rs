//! Plays a conversation on a stage, step by step, and tells the whole story when something is not as written.
//! Not here: what a step looks like in a file (`script.rs`), what a host does (`stage.rs`).

mod inbox;
mod receive;
mod repeats;
mod setup;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result};
use tokio::time::sleep;

use crate::client::Received;
use crate::matching::{Bindings, substitute};
use crate::script::{Action, Device, Leaving, Login, Presence, SERVICE, Script, ServiceStep, Step};
use crate::stage::{Connection, Stage, Suspended};
use crate::transcript::Transcript;
use inbox::Inbox;
use repeats::Repeats;

/// A conversation that did not go as written.
#[derive(Debug)]
pub struct Failure {
    /// All that a developer needs to understand it.
    pub report: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report)
    }
}

impl std::error::Error for Failure {}

/// Plays the whole conversation; silence is checked at its end even if the file does not say so.
pub async fn play(script: &Script, stage: Stage) -> Result<(), Failure> {
    let mut play = Play::new(stage, script.with_service);
    let last = script.steps.last();
    let end = Step { line: last.map_or(0, |step| step.line), action: Action::Silence };
    let says_so = last.is_some_and(|step| matches!(step.action, Action::Silence));
    for step in script.steps.iter().chain((!says_so).then_some(&end)) {
        if let Err(problem) = play.step(step).await {
            return Err(play.failure(script, step, &problem).await);
        }
    }
    Ok(())
}

/// Why a step failed.
#[derive(Debug)]
struct Problem {
    /// Line in the file when it is not the step's own.
    line: Option<usize>,
    text: String,
}

impl<E: Into<anyhow::Error>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self { line: None, text: format!("{:#}", error.into()) }
    }
}

/// A conversation being played.
struct Play {
    stage: Stage,
    connected: BTreeMap<Device, Connection>,
    suspended: BTreeMap<Device, Suspended>,
    inboxes: BTreeMap<Device, Inbox>,
    bound: Bindings,
    transcript: Transcript,
    service_is_up: bool,
    /// Users whose stored invitation into a group belongs to the set-up and is not looked at.
    invited: Vec<(String, String)>,
    syncs: u32,
    repeats: Repeats,
}

impl Play {
    fn new(stage: Stage, service_is_up: bool) -> Self {
        Self {
            stage,
            connected: BTreeMap::new(),
            suspended: BTreeMap::new(),
            inboxes: BTreeMap::new(),
            bound: Bindings::new(),
            transcript: Transcript::new(),
            service_is_up,
            invited: Vec::new(),
            syncs: 0,
            repeats: Repeats::default(),
        }
    }

    async fn step(&mut self, step: &Step) -> Result<(), Problem> {
        self.stage.check()?;
        match &step.action {
            Action::Login(who, login) => {
                for device in who {
                    self.login(device, *login).await?;
                }
            }
            Action::Resume(who) => {
                for device in who {
                    self.resume(device).await?;
                }
            }
            Action::Send(who, text) => {
                for device in who {
                    self.send(device, text).await?;
                }
            }
            Action::Receive(who, templates, order) => {
                for device in who {
                    self.receive(device, templates, *order).await?;
                }
            }
            Action::Leave(who, leaving) => {
                for device in who {
                    self.leave(device, *leaving).await?;
                }
            }
            Action::Service(step) => self.service(*step).await?,
            Action::Silence => self.silence().await?,
            Action::Wait(time) => self.stage.wait(*time).await,
            Action::Group(setup) => self.set_up(setup).await?,
        }
        Ok(())
    }

    async fn login(&mut self, device: &Device, login: Login) -> Result<()> {
        if self.connected.contains_key(device) {
            anyhow::bail!("{device} is connected already");
        }
        // What others did before must have reached everybody who was there, and not this one.
        if let Some(other) = self.connected.keys().next().cloned() {
            self.sync(&[other]).await?;
            sleep(self.stage.quiet_time() / 4).await;
        }
        self.transcript.note(format!("{device} logs in"));
        let connection = self.stage.login(device, login.resumable).await?;
        self.connected.insert(device.clone(), connection);
        self.inboxes.entry(device.clone()).or_default();
        match login.presence {
            Presence::None => return Ok(()),
            Presence::Initial => self.send_raw(device, "<presence/>").await?,
            Presence::Announced => {
                self.send_raw(device, &format!("<presence/><presence to='{SERVICE}'/>")).await?;
            }
        }
        // What others do next must not overtake this presence on its way to the service.
        self.sync(std::slice::from_ref(device)).await
    }

    async fn resume(&mut self, device: &Device) -> Result<()> {
        self.transcript.note(format!("{device} resumes"));
        let suspended =
            self.suspended.remove(device).with_context(|| format!("{device} has not vanished"))?;
        let connection = self.stage.resume(suspended).await?;
        self.connected.insert(device.clone(), connection);
        Ok(())
    }

    async fn send(&mut self, device: &Device, text: &str) -> Result<()> {
        let text = substitute(text, &self.bound).map_err(anyhow::Error::msg)?;
        self.send_raw(device, &text).await
    }

    async fn send_raw(&mut self, device: &Device, text: &str) -> Result<()> {
        self.transcript.sent(device, text);
        self.connection(device)?.send(text).await
    }

    async fn leave(&mut self, device: &Device, leaving: Leaving) -> Result<()> {
        let connection =
            self.connected.remove(device).with_context(|| format!("{device} is not connected"))?;
        self.transcript.note(format!("{device} goes ({leaving:?})"));
        match leaving {
            Leaving::Closing => {
                let rest = connection.close().await;
                self.inboxes.entry(device.clone()).or_default().extend(rest);
            }
            Leaving::Dropping => {
                connection.drop_link().await?;
                // What it got and had not looked at is lost with it.
                self.inboxes.remove(device);
            }
            Leaving::Vanishing => {
                let suspended = connection.vanish().await?;
                self.suspended.insert(device.clone(), suspended);
            }
        }
        sleep(self.stage.leave_time()).await;
        Ok(())
    }

    async fn service(&mut self, step: ServiceStep) -> Result<()> {
        self.transcript.note(format!("service: {step:?}"));
        self.service_is_up = step == ServiceStep::Start;
        if step == ServiceStep::Kill {
            self.repeats.expect();
        }
        self.stage.service(step).await?;
        self.transcript.note(if self.service_is_up { "service is there" } else { "service is gone" });
        Ok(())
    }

    fn connection(&mut self, device: &Device) -> Result<&mut Connection> {
        self.connected.get_mut(device).with_context(|| format!("{device} is not connected"))
    }

    async fn failure(&mut self, script: &Script, step: &Step, problem: &Problem) -> Failure {
        // What lies unread in the inboxes is part of the story.
        self.drain_all().await;
        for (device, inbox) in &mut self.inboxes {
            while let Some(Received { at, stanza }) = inbox.pop() {
                self.transcript.received(device, at, &stanza);
            }
        }
        let line = problem.line.unwrap_or(step.line);
        let mut report =
            format!("{}:{line}: {}\n\nWhat happened:\n{}", script.file, problem.text, self.transcript);
        let log = self.stage.service_log();
        if !log.is_empty() {
            report.push_str(&format!("\nThe service's log:\n{log}\n"));
        }
        Failure { report }
    }
}

#[cfg(test)]
mod tests;
