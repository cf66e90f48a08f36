//! A large group, and a phone that comes back after a long time, by a client through a real Prosody and a real ejabberd:
//! that it works, and (printed, not asserted) how long it takes and how many bytes the client reads. In the short form the
//! group has two thousand members; in full
//! `SCALE_MEMBERS=10000 cargo test --release -p groupchat-tests --test scale_on_hosts -- --nocapture --test-threads 1`.
//!
//! Not here: the same without a host, to see what the service itself takes (`scale.rs`).

#![expect(clippy::print_stdout, reason = "figures are what whoever runs this by hand wants to see")]

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use groupchat_tests::client::Client;
use groupchat_tests::real::{Account, Addresses, Component, Domain, Ejabberd, Prosody};
use minidom::Element;

const GC: &str = "http://jabber.org/protocol/groupchat";
const MAM: &str = "urn:xmpp:mam:2";
const RSM: &str = "http://jabber.org/protocol/rsm";
const PASSWORD: &str = "secret";
const PATIENCE: Duration = Duration::from_secs(60);
const UNHURRIED: [&str; 2] = ["limits.user_stanzas_burst = 1000000", "limits.group_messages_burst = 1000000"];

#[tokio::test(flavor = "multi_thread")]
async fn on_prosody() -> Result<()> {
    let (domain, accounts) = cast("scale-prosody.lit");
    let host = Prosody::start(std::slice::from_ref(&domain), &accounts)?;
    both(&domain, host.addresses).await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_ejabberd() -> Result<()> {
    let (domain, accounts) = cast("scale-ejabberd.lit");
    let host = Ejabberd::start(std::slice::from_ref(&domain), &accounts)?;
    both(&domain, host.addresses).await
}

fn members() -> Result<usize> {
    Ok(std::env::var("SCALE_MEMBERS").map_or(Ok(2_000), |text| text.parse())?)
}

fn cast(name: &str) -> (Domain, Vec<Account>) {
    let domain = Domain { name: name.into(), component_secret: "s3cret".into() };
    let account = |user: &str| Account { domain: name.into(), user: user.into(), password: PASSWORD.into() };
    (domain, ["alice", "bob"].map(account).to_vec())
}

async fn both(domain: &Domain, host: Addresses) -> Result<()> {
    a_large_group(domain, host).await?;
    a_phone_comes_back(domain, host).await
}

async fn a_large_group(domain: &Domain, host: Addresses) -> Result<()> {
    let members = members()?;
    let mut stage = Stage::open(domain, host, &UNHURRIED).await?;
    let tea = format!("tea@{}", domain.component());
    let items = |from: usize, to: usize| -> String {
        (from..to).map(|n| format!("<item jid='user{n}@{}'/>", domain.name)).collect()
    };
    let since = Instant::now();
    let first = format!("<properties><property name='members'>{}</property></properties>", items(1, 1_000));
    stage.ask("set", &tea, &query("creategroup", &first)).await?;
    stage.told("create with 1,000 members", since);
    let since = Instant::now();
    for first in (1_000..members).step_by(1_000) {
        let new = items(first, members.min(first + 1_000));
        stage.ask("set", &tea, &query("addmember", &new)).await?;
    }
    stage.told("add the others, 1,000 a request", since);
    let since = Instant::now();
    ensure!(stage.count_by_pages(&tea, "members").await? == members);
    stage.told(&format!("list {members} members by pages of 100"), since);
    let since = Instant::now();
    stage.send(&format!("<message type='groupchat' id='all' to='{tea}'><body>All?</body></message>")).await?;
    stage.wait_for("message", "all").await?;
    stage.told("post to all, of whom one is online, until he has it", since);
    let since = Instant::now();
    let gone = format!("<item jid='user{}@{}'/>", members - 1, domain.name);
    stage.ask("set", &tea, &query("removemember", &gone)).await?;
    ensure!(stage.count_by_pages(&tea, "members").await? == members - 1);
    stage.told("remove one, behind the copies to all others and their bounces, and list again", since);
    stage.close()
}

/// Presence, inbox, one archive query: all that a phone asks after 500 messages in 50 groups.
async fn a_phone_comes_back(domain: &Domain, host: Addresses) -> Result<()> {
    let own = ["limits.page_items = 500", "delivery.absent = \"archive\""];
    let mut stage = Stage::open(domain, host, &[UNHURRIED, own].concat()).await?;
    let service = domain.component();
    let bob = format!("<item jid='bob@{}'/>", domain.name);
    let bob = format!("<properties><property name='members'>{bob}</property></properties>");
    for group in 0..50 {
        stage.ask("set", &format!("g{group}@{service}"), &query("creategroup", &bob)).await?;
    }
    let metadata = stage.ask("get", &service, &format!("<metadata xmlns='{MAM}'/>")).await?;
    let end = metadata.children().next().and_then(|list| list.get_child("end", MAM)).context("no end")?;
    let seen = end.attr("id").context("no id")?.to_owned();
    for n in 0..500 {
        let body = format!(
            "<body>Message {n}: a hundred bytes of text or so, as people write them to each other in chats.</body>"
        );
        let to = format!("g{}@{service}", n % 50);
        stage.send(&format!("<message type='groupchat' id='m{n}' to='{to}'>{body}</message>")).await?;
    }
    stage.wait_for("message", "m499").await?;

    stage.client = login(domain, host, "bob").await?;
    (stage.bytes, stage.messages) = (0, 0);
    let since = Instant::now();
    stage.send(&format!("<presence to='{service}'/>")).await?;
    let inbox = stage.ask("get", &service, &query("inbox", "")).await?;
    let inbox_bytes = std::mem::take(&mut stage.bytes);
    let archive = format!(
        "<query xmlns='{MAM}'><x xmlns='jabber:x:data' type='submit'><field var='after-id'>\
         <value>{seen}</value></field></x><set xmlns='{RSM}'><max>500</max></set></query>"
    );
    let end = stage.ask("set", &service, &archive).await?;
    stage.told("a phone's login: presence, #inbox and one archive query", since);
    println!("{}: inbox {inbox_bytes} bytes; 500 missed messages {} bytes", domain.name, stage.bytes);
    let of = |answer: &Element, name: &str| {
        answer.children().next().and_then(|child| child.attr(name)).map(str::to_owned)
    };
    ensure!(of(&inbox, "unread").as_deref() == Some("500"), "{inbox:?}");
    ensure!(of(&end, "complete").as_deref() == Some("true"), "{end:?}");
    ensure!(stage.messages == 500, "{} messages", stage.messages);
    stage.close()
}

fn query(name: &str, inner: &str) -> String {
    format!("<query xmlns='{GC}#{name}'>{inner}</query>")
}

async fn login(domain: &Domain, host: Addresses, user: &str) -> Result<Client> {
    Client::login(host.clients, &domain.name, user, PASSWORD, "pda").await
}

/// A client beside a running service.
struct Stage {
    component: Component,
    client: Client,
    host_name: String,
    asked: usize,
    /// What the client has read, as the test writes it again.
    bytes: usize,
    /// The messages among it.
    messages: usize,
}

impl Stage {
    /// Starts a service with a new database, waits until it is connected, and logs alice in.
    async fn open(domain: &Domain, host: Addresses, settings: &[&str]) -> Result<Self> {
        let settings: Vec<String> = settings.iter().map(|line| (*line).to_owned()).collect();
        let component = Component::start(domain, &host, &settings)?;
        let since = Instant::now();
        while !component.log_text().contains("Component link is up") {
            ensure!(since.elapsed() < PATIENCE, "the service is not connected:\n{}", component.log_tail());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let client = login(domain, host, "alice").await?;
        client.send(&format!("<presence to='{}'/>", domain.component())).await?;
        let host_name = domain.name.clone();
        Ok(Self { component, client, host_name, asked: 0, bytes: 0, messages: 0 })
    }

    fn told(&self, what: &str, since: Instant) {
        println!("{}: {what}: {:.0} ms", self.host_name, since.elapsed().as_secs_f64() * 1_000.0);
    }

    async fn send(&self, stanza: &str) -> Result<()> {
        self.client.send(stanza.to_owned()).await
    }

    /// Asks, and waits for the result.
    async fn ask(&mut self, kind: &str, to: &str, payload: &str) -> Result<Element> {
        self.asked += 1;
        let id = format!("ask-{}", self.asked);
        self.send(&format!("<iq type='{kind}' id='{id}' to='{to}'>{payload}</iq>")).await?;
        self.wait_for("iq", &id).await
    }

    /// Reads on until this comes; an error instead of it is an error.
    async fn wait_for(&mut self, name: &str, id: &str) -> Result<Element> {
        loop {
            let Some(received) = self.client.next(PATIENCE).await else {
                bail!("{name} `{id}` did not come; the service's log:\n{}", self.component.log_tail());
            };
            let stanza = received.stanza;
            self.bytes += String::from(&stanza).len();
            self.messages += usize::from(stanza.name() == "message");
            if stanza.name() == name && stanza.attr("id") == Some(id) {
                ensure!(stanza.attr("type") != Some("error"), "{stanza:?}");
                return Ok(stanza);
            }
        }
    }

    /// Reads a list page by page as a client does; the number of items.
    async fn count_by_pages(&mut self, to: &str, name: &str) -> Result<usize> {
        let (mut items, mut after) = (0, String::new());
        loop {
            let set = format!("<set xmlns='{RSM}'><max>100</max>{after}</set>");
            let answer = self.ask("get", to, &query(name, &set)).await?;
            let list = answer.children().next().context("an empty answer")?;
            let set = list.get_child("set", RSM).context("no <set/>")?;
            items += list.children().filter(|child| child.name() == "item").count();
            let text = |name: &str| set.get_child(name, RSM).map(Element::text).unwrap_or_default();
            if text("count") == items.to_string() || text("last").is_empty() {
                return Ok(items);
            }
            after = format!("<after>{}</after>", text("last"));
        }
    }

    fn close(mut self) -> Result<()> {
        let log = self.component.log_text();
        ensure!(log.matches("Component link is up").count() == 1, "the link was not up all the time");
        self.component.stop()
    }
}
