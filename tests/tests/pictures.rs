//! The pictures of `docs/operations.md` show a real service under load. Each run of the tests draws them, of a short load, into
//! a temporary folder, and looks whether they show what happened; `cargo xtask pictures` draws them of a long load into `docs`.
//! A real Prometheus looks on as that document has it: every line of the dashboard and every alert has its numbers.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use groupchat_tests::client::Client;
use groupchat_tests::dashboard;
use groupchat_tests::page::{get, in_browser, picture, wait_for};
use groupchat_tests::real::{Account, Component, Domain, Prometheus, Prosody, Site, free_address};
use serde_json::Value;

/// Says that the pictures are to be drawn into `docs`, of a long load.
const WRITE: &str = "PICTURES_WRITE";
/// The width and height of the operator's page.
const PAGE: (u32, u32) = (1280, 690);
/// And of the dashboard.
const DASHBOARD: (u32, u32) = (1280, 1560);
/// Who talks.
const PEOPLE: usize = 20;
/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the pictures go, and how long the load lasts.
struct Commission {
    folder: PathBuf,
    load: Duration,
    // Removed when the test ends.
    _temporary: tempfile::TempDir,
}

impl Commission {
    fn take() -> Result<Self> {
        let temporary = tempfile::tempdir()?;
        let docs = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        let (folder, seconds) = match std::env::var_os(WRITE) {
            Some(_) => (docs(), 120),
            None => (temporary.path().to_owned(), 5),
        };
        Ok(Self { folder, load: Duration::from_secs(seconds), _temporary: temporary })
    }
}

/// People who are members of one group, all of them online.
struct People {
    clients: Vec<Client>,
    sent: usize,
}

impl People {
    async fn meet(clients: SocketAddr) -> Result<Self> {
        let mut people = Vec::new();
        for n in 0..PEOPLE {
            let client = Client::login(clients, "ops.lit", &format!("user{n}"), "p", "pda").await?;
            client.send("<presence/><presence to='groupchat.ops.lit'/>").await?;
            people.push(client);
        }
        // Nobody is at home at the last one: what is said to him comes back, or waits.
        let members: String = (0..=PEOPLE).map(|n| format!("<item jid='user{n}@ops.lit'/>")).collect();
        let create = format!(
            "<presence to='tea@groupchat.ops.lit'><x xmlns='http://jabber.org/protocol/groupchat#creategroup'/>\
             <properties><property name='name'>Tea</property><property name='members'>{members}</property></properties>\
             </presence>"
        );
        people[0].send(&create).await?;
        Ok(Self { clients: people, sent: 0 })
    }

    /// They talk, in waves, so that there is something to see; now and then one says what is refused, and another asks something.
    async fn talk(&mut self, length: Duration) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < length {
            let wave = (start.elapsed().as_secs_f64() / 12.0).sin().mul_add(0.5, 0.6);
            let number = self.sent;
            let message = format!(
                "<message to='tea@groupchat.ops.lit' type='groupchat' id='m{number}'><body>{number}</body></message>"
            );
            self.clients[number % PEOPLE].send(&message).await?;
            if number.is_multiple_of(40) {
                let empty = "<message to='tea@groupchat.ops.lit' type='groupchat'><subject/></message>";
                self.clients[1].send(empty).await?;
                let ask = format!(
                    "<iq to='tea@groupchat.ops.lit' type='get' id='q{number}'>\
                     <query xmlns='http://jabber.org/protocol/groupchat#groupinfo'/></iq>"
                );
                self.clients[2].send(&ask).await?;
            }
            self.sent += 1;
            tokio::time::sleep(Duration::from_secs_f64(0.012 / wave)).await;
        }
        Ok(())
    }
}

/// The samples that the page draws its lines of.
fn samples(http: SocketAddr) -> Result<Vec<Value>> {
    let status: Value = serde_json::from_str(&get(http, "/status.json")?.1)?;
    Ok(status["samples"].as_array().context("no samples")?.clone())
}

/// What a card of the page says.
fn card<'a>(page: &'a str, title: &str) -> Option<&'a str> {
    let rest = page.split_once(&format!("<h2>{title}</h2><strong class=\""))?.1;
    rest.split_once('>')?.1.split_once('<').map(|(text, _)| text)
}

/// How high the first line of a plot goes, in the page's own measure.
fn height(page: &str, title: &str) -> Option<f64> {
    /// Where nothing is; upwards it is less.
    const GROUND: f64 = 128.0;
    let rest = page.split_once(&format!("aria-label=\"{title}\""))?.1;
    let points = rest.split_once("<polyline points=\"")?.1.split_once('"')?.0;
    let heights = points.split_whitespace().filter_map(|point| point.split_once(',')?.1.parse::<f64>().ok());
    heights.map(|height| GROUND - height).reduce(f64::max)
}

/// Waits until the page knows of everything that was said.
async fn settle(http: SocketAddr, messages: usize) -> Result<()> {
    let start = Instant::now();
    loop {
        let told = samples(http)?.last().and_then(|sample| sample["messages"].as_u64());
        if told == Some(messages as u64) {
            return Ok(());
        }
        ensure!(start.elapsed() < PATIENCE, "{messages} were sent, the page knows of {told:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What the operator's page shows is what happened.
fn look(page: &str, messages: usize) -> Result<()> {
    let number = PEOPLE.to_string();
    for (title, expected) in
        [("XMPP server", "connected"), ("Database", "answers"), ("Devices online", &number), ("Waiting", "0")]
    {
        ensure!(card(page, title) == Some(expected), "{title}: {:?}", card(page, title));
    }
    if messages < 10_000 {
        let told = card(page, "Messages").map(|text| text.replace(',', ""));
        ensure!(told == Some(messages.to_string()), "{messages} were sent, {told:?} are shown");
    }
    for title in ["Messages a second", "Stanzas a second on the link", "Milliseconds", "Devices online"] {
        ensure!(height(page, title).is_some_and(|height| height > 1.0), "{title} shows nothing");
    }
    Ok(())
}

/// Every line of the dashboard has points, and is drawn.
fn look_at_dashboard(shown: &str) -> Result<()> {
    ensure!(shown.contains("data-ready=\"yes\""), "nothing is drawn");
    ensure!(!shown.contains(">No data<"), "a panel has no data");
    let (lines, drawn) = (shown.matches("<span><i ").count(), shown.matches("<path d=\"M").count());
    ensure!(lines >= 20 && drawn == lines, "{drawn} of {lines} lines are drawn");
    Ok(())
}

/// What each alert compares is there, and nothing is wrong with a service that is well.
fn look_at_alerts(prometheus: &Prometheus) -> Result<()> {
    let rules = prometheus.rules()?;
    ensure!(rules.len() >= 9, "{rules:?}");
    for rule in &rules {
        let (name, expression) = (&rule["name"], rule["query"].as_str().context("no expression")?);
        ensure!(rule["health"] == "ok" && rule["state"] == "inactive", "{name}: {rule}");
        let compared = [" == ", " > "].iter().find_map(|sign| expression.rsplit_once(sign));
        let (left, _) = compared.with_context(|| format!("{expression} compares nothing"))?;
        ensure!(!prometheus.query(left)?.is_empty(), "{name}: there is nothing that is called {left}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pictures_show_what_happened() -> Result<()> {
    let commission = Commission::take()?;
    let http = free_address()?;
    let domain = Domain { name: "ops.lit".into(), component_secret: "s3cret".into() };
    let account =
        |n: usize| Account { domain: "ops.lit".into(), user: format!("user{n}"), password: "p".into() };
    let accounts: Vec<Account> = (0..=PEOPLE).map(account).collect();
    let prosody = Prosody::serve(&Site::of(std::slice::from_ref(&domain), &accounts))?;
    let listen = format!("http.listen = \"{http}\"");
    let mut component = Component::start(&domain, &prosody.addresses, &[listen])?;
    wait_for(http, "/ready", 200)?;
    let prometheus = Prometheus::start(http)?;
    let began = Instant::now();
    let mut people = People::meet(prosody.addresses.clients).await?;
    people.talk(commission.load).await?;
    settle(http, people.sent).await?;
    let url = format!("http://{http}/");
    look(&in_browser(&url)?, people.sent)?;
    picture(&url, PAGE, &commission.folder.join("operators-page.png"))?;

    // It has looked often enough to tell what the alerts are about, each of which wants some seconds of rates.
    let start = Instant::now();
    while look_at_alerts(&prometheus).is_err() && start.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    look_at_alerts(&prometheus)?;
    let drawn = commission.folder.join("dashboard.html");
    std::fs::write(&drawn, dashboard::page(&prometheus, began.elapsed().as_secs().max(10))?)?;
    let url = format!("file://{}", drawn.canonicalize()?.display());
    look_at_dashboard(&in_browser(&url)?)?;
    picture(&url, DASHBOARD, &commission.folder.join("dashboard.png"))?;
    std::fs::remove_file(&drawn)?;
    component.stop()
}
