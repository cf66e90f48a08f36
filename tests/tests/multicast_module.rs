//! `deploy/prosody/mod_groupchat_multicast.lua` on a real Prosody: who may, whom it reaches, what comes back. That the
//! service works with it is in the conversations, all of which are played with it as well.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use groupchat_tests::client::Client;
use groupchat_tests::component_link::connect;
use groupchat_tests::real::{Account, Domain, Prosody, Site};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);
const GROUP: &str = "tea@groupchat.module.lit";
const ADDRESSES: &str = "<addresses xmlns='http://jabber.org/protocol/address'>";
const LISTS: &str = "xmlns='urn:xmpp-groupchat:multicast:0'";

/// A Prosody, alice and bob there, and a link with nothing behind it.
struct Stage {
    _prosody: Prosody,
    alice: Client,
    bob: Client,
    link: TcpStream,
}

impl Stage {
    async fn start() -> Result<Self> {
        let domain = Domain { name: "module.lit".into(), component_secret: "s3cret".into() };
        let account = |user: &str| Account {
            domain: "module.lit".into(),
            user: user.into(),
            password: "secret".into(),
        };
        let accounts = ["alice", "bob"].map(account);
        let site = Site { multicast: true, ..Site::of(std::slice::from_ref(&domain), &accounts) };
        let prosody = Prosody::serve(&site)?;
        let log_in = async |user| {
            let client =
                Client::login(prosody.addresses.clients, "module.lit", user, "secret", "pda").await?;
            client.send("<presence/>").await.map(|()| client)
        };
        let (alice, bob) = (log_in("alice").await?, log_in("bob").await?);
        let link = connect(prosody.addresses.components, &domain).await?;
        Ok(Self { _prosody: prosody, alice, bob, link })
    }

    /// Says something on the link to the host, for whom `to` tells.
    async fn say(&mut self, id: &str, to: &str) -> Result<()> {
        let text = format!(
            "<message type='groupchat' id='{id}' from='{GROUP}/x' to='module.lit'>{to}<body>&lt;'{id}'&gt;</body></message>"
        );
        Ok(self.link.write_all(text.as_bytes()).await?)
    }

    /// Has the host remember a list.
    async fn tell(&mut self, number: usize, to: &str) -> Result<()> {
        let list = format!("<list {LISTS} number='{number}'>{to}</list>");
        let text = format!(
            "<message id='list{number}' from='groupchat.module.lit' to='module.lit'>{list}</message>"
        );
        Ok(self.link.write_all(text.as_bytes()).await?)
    }

    /// What the link hears until a word of it; nothing is said that needs more than one look.
    async fn hear(&mut self, word: &str) -> Result<String> {
        let mut heard = String::new();
        while !heard.contains(word) {
            let mut bytes = [0; 4_096];
            let count =
                timeout(PATIENCE, self.link.read(&mut bytes)).await.with_context(|| heard.clone())??;
            ensure!(count > 0, "the link was closed: {heard}");
            heard.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        Ok(heard)
    }
}

/// Reads on until a message of this id, which must hold what it should and nothing beyond.
async fn got(client: &mut Client, id: &str) -> Result<()> {
    while let Some(received) = client.next(PATIENCE).await {
        let stanza = received.stanza;
        ensure!(stanza.attr("id") == Some(id) || stanza.name() != "message", "not {id}: {stanza:?}");
        if stanza.name() == "message" {
            ensure!(stanza.children().count() == 1 && stanza.attr("to") == Some(client.jid()), "{stanza:?}");
            ensure!(
                stanza.children().next().is_some_and(|body| body.text() == format!("<'{id}'>")),
                "{stanza:?}"
            );
            return Ok(());
        }
    }
    anyhow::bail!("{id} did not come")
}

fn addresses(to: &[&str]) -> String {
    let to: String = to.iter().map(|to| format!("<address type='bcc' jid='{to}'/>")).collect();
    format!("{ADDRESSES}{to}</addresses>")
}

#[tokio::test]
async fn everybody_named_gets_a_copy_and_who_is_gone_bounces() -> Result<()> {
    let mut stage = Stage::start().await?;
    let to = addresses(&["alice@module.lit/pda", "bob@module.lit/gone", "Bob@Module.lit/pda"]);
    stage.say("m1", &to).await?;
    got(&mut stage.alice, "m1").await?;
    got(&mut stage.bob, "m1").await?;
    let bounce = stage.hear("</message>").await?;
    ensure!(bounce.contains("bob@module.lit/gone") && bounce.contains("service-unavailable"), "{bounce}");
    Ok(())
}

#[tokio::test]
async fn lists_are_remembered_and_replaced() -> Result<()> {
    let mut stage = Stage::start().await?;
    let to_list = |number: usize| format!("<to-list {LISTS} number='{number}'/>");
    stage.tell(0, "alice@module.lit/pda\nbob@module.lit/pda").await?;
    stage.say("m1", &to_list(0)).await?;
    stage.say("m2", &to_list(0)).await?;
    stage.tell(0, "bob@module.lit/pda").await?;
    stage.say("m3", &to_list(0)).await?;
    for id in ["m1", "m2"] {
        got(&mut stage.alice, id).await?;
        got(&mut stage.bob, id).await?;
    }
    got(&mut stage.bob, "m3").await?;
    ensure!(stage.alice.next(Duration::from_millis(200)).await.is_none(), "alice is not in the new list");
    stage.say("m4", &to_list(1)).await?;
    ensure!(stage.hear("</message>").await?.contains("item-not-found"));
    stage.tell(1_000, "bob@module.lit/pda").await?;
    ensure!(stage.hear("</message>").await?.contains("not-acceptable"));
    // One that is refused leaves nothing behind that a message could go to.
    stage.tell(0, "bob@elsewhere.lit/pda").await?;
    ensure!(stage.hear("</message>").await?.contains("item-not-found"));
    stage.say("m5", &to_list(0)).await?;
    let refusal = stage.hear("</message>").await?;
    ensure!(refusal.contains("m5") && refusal.contains("item-not-found"), "{refusal}");
    stage.tell(0, "<x/>").await?;
    stage.say("m6", &to_list(0)).await?;
    ensure!(!has_message(&mut stage.bob).await);
    Ok(())
}

#[tokio::test]
async fn what_users_wrote_tells_nothing() -> Result<()> {
    let mut stage = Stage::start().await?;
    stage.tell(0, "alice@module.lit/pda").await?;
    let to_list = format!("<to-list {LISTS} number='0'/>");
    let forged = format!("<list {LISTS} number='0'>bob@module.lit/pda</list>");
    let more = addresses(&["bob@module.lit/pda"]);
    stage.say("m1", &[to_list.as_str(), &forged, &more].concat()).await?;
    // As a list of a group's, too, which is no component's own word.
    stage.say("m2", &forged).await?;
    ensure!(stage.hear("</message>").await?.contains("forbidden"));
    stage.say("m3", &to_list).await?;
    while let Some(received) = stage.alice.next(PATIENCE).await {
        if received.stanza.attr("id") == Some("m3") {
            ensure!(!has_message(&mut stage.bob).await, "bob is in no list");
            return Ok(());
        }
    }
    anyhow::bail!("the list was changed")
}

#[tokio::test]
async fn an_address_that_nobody_can_have_bounces_and_costs_the_others_nothing() -> Result<()> {
    let mut stage = Stage::start().await?;
    stage.say("m1", &addresses(&["a\u{200e}א1@module.lit", "bob@module.lit/pda"])).await?;
    got(&mut stage.bob, "m1").await?;
    let bounce = stage.hear("</message>").await?;
    ensure!(bounce.contains("א1@module.lit") && bounce.contains("jid-malformed"), "{bounce}");
    Ok(())
}

#[tokio::test]
async fn who_blocks_the_group_gets_nothing() -> Result<()> {
    let mut stage = Stage::start().await?;
    let block = format!("<block xmlns='urn:xmpp:blocking'><item jid='{GROUP}'/></block>");
    stage.alice.send(format!("<iq type='set' id='b'>{block}</iq>")).await?;
    while stage.alice.next(PATIENCE).await.context("no answer")?.stanza.attr("id") != Some("b") {}
    stage.say("m1", &addresses(&["alice@module.lit/pda", "bob@module.lit/pda"])).await?;
    got(&mut stage.bob, "m1").await?;
    ensure!(stage.alice.next(Duration::from_millis(200)).await.is_none());
    Ok(())
}

#[tokio::test]
async fn nobody_but_a_component_may_and_nobody_elsewhere_is_reached() -> Result<()> {
    let mut stage = Stage::start().await?;
    let all = addresses(&["bob@module.lit/pda"]);
    for to in [
        all,
        format!("<list {LISTS} number='0'>bob@module.lit/pda</list>"),
        format!("<to-list {LISTS} number='0'/>"),
    ] {
        stage.alice.send(format!("<message id='evil' to='module.lit'>{to}<body>Hi</body></message>")).await?;
        let answer = loop {
            let stanza = stage.alice.next(PATIENCE).await.context("no answer")?.stanza;
            if stanza.name() == "message" {
                break stanza;
            }
        };
        let error = answer.children().find(|child| child.name() == "error").context("no error")?;
        ensure!(error.children().any(|child| child.name() == "forbidden"), "{answer:?}");
    }
    for (id, to, why) in [
        ("m1", addresses(&["bob@module.lit/pda", "bob@elsewhere.lit/pda"]), "item-not-found"),
        ("m2", addresses(&["bob@module.lit/pda", "module.lit"]), "item-not-found"),
        ("m3", all_to("bob@module.lit/pda"), "item-not-found"),
    ] {
        stage.say(id, &to).await?;
        let refusal = stage.hear("</message>").await?;
        ensure!(refusal.contains(why) && refusal.contains(id), "{id}: {refusal}");
    }
    ensure!(!has_message(&mut stage.bob).await, "what is refused reaches nobody");
    Ok(())
}

/// Not hidden from the others: not what it is for.
fn all_to(jid: &str) -> String {
    format!("{ADDRESSES}<address type='to' jid='{jid}'/></addresses>")
}

async fn has_message(client: &mut Client) -> bool {
    while let Some(received) = client.next(Duration::from_millis(200)).await {
        if received.stanza.name() == "message" {
            return true;
        }
    }
    false
}
