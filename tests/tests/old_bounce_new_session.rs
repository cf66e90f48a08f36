//! A copy came back while the database was away, and the device logged in again before the database was: the bounce
//! belongs to the session that is over, and leaves the new one alone.

use std::time::Duration;

use anyhow::{Result, ensure};
use groupchat_tests::wire::Wire;
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database};

const TEA: &str = "tea@groupchat.shakespeare.lit";
const HELLO: &str = "<presence to='groupchat.shakespeare.lit'/>";
const CREATE: &str = "<query xmlns='http://jabber.org/protocol/groupchat#creategroup'><properties>\
    <property name='members'><item jid='bob@shakespeare.lit'/></property></properties></query>";
const ROOM: usize = 1_000_000;

/// Whose copies of Alice's next message go where, but for her own.
async fn copies(wire: &mut Wire, id: &str) -> Result<Vec<String>> {
    let post = format!("<message type='groupchat' id='{id}' to='{TEA}'><body>Milk?</body></message>");
    wire.say("alice", &post).await?;
    let said = wire.hear_all().await;
    let addresses =
        said.iter().filter_map(|said| said.split_once(' ').map(|(address, _)| address.to_owned()));
    Ok(addresses.filter(|address| !address.starts_with("alice@")).collect())
}

#[tokio::test]
async fn a_bounce_that_waited_for_the_database_ends_no_newer_session() -> Result<()> {
    let mut wire = Wire::start(ROOM, |_| {})?;
    wire.ask("alice", "set", TEA, CREATE).await?;
    wire.say("bob", HELLO).await?;
    wire.hear_all().await;
    ensure!(copies(&mut wire, "m1").await? == ["bob@shakespeare.lit/pda"]);

    let mut options = ConnectOptions::new(wire.url());
    options.max_connections(1).sqlx_logging(false);
    let other = Database::connect(options).await?;
    for change in ["INSERT", "UPDATE", "DELETE"] {
        let refuse = format!(
            "CREATE TRIGGER no_{change} BEFORE {change} ON tig_group_session \
             BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        );
        other.execute_unprepared(&refuse).await?;
    }
    let error =
        "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    wire.say("bob", &format!("<message type='error' id='m1' to='{TEA}/alice'>{error}</message>")).await?;
    wire.hear_all().await;
    wire.say("bob", HELLO).await?;
    wire.hear_all().await;
    for change in ["INSERT", "UPDATE", "DELETE"] {
        other.execute_unprepared(&format!("DROP TRIGGER no_{change}")).await?;
    }
    // The service tries again every second.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    wire.hear_all().await;
    ensure!(copies(&mut wire, "m2").await? == ["bob@shakespeare.lit/pda"], "the new session is forgotten");

    let mut wire = wire.crash(ROOM, |_| {}).await?;
    wire.hear_all().await;
    ensure!(copies(&mut wire, "m3").await? == ["bob@shakespeare.lit/pda"], "the new session was not stored");
    Ok(())
}
