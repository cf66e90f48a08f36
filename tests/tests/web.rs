//! The chat page of `examples/web`: its tests without a network, and its story in real browsers on a real Prosody and a
//! real ejabberd, with a third member who uses `groupchat-cli`. The story itself is in `examples/web/story`.
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
use groupchat_tests::cli::{Cli, Running};
use groupchat_tests::npm;
use groupchat_tests::real::{Account, Addresses, Component, Domain, Ejabberd, Prosody, Proxy, Site};
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
    let component = Component::start(&domain(), &host, &[])?;
    let third = tokio::task::block_in_place(|| Third::login(host.clients))?;
    let mut stage = Stage { component, third, network, pages };
    let mut story = Story::begin(name == "prosody")?;
    let mut told = Vec::new();
    let telling = async {
        while let Some(line) = story.lines.recv().await {
            let line: Value = serde_json::from_str(&line)?;
            match line["ask"].as_str() {
                Some(what) => story.answer(&tokio::task::block_in_place(|| stage.answer(what, &line)))?,
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
    fn answer(&mut self, what: &str, details: &Value) -> Value {
        match self.act(what, details) {
            Ok(answer) => answer,
            Err(problem) => json!({ "error": format!("{problem:#}") }),
        }
    }

    fn act(&mut self, what: &str, details: &Value) -> Result<Value> {
        let text = || details["text"].as_str().context("the story says no text");
        match what {
            "begin" => {
                let browser = "/usr/bin/chromium";
                return Ok(
                    json!({ "pages": self.pages, "password": PASSWORD, "third": THIRD, "browser": browser }),
                );
            }
            "third is added" => {
                let group = details["group"].as_str().context("the story names no group")?;
                self.third.group = group.to_owned();
                let added = |object: &Value| object["type"] == "event" && object["change"] == "added";
                self.third.wait("the news of having been added", |object| {
                    added(object) && object["group"] == group
                })?;
            }
            "third reads" => self.third.read(text()?)?,
            "third is mentioned" => self.third.is_mentioned(text()?)?,
            "third says" => self.third.say(text()?, details["mention"].as_str())?,
            "third says many" => {
                self.third.say_many(details["count"].as_u64().context("the story says no count")?)?;
            }
            "third has" => {
                let texts: Vec<String> = serde_json::from_value(details["texts"].clone())?;
                self.third.has(&texts)?;
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

/// The member without a browser: a terminal that goes on showing what comes, and others in which things are done.
struct Third {
    cli: Cli,
    watch: Running,
    group: String,
    /// Every message that was shown, by its stanza-id.
    messages: BTreeMap<String, Value>,
}

impl Third {
    fn login(host: SocketAddr) -> Result<Self> {
        let cli = Cli::build(DOMAIN, PASSWORD, host)?;
        cli.until_connected(THIRD)?;
        Ok(Self { watch: cli.watch(THIRD)?, cli, group: String::new(), messages: BTreeMap::new() })
    }

    /// What is shown next, if anything is in time. Messages are kept.
    fn next(&mut self, wait: Duration) -> Result<Option<Value>> {
        let Some(line) = self.watch.next_line(wait) else { return Ok(None) };
        let object: Value = serde_json::from_str(&line)?;
        if let (Some(id), "message") =
            (object["stanza_id"].as_str(), object["type"].as_str().unwrap_or_default())
        {
            let before = self.messages.insert(id.to_owned(), object.clone());
            ensure!(before.is_none(), "{THIRD} was shown {id} twice");
        }
        Ok(Some(object))
    }

    /// The first object from now on that is wanted.
    fn wait(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let until = Instant::now() + PATIENCE;
        while let Some(object) = self.next(until.saturating_duration_since(Instant::now()))? {
            if wanted(&object) {
                return Ok(object);
            }
        }
        bail!("{THIRD} waited in vain for {what}")
    }

    fn sees(&mut self, text: &str) -> Result<Value> {
        let is_it = |object: &Value| object["text"].as_str().is_some_and(|said| said.contains(text));
        match self.messages.values().find(|message| is_it(message)).cloned() {
            Some(message) => Ok(message),
            None => self.wait(&format!("“{text}”"), is_it),
        }
    }

    /// Sees it, and tells the group that everything is read.
    fn read(&mut self, text: &str) -> Result<()> {
        self.sees(text)?;
        self.cli.one(THIRD, &["mark", &self.group], "done")?;
        Ok(())
    }

    fn is_mentioned(&mut self, text: &str) -> Result<()> {
        let message = self.sees(text)?;
        ensure!(message["mentioned"] == true, "{THIRD} is not mentioned in {message}");
        Ok(())
    }

    /// Says something, and waits until it is stored.
    fn say(&mut self, text: &str, mention: Option<&str>) -> Result<()> {
        let mut arguments = vec!["send", &self.group, text];
        if let Some(nick) = mention {
            arguments.extend(["--mention", nick]);
        }
        self.cli.one(THIRD, &arguments, "stored")?;
        Ok(())
    }

    /// Says so many things at once, through a pipe; it ends when all are stored.
    fn say_many(&mut self, count: u64) -> Result<()> {
        let mut chat = self.cli.start(THIRD, &["chat", &self.group])?;
        for number in 1..=count {
            chat.types(&format!("number {number}.\n"))?;
        }
        chat.finish()
    }

    /// Was shown exactly these texts, in this order, and the archive has no others.
    fn has(&mut self, texts: &[String]) -> Result<()> {
        let begin = Instant::now();
        while self.shown().len() < texts.len() && begin.elapsed() < PATIENCE {
            self.next(Duration::from_millis(200))?;
        }
        let shown = self.shown();
        ensure!(shown == texts, "{THIRD} was shown {shown:?}\nand the page {texts:?}");
        let archived = self.cli.run(THIRD, &["read", &self.group, "--last", "1000"])?;
        let archived: Vec<&Value> = archived.iter().filter(|object| object["type"] == "message").collect();
        let archived: Vec<String> = archived.into_iter().map(text_of).collect();
        ensure!(archived == texts, "{THIRD} reads {archived:?}\nand the page has {texts:?}");
        Ok(())
    }

    /// The texts that were said in the group.
    fn shown(&self) -> Vec<String> {
        let said = self.messages.values().filter(|message| message["group"] == self.group.as_str());
        said.map(text_of).collect()
    }
}

fn text_of(message: &Value) -> String {
    message["text"].as_str().unwrap_or_default().to_owned()
}
