//! Somebody in front of a client: sends text, waits for stanzas, and says clearly which one did not come.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use groupchat_tests::client::Client;
use groupchat_tests::xml::compact;
use minidom::Element;

use crate::{DOMAIN, PASSWORD};

/// How long a stanza may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A logged-in person.
pub(crate) struct Person {
    /// The localpart.
    pub(crate) name: &'static str,
    client: Client,
    asked: u32,
    /// What came and was not asked for yet. Servers keep no order between different kinds of stanza.
    inbox: Vec<Element>,
}

impl Person {
    /// Logs in and becomes available, to the server and to the service.
    pub(crate) async fn login(address: SocketAddr, name: &'static str) -> Result<Self> {
        let client = Client::login(address, DOMAIN, name, PASSWORD, "demo").await?;
        let mut person = Self { name, client, asked: 0, inbox: Vec::new() };
        person.send("<presence/>").await?;
        let own = person.client.jid().to_owned();
        person
            .expect("the server to take note of the login", |stanza| {
                stanza.name() == "presence" && stanza.attr("from") == Some(&own)
            })
            .await?;
        Ok(person)
    }

    /// The address of the device.
    pub(crate) fn jid(&self) -> &str {
        self.client.jid()
    }

    /// Sends a stanza.
    pub(crate) async fn send(&self, stanza: &str) -> Result<()> {
        self.client.send(stanza).await.with_context(|| format!("{} cannot send", self.name))
    }

    /// The first stanza that is wanted. `what` completes "alice waited in vain for …".
    pub(crate) async fn expect(&mut self, what: &str, wanted: impl Fn(&Element) -> bool) -> Result<Element> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(position) = self.inbox.iter().position(&wanted) {
                return Ok(self.inbox.remove(position));
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.client.next(left).await {
                Some(received) => self.inbox.push(received.stanza),
                None => bail!("{} waited in vain for {what}; what came instead:\n{}", self.name, self.came()),
            }
        }
    }

    /// Asks or orders something by iq, and gives the result.
    pub(crate) async fn iq(&mut self, kind: &str, to: &str, payload: &str) -> Result<Element> {
        self.asked += 1;
        let id = format!("ask-{}", self.asked);
        self.send(&format!("<iq type='{kind}' to='{to}' id='{id}'>{payload}</iq>")).await?;
        let answer = self
            .expect(&format!("an answer to {payload}"), |stanza| {
                stanza.name() == "iq"
                    && stanza.attr("id") == Some(&id)
                    && matches!(stanza.attr("type"), Some("result" | "error"))
            })
            .await?;
        if answer.attr("type") != Some("result") {
            bail!("{} asked {to} for {payload} and was refused: {}", self.name, compact(&answer));
        }
        Ok(answer)
    }

    fn came(&self) -> String {
        if self.inbox.is_empty() {
            return "  nothing".to_owned();
        }
        self.inbox.iter().map(|stanza| format!("  {}", compact(stanza))).collect::<Vec<_>>().join("\n")
    }
}
