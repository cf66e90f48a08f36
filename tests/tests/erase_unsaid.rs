//! Somebody is erased while the server has not heard yet that he left: after a crash members hear it all the same, once, and by his
//! name; and then the archive forgets that, too.

use std::time::Duration;

use anyhow::{Result, ensure};
use groupchat_core::GroupId;
use groupchat_store::Store;
use groupchat_tests::wire::{SERVICE, Wire};
use xmpp_groupchat::config::Config;

const TEA: &str = "tea@groupchat.shakespeare.lit";
const ROOM: usize = 1_000_000;
const PATIENCE: Duration = Duration::from_secs(60);

fn administered(config: &mut Config) {
    config.service.admins = vec!["admin@shakespeare.lit".to_owned()];
}

/// A group of bob's, with alice in it; the server has all of it.
async fn start() -> Result<Wire> {
    let mut wire = Wire::start(ROOM, administered)?;
    wire.say("bob", &format!("<presence to='{SERVICE}'/>")).await?;
    let alice =
        "<properties><property name='members'><item jid='alice@shakespeare.lit'/></property></properties>";
    let create = format!("<query xmlns='http://jabber.org/protocol/groupchat#creategroup'>{alice}</query>");
    wire.ask("bob", "set", TEA, &create).await?;
    wire.hear_all().await;
    Ok(wire)
}

async fn erase(wire: &Wire) -> Result<()> {
    let field = "<field var='jid'><value>alice@shakespeare.lit</value></field>";
    let form = format!("<x xmlns='jabber:x:data' type='submit'>{field}</x>");
    let command =
        format!("<command xmlns='http://jabber.org/protocol/commands' node='erase'>{form}</command>");
    wire.say("admin", &format!("<iq type='set' id='erase' to='{SERVICE}'>{command}</iq>")).await
}

/// What bob hears of anybody's leaving.
fn leaves(said: &[String]) -> Vec<&String> {
    said.iter().filter(|said| said.starts_with("bob@") && said.contains("#removemember")).collect()
}

/// Has the archive forgotten her?
async fn is_forgotten(wire: &Wire) -> Result<bool> {
    let store = Store::open(&wire.url()).await?;
    let mut export =
        store.export_group(&GroupId::from_stored("tea")).await?.ok_or_else(|| anyhow::anyhow!("no group"))?;
    let mut text = String::new();
    while let Some(page) = export.next().await? {
        text.push_str(&serde_json::to_string(&page)?);
    }
    drop(export);
    store.close().await?;
    Ok(!text.contains("alice@shakespeare.lit"))
}

/// The service is killed, and starts again; what bob hears then, until the archive has forgotten her, too.
async fn after_a_crash(wire: Wire) -> Result<Vec<String>> {
    ensure!(!is_forgotten(&wire).await?, "the archive has forgotten what nobody has heard");
    let mut wire = wire.crash(ROOM, administered).await?;
    let again = wire.hear_all().await;
    let start = std::time::Instant::now();
    // Asked again, it goes on where it was.
    erase(&wire).await?;
    while !is_forgotten(&wire).await? {
        ensure!(start.elapsed() < PATIENCE, "she is not forgotten");
        wire.hear_all().await;
    }
    let mut wire = wire.crash(ROOM, administered).await?;
    let rest = wire.hear_all().await;
    ensure!(leaves(&rest).is_empty(), "the server had heard it: {rest:#?}");
    Ok(leaves(&again).into_iter().cloned().collect())
}

fn is_hers(said: &[String]) -> bool {
    matches!(said, [one] if one.contains("alice@shakespeare.lit") && !one.contains("erased"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leave_that_erasing_makes_is_heard() -> Result<()> {
    let mut wire = start().await?;
    erase(&wire).await?;
    let before = wire.say_in_vain().await;
    ensure!(leaves(&before).len() == 1, "{before:#?}");
    // Longer than it takes to go through so small an archive.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let heard = after_a_crash(wire).await?;
    ensure!(is_hers(&heard), "{heard:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leave_of_her_own_is_heard_though_she_is_erased() -> Result<()> {
    let mut wire = start().await?;
    let (her, ns) =
        ("<item jid='alice@shakespeare.lit'/>", "http://jabber.org/protocol/groupchat#removemember");
    let leave = format!("<query xmlns='{ns}'>{her}</query>");
    wire.say("alice", &format!("<iq type='set' id='leave' to='{TEA}'>{leave}</iq>")).await?;
    let before = wire.say_in_vain().await;
    ensure!(leaves(&before).len() == 1, "{before:#?}");
    erase(&wire).await?;
    let more = wire.say_in_vain().await;
    ensure!(leaves(&more).is_empty(), "she has left already: {more:#?}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let heard = after_a_crash(wire).await?;
    ensure!(is_hers(&heard), "{heard:#?}");
    Ok(())
}
