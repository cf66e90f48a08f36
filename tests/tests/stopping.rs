//! A clean stop: what was taken in is finished, stored and said (or refused) before the link may close.

use std::time::Duration;

use anyhow::{Result, ensure};
use groupchat_link::Outgoing;
use groupchat_tests::wire::Wire;
use tokio::time::timeout;

const POSTS: usize = 300;
const TEA: &str = "tea@groupchat.shakespeare.lit";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_in_is_said_before_the_link_closes() -> Result<()> {
    // Narrow, so that the engine still has to speak when it is told to stop.
    let mut wire = Wire::start(20_000, |_| {})?;
    wire.ask("alice", "set", TEA, "<query xmlns='http://jabber.org/protocol/groupchat#creategroup'/>")
        .await?;
    for n in 0..POSTS {
        wire.say(
            "alice",
            &format!("<message type='groupchat' id='m{n}' to='{TEA}'><body>{n}</body></message>"),
        )
        .await?;
    }
    // Until the router has handed all of them on.
    while wire.to.capacity() < wire.to.max_capacity() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    wire.stop.cancel();
    let (mut said, mut refused) = (0, 0);
    while let Some(Outgoing { head, .. }) = timeout(Duration::from_secs(10), wire.from.recv()).await? {
        // As the link does: when nobody reads from it any more, it closes, and nothing goes out.
        ensure!(
            !wire.to.is_closed(),
            "the service stopped listening with {} messages still to say",
            POSTS - said - refused
        );
        said += usize::from(head.contains("type='groupchat'"));
        // The queue is full, so what is decided while it is gets an error.
        refused += usize::from(head.contains("type='error'"));
    }
    wire.service.await??;
    ensure!(
        said > 0 && said + refused == POSTS,
        "of {POSTS} messages {said} were said and {refused} refused"
    );
    Ok(())
}
