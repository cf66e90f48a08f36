//! A clean stop: what was taken in is finished, stored and said before the link may close.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use groupchat_link::{Incoming, Outgoing};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use xmpp_groupchat::app;
use xmpp_groupchat::clock::Clock;
use xmpp_groupchat::config::Config;

const POSTS: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_in_is_said_before_the_link_closes() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}", folder.path().join("groupchat.db").display());
    let (to, incoming) = mpsc::channel(1_000);
    // Narrow, so that the engine still has to speak when it is told to stop.
    let (outgoing, mut from) = mpsc::channel::<Outgoing>(1);
    let stop = CancellationToken::new();
    let config = Config::for_testing("groupchat.shakespeare.lit", &url);
    let service = tokio::spawn(app::run(config, Clock::real(), incoming, outgoing, stop.clone()));
    let say = |stanza: String| {
        let stanza =
            stanza.replacen(' ', " xmlns='jabber:component:accept' from='alice@shakespeare.lit/pda' ", 1);
        Incoming::Stanza(stanza.parse().expect("the test's own stanza"))
    };
    let group = "to='tea@groupchat.shakespeare.lit'";
    to.send(say(format!(
        "<iq type='set' id='c' {group}><query xmlns='http://jabber.org/protocol/groupchat#creategroup'/></iq>"
    )))
    .await?;
    from.recv().await.context("the group is not made")?;
    for n in 0..POSTS {
        to.send(say(format!("<message type='groupchat' id='m{n}' {group}><body>{n}</body></message>")))
            .await?;
    }
    // Until the router has handed all of them on.
    while to.capacity() < to.max_capacity() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    let mut said = 0;
    while let Some(Outgoing { head, .. }) = timeout(Duration::from_secs(10), from.recv()).await? {
        // As the link does: when nobody reads from it any more, it closes, and nothing goes out.
        ensure!(!to.is_closed(), "the service stopped listening with {} messages still to say", POSTS - said);
        said += usize::from(head.contains("type='groupchat'"));
    }
    service.await??;
    ensure!(said == POSTS, "{said} of {POSTS} messages were said");
    Ok(())
}
