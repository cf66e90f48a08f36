//! A member whose domain cannot be reached for a long time: his copies come back, nothing else comes of it, and he gets
//! the next one all the same. A server that is down is no account that is gone.

use anyhow::{Result, ensure};
use groupchat_link::Incoming;
use groupchat_tests::wire::{SERVICE, Wire, parsed};

const TEA: &str = "tea@groupchat.shakespeare.lit";
const CREATE: &str = "<query xmlns='http://jabber.org/protocol/groupchat#creategroup'><properties>\
    <property name='members'><item jid='rosaline@nowhere.lit'/></property></properties></query>";
/// More than anybody would call bad luck.
const MESSAGES: usize = 100;

#[tokio::test]
async fn a_member_behind_a_broken_link_stays_one() -> Result<()> {
    let mut wire = Wire::start(1_000, |config| {
        config.limits.user_stanzas_burst = 1_000_000;
        config.limits.group_messages_burst = 1_000_000;
    })?;
    wire.say("alice", &format!("<iq type='set' id='c' to='{TEA}'>{CREATE}</iq>")).await?;
    wire.said(SERVICE).await?;
    for n in 0..MESSAGES {
        wire.say(
            "alice",
            &format!("<message type='groupchat' id='m{n}' to='{TEA}'><body>Where are you?</body></message>"),
        )
        .await?;
        let said = wire.said(SERVICE).await?;
        let copies: Vec<_> = said.iter().filter(|(to, _)| **to == *"rosaline@nowhere.lit").collect();
        ensure!(said.len() == 2 && copies.len() == 1, "alice's copy and hers, {n} bounces later: {said:#?}");
        let copy = parsed(&copies[0].1)?;
        let (id, from) = (copy.attr("id").unwrap_or_default(), copy.attr("from").unwrap_or_default());
        // What servers say when the name is not known, the other one does not answer, or refuses.
        let condition = ["remote-server-not-found", "remote-server-timeout", "not-allowed"][n % 3];
        let bounce = format!(
            "<message from='rosaline@nowhere.lit' to='{from}' id='{id}' type='error'><error type='cancel'>\
             <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        );
        wire.to.send(Incoming::Stanza(parsed(&bounce)?)).await?;
        let said = wire.said(SERVICE).await?;
        ensure!(said.is_empty(), "a bounce is not answered: {said:#?}");
    }
    Ok(())
}
