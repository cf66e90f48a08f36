//! A database that cannot be used for a while, when the service starts or later: whoever asks for something is told so,
//! nobody hears of what is not stored, and when the database is well again so is the service, without a restart.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use groupchat_tests::wire::Wire;
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};
use tokio::time::timeout;

const GC: &str = "http://jabber.org/protocol/groupchat";
const TEA: &str = "tea@groupchat.shakespeare.lit";
const ROOM: usize = 1_000_000;
/// Longer than SQLite waits for a lock.
const PATIENCE: Duration = Duration::from_secs(40);

fn create() -> String {
    let bob = "<item jid='bob@shakespeare.lit'/>";
    let properties = format!("<properties><property name='members'>{bob}</property></properties>");
    format!("<query xmlns='{GC}#creategroup'>{properties}</query>")
}

fn post(id: &str) -> String {
    format!("<message type='groupchat' id='{id}' to='{TEA}'><body>Milk?</body></message>")
}

/// A device tells that it is there, and asks behind that whether it was heard.
async fn announce(wire: &Wire, id: &str) -> Result<()> {
    wire.say("bob", "<presence to='groupchat.shakespeare.lit'/>").await?;
    let ping = "<ping xmlns='urn:xmpp:ping'/>";
    wire.say("bob", &format!("<iq type='get' id='{id}' to='groupchat.shakespeare.lit'>{ping}</iq>")).await
}

/// Another program that has the file for itself.
async fn lock(wire: &Wire) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(wire.url());
    options.max_connections(1).sqlx_logging(false);
    let other = Database::connect(options).await?;
    other.execute_unprepared("BEGIN EXCLUSIVE").await?;
    Ok(other)
}

/// The next thing that the service says of this stanza, and what it says of others before it.
async fn heard(wire: &mut Wire, id: &str) -> Result<(String, Vec<String>)> {
    let mut others = Vec::new();
    let search = async {
        while let Some(outgoing) = wire.from.recv().await {
            let said = format!("{:?} {}{}", outgoing.to, outgoing.head, outgoing.tail);
            if said.contains(&format!("id='{id}'")) {
                return Ok(said);
            }
            others.push(said);
        }
        bail!("the service ended")
    };
    let said = timeout(PATIENCE, search).await??;
    Ok((said, others))
}

fn is_refusal(said: &str) -> bool {
    said.contains("<internal-server-error ") && said.contains("type='wait'")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_file_costs_refusals_and_no_restart() -> Result<()> {
    let mut wire = Wire::start(ROOM, |_| {})?;
    wire.ask("alice", "set", TEA, &create()).await?;
    wire.hear_all().await;
    let other = lock(&wire).await?;
    wire.say("alice", &post("m1")).await?;
    wire.say("carol", "<presence to='groupchat.shakespeare.lit'/>").await?;
    let (said, others) = heard(&mut wire, "m1").await?;
    ensure!(is_refusal(&said) && others.is_empty(), "{said} {others:#?}");
    other.execute_unprepared("ROLLBACK").await?;
    wire.say("alice", &post("m2")).await?;
    let (said, others) = heard(&mut wire, "m2").await?;
    ensure!(!is_refusal(&said) && others.is_empty(), "{said} {others:#?}");
    ensure!(
        !wire.hear_all().await.iter().any(|said| said.contains("'m1'")),
        "nobody hears of what was refused"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_is_answered_once_the_presence_before_it_is_stored() -> Result<()> {
    let mut wire = Wire::start(ROOM, |_| {})?;
    wire.ask("alice", "set", TEA, &create()).await?;
    wire.hear_all().await;
    let other = lock(&wire).await?;
    announce(&wire, "p1").await?;
    let (said, _) = heard(&mut wire, "p1").await?;
    ensure!(is_refusal(&said), "{said}");
    other.execute_unprepared("ROLLBACK").await?;
    announce(&wire, "p2").await?;
    let (said, _) = heard(&mut wire, "p2").await?;
    ensure!(said.contains("type='result'"), "{said}");
    let mut wire = wire.crash(ROOM, |_| {}).await?;
    wire.say("alice", &post("m1")).await?;
    let (said, _) = heard(&mut wire, "m1").await?;
    ensure!(said.contains("\"bob@shakespeare.lit/"), "the device is known, whatever happens then: {said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_at_the_start_is_waited_for() -> Result<()> {
    let mut wire = Wire::start(ROOM, |_| {})?;
    wire.ask("alice", "set", TEA, &create()).await?;
    wire.say("alice", &post("before")).await?;
    heard(&mut wire, "before").await?;
    let other = lock(&wire).await?;
    let mut wire = wire.crash(ROOM, |_| {}).await?;
    // The first ones wait with the first attempt.
    let mut said = String::new();
    for n in 0..30 {
        wire.say("alice", &post(&format!("m{n}"))).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        if let Some(refused) = wire.hear_all().await.into_iter().find(|said| is_refusal(said)) {
            said = refused;
            break;
        }
    }
    ensure!(is_refusal(&said), "nobody is told that there is no database");
    // What needs none is answered all the same.
    wire.ask("alice", "get", "groupchat.shakespeare.lit", "<ping xmlns='urn:xmpp:ping'/>").await?;
    other.execute_unprepared("ROLLBACK").await?;
    for n in 100..160 {
        wire.say("alice", &post(&format!("m{n}"))).await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let said = wire.hear_all().await;
        if said.iter().any(|said| said.contains("type='groupchat'") && said.contains(&format!("id='m{n}'"))) {
            return Ok(());
        }
    }
    bail!("the service does not come back")
}
