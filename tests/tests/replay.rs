//! What the server may not have had is said again after a crash, from the archive: everything that was announced, with
//! the same ids, to those who were to hear it and in the same order. What it had is not.

use anyhow::{Result, ensure};
use groupchat_tests::wire::Wire;

const GC: &str = "http://jabber.org/protocol/groupchat";
const TEA: &str = "tea@groupchat.shakespeare.lit";
const CUP: &str = "cup@groupchat.shakespeare.lit";
const ROOM: usize = 1_000_000;

fn iq(id: &str, to: &str, operation: &str, inner: &str) -> String {
    format!("<iq type='set' id='{id}' to='{to}'><query xmlns='{GC}#{operation}'>{inner}</query></iq>")
}

fn item(user: &str) -> String {
    format!("<item jid='{user}@shakespeare.lit' mid='{user}'/>")
}

fn members(users: &[&str]) -> String {
    let items: String = users.iter().map(|user| item(user)).collect();
    let (join, members) = ("<property name='join' value='approval'/>", "<property name='members'>");
    format!(
        "<properties><property name='visibility' value='public'/>{join}{members}{items}</property></properties>"
    )
}

fn message(id: &str, inner: &str) -> String {
    format!("<message type='groupchat' id='{id}' to='{TEA}'>{inner}</message>")
}

/// A copy without what may differ when it is said again: the asker's id and status code, and to which of a user's
/// addresses an announcement goes.
fn essence(said: &str) -> Option<String> {
    let (to, stanza) = said.split_once(' ')?;
    if stanza.starts_with("<iq ") || stanza.contains("type='error'") {
        return None;
    }
    if !stanza.starts_with("<presence ") {
        return Some(said.to_owned());
    }
    let bare = to.split('/').next().unwrap_or(to);
    let (head, rest) = stanza.split_once('>')?;
    let head = head.split(" id='").next().unwrap_or(head);
    let rest = rest.replace("<status code='110'/>", "").replace("'></x>", "'/>");
    Some(format!("{bare} {head}>{rest}"))
}

/// What was said in each group, in its order; each recipient's copies of one stanza next to each other, sorted.
fn essences(said: &[String]) -> Vec<String> {
    let mut all: Vec<String> = said.iter().filter_map(|said| essence(said)).collect();
    all.sort_by_key(|said| (said.contains(CUP), said.split_once(' ').map(|(to, _)| to.to_owned())));
    all.dedup();
    all
}

#[tokio::test]
async fn all_that_was_announced_is_said_again() -> Result<()> {
    let mut wire = Wire::start(ROOM, |_| {})?;
    wire.say("alice", "<presence to='groupchat.shakespeare.lit'/>").await?;
    wire.say("bob", "<presence to='groupchat.shakespeare.lit'/>").await?;
    let shy = format!("<query xmlns='{GC}#mysettings'><property name='addable' value='nobody'/></query>");
    wire.ask("shy", "set", "groupchat.shakespeare.lit", &shy).await?;
    wire.hear_all().await;
    let mut said = Vec::new();
    for (user, stanza) in [
        ("alice", iq("1", TEA, "creategroup", &members(&["bob", "carol"]))),
        ("alice", message("m1", "<body>Milk?</body>")),
        ("bob", message("m2", "<body>Lemon!</body>")),
        ("alice", iq("2", TEA, "updategroup", "<property name='name' value='Earl Grey'/>")),
        ("alice", iq("3", TEA, "addmember", &item("dora"))),
        ("alice", iq("4", TEA, "addmember", &item("shy"))),
        ("zoe", iq("5", TEA, "join", "")),
        ("alice", message("s1", "<subject>Sugar</subject>")),
        ("bob", message("r1", "<retract xmlns='urn:xmpp:message-retract:1' id='m2'/>")),
        ("alice", iq("6", TEA, "updatemember", "<item mid='bob' role='admin'/>")),
        ("alice", iq("7", TEA, "removemember", "<item mid='carol'/>")),
        ("alice", iq("8", CUP, "creategroup", &members(&["bob"]))),
        ("alice", iq("9", CUP, "deletegroup", "")),
    ] {
        wire.say(user, &stanza).await?;
        said.extend(wire.say_in_vain().await);
    }
    let mut expected = essences(&said);
    ensure!(expected.len() > 30, "{expected:#?}");
    // What was taken back before the server had it says nothing, and who has left hears only of that.
    expected.retain(|said| !said.contains("Lemon!"));
    expected.retain(|said| !said.starts_with("carol") || said.contains("#removemember"));
    expected.retain(|said| !(said.contains(CUP) && said.contains("#creategroup")));

    let mut wire = wire.crash(ROOM, |_| {}).await?;
    let again = wire.hear_all().await;
    let mut heard = essences(&again);
    // Bob looks after the group now.
    heard.retain(|said| !(said.starts_with("bob") && said.contains("#join")));
    let missing: Vec<_> = expected.iter().filter(|said| !heard.contains(said)).collect();
    let new: Vec<_> = heard.iter().filter(|said| !expected.contains(said)).collect();
    ensure!(
        missing.is_empty() && new.is_empty(),
        "not said again: {missing:#?}\nnever said before: {new:#?}"
    );
    ensure!(heard == expected, "in another order: {heard:#?}\nbefore: {expected:#?}");
    // Now the server has it all, and the cursor follows in its own time.
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    let mut wire = wire.crash(ROOM, |_| {}).await?;
    let rest = wire.hear_all().await;
    ensure!(rest.is_empty(), "the server had all of it, and gets again {rest:#?}");
    Ok(())
}
