//! What operators look at, on a real Prosody and a real ejabberd: health and numbers of a running service, its page in a real
//! browser, and what `doctor` says of a server that is well, and of one that has another secret.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use groupchat_tests::client::Client;
use groupchat_tests::page::{get, in_browser, wait_for};
use groupchat_tests::real::{
    Account, Addresses, Component, Domain, Ejabberd, Prosody, Site, build_component, free_address,
};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn domain() -> Domain {
    Domain { name: "ops.lit".into(), component_secret: "s3cret".into() }
}

fn site() -> Site {
    let account = |user: &str| Account { domain: "ops.lit".into(), user: user.into(), password: "p".into() };
    Site::of(&[domain()], &[account("alice"), account("bob")])
}

/// The value of a metric.
fn metric(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_service_shows_how_it_is() -> Result<()> {
    let http = free_address()?;
    let prosody = Prosody::serve(&site())?;
    let listen = format!("http.listen = \"{http}\"");
    let mut component = Component::start(&domain(), &prosody.addresses, &[listen])?;
    ensure!(wait_for(http, "/live", 200)? == "alive\n");
    let text = wait_for(http, "/ready", 200)?;
    ensure!(text.contains("database: answers") && text.contains("server: answers"), "{text}");

    let alice = Client::login(prosody.addresses.clients, "ops.lit", "alice", "p", "pda").await?;
    alice.send("<presence/><presence to='groupchat.ops.lit'/>").await?;
    alice
        .send(
            "<presence to='tea@groupchat.ops.lit'><x xmlns='http://jabber.org/protocol/groupchat#creategroup'/>\
             <properties><property name='name'>Tea</property></properties></presence>",
        )
        .await?;
    for number in 0..20 {
        let message = format!(
            "<message to='tea@groupchat.ops.lit' type='groupchat' id='m{number}'><body>{number}</body></message>"
        );
        alice.send(&message).await?;
    }
    let start = Instant::now();
    let text = loop {
        let (_, text) = get(http, "/metrics")?;
        if metric(&text, "groupchat_messages_total") == Some(20.0) {
            break text;
        }
        ensure!(start.elapsed() < PATIENCE, "{text}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    ensure!(text.ends_with("# EOF\n"), "{text}");
    for (name, least) in [
        ("groupchat_link_up", 1.0),
        ("groupchat_requests_total", 21.0),
        ("groupchat_commit_seconds_count", 1.0),
        ("groupchat_link_echo_seconds_count", 1.0),
        ("groupchat_link_bytes_written_total", 1_000.0),
        ("groupchat_sessions", 1.0),
    ] {
        ensure!(metric(&text, name).is_some_and(|value| value >= least), "{name} in {text}");
    }

    let shown = in_browser(&format!("http://{http}/"))?;
    for expected in ["data-ready=\"yes\"", "groupchat.ops.lit", "connected", "answers", "<polyline"] {
        ensure!(shown.contains(expected), "{expected} is not in {shown}");
    }
    let (_, doctor) = doctor(&prosody.addresses, "s3cret", http)?;
    ensure!(doctor.contains("runs and is ready"), "{doctor}");
    drop(prosody);
    let text = wait_for(http, "/ready", 503)?;
    ensure!(text.contains("database: answers") && text.contains("server: no"), "{text}");
    ensure!(component.is_running()?);
    component.stop()
}

/// The exit code of `doctor`, and what it says.
fn doctor(host: &Addresses, secret: &str, http: SocketAddr) -> Result<(Option<i32>, String)> {
    let folder = tempfile::tempdir()?;
    let config = format!(
        "[component]\ndomain = 'groupchat.ops.lit'\nsecret = '{secret}'\nserver = '{}'\n[http]\nlisten = '{http}'\n",
        host.components
    );
    std::fs::write(folder.path().join("groupchat.toml"), config)?;
    let mut command = Command::new(build_component()?);
    let output = command.arg("doctor").current_dir(folder.path()).output()?;
    Ok((output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

fn examine(name: &str, host: &Addresses) -> Result<()> {
    let http = free_address()?;
    let (code, said) = doctor(host, "s3cret", http)?;
    for expected in [
        "and its secret",
        "every kind of stanza comes through the server",
        "lists groupchat.ops.lit",
        "the server takes stanzas of 144 KiB",
        "0 errors, 0 warnings",
    ] {
        ensure!(said.contains(expected), "{name}: {expected} is not in\n{said}");
    }
    ensure!(code == Some(0), "{name}: {code:?}\n{said}");
    let (code, said) = doctor(host, "wrong", http)?;
    ensure!(code == Some(77) && said.contains("refuses the secret"), "{name}: {code:?}\n{said}");
    Ok(())
}

#[test]
fn doctor_finds_prosody_well_and_a_wrong_secret() -> Result<()> {
    examine("Prosody", &Prosody::serve(&site())?.addresses)
}

#[test]
fn doctor_finds_ejabberd_well_and_a_wrong_secret() -> Result<()> {
    examine("ejabberd", &Ejabberd::serve(&site())?.addresses)
}
