//! A bot: says back what mentions it, in whatever group it is a member of. `cargo xtask demo` prints the command to start
//! it beside the demo.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::StreamExt as _;
use groupchat_client::{Draft, GroupView, News, Service};
use minidom::Element;
use tokio_xmpp::connect::{DnsConfig, StartTlsServerConnector, TcpServerConnector};
use tokio_xmpp::jid::{BareJid, Jid, ResourcePart};
use tokio_xmpp::stanzastream::{Event, StanzaStream, StreamEvent};
use tokio_xmpp::xmlstream::Timeouts;

const USAGE: &str =
    "GROUPCHAT_PASSWORD=… echo-bot user@domain [address:port of a server on this machine, not encrypted]";

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let account: BareJid = arguments.next().context(USAGE)?.parse().context(USAGE)?;
    let password = std::env::var("GROUPCHAT_PASSWORD").context(USAGE)?;
    let mut view = GroupView::new(Service::of_account(account.as_str()), account.as_str());

    // Always the same device: should the bot say something again after a crash, the service knows it.
    let jid: Jid = account.with_resource(&ResourcePart::new("echo-bot")?).into();
    let mut stream = if let Some(server) = arguments.next() {
        let server: SocketAddr = server.parse().context(USAGE)?;
        ensure!(server.ip().is_loopback(), USAGE);
        let server = TcpServerConnector(DnsConfig::addr(&server.to_string()));
        StanzaStream::new_c2s(server, jid, password, Timeouts::default(), 16)
    } else {
        let server = StartTlsServerConnector(DnsConfig::srv_default_client(jid.domain().as_str()));
        StanzaStream::new_c2s(server, jid, password, Timeouts::default(), 16)
    };
    let mut retry = tokio::time::interval(Duration::from_secs(30));
    loop {
        tokio::select! {
            event = stream.next() => match event.context("the connection is gone")? {
                // A new session; of one that goes on (XEP-0198) nothing was missed.
                Event::Stream(StreamEvent::Reset { .. }) => {
                    // For the server, which then passes on what it kept; the view tells the service.
                    send(&stream, &Element::bare("presence", "jabber:client")).await?;
                    view.connected();
                }
                Event::Stream(StreamEvent::Suspended | StreamEvent::Resumed) => {}
                Event::Stanza(stanza) => {
                    for news in view.take(&xso::transform::<Element, _>(&stanza)?) {
                        take(&mut view, &news);
                    }
                }
            },
            _ = retry.tick() => if view.is_waiting() { view.retry() },
        }
        while let Some(stanza) = view.next_stanza() {
            send(&stream, &stanza).await?;
        }
    }
}

/// Answers what mentions the bot and is not read; what is answered is read. So what comes late is answered, too, and
/// nothing is answered twice.
fn take(view: &mut GroupView, news: &News) {
    match news {
        News::Message { group, stanza_id } => {
            if let Some(echo) = echo(view, group, stanza_id) {
                view.post(group, &format!("echo-{stanza_id}"), &echo);
            }
        }
        News::Stored { group, id, .. } => {
            if let Some(answered) = id.strip_prefix("echo-") {
                view.mark_read(group, answered);
            }
        }
        _ => {}
    }
}

/// What is to be said to a message, if anything.
fn echo(view: &GroupView, group: &str, stanza_id: &str) -> Option<Draft> {
    let state = view.group(group)?;
    let message = state.message(stanza_id)?;
    let is_read = state.read_position().is_some_and(|read| read >= stanza_id);
    let is_for_me = message.mentions(view.account(), state.own_mid()) && !state.is_own(message);
    let text = state.text(stanza_id).filter(|_| is_for_me && !is_read)?;
    Some(Draft::text(text).reply_to(stanza_id, &message.author()))
}

async fn send(stream: &StanzaStream, stanza: &Element) -> Result<()> {
    stream.send(Box::new(xso::transform(stanza)?)).await;
    Ok(())
}
