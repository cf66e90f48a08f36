//! Members whose servers give their copies back get no more of them until they are seen; everybody else goes on.

use std::time::Duration;

use anyhow::{Result, ensure};
use groupchat_tests::wire::Wire;

const TEA: &str = "tea@groupchat.shakespeare.lit";
const CREATE: &str = "<query xmlns='http://jabber.org/protocol/groupchat#creategroup'><properties>\
    <property name='members'><item jid='ghost@shakespeare.lit'/><item jid='full@shakespeare.lit'/>\
    <item jid='away@shakespeare.lit'/></property></properties></query>";
const ROOM: usize = 1_000_000;

/// Alice posts; whose copies for later are sent, by name.
async fn copies_for_later(wire: &mut Wire, id: &str) -> Result<Vec<String>> {
    wire.say(
        "alice",
        &format!("<message type='groupchat' id='{id}' to='{TEA}'><body>Milk?</body></message>"),
    )
    .await?;
    let said = wire.hear_all().await;
    ensure!(said.iter().any(|said| said.starts_with("alice@") && said.contains("'groupchat'")), "{said:#?}");
    let later = said.iter().filter(|said| said.contains("type='chat'"));
    Ok(later.filter_map(|said| said.split_once('@').map(|(name, _)| name.to_owned())).collect())
}

/// The copy comes back.
async fn bounce(wire: &Wire, user: &str, id: &str, condition: &str) -> Result<()> {
    let error = format!(
        "<message type='error' id='{id}' to='{TEA}/alice'><error type='cancel'>\
         <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    );
    wire.say_from(&format!("{user}@shakespeare.lit"), &error).await
}

#[tokio::test]
async fn whose_copies_come_back_gets_no_more_until_he_is_seen() -> Result<()> {
    let mut wire = Wire::start(ROOM, |_| {})?;
    wire.ask("alice", "set", TEA, CREATE).await?;
    wire.hear_all().await;
    for round in 0..3 {
        let id = format!("m{round}");
        let expected: &[&str] = if round == 0 { &["ghost", "full", "away"] } else { &["ghost", "away"] };
        ensure!(copies_for_later(&mut wire, &id).await? == expected, "round {round}");
        bounce(&wire, "ghost", &id, "service-unavailable").await?;
        bounce(&wire, "away", &id, "remote-server-timeout").await?;
        if round == 0 {
            bounce(&wire, "full", &id, "resource-constraint").await?;
        }
    }
    ensure!(copies_for_later(&mut wire, "m3").await? == ["away"], "one is gone, one is full");
    // And what is not there is told nothing, though everybody else is.
    wire.ask("alice", "set", TEA, &update("Earl Grey")).await?;
    let told = wire.hear_all().await;
    ensure!(
        told.iter().any(|said| said.starts_with("full@"))
            && !told.iter().any(|said| said.starts_with("ghost@")),
        "{told:#?}"
    );

    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let mut wire = wire.crash(ROOM, |_| {}).await?;
    wire.hear_all().await;
    ensure!(copies_for_later(&mut wire, "m4").await? == ["away"], "a restart forgets nothing of it");
    for user in ["ghost", "full"] {
        wire.say(user, "<presence to='groupchat.shakespeare.lit'/>").await?;
        wire.say(user, "<presence type='unavailable' to='groupchat.shakespeare.lit'/>").await?;
    }
    ensure!(copies_for_later(&mut wire, "m5").await? == ["ghost", "full", "away"], "both were seen");
    Ok(())
}

fn update(name: &str) -> String {
    format!(
        "<query xmlns='http://jabber.org/protocol/groupchat#updategroup'><property name='name' value='{name}'/></query>"
    )
}
