//! A bot: says back what mentions it, in whatever group it is a member of. It speaks plain TCP, so let its server be on
//! the same machine. `cargo xtask demo` starts one and prints the command.

use anyhow::{Context as _, Result, bail};
use futures::StreamExt as _;
use groupchat_client::{Draft, GroupView, News, Service};
use minidom::Element;
use tokio_xmpp::connect::DnsConfig;
use tokio_xmpp::jid::BareJid;
use tokio_xmpp::xmlstream::Timeouts;
use tokio_xmpp::{Client, Event};

const USAGE: &str = "GROUPCHAT_PASSWORD=… echo-bot user@domain [address:port of its server]";

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let jid: BareJid = arguments.next().context(USAGE)?.parse().context(USAGE)?;
    let server = arguments.next().unwrap_or_else(|| "127.0.0.1:5222".into());
    let password = std::env::var("GROUPCHAT_PASSWORD").context(USAGE)?;

    let mut view = GroupView::new(Service::of_account(jid.as_str()), jid.as_str());
    let mut client = Client::new_plaintext(jid, password, DnsConfig::addr(&server), Timeouts::default());
    let mut waiting = tokio::time::interval(std::time::Duration::from_secs(30));
    loop {
        tokio::select! {
            event = client.next() => match event.context("the connection is gone")? {
                Event::Online { resumed: false, .. } => {
                    // For the server, which then passes on what was kept; the view tells the service.
                    send(&mut client, &Element::bare("presence", "jabber:client")).await?;
                    view.connected();
                }
                Event::Online { .. } => {}
                Event::Stanza(stanza) => {
                    let news = view.take(&xso::transform::<Element, _>(&stanza)?);
                    news.into_iter().for_each(|news| answer(&mut view, &news));
                }
                Event::Disconnected(problem) => bail!(problem),
            },
            _ = waiting.tick() => if view.is_waiting() { view.retry() },
        }
        while let Some(stanza) = view.next_stanza() {
            send(&mut client, &stanza).await?;
        }
    }
}

/// Says back what mentions the bot and was not read yet. What comes late is answered, and nothing twice.
fn answer(view: &mut GroupView, news: &News) {
    let News::Message { group, stanza_id } = news else { return };
    let Some(state) = view.group(group) else { return };
    let Some(message) = state.message(stanza_id) else { return };
    let is_read = state.read_position().is_some_and(|read| read >= stanza_id.as_str());
    let text = state.text(stanza_id).filter(|_| message.mentions(view.account(), state.own_mid()));
    if let Some(text) = text.filter(|_| !is_read && !state.is_own(message)) {
        let nick = state.own_mid().map(|mid| state.nick(mid)).unwrap_or_default();
        let echo = text.replace(&format!("@{nick}"), "").trim().to_owned();
        let draft = Draft::text(&echo).reply_to(stanza_id, &message.author());
        view.post(group, &format!("echo-{stanza_id}"), &draft);
    }
    view.mark_read(group, stanza_id);
}

async fn send(client: &mut Client, stanza: &Element) -> Result<()> {
    client.send_stanza(xso::transform(stanza)?).await?;
    Ok(())
}
