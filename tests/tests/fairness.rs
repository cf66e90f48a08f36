//! A giant group that is flooded, and a server that is slow: others keep their turn, memory stays bounded, and whatever is
//! not done is refused.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use groupchat_core::GroupId;
use groupchat_link::queue::Slice;
use groupchat_store::Store;
use groupchat_tests::wire::Wire;
use xmpp_groupchat::config::Config;

const GC: &str = "http://jabber.org/protocol/groupchat";
const GIANT: &str = "giant@groupchat.shakespeare.lit";
const CUP: &str = "cup@groupchat.shakespeare.lit";
const MEMBERS: usize = 2_000;
const FLOOD: usize = 300;
/// What the queue to the server may hold, about.
const BYTES_MAX: usize = 4_000_000;

fn unhurried(config: &mut Config) {
    config.limits.user_stanzas_burst = 1_000_000;
    config.limits.group_messages_burst = 1_000_000;
}

fn create(members: impl Iterator<Item = String>) -> String {
    let items: String = members.map(|user| format!("<item jid='{user}@shakespeare.lit'/>")).collect();
    format!(
        "<query xmlns='{GC}#creategroup'><properties><property name='members'>{items}</property></properties></query>"
    )
}

fn add(members: impl Iterator<Item = String>) -> String {
    let items: String = members.map(|user| format!("<item jid='{user}@shakespeare.lit'/>")).collect();
    format!("<query xmlns='{GC}#addmember'>{items}</query>")
}

fn post(to: &str, id: &str) -> String {
    format!("<message type='groupchat' id='{id}' to='{to}'><body>{}</body></message>", "Milk? ".repeat(20))
}

/// Everybody is there, in a group of all and in one of two.
async fn everybody() -> Result<Wire> {
    let mut wire = Wire::start(BYTES_MAX, unhurried)?;
    let users = |from: usize, to: usize| (from..to).map(|n| format!("user{n}"));
    wire.ask("user0", "set", GIANT, &create(users(1, 1_000))).await?;
    wire.ask("user0", "set", GIANT, &add(users(1_000, MEMBERS))).await?;
    wire.ask("alice", "set", CUP, &create(std::iter::once("bob".to_owned()))).await?;
    for user in users(0, MEMBERS).chain(["alice".to_owned(), "bob".to_owned()]) {
        wire.say(&user, "<presence to='groupchat.shakespeare.lit'/>").await?;
    }
    wire.ask("alice", "set", "no-such-group@groupchat.shakespeare.lit", &add(users(0, 1))).await?;
    wire.hear_all().await;
    Ok(wire)
}

/// Waits until this message of alice's is in the archive, while nobody takes what the service says.
async fn stored(wire: &Wire, id: &str) -> Result<()> {
    let store = Store::open(&wire.url()).await?;
    let cup = GroupId::parse("cup").map_err(anyhow::Error::msg)?;
    for _ in 0..2_000 {
        if store.message(&cup, id).await?.is_some() {
            return Ok(store.close().await?);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("the service waits for the server with messages of other groups")
}

fn is_of(slice: &Slice, group: &str) -> bool {
    slice.outgoing().head.contains(group)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flooded_giant_does_not_keep_others_waiting() -> Result<()> {
    let wire = everybody().await?;
    for n in 0..FLOOD {
        wire.say("user0", &post(GIANT, &format!("flood{n}"))).await?;
    }
    wire.say("alice", &post(CUP, "cup")).await?;
    stored(&wire, "cup").await?;
    // Only now the server begins to take what there is, piece by piece.
    let (mut answered, mut refused, mut copies, mut before_cup) = (HashSet::new(), 0, 0, None);
    while answered.len() < FLOOD || before_cup.is_none() {
        let slice = tokio::time::timeout(Duration::from_secs(60), wire.from.next()).await?;
        let slice = slice.context("the service ended")?;
        let outgoing = slice.outgoing();
        let id = outgoing.head.split(" id='").nth(1).and_then(|rest| rest.split('\'').next());
        let id = id.unwrap_or_default().to_owned();
        if is_of(&slice, CUP) && id == "cup" {
            before_cup.get_or_insert(copies);
        }
        if is_of(&slice, GIANT) {
            copies += slice.recipients().len();
            ensure!(id.starts_with("flood"), "{}", outgoing.head);
            if outgoing.head.contains("type='error'") {
                ensure!(
                    outgoing.tail.contains("<resource-constraint ") && outgoing.tail.contains("type='wait'"),
                    "{}",
                    outgoing.tail
                );
                refused += usize::from(answered.insert(id));
            } else if slice.recipients().iter().any(|to| &**to == "user0@shakespeare.lit/pda") {
                answered.insert(id);
            }
        }
        wire.from.acknowledge(wire.from.echo());
    }
    // It came behind all of the flood; in one line with it there would have been tens of thousands before it.
    let before_cup = before_cup.unwrap_or_default();
    ensure!(before_cup < MEMBERS, "{before_cup} copies went before the small group's");
    ensure!(refused > 0 && refused < FLOOD, "{refused} of {FLOOD} messages were refused");
    Ok(())
}
