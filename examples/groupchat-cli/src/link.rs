//! The connection: tokio-xmpp's stream that connects again by itself and resumes (XEP-0198), with a connector that says
//! what is wrong instead of trying for ever where that is of no use.

use std::borrow::Cow;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::StreamExt as _;
use minidom::Element;
use sasl::common::{ChannelBinding, Credentials};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_xmpp::connect::{DnsConfig, ServerConnector, StartTlsServerConnector, TcpServerConnector};
use tokio_xmpp::jid::Jid;
use tokio_xmpp::parsers::sasl_cb::Type;
use tokio_xmpp::stanzastream::{Connection, Event, StanzaStream, StreamEvent};
use tokio_xmpp::xmlstream::{StreamHeader, Timeouts};
use tokio_xmpp::{Error, Stanza};

use crate::login::{Login, Server};
use crate::session::Problem;

/// Stanzas on their way in each direction.
const QUEUE: usize = 64;
const RETRY_MAX: Duration = Duration::from_secs(30);
/// How long finding the server, encrypting and logging in may take.
const LOGIN_TIME_MAX: Duration = Duration::from_secs(25);
/// How long the server may take to say goodbye.
const GOODBYE_TIME_MAX: Duration = Duration::from_secs(3);
const CLIENT_NS: &str = "jabber:client";

/// A connection that is made again whenever it breaks.
pub(crate) struct Link {
    stream: StanzaStream,
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
        let connector = Box::new(move |_: Option<String>, mut slot: oneshot::Sender<Connection>| {
            let (login, report) = (login.clone(), report.clone());
            let may_retry = !std::mem::take(&mut is_first);
            tokio::spawn(async move {
                match keep_connecting(&login, may_retry).await {
                    // Nobody wants it any more: the program ends.
                    Ok(connection) => drop(slot.send(connection)),
                    Err(problem) => {
                        drop(report.send(problem));
                        // COMPAT: tokio-xmpp 6.0 panics when the slot is dropped.
                        slot.closed().await;
                    }
                }
            });
        });
        Self { stream: StanzaStream::new(connector, QUEUE), failures }
    }

    /// What comes next. May be dropped without losing anything.
    pub(crate) async fn next(&mut self) -> Result<Input> {
        loop {
            let event = tokio::select! {
                biased;
                Some(problem) = self.failures.recv() => return Err(problem),
                event = self.stream.next() => event,
            };
            let event = event.ok_or_else(|| Problem::Login("the connection is gone".into()))?;
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
        self.stream.send(Box::new(stanza)).await;
        Ok(())
    }

    /// Says goodbye.
    pub(crate) async fn close(self) {
        // Whether the server says goodbye in time does not matter.
        timeout(GOODBYE_TIME_MAX, self.stream.close()).await.ok();
    }
}

/// Until it works, or is of no use: the first time nothing is tried twice, and a wrong password is wrong for ever.
async fn keep_connecting(login: &Login, may_retry: bool) -> Result<Connection> {
    let mut delay = Duration::from_millis(500);
    loop {
        let problem = match timeout(LOGIN_TIME_MAX, connect(login)).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(Error::Auth(refused))) => {
                return Err(
                    Problem::Login(format!("{} may not log in: {refused}", login.jid.to_bare())).into()
                );
            }
            Ok(Err(problem)) => problem.to_string(),
            Err(_) => "it does not answer".to_owned(),
        };
        if !may_retry {
            return Err(Problem::Login(format!("cannot connect to {}: {problem}", login.server)).into());
        }
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(RETRY_MAX);
    }
}

async fn connect(login: &Login) -> Result<Connection, Error> {
    match &login.server {
        Server::Plain(address) => {
            log_in(TcpServerConnector::from(DnsConfig::addr(&address.to_string())), login).await
        }
        Server::Encrypted(place) => log_in(StartTlsServerConnector::from(*place.clone()), login).await,
    }
}

async fn log_in(connector: impl ServerConnector, login: &Login) -> Result<Connection, Error> {
    let jid = Jid::from(login.jid.clone());
    let (stream, channel_binding) = connector.connect(&jid, CLIENT_NS, Timeouts::default()).await?;
    let (features, stream) = stream.recv_features().await?;
    // COMPAT: ejabberd before 23.04 offers to bind logins to the channel, but in no way that works with TLS 1.3. XEP-0440
    let offered = features.sasl_cb.as_ref().is_some_and(|offer| offer.types.contains(&Type::TlsExporter));
    let channel_binding = if offered { channel_binding } else { ChannelBinding::None };
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
