//! The chat page of `examples/web`: its tests without a network, and its story in real browsers on a real Prosody and a
//! real ejabberd, with a third member who uses another client. The story itself is in `examples/web/story`.
//!
//! `PAGE_PICTURES=docs` writes the pictures of the page that the README shows.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use groupchat_tests::chat_page as page;
use groupchat_tests::client::Client;
use groupchat_tests::npm;
use groupchat_tests::real::{Account, Addresses, Component, Domain, Ejabberd, Prosody, Proxy, Site};
use groupchat_tests::xml::escape;
use minidom::Element;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const DOMAIN: &str = "localhost";
const PASSWORD: &str = "tea";
/// Who is not in a browser.
const THIRD: &str = "小红";
/// How long anything may take on a busy machine, and the whole story.
const PATIENCE: Duration = Duration::from_secs(30);
const STORY_TIME_MAX: Duration = Duration::from_secs(240);

/// Where to put pictures of the page, if they are wanted; below the workspace.
const PICTURES: &str = "PAGE_PICTURES";

const CHATSTATES: &str = "http://jabber.org/protocol/chatstates";
const SID: &str = "urn:xmpp:sid:0";

#[test]
fn what_needs_no_network_is_tested_without_one() -> Result<()> {
    npm::install(page::FOLDER.as_ref())?;
    page::run(&["test"])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_on_prosody() -> Result<()> {
    let host = Prosody::serve(&site())?;
    play(host.addresses, "prosody").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_on_ejabberd() -> Result<()> {
    let host = Ejabberd::serve(&site())?;
    play(host.addresses, "ejabberd").await
}

fn domain() -> Domain {
    Domain { name: DOMAIN.into(), component_secret: "s3cret".into() }
}

fn site() -> Site {
    let account =
        |user: &str| Account { domain: DOMAIN.into(), user: user.into(), password: PASSWORD.into() };
    let accounts = ["alice", "bob", THIRD].map(account);
    Site { websocket: true, ..Site::of(&[domain()], &accounts) }
}

async fn play(host: Addresses, name: &str) -> Result<()> {
    let built = tokio::task::spawn_blocking(page::build).await??;
    let network = Proxy::start(host.web).await?;
    let mut pages = Vec::new();
    for websocket in [host.web, network.address()] {
        // The address of the groups is left for the page to find.
        let config = json!({ "domain": DOMAIN, "websocket": format!("ws://{websocket}/xmpp-websocket") });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        pages.push(format!("http://{}/", page::serve(built, config.to_string(), listener)?));
    }
    let mut stage = Stage {
        component: Component::start(&domain(), &host, &[])?,
        third: Third::login(host.clients).await?,
        network,
        pages,
    };
    let mut story = Story::begin(name == "prosody")?;
    let mut told = Vec::new();
    let telling = async {
        while let Some(line) = story.lines.recv().await {
            let line: Value = serde_json::from_str(&line)?;
            match line["ask"].as_str() {
                Some(what) => story.answer(&stage.answer(what, &line).await)?,
                None => told.push(line["tell"].as_str().unwrap_or_default().to_owned()),
            }
        }
        anyhow::Ok(())
    };
    let ended = tokio::time::timeout(STORY_TIME_MAX, telling).await;
    let problem = story.end();
    let log = stage.component.log_tail();
    let whole = told.last().is_some_and(|last| last == "the end");
    ensure!(
        whole && matches!(ended, Ok(Ok(()))),
        "on {name}, after {told:?}: {ended:?}\n{problem}\nThe component's log:\n{log}"
    );
    Ok(())
}

/// The program that drives the browsers. It asks and tells in lines.
struct Story {
    node: Child,
    input: ChildStdin,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Story {
    fn begin(with_pictures: bool) -> Result<Self> {
        let mut command = Command::new("node");
        command.arg("story/play.mjs").current_dir(page::FOLDER).env_remove(PICTURES);
        if let (true, Some(folder)) = (with_pictures, std::env::var_os(PICTURES)) {
            command.env(PICTURES, Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut node = command.spawn().context("cannot run node: `cargo xtask test` installs it")?;
        let input = node.stdin.take().context("no way to the story")?;
        let output = BufReader::new(node.stdout.take().context("no way from the story")?);
        let (sender, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line).ok())
        });
        Ok(Self { node, input, lines })
    }

    fn answer(&mut self, answer: &Value) -> Result<()> {
        Ok(writeln!(self.input, "{answer}")?)
    }

    /// Ends it if it has not ended by itself; gives what it complained of.
    fn end(mut self) -> String {
        drop(self.input);
        if self.lines.try_recv() != Err(mpsc::error::TryRecvError::Disconnected) {
            self.node.kill().ok();
        }
        let mut complaint = String::new();
        if let Some(mut errors) = self.node.stderr.take() {
            errors.read_to_string(&mut complaint).ok();
        }
        self.node.wait().ok();
        complaint
    }
}

/// What the story has around it.
struct Stage {
    component: Component,
    third: Third,
    /// Between the second browser and the host.
    network: Proxy,
    pages: Vec<String>,
}

impl Stage {
    /// Does what the story asks for, and says so.
    async fn answer(&mut self, what: &str, details: &Value) -> Value {
        match self.act(what, details).await {
            Ok(answer) => answer,
            Err(problem) => json!({ "error": format!("{problem:#}") }),
        }
    }

    async fn act(&mut self, what: &str, details: &Value) -> Result<Value> {
        let text = || details["text"].as_str().context("the story says no text");
        match what {
            "begin" => {
                self.third.wait_for_service().await?;
                let browser = "/usr/bin/chromium";
                return Ok(
                    json!({ "pages": self.pages, "password": PASSWORD, "third": THIRD, "browser": browser }),
                );
            }
            "third is added" => {
                let group = details["group"].as_str().context("the story names no group")?;
                self.third.group = group.to_owned();
                let added =
                    |stanza: &Element| stanza.name() == "presence" && stanza.attr("from") == Some(group);
                self.third.wait("the news of having been added", added).await?;
            }
            "third reads" => self.third.read(text()?).await?,
            "third is mentioned" => self.third.is_mentioned(text()?).await?,
            "third says" => self.third.say(text()?, details["mention"].as_str()).await?,
            "third says many" => {
                for number in 1..=details["count"].as_u64().context("the story says no count")? {
                    self.third.say(&format!("number {number}."), None).await?;
                }
            }
            "third has" => {
                let texts: Vec<String> = serde_json::from_value(details["texts"].clone())?;
                self.third.has(&texts).await?;
            }
            "network" if details["up"] == true => self.network.thaw(),
            "network" => {
                self.network.freeze();
                self.network.cut();
            }
            "service" if details["up"] == true => self.component.restart()?,
            "service" => self.component.stop()?,
            _ => bail!("the story asks for `{what}`, which nobody knows here"),
        }
        Ok(json!({}))
    }
}

/// The member without a browser.
struct Third {
    client: Client,
    group: String,
    said: u32,
    /// Every message, by its place in the archive: its text, and how it came.
    messages: BTreeMap<String, Element>,
}

impl Third {
    async fn login(host: SocketAddr) -> Result<Self> {
        let client = Client::login(host, DOMAIN, THIRD, PASSWORD, "terminal").await?;
        client.send("<presence/>").await?;
        Ok(Self { client, group: String::new(), said: 0, messages: BTreeMap::new() })
    }

    /// The component connects when it is ready.
    async fn wait_for_service(&mut self) -> Result<()> {
        let service = domain().component();
        let begin = Instant::now();
        for attempt in 0.. {
            let ping =
                format!("<iq type='get' to='{service}' id='p{attempt}'><ping xmlns='urn:xmpp:ping'/></iq>");
            self.client.send(&ping).await?;
            let id = format!("p{attempt}");
            let answer = self.wait("an answer", |stanza| stanza.attr("id") == Some(&id)).await?;
            if answer.attr("type") == Some("result") {
                break;
            }
            ensure!(begin.elapsed() < PATIENCE, "the component does not come");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.client.send(&format!("<presence to='{service}'/>")).await
    }

    /// The first stanza from now on that is wanted. Messages are kept, wanted or not.
    async fn wait(&mut self, what: &str, wanted: impl Fn(&Element) -> bool) -> Result<Element> {
        let until = Instant::now() + PATIENCE;
        while let Some(received) = self.client.next(until.saturating_duration_since(Instant::now())).await {
            self.keep(&received.stanza)?;
            if wanted(&received.stanza) {
                return Ok(received.stanza);
            }
        }
        bail!("{THIRD} waited in vain for {what}")
    }

    /// A message that comes a second time is one that would be shown twice, unless it says the same again.
    fn keep(&mut self, stanza: &Element) -> Result<()> {
        let id = stanza.get_child("stanza-id", SID).and_then(|id| id.attr("id"));
        let (Some(id), "message") = (id, stanza.name()) else { return Ok(()) };
        if stanza.attr("from").and_then(|from| from.split('/').next()) != Some(&self.group) {
            return Ok(());
        }
        if let Some(before) = self.messages.insert(id.to_owned(), stanza.clone()) {
            ensure!(text_of(&before) == text_of(stanza), "{id} came with two texts");
        }
        Ok(())
    }

    fn known(&self, text: &str) -> Option<Element> {
        self.messages.values().find(|message| text_of(message).contains(text)).cloned()
    }

    async fn sees(&mut self, text: &str) -> Result<Element> {
        match self.known(text) {
            Some(message) => Ok(message),
            None => self.wait(&format!("“{text}”"), |stanza| text_of(stanza).contains(text)).await,
        }
    }

    async fn read(&mut self, text: &str) -> Result<()> {
        let message = self.sees(text).await?;
        let id = message.attr("id").unwrap_or_default();
        let read = format!("<read xmlns='{CHATSTATES}' id='{}'/>", escape(id));
        self.client.send(&format!("<message to='{}' type='groupchat'>{read}</message>", self.group)).await
    }

    async fn is_mentioned(&mut self, text: &str) -> Result<()> {
        let message = self.sees(text).await?;
        let reference = message.get_child("reference", "urn:xmpp:reference:0").context("no mention")?;
        let (begin, end) = (reference.attr("begin"), reference.attr("end"));
        ensure!((begin, end) == (Some("0"), Some("3")), "the mention is from {begin:?} to {end:?}");
        Ok(())
    }

    /// Says something, and waits until it is stored.
    async fn say(&mut self, text: &str, mention: Option<&str>) -> Result<()> {
        self.said += 1;
        let (id, group) = (format!("third-{}", self.said), self.group.clone());
        let mention =
            mention.map(|user| format!("<x xmlns='jabber:x:data' type='at' id='{user}@{DOMAIN}'/>"));
        let body = format!("<body>{}</body>{}", escape(text), mention.unwrap_or_default());
        self.client
            .send(&format!("<message to='{group}' type='groupchat' id='{id}'>{body}</message>"))
            .await?;
        let copy = self.wait("its copy", |stanza| stanza.attr("id") == Some(&id)).await?;
        ensure!(copy.attr("type") == Some("groupchat"), "{text} came back as {:?}", copy.attr("type"));
        Ok(())
    }

    /// Has exactly these texts, in this order.
    async fn has(&mut self, texts: &[String]) -> Result<()> {
        let begin = Instant::now();
        while self.messages.len() < texts.len() && begin.elapsed() < PATIENCE {
            if let Some(received) = self.client.next(Duration::from_millis(200)).await {
                self.keep(&received.stanza)?;
            }
        }
        let own: Vec<String> = self.messages.values().map(text_of).collect();
        ensure!(own == texts, "{THIRD} has {own:?}\nand the page {texts:?}");
        Ok(())
    }
}

fn text_of(message: &Element) -> String {
    message.get_child("body", "jabber:client").map(Element::text).unwrap_or_default()
}
