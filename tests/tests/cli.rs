//! The programs of `examples` on real hosts: `groupchat-cli` in scripts, through a pipe and in a terminal, and the bot.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use groupchat_tests::cli::{Cli, Running};
use groupchat_tests::real::{Account, Addresses, Component, Domain, Ejabberd, Prosody, Proxy};
use serde_json::Value;

const DOMAIN: &str = "shakespeare.lit";
const TEA: &str = "tea@groupchat.shakespeare.lit";
const PASSWORD: &str = "s3cret word";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_prosody() -> Result<()> {
    let host = Prosody::start(&[domain()], &accounts())?;
    story(host.addresses).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_ejabberd() -> Result<()> {
    let host = Ejabberd::start(&[domain()], &accounts())?;
    story(host.addresses).await
}

fn domain() -> Domain {
    Domain { name: DOMAIN.into(), component_secret: "s3cret".into() }
}

fn accounts() -> Vec<Account> {
    let account =
        |user: &str| Account { domain: DOMAIN.into(), user: user.into(), password: PASSWORD.into() };
    ["alice", "bob", "carol", "robot"].map(account).to_vec()
}

async fn story(host: Addresses) -> Result<()> {
    let mut component = Component::start(&domain(), &host, &[])?;
    let proxy = Proxy::start(host.clients).await?;
    let told = tokio::task::block_in_place(|| {
        let cli = Cli::build(DOMAIN, PASSWORD, host.clients)?;
        cli.until_connected("alice")?;
        let mut bobs = talk(&cli, &proxy).context("talking")?;
        change_the_group(&cli, &mut bobs).context("changing the group")?;
        lose_the_link(&cli, &proxy, &mut bobs).context("losing the link")?;
        outlive_the_service(&cli, &mut component, &mut bobs).context("restarting the service")?;
        end_as_it_should(&cli).context("being called wrongly")?;
        through_a_pipe(&cli).context("through a pipe")?;
        in_a_terminal(&cli).context("in a terminal")?;
        the_bot(&cli).context("with the bot")
    });
    told.with_context(|| format!("the end of the service's log:\n{}", component.log_tail()))
}

/// What is said is stored, heard, counted and read. Gives what bob watches, behind the proxy.
fn talk(cli: &Cli, proxy: &Proxy) -> Result<Running> {
    let made =
        cli.one("alice", &["create", "Tea", "--id", "tea", "--member", "bob@shakespeare.lit"], "created")?;
    ensure!(made["group"] == TEA, "{made}");
    let mut bobs = cli.clone().by(proxy.address()).watch("bob")?;
    let stored = cli.one("alice", &["send", "tea", "@bob milk?"], "stored")?;
    let stanza_id = stored["stanza_id"].as_str().context("no stanza-id")?.to_owned();
    let message = bobs.object("message", |object| object["stanza_id"] == stanza_id.as_str())?;
    ensure!(message["text"] == "@bob milk?" && message["mentioned"] == true, "{message}");
    ensure!(message["from"] == "alice" && message["own"] == false, "{message}");
    let listed = cli.one("bob", &["groups"], "group")?;
    ensure!(listed["unread"] == 1 && listed["mentions"] == 1 && listed["name"] == "Tea", "{listed}");

    let mut alices = cli.watch("alice")?;
    cli.one("bob", &["mark", "Tea"], "done")?;
    alices.object("read", |object| object["by"] == "bob" && object["group"] == TEA)?;
    let readers = cli.one("alice", &["receipts", "tea", &stanza_id], "readers")?;
    ensure!(readers["members"][0]["mid"] == "bob" && readers["read"] == 1, "{readers}");
    ensure!(cli.one("bob", &["groups"], "group")?["unread"] == 0);
    Ok(bobs)
}

/// What is done to the group is done, and seen by others.
fn change_the_group(cli: &Cli, bobs: &mut Running) -> Result<()> {
    cli.one("alice", &["rename", "tea", "High tea"], "done")?;
    let renamed = |event: &Value| event["change"] == "updated" && event["settings"]["name"] == "High tea";
    bobs.object("event", renamed)?;
    cli.one("alice", &["add", "tea", "carol@shakespeare.lit", "robot@shakespeare.lit"], "done")?;
    bobs.object("event", |event| event["change"] == "added" && event["members"][0]["mid"] == "carol")?;
    ensure!(cli.run("carol", &["members", "tea"])?.len() == 4);
    cli.one("carol", &["mute", "tea"], "done")?;
    ensure!(cli.one("carol", &["groups"], "group")?["receive"] == "none");
    cli.one("carol", &["leave", "tea"], "done")?;
    bobs.object("event", |event| event["change"] == "removed" && event["members"][0]["mid"] == "carol")?;
    ensure!(cli.run("carol", &["groups"])?.is_empty());
    let refused = cli.command("bob").args(["--json", "rename", "tea", "Mine"]).output()?;
    ensure!(refused.status.code() == Some(1), "{}", refused.status);
    let error: Value = serde_json::from_slice(&refused.stdout)?;
    ensure!(error["type"] == "error" && error["condition"] == "not-allowed", "{error}");
    Ok(())
}

/// What is said while the link is gone comes when it is back, and once.
fn lose_the_link(cli: &Cli, proxy: &Proxy, bobs: &mut Running) -> Result<()> {
    // Nothing comes through, so that no new link is made before it is said.
    proxy.freeze();
    proxy.cut();
    bobs.object("offline", |_| true)?;
    cli.one("alice", &["send", "tea", "while you were away"], "stored")?;
    cli.one("alice", &["send", "tea", "and this"], "stored")?;
    // Longer than these hosts keep a session, so that it is the archive that knows.
    std::thread::sleep(Duration::from_secs(4));
    proxy.thaw();
    let first = bobs.object("message", |_| true)?;
    let second = bobs.object("message", |_| true)?;
    ensure!(first["text"] == "while you were away" && second["text"] == "and this", "{first} {second}");
    bobs.object("ready", |_| true)?;
    // The service knows that he is there again.
    cli.one("alice", &["send", "tea", "welcome back"], "stored")?;
    let live = bobs.object("message", |_| true)?;
    ensure!(live["text"] == "welcome back" && live["via"] == "live", "{live}");
    Ok(())
}

/// What is said while the service is away is sent again until it is stored, and is stored once.
fn outlive_the_service(cli: &Cli, component: &mut Component, bobs: &mut Running) -> Result<()> {
    let mut chat = cli.start("alice", &["--json", "chat", "tea"])?;
    chat.object("message", |message| message["text"] == "welcome back")?;
    component.stop()?;
    chat.types("said before you came back\n")?;
    // Its answer shows that the line before was sent, and refused.
    chat.types("/members\n")?;
    chat.object("error", |error| error["text"].as_str().is_some_and(|text| text.contains("refuses")))?;
    component.restart()?;
    bobs.object("message", |message| message["text"] == "said before you came back")?;
    chat.finish()?;
    let read = cli.run("bob", &["read", "tea", "--last", "100"])?;
    let times = read.iter().filter(|object| object["text"] == "said before you came back").count();
    ensure!(times == 1, "it was stored {times} times");
    Ok(())
}

/// Help, and the ways in which it ends.
fn end_as_it_should(cli: &Cli) -> Result<()> {
    let help = String::from_utf8(cli.command("alice").arg("--help").output()?.stdout)?;
    for word in ["chat", "send", "watch", "receipts", "--json", "GROUPCHAT_PASSWORD", "SSL_CERT_FILE"] {
        ensure!(help.contains(word), "--help says nothing of {word}");
    }
    ensure!(!help.contains(PASSWORD), "--help tells the password");
    let wrong = cli.command("alice").env("GROUPCHAT_PASSWORD", "wrong").arg("groups").output()?;
    let complaint = String::from_utf8_lossy(&wrong.stderr).into_owned();
    ensure!(wrong.status.code() == Some(3), "{}", wrong.status);
    ensure!(complaint.starts_with("error: alice@shakespeare.lit may not log in"), "{complaint}");
    ensure!(complaint.lines().count() == 1, "{complaint}");
    let unknown = cli.command("alice").args(["send", "nowhere", "hi"]).output()?;
    ensure!(unknown.status.code() == Some(2), "{}", unknown.status);
    // Not asked for where nobody could answer.
    let mut silent = cli.command("alice");
    let none = silent.env_remove("GROUPCHAT_PASSWORD").arg("groups").stdin(Stdio::null()).output()?;
    ensure!(
        none.status.code() == Some(2) && String::from_utf8_lossy(&none.stderr).contains("GROUPCHAT_PASSWORD")
    );
    // A password is for this machine, or encrypted.
    let mut far = cli.command("alice");
    let far = far.env("GROUPCHAT_SERVER", "192.0.2.1:5222").arg("groups").output()?;
    ensure!(far.status.code() == Some(2) && String::from_utf8_lossy(&far.stderr).contains("on this machine"));
    Ok(())
}

/// Lines in, lines out.
fn through_a_pipe(cli: &Cli) -> Result<()> {
    let mut chat = cli.start("bob", &["chat"])?;
    chat.types("/open tea\n")?;
    chat.line("history", |line| line.contains("said before you came back"))?;
    chat.types("@alice 茶？\n")?;
    chat.line("copy of what was said", |line| line.contains("bob: @alice 茶？") && line.ends_with('✓'))?;
    chat.types("/members\n/nonsense\n")?;
    chat.line("member", |line| line.starts_with("alice") && line.contains("owner"))?;
    chat.line("complaint", |line| line.contains("there is no /nonsense"))?;
    chat.finish()
}

/// In a terminal, made by util-linux's `script`: what comes is shown though nobody has pressed return.
fn in_a_terminal(cli: &Cli) -> Result<()> {
    let chat = cli.command("alice");
    let program = chat.get_program().to_str().context("a strange folder")?;
    let line = format!("stty cols 100 rows 40; {program} --plain chat tea");
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    for (name, value) in chat.get_envs() {
        command.env(name, value.context("a variable without a value")?);
    }
    let mut terminal = Running::start(command)?;
    terminal.line("history", |line| line.contains("while you were away"))?;
    terminal.types("half a li")?;
    cli.one("bob", &["send", "tea", "comes while you type"], "stored")?;
    terminal.line("what was said", |line| line.contains("comes while you type"))?;
    terminal.types("ne\r")?;
    terminal.line("one's own words", |line| line.contains("alice: half a line") && line.contains('✓'))?;
    terminal.types("/quit\r")?;
    terminal.finish()
}

/// It answers what mentions it, also what did while it was away, and nothing twice.
fn the_bot(cli: &Cli) -> Result<()> {
    let mut alices = cli.watch("alice")?;
    cli.one("alice", &["send", "tea", "@robot before you came"], "stored")?;
    let first = Running::start(cli.bot("robot"))?;
    echoed(&mut alices, "@robot before you came")?;
    cli.one("alice", &["send", "tea", "the robot is not mentioned here"], "stored")?;
    cli.one("alice", &["send", "tea", "and @robot this, too"], "stored")?;
    echoed(&mut alices, "and @robot this, too")?;
    alices.object("read", |object| object["by"] == "robot")?;
    drop(first);
    cli.one("alice", &["send", "tea", "@robot gone again?"], "stored")?;
    let _second = Running::start(cli.bot("robot"))?;
    echoed(&mut alices, "@robot gone again?")?;
    Ok(())
}

/// The next that it says is this.
fn echoed(alices: &mut Running, text: &str) -> Result<()> {
    let echo = alices.object("message", |object| object["from"] == "robot")?;
    ensure!(echo["text"] == text, "{echo}");
    Ok(())
}
