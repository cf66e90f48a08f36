//! The connection: tokio-xmpp's stream that connects again by itself and resumes (XEP-0198), with a connector that says
//! what is wrong instead of trying for ever where that is of no use.

use std::borrow::Cow;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::StreamExt as _;
use minidom::Element;
use sasl::common::Credentials;
use tokio::sync::{mpsc, oneshot};
use tokio_xmpp::connect::{DnsConfig, ServerConnector, TcpServerConnector};
use tokio_xmpp::jid::Jid;
use tokio_xmpp::stanzastream::{Connection, Event, StanzaReceiver, StanzaSender, StanzaStream, StreamEvent};
use tokio_xmpp::xmlstream::{StreamHeader, Timeouts};
use tokio_xmpp::{Error, Stanza};

use crate::login::Login;
use crate::session::Problem;

/// Stanzas on their way in each direction.
const QUEUE: usize = 64;
const RETRY_MAX: Duration = Duration::from_secs(30);
const CLIENT_NS: &str = "jabber:client";

/// A connection that is made again whenever it breaks.
pub(crate) struct Link {
    sender: StanzaSender,
    receiver: StanzaReceiver,
    failures: mpsc::UnboundedReceiver<anyhow::Error>,
}

/// What comes.
#[derive(Debug)]
pub(crate) enum Input {
    /// A new session.
    Online,
    /// The link is gone; a new one is being made.
    Offline,
    /// The old session goes on, nothing was lost.
    Resumed,
    Stanza(Element),
}

impl Link {
    /// Starts connecting.
    pub(crate) fn open(login: &Login) -> Self {
        let (report, failures) = mpsc::unbounded_channel();
        let login = login.clone();
        let mut is_first = true;
        let connector = Box::new(move |_: Option<String>, slot: oneshot::Sender<Connection>| {
            let (login, report) = (login.clone(), report.clone());
            let may_retry = !std::mem::take(&mut is_first);
            tokio::spawn(async move {
                match keep_connecting(&login, may_retry).await {
                    // Nobody wants it any more: the program ends.
                    Ok(connection) => drop(slot.send(connection)),
                    Err(problem) => drop(report.send(problem)),
                }
            });
        });
        let (sender, receiver) = StanzaStream::new(connector, QUEUE).split();
        Self { sender, receiver, failures }
    }

    /// What comes next. May be dropped without losing anything.
    pub(crate) async fn next(&mut self) -> Result<Input> {
        loop {
            let event = tokio::select! {
                biased;
                Some(problem) = self.failures.recv() => return Err(problem),
                event = self.receiver.next() => event,
            };
            let Some(event) = event else {
                // The stream ends when connecting is given up; the reason is on its way.
                return Err(self
                    .failures
                    .recv()
                    .await
                    .unwrap_or_else(|| Problem::Login("the connection is gone".into()).into()));
            };
            return Ok(match event {
                Event::Stream(StreamEvent::Reset { .. }) => Input::Online,
                Event::Stream(StreamEvent::Suspended) => Input::Offline,
                Event::Stream(StreamEvent::Resumed) => Input::Resumed,
                Event::Stanza(stanza) => match xso::transform::<Element, _>(&stanza) {
                    Ok(element) => Input::Stanza(element),
                    Err(_) => continue,
                },
            });
        }
    }

    /// Gives a stanza to be sent, now or when there is a link again.
    pub(crate) async fn send(&self, element: &Element) -> Result<()> {
        let stanza: Stanza = xso::transform(element).context("not a stanza")?;
        self.sender.send(Box::new(stanza)).await;
        Ok(())
    }

    /// Says goodbye.
    pub(crate) async fn close(self) {
        let stream = StanzaStream::reunite(self.sender, self.receiver);
        // Whether the server says goodbye in time does not matter.
        tokio::time::timeout(Duration::from_secs(3), stream.close()).await.ok();
    }
}

/// Until it works, or is of no use: the first time nothing is tried twice, and a wrong password is wrong for ever.
async fn keep_connecting(login: &Login, may_retry: bool) -> Result<Connection> {
    let mut delay = Duration::from_millis(500);
    loop {
        match connect(login).await {
            Ok(connection) => return Ok(connection),
            Err(Error::Auth(refused)) => {
                return Err(
                    Problem::Login(format!("{} may not log in: {refused}", login.jid.to_bare())).into()
                );
            }
            Err(problem) if !may_retry => {
                return Err(Problem::Login(format!("cannot connect: {problem}")).into());
            }
            Err(_) => {}
        }
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(RETRY_MAX);
    }
}

async fn connect(login: &Login) -> Result<Connection, Error> {
    let server = TcpServerConnector::from(DnsConfig::addr(&login.server.to_string()));
    let jid = Jid::from(login.jid.clone());
    let timeouts = Timeouts::default();
    let (stream, channel_binding) = server.connect(&jid, CLIENT_NS, timeouts).await?;
    let (features, stream) = stream.recv_features().await?;
    let user = login.jid.node().map(|node| node.as_str().to_owned()).unwrap_or_default();
    let credentials = Credentials::default()
        .with_username(user)
        .with_password(login.password.as_str())
        .with_channel_binding(channel_binding);
    let stream = tokio_xmpp::client_login(stream, features.sasl_mechanisms, credentials).await?;
    let to = Some(Cow::Borrowed(login.jid.domain().as_str()));
    let (features, stream) =
        stream.send_header(StreamHeader { to, from: None, id: None }).await?.recv_features().await?;
    Ok(Connection { stream: stream.box_stream(), features, identity: jid })
}
