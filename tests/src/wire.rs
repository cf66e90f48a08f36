//! The service on two channels, as the link sees it: for tests that look at what goes over the wire, not at what a host
//! makes of it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use groupchat_link::queue::{QueueLimits, Receiver, queue};
use groupchat_link::{Incoming, Outgoing};
use minidom::Element;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use xmpp_groupchat::app;
use xmpp_groupchat::clock::Clock;
use xmpp_groupchat::config::Config;

use crate::xml::escape;

/// The service's domain.
pub const SERVICE: &str = "groupchat.shakespeare.lit";

/// When nothing came for so long, nothing comes.
const SILENCE: Duration = Duration::from_millis(400);

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running service, both ends of its link, and its database file.
#[derive(Debug)]
pub struct Wire {
    /// To the service.
    pub to: mpsc::Sender<Incoming>,
    /// From the service.
    pub from: Receiver,
    /// Asks it to stop.
    pub stop: CancellationToken,
    /// The service; ends with what `app::run` gives.
    pub service: JoinHandle<Result<()>>,
    folder: TempDir,
}

impl Wire {
    /// Starts it; stanzas of so many bytes may wait on the way out, one at least. `change` may change its configuration.
    pub fn start(bytes_max: usize, change: impl FnOnce(&mut Config)) -> Result<Self> {
        Self::start_in(tempfile::tempdir()?, bytes_max, change)
    }

    /// Ends it as kill -9 does, and starts it again with the same database.
    pub async fn crash(self, bytes_max: usize, change: impl FnOnce(&mut Config)) -> Result<Self> {
        self.service.abort();
        // It was told to end; how it did is of no interest.
        let _ = self.service.await;
        Self::start_in(self.folder, bytes_max, change)
    }

    /// Starts it with the database in this folder.
    pub fn start_in(folder: TempDir, bytes_max: usize, change: impl FnOnce(&mut Config)) -> Result<Self> {
        let (to, incoming) = mpsc::channel(1_000);
        to.try_send(Incoming::Up)?;
        let (outgoing, from) = queue(QueueLimits { bytes_max, ..QueueLimits::default() });
        let stop = CancellationToken::new();
        let mut config = Config::for_testing(SERVICE, &url(&folder));
        change(&mut config);
        let service =
            tokio::spawn(app::Service::new(config, Clock::real()).run(incoming, outgoing, stop.clone()));
        Ok(Self { to, from, stop, service, folder })
    }

    /// The database's URL.
    pub fn url(&self) -> String {
        url(&self.folder)
    }

    /// A stanza of this user's only device, as the host passes it on. `stanza` is written without `from` and `xmlns`.
    pub async fn say(&self, user: &str, stanza: &str) -> Result<()> {
        self.say_from(&format!("{user}@shakespeare.lit/pda"), stanza).await
    }

    /// A stanza from this address.
    pub async fn say_from(&self, from: &str, stanza: &str) -> Result<()> {
        let head = format!(" xmlns='jabber:component:accept' from='{from}' ");
        let stanza = stanza.replacen(' ', &head, 1).parse().context("the test's own stanza")?;
        self.to.send(Incoming::Stanza(stanza)).await.context("the service is gone")
    }

    /// The next thing that the service says.
    pub async fn hear(&mut self) -> Result<Outgoing> {
        timeout(PATIENCE, self.from.recv())
            .await
            .context("the service says nothing")?
            .context("the service is gone")
    }

    /// What the service says until nothing more comes for a moment, each copy as `recipient <stanza…`.
    pub async fn hear_all(&mut self) -> Vec<String> {
        let mut heard = Vec::new();
        while let Ok(Some(Outgoing { head, to, tail, .. })) = timeout(SILENCE, self.from.recv()).await {
            heard.extend(to.iter().map(|to| format!("{to} {head}{tail}")));
        }
        heard
    }

    /// The same, and the server gets none of it.
    pub async fn say_in_vain(&mut self) -> Vec<String> {
        let mut said = Vec::new();
        while let Ok(Some(slice)) = timeout(SILENCE, self.from.next()).await {
            let Outgoing { head, tail, .. } = slice.outgoing();
            said.extend(slice.recipients().iter().map(|to| format!("{to} {head}{tail}")));
        }
        said
    }

    /// What the service says, and to whom, until it has worked off all that it was given: it is asked for something that
    /// goes the way of all requests and has no effect.
    pub async fn said(&mut self, domain: &str) -> Result<Vec<(Arc<str>, String)>> {
        let nothing = "<query xmlns='http://jabber.org/protocol/groupchat#deletegroup'/>";
        self.say("probe", &format!("<iq type='set' id='said' to='no-such-group@{domain}'>{nothing}</iq>"))
            .await?;
        let mut said = Vec::new();
        loop {
            let Outgoing { head, to, tail, .. } = self.hear().await?;
            if head.starts_with("<iq ") && head.contains("id='said'") {
                return Ok(said);
            }
            said.extend(to.iter().map(|to| (to.clone(), format!("{head} to='{}'{tail}", escape(to)))));
        }
    }

    /// What the service says in answer to an iq of this user, with everything for this user before it: the stanzas as
    /// text, the answer last.
    pub async fn ask(&mut self, user: &str, kind: &str, to: &str, payload: &str) -> Result<Vec<String>> {
        self.say(user, &format!("<iq type='{kind}' id='ask' to='{to}'>{payload}</iq>")).await?;
        let device: Arc<str> = format!("{user}@shakespeare.lit/pda").into();
        let mut heard = Vec::new();
        loop {
            let Outgoing { head, to, tail, .. } = self.hear().await?;
            if to.contains(&device) {
                let is_answer = head.starts_with("<iq ") && head.contains("id='ask'");
                heard.push(format!("{head} to='{device}'{tail}"));
                if is_answer {
                    return Ok(heard);
                }
            }
        }
    }
}

fn url(folder: &TempDir) -> String {
    format!("sqlite://{}", folder.path().join("groupchat.db").display())
}

/// Text of the service as an element.
pub fn parsed(text: &str) -> Result<Element> {
    text.replacen(' ', " xmlns='jabber:component:accept' ", 1)
        .parse()
        .context("the service says what is no XML")
}
