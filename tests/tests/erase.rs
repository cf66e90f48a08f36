//! A user is erased in a running service on a real Prosody: he leaves his groups like anybody, what he wrote goes from the archive,
//! and a group under a legal hold keeps everything.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use groupchat_tests::client::Client;
use groupchat_tests::real::{Account, Component, Domain, Prosody, Site};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// More than go in one transaction.
const MESSAGES: usize = 450;

fn domain() -> Domain {
    Domain { name: "erase.lit".into(), component_secret: "s3cret".into() }
}

async fn login(host: &Prosody, user: &str) -> Result<Client> {
    let client = Client::login(host.addresses.clients, "erase.lit", user, "p", "pda").await?;
    client.send("<presence/><presence to='groupchat.erase.lit'/>").await?;
    Ok(client)
}

async fn say(client: &mut Client, group: &str, id: &str, text: &str) -> Result<()> {
    let message = format!(
        "<message to='{group}@groupchat.erase.lit' type='groupchat' id='{id}'><body>{text}</body></message>"
    );
    client.send(&message).await?;
    client.hear(&format!("{text}</body>"), PATIENCE).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_erased_but_for_what_is_held() -> Result<()> {
    let account =
        |user: &str| Account { domain: "erase.lit".into(), user: user.into(), password: "p".into() };
    let host = Prosody::serve(&Site::of(&[domain()], &["alice", "bob"].map(account)))?;
    let folder = tempfile::tempdir()?;
    let settings = vec![
        format!("control.socket = \"{}\"", folder.path().join("socket").display()),
        "limits.user_stanzas_per_second = 5000".to_owned(),
        "limits.user_stanzas_burst = 5000".to_owned(),
        "limits.group_messages_per_second = 5000".to_owned(),
        "limits.group_messages_burst = 5000".to_owned(),
    ];
    let component = Component::start(&domain(), &host.addresses, &settings)?;
    let start = Instant::now();
    while !component.program(&["ctl", "status"])?.1.contains("up") {
        ensure!(start.elapsed() < PATIENCE, "the link does not come up");
        std::thread::sleep(Duration::from_millis(50));
    }
    let (mut alice, mut bob) = (login(&host, "alice").await?, login(&host, "bob").await?);
    for group in ["tea", "wine"] {
        component.succeed(&["ctl", "create", group, "alice@erase.lit"])?;
        component.succeed(&["ctl", "add", group, "bob@erase.lit"])?;
    }
    say(&mut bob, "tea", "b", "bob was here").await?;
    say(&mut alice, "wine", "w", "this is evidence").await?;
    for number in 0..MESSAGES {
        let message = format!(
            "<message to='tea@groupchat.erase.lit' type='groupchat' id='m{number}'><body>said {number} times</body></message>"
        );
        alice.send(&message).await?;
    }
    alice.hear(&format!("said {} times", MESSAGES - 1), PATIENCE).await?;
    // Why she took something of his back is hers, wherever it stands.
    bob.send("<message to='tea@groupchat.erase.lit' type='groupchat' id='o'><body>oops</body></message>")
        .await?;
    let oops = alice.hear("oops</body>", PATIENCE).await?;
    let id = oops
        .split("<stanza-id")
        .nth(1)
        .and_then(|rest| rest.split(" id='").nth(1))
        .and_then(|rest| rest.split('\'').next());
    let id = id.context("it has no id")?;
    alice.send(&format!("<iq type='set' id='mod' to='tea@groupchat.erase.lit'><moderate xmlns='urn:xmpp:message-moderate:1' id='{id}'><retract xmlns='urn:xmpp:message-retract:1'/><reason>she was cross</reason></moderate></iq>")).await?;
    bob.hear("she was cross", PATIENCE).await?;
    let exported = component.succeed(&["export", "group", "tea"])?;
    ensure!(
        exported.matches("she was cross").count() > 1,
        "in the row of his message, and in that of the event"
    );
    let (code, said) = component.program(&["ctl", "hold", "wine", "on"])?;
    ensure!(code == Some(1) && said.contains("say why"), "{said}");
    component.succeed(&["ctl", "hold", "wine", "on", "--why", "file 12"])?;
    let shown = component.succeed(&["ctl", "group", "wine"])?;
    ensure!(shown.contains("legal hold") && shown.contains("file 12"), "{shown}");
    // Taken back, it is gone for members, and kept for whoever asked for the hold.
    alice.send("<message to='wine@groupchat.erase.lit' type='groupchat' id='r'><retract xmlns='urn:xmpp:message-retract:1' id='w'/><body>/me</body></message>").await?;
    bob.hear("urn:xmpp:message-retract:1", PATIENCE).await?;
    let exported = component.succeed(&["export", "group", "wine"])?;
    ensure!(exported.contains("\"original\":{\"body\":\"this is evidence\""), "{exported}");

    let counted = component.succeed(&["ctl", "erase", "alice@erase.lit", "--dry-run"])?;
    ensure!(
        counted.contains(&format!("{MESSAGES} messages would go")) && counted.contains("held: stays"),
        "{counted}"
    );
    let erased = component.succeed(&["ctl", "erase", "alice@erase.lit"])?;
    ensure!(erased.contains("1 groups are held"), "{erased}");
    // Bob hears that he is owner now, and that she left.
    let (owner, left) =
        (bob.hear("role='owner'", PATIENCE).await?, bob.hear("#removemember", PATIENCE).await?);
    ensure!(owner.contains("bob@erase.lit") && left.contains("alice@erase.lit"), "{owner} {left}");
    let start = Instant::now();
    while !component
        .succeed(&["ctl", "erase", "alice@erase.lit", "--dry-run"])?
        .contains("0 messages would go")
    {
        ensure!(start.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(Duration::from_millis(50));
    }
    let tea = component.succeed(&["export", "group", "tea"])?;
    for gone in ["alice@erase.lit", "said 0 times", "she was cross"] {
        ensure!(!tea.contains(gone), "{gone}: {tea:.3000}");
    }
    ensure!(tea.contains("bob was here") && tea.contains("\"retracted\""), "{tea:.3000}");
    let wine = component.succeed(&["export", "group", "wine"])?;
    ensure!(wine.contains("alice@erase.lit") && wine.contains("this is evidence"), "{wine}");
    bob.send("<iq type='set' id='h' to='tea@groupchat.erase.lit'><query xmlns='urn:xmpp:mam:2'/></iq>")
        .await?;
    let tombstone = bob.hear("<retracted", PATIENCE).await?;
    ensure!(!tombstone.contains("alice@erase.lit"), "{tombstone}");
    // The group lives on, and she may come back as somebody new.
    component.succeed(&["ctl", "add", "tea", "alice@erase.lit"])?;
    say(&mut bob, "tea", "b2", "welcome").await?;
    component.succeed(&["ctl", "hold", "wine", "off"])?;
    let wine = component.succeed(&["export", "group", "wine"])?;
    ensure!(!wine.contains("this is evidence"), "{wine}");
    let audit = component.succeed(&["ctl", "audit"])?;
    ensure!(
        audit.contains("\"erase\"") && audit.contains("\"hold\"") && audit.contains("file 12"),
        "{audit}"
    );
    Ok(())
}
