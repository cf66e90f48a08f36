//! The example programs on real hosts: `groupchat-cli` in scripts, through a pipe and in a terminal, and the bot.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use groupchat_tests::real::{
    Account, Addresses, Component, Domain, Ejabberd, Prosody, Proxy, build_examples,
};
use serde_json::Value;

const PASSWORD: &str = "s3cret word";
/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn cast(name: &str) -> (Domain, Vec<Account>) {
    let domain = Domain { name: name.into(), component_secret: "s3cret".into() };
    let account = |user: &str| Account { domain: name.into(), user: user.into(), password: PASSWORD.into() };
    (domain, ["alice", "bob", "carol"].map(account).to_vec())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_prosody() -> Result<()> {
    let (domain, accounts) = cast("cli-prosody.lit");
    let host = Prosody::start(std::slice::from_ref(&domain), &accounts)?;
    story(&domain, host.addresses).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_ejabberd() -> Result<()> {
    let (domain, accounts) = cast("cli-ejabberd.lit");
    let host = Ejabberd::start(std::slice::from_ref(&domain), &accounts)?;
    story(&domain, host.addresses).await
}

async fn story(domain: &Domain, host: Addresses) -> Result<()> {
    let mut component = Component::start(domain, &host, &[])?;
    let proxy = Proxy::start(host.clients).await?;
    let cast = Cast { folder: build_examples()?, domain: domain.name.clone(), server: host.clients };
    let told = tokio::task::block_in_place(|| {
        in_scripts(&cast, &mut component, &proxy)?;
        through_a_pipe(&cast)?;
        in_a_terminal(&cast)?;
        the_bot(&cast)
    });
    told.with_context(|| format!("the end of the service's log:\n{}", component.log_tail()))
}

struct Cast {
    folder: PathBuf,
    domain: String,
    server: SocketAddr,
}

impl Cast {
    fn cli(&self, who: &str) -> Command {
        let mut command = Command::new(self.folder.join("groupchat-cli"));
        command.env("GROUPCHAT_JID", format!("{who}@{}", self.domain)).env("GROUPCHAT_PASSWORD", PASSWORD);
        command.env("GROUPCHAT_SERVER", self.server.to_string()).env("TERM", "xterm");
        command
    }

    /// Runs a command to its end; its objects.
    fn run(&self, who: &str, arguments: &[&str]) -> Result<Vec<Value>> {
        let output = self.cli(who).arg("--json").args(arguments).output()?;
        let said = String::from_utf8(output.stdout)?;
        ensure!(output.status.success(), "{who} {arguments:?} ended with {}: {said}", output.status);
        said.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
    }

    /// The one object of this type that it says.
    fn one(&self, who: &str, arguments: &[&str], kind: &str) -> Result<Value> {
        let said = self.run(who, arguments)?;
        let found = said.iter().find(|object| object["type"] == kind);
        found.cloned().with_context(|| format!("{who} {arguments:?} says no {kind}: {said:?}"))
    }

    fn watch(&self, who: &str, server: SocketAddr) -> Result<Watch> {
        let mut command = self.cli(who);
        command.env("GROUPCHAT_SERVER", server.to_string()).args(["--json", "watch"]);
        let watch = Watch::start(command)?;
        watch.wait("ready", |_| true)?;
        Ok(watch)
    }
}

/// A program that goes on, and what it says; ends on drop.
struct Watch {
    child: Child,
    lines: Receiver<String>,
}

impl Watch {
    fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().context("no output")?;
        let (said, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if said.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, lines })
    }

    /// The next line that is looked for; those before it are dropped.
    fn line(&self, what: &str, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let until = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if wanted(&line) => return Ok(line),
                Ok(line) => seen.push(line),
                Err(RecvTimeoutError::Timeout) => bail!("no {what} came, but {seen:#?}"),
                Err(RecvTimeoutError::Disconnected) => bail!("it ended without {what}: {seen:#?}"),
            }
        }
    }

    /// The next object of this type that is looked for.
    fn wait(&self, kind: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let is_it = |line: &str| {
            serde_json::from_str::<Value>(line).is_ok_and(|object| object["type"] == kind && wanted(&object))
        };
        Ok(serde_json::from_str(&self.line(kind, is_it)?)?)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn in_scripts(cast: &Cast, component: &mut Component, proxy: &Proxy) -> Result<()> {
    until_connected(cast)?;
    let tea = format!("tea@groupchat.{}", cast.domain);
    let bob = format!("bob@{}", cast.domain);
    let made = cast.one("alice", &["create", "Tea", "--id", "tea", "--member", &bob], "created")?;
    ensure!(made["group"] == tea.as_str(), "{made}");

    let bobs = cast.watch("bob", proxy.address())?;
    let stored = cast.one("alice", &["send", "tea", "@bob milk?"], "stored")?;
    let stanza_id = stored["stanza_id"].as_str().context("no stanza-id")?.to_owned();
    let message = bobs.wait("message", |object| object["stanza_id"] == stanza_id.as_str())?;
    ensure!(message["text"] == "@bob milk?" && message["mentioned"] == true, "{message}");
    ensure!(message["from"] == "alice" && message["own"] == false, "{message}");
    let listed = cast.one("bob", &["groups"], "group")?;
    ensure!(listed["unread"] == 1 && listed["mentions"] == 1 && listed["name"] == "Tea", "{listed}");

    // Read ticks.
    let alices = cast.watch("alice", cast.server)?;
    cast.one("bob", &["mark", "Tea"], "done")?;
    alices.wait("read", |object| object["by"] == "bob" && object["group"] == tea.as_str())?;
    let readers = cast.one("alice", &["receipts", "tea", &stanza_id], "readers")?;
    ensure!(readers["members"][0]["mid"] == "bob" && readers["read"] == 1, "{readers}");
    ensure!(cast.one("bob", &["groups"], "group")?["unread"] == 0);

    // What is done to the group is seen by all.
    cast.one("alice", &["rename", "tea", "High tea"], "done")?;
    bobs.wait("event", |object| object["change"] == "updated" && object["settings"]["name"] == "High tea")?;
    cast.one("alice", &["add", "tea", &format!("carol@{}", cast.domain)], "done")?;
    bobs.wait("event", |object| object["change"] == "added" && object["members"][0]["mid"] == "carol")?;
    ensure!(cast.run("carol", &["members", "tea"])?.len() == 3);
    cast.one("carol", &["mute", "tea"], "done")?;
    ensure!(cast.one("carol", &["groups"], "group")?["receive"] == "none");
    cast.one("carol", &["leave", "tea"], "done")?;
    ensure!(cast.run("carol", &["groups"])?.is_empty());
    let refused = cast.cli("bob").args(["--json", "rename", "tea", "Mine"]).output()?;
    ensure!(refused.status.code() == Some(1), "{}", refused.status);
    let error: Value = serde_json::from_slice(&refused.stdout)?;
    ensure!(error["type"] == "error" && error["condition"] == "not-allowed", "{error}");

    // The link breaks, and what was said meanwhile comes.
    proxy.cut();
    bobs.wait("offline", |_| true)?;
    cast.one("alice", &["send", "tea", "while you were away"], "stored")?;
    bobs.wait("message", |object| object["text"] == "while you were away")?;

    // The service is away, and what is said is sent again until it is stored.
    let mut sending = cast.cli("alice");
    sending.args(["--json", "chat", "tea"]);
    let mut waiting = Watch::start(sending)?;
    waiting.wait("message", |object| object["text"] == "while you were away")?;
    component.stop()?;
    let mut input = waiting.child.stdin.take().context("no input")?;
    writeln!(input, "said before you came back")?;
    drop(input);
    // Long enough for it to be refused once.
    std::thread::sleep(Duration::from_secs(1));
    component.restart()?;
    bobs.wait("message", |object| object["text"] == "said before you came back")?;
    ensure!(waiting.child.wait()?.success());
    let read = cast.run("bob", &["read", "tea", "--last", "100"])?;
    let times = read.iter().filter(|object| object["text"] == "said before you came back").count();
    ensure!(times == 1, "it was stored {times} times");

    from_the_outside(cast)
}

/// The component connects when it is ready.
fn until_connected(cast: &Cast) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    while cast.run("alice", &["groups"]).is_err() {
        ensure!(Instant::now() < until, "the service does not answer");
    }
    Ok(())
}

/// Help, and the ways in which it ends.
fn from_the_outside(cast: &Cast) -> Result<()> {
    let help = String::from_utf8(cast.cli("alice").arg("--help").output()?.stdout)?;
    for word in [
        "chat",
        "groups",
        "read",
        "send",
        "watch",
        "create",
        "add",
        "receipts",
        "--json",
        "GROUPCHAT_PASSWORD",
    ] {
        ensure!(help.contains(word), "--help says nothing of {word}");
    }
    ensure!(!help.contains(PASSWORD), "--help tells the password");
    let ends = |output: &Output| output.status.code();
    let wrong = cast.cli("alice").env("GROUPCHAT_PASSWORD", "wrong").arg("groups").output()?;
    ensure!(ends(&wrong) == Some(3), "{}", wrong.status);
    let unknown = cast.cli("alice").args(["send", "nowhere", "hi"]).output()?;
    ensure!(ends(&unknown) == Some(2), "{}", unknown.status);
    // Not asked for where nobody could answer.
    let mut silent = cast.cli("alice");
    let none = silent.env_remove("GROUPCHAT_PASSWORD").arg("groups").stdin(Stdio::null()).output()?;
    ensure!(ends(&none) == Some(2) && String::from_utf8_lossy(&none.stderr).contains("GROUPCHAT_PASSWORD"));
    Ok(())
}

/// Lines in, lines out.
fn through_a_pipe(cast: &Cast) -> Result<()> {
    let mut chat = cast.cli("bob");
    chat.arg("chat");
    let mut chat = Watch::start(chat)?;
    let mut input = chat.child.stdin.take().context("no input")?;
    writeln!(input, "/open tea\n@alice 茶？\n/members\n/nonsense")?;
    chat.line("copy of what was said", |line| line.contains("bob: @alice 茶？") && line.ends_with('✓'))?;
    chat.line("complaint", |line| line.contains("there is no /nonsense"))?;
    drop(input);
    ensure!(chat.child.wait()?.success());
    Ok(())
}

/// In a terminal, made by util-linux's `script`: what comes is shown though nobody has pressed return.
fn in_a_terminal(cast: &Cast) -> Result<()> {
    let mut command = Command::new("script");
    let program = cast.folder.join("groupchat-cli");
    command.args([
        "--quiet",
        "--return",
        "--command",
        &format!("stty cols 100 rows 40; {} chat tea", program.display()),
        "/dev/null",
    ]);
    for (name, value) in cast.cli("alice").get_envs() {
        command.env(name, value.context("a variable without a value")?);
    }
    let mut terminal = Watch::start(command)?;
    terminal.line("history", |line| line.contains("while you were away"))?;
    let mut input = terminal.child.stdin.take().context("no input")?;
    write!(input, "half a li")?;
    input.flush()?;
    cast.one("bob", &["send", "tea", "comes while you type"], "stored")?;
    terminal.line("what was said", |line| line.contains("comes while you type"))?;
    write!(input, "ne\r")?;
    input.flush()?;
    terminal.line("one's own words", |line| line.contains("alice: half a line") && line.contains('✓'))?;
    write!(input, "/quit\r")?;
    input.flush()?;
    ensure!(terminal.child.wait()?.success());
    Ok(())
}

fn the_bot(cast: &Cast) -> Result<()> {
    let mut bot = Command::new(cast.folder.join("echo-bot"));
    bot.arg(format!("bob@{}", cast.domain)).arg(cast.server.to_string()).env("GROUPCHAT_PASSWORD", PASSWORD);
    let alices = cast.watch("alice", cast.server)?;
    let _bot = Watch::start(bot)?;
    cast.one("alice", &["send", "tea", "@bob say this"], "stored")?;
    let echo = alices.wait("message", |object| object["from"] == "bob" && object["text"] == "say this")?;
    ensure!(echo["own"] == false, "{echo}");
    cast.one("alice", &["send", "tea", "bob is not mentioned here"], "stored")?;
    cast.one("alice", &["send", "tea", "and @bob this, too"], "stored")?;
    let next = alices.wait("message", |object| object["from"] == "bob")?;
    ensure!(next["text"] == "and  this, too", "{next}");
    Ok(())
}
