//! The service on two channels, as the link sees it: for tests that look at what goes over the wire, not at what a host
//! makes of it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
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

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running service, both ends of its link, and its database file.
#[derive(Debug)]
pub struct Wire {
    /// To the service.
    pub to: mpsc::Sender<Incoming>,
    /// From the service.
    pub from: mpsc::Receiver<Outgoing>,
    /// Asks it to stop.
    pub stop: CancellationToken,
    /// The service; ends with what `app::run` gives.
    pub service: JoinHandle<Result<()>>,
    folder: TempDir,
}

impl Wire {
    /// Starts it; `queued` stanzas may wait on the way out. `change` may change its configuration.
    pub fn start(queued: usize, change: impl FnOnce(&mut Config)) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (to, incoming) = mpsc::channel(1_000);
        let (outgoing, from) = mpsc::channel(queued);
        let stop = CancellationToken::new();
        let mut config = Config::for_testing(SERVICE, &url(&folder));
        change(&mut config);
        let service = tokio::spawn(app::run(config, Clock::real(), incoming, outgoing, stop.clone()));
        Ok(Self { to, from, stop, service, folder })
    }

    /// The database's URL.
    pub fn url(&self) -> String {
        url(&self.folder)
    }

    /// A stanza of this user's only device, as the host passes it on. `stanza` is written without `from` and `xmlns`.
    pub async fn say(&self, user: &str, stanza: &str) -> Result<()> {
        let head = format!(" xmlns='jabber:component:accept' from='{user}@shakespeare.lit/pda' ");
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

    /// What the service says, and to whom, until it has worked off all that it was given: it is asked for something that
    /// goes the way of all requests and has no effect.
    pub async fn said(&mut self, domain: &str) -> Result<Vec<(Arc<str>, String)>> {
        let nothing = "<query xmlns='http://jabber.org/protocol/groupchat#deletegroup'/>";
        self.say("probe", &format!("<iq type='set' id='said' to='no-such-group@{domain}'>{nothing}</iq>"))
            .await?;
        let mut said = Vec::new();
        loop {
            let Outgoing { head, to, tail } = self.hear().await?;
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
            let Outgoing { head, to, tail } = self.hear().await?;
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
