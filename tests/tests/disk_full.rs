//! A disk that is full, below the real service on a real Prosody: what cannot be stored is refused, the service and its link
//! live on though not even the log can be written, and when there is room again everything works, without a restart.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use groupchat_tests::client::Client;
use groupchat_tests::real::{Account, Component, Domain, Prosody};
use groupchat_tests::xml::compact;

const PASSWORD: &str = "secret";
const PATIENCE: Duration = Duration::from_secs(30);

/// The answer to a stanza with this id: a copy, a result or an error.
async fn answer(client: &mut Client, component: &Component, id: &str) -> Result<String> {
    loop {
        let Some(received) = client.next(PATIENCE).await else {
            bail!("no answer to `{id}`; the service's log:\n{}", component.log_tail());
        };
        if received.stanza.attr("id") == Some(id) {
            return Ok(compact(&received.stanza));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_refusals_and_no_restart() -> Result<()> {
    let domain = Domain { name: "full.lit".into(), component_secret: "s3cret".into() };
    let account = Account { domain: domain.name.clone(), user: "alice".into(), password: PASSWORD.into() };
    let host = Prosody::start(std::slice::from_ref(&domain), &[account])?;
    let mut component = Component::start(&domain, &host.addresses, &[])?;
    let mut alice = Client::login(host.addresses.clients, &domain.name, "alice", PASSWORD, "pda").await?;
    let (service, tea) = (domain.component(), format!("tea@{}", domain.component()));
    let ping = format!("<iq type='get' id='ping' to='{service}'><ping xmlns='urn:xmpp:ping'/></iq>");
    let mut is_there = false;
    while !is_there {
        alice.send(ping.as_str()).await?;
        is_there = answer(&mut alice, &component, "ping").await?.contains("type='result'");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let create = "<query xmlns='http://jabber.org/protocol/groupchat#creategroup'/>";
    alice.send(format!("<iq type='set' id='c' to='{tea}'>{create}</iq>")).await?;
    ensure!(answer(&mut alice, &component, "c").await?.contains("type='result'"));
    let post =
        |id: &str| format!("<message type='groupchat' id='{id}' to='{tea}'><body>Milk?</body></message>");
    alice.send(post("before")).await?;
    ensure!(answer(&mut alice, &component, "before").await?.contains("stanza-id"));

    component.limit_files(Some(1))?;
    // More often than there are connections: each of them is refused, and none takes the next one for stored.
    for number in 1..=20 {
        let id = format!("full{number}");
        alice.send(post(&id)).await?;
        let refused = answer(&mut alice, &component, &id).await?;
        ensure!(refused.contains("<internal-server-error ") && refused.contains("type='wait'"), "{refused}");
        ensure!(component.is_running()?);
    }
    component.limit_files(None)?;
    alice.send(post("after")).await?;
    let copy = answer(&mut alice, &component, "after").await?;
    ensure!(copy.contains("stanza-id"), "{copy}");
    let log = component.log_text();
    ensure!(log.matches("Component link is up").count() == 1, "the link was not up all the time:\n{log}");
    component.stop()
}
