//! A warm standby on a real Prosody: a second component for the same domain and database is turned away, waits, and takes over when the
//! first is killed. It began before anybody was there, and knows all the same who is, and what was said.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use groupchat_tests::client::Client;
use groupchat_tests::real::{Account, Component, Domain, Prosody, Site};
use tokio::task::block_in_place;
use tokio::time::sleep;

/// The standby tries again after half a minute at most.
const PATIENCE: Duration = Duration::from_secs(60);
const TEA: &str = "tea@groupchat.standby.lit";

fn domain() -> Domain {
    Domain { name: "standby.lit".into(), component_secret: "s3cret".into() }
}

async fn login(host: &Prosody, user: &str) -> Result<Client> {
    let mut client = Client::login(host.addresses.clients, "standby.lit", user, "p", "pda").await?;
    let ping = "<iq type='get' id='there' to='groupchat.standby.lit'><ping xmlns='urn:xmpp:ping'/></iq>";
    client.send(format!("<presence/><presence to='groupchat.standby.lit'/>{ping}")).await?;
    client.hear("id='there'", PATIENCE).await?;
    Ok(client)
}

async fn wait_for(component: &Component, wanted: &str) -> Result<()> {
    let start = Instant::now();
    while !component.log_text().contains(wanted) {
        ensure!(start.elapsed() < PATIENCE, "{wanted} is not in the log:\n{}", component.log_tail());
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Says it until it comes back, as good clients do; what came then.
async fn say(client: &mut Client, id: &str) -> Result<()> {
    let message = format!("<message to='{TEA}' type='groupchat' id='{id}'><body>{id}</body></message>");
    let start = Instant::now();
    loop {
        ensure!(start.elapsed() < PATIENCE, "{id} does not come back");
        client.send(&message).await?;
        let came = client.hear(&format!("id='{id}'"), PATIENCE).await?;
        if came.contains("type='groupchat'") {
            return Ok(());
        }
        sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_standby_takes_over_with_everybody_who_is_there() -> Result<()> {
    let account =
        |user: &str| Account { domain: "standby.lit".into(), user: user.into(), password: "p".into() };
    let site = Site::of(&[domain()], &["ada", "ben"].map(account));
    let host = block_in_place(|| Prosody::serve(&site))?;
    let mut first = block_in_place(|| Component::start(&domain(), &host.addresses, &[]))?;
    wait_for(&first, "Component link is up").await?;
    let (mut ada, mut ben) = (login(&host, "ada").await?, login(&host, "ben").await?);
    let member = "<properties><property name='members'><item jid='ben@standby.lit'/></property></properties>";
    let create = format!("<query xmlns='http://jabber.org/protocol/groupchat#creategroup'>{member}</query>");
    ada.send(format!("<iq type='set' id='make' to='{TEA}'>{create}</iq>")).await?;
    ada.hear("id='make'", PATIENCE).await?;
    say(&mut ada, "early").await?;
    ben.hear("<body>early</body>", PATIENCE).await?;

    // It is not yet stored that the server has that.
    let database = first.database().to_owned();
    let start = || Component::start_between(&domain(), host.addresses.components, Some(&database), &[]);
    let standby = block_in_place(start)?;
    wait_for(&standby, "is taken").await?;
    // To read its configuration is not to be at work.
    standby.hang_up()?;
    wait_for(&standby, "was read again").await?;

    say(&mut ada, "before").await?;
    ben.hear("<body>before</body>", PATIENCE).await?;
    // Until it is stored that the server has it; else a crash would have it said again.
    sleep(Duration::from_secs(2)).await;
    first.kill();
    say(&mut ada, "after").await?;
    let heard = ben.hear("<body>", PATIENCE).await?;
    ensure!(heard.contains("id='after'") && heard.contains("type='groupchat'"), "{heard}");
    wait_for(&standby, "Took over").await
}
