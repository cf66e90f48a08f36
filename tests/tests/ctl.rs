//! What administrators do with a running service on a real Prosody: they see groups and people, change them, and every act is
//! written down; and a configuration that changes is read again.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use groupchat_tests::client::Client;
use groupchat_tests::real::{Account, Component, Domain, Prosody, Site};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn domain() -> Domain {
    Domain { name: "ops.lit".into(), component_secret: "s3cret".into() }
}

fn prosody() -> Result<Prosody> {
    let account = |user: &str| Account { domain: "ops.lit".into(), user: user.into(), password: "p".into() };
    Prosody::serve(&Site::of(&[domain()], &[account("alice"), account("bob")]))
}

/// Asks the service, and gives the exit code and what is said.
fn ctl(component: &Component, words: &[&str]) -> Result<(Option<i32>, String)> {
    component.program(&[&["ctl"], words].concat())
}

/// What is said, without the spaces that make columns.
fn shown(component: &Component, words: &[&str]) -> Result<String> {
    let (code, said) = ctl(component, words)?;
    ensure!(code == Some(0), "{words:?}: {code:?} {said}");
    let lines = said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// Waits until something asked for says this.
fn wait_until(component: &Component, words: &[&str], wanted: &str) -> Result<String> {
    let start = Instant::now();
    loop {
        let (code, said) = ctl(component, words)?;
        if code == Some(0) && said.contains(wanted) {
            return Ok(said);
        }
        ensure!(start.elapsed() < PATIENCE, "{words:?} does not say {wanted}: {code:?} {said}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn start(host: &Prosody, folder: &tempfile::TempDir, more: &[&str]) -> Result<Component> {
    let mut settings = vec![format!("control.socket = \"{}\"", folder.path().join("socket").display())];
    settings.extend(more.iter().map(|line| (*line).to_owned()));
    Component::start(&domain(), &host.addresses, &settings)
}

async fn login(host: &Prosody, user: &str) -> Result<Client> {
    let client = Client::login(host.addresses.clients, "ops.lit", user, "p", "pda").await?;
    client.send("<presence/><presence to='groupchat.ops.lit'/>").await?;
    Ok(client)
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_see_and_change_groups_and_it_is_written_down() -> Result<()> {
    let (host, folder) = (prosody()?, tempfile::tempdir()?);
    let mut component = start(&host, &folder, &[])?;
    wait_until(&component, &["status"], "link         up")?;
    // Somebody who connects and says nothing keeps nobody else waiting, neither those who ask nor the end.
    let _idle = std::os::unix::net::UnixStream::connect(folder.path().join("socket"))?;
    let mut bob = login(&host, "bob").await?;
    let done = |words: &[&str]| -> Result<()> {
        let (code, said) = ctl(&component, words)?;
        ensure!(code == Some(0) && said.trim() == "done", "{words:?}: {code:?} {said}");
        Ok(())
    };
    done(&["create", "tea", "alice@ops.lit", "--name", "Tea time"])?;
    done(&["add", "tea", "bob@ops.lit", "--role", "admin"])?;
    bob.hear("addmember", PATIENCE).await?;
    let status = shown(&component, &["status"])?;
    ensure!(status.contains("database up\ngroups 1\nmembers 2\n"), "{status}");
    done(&["set", "tea", "name", "下午茶"])?;
    bob.hear("下午茶", PATIENCE).await?;
    done(&["role", "tea", "bob@ops.lit", "owner"])?;
    let group = shown(&component, &["group", "tea"])?;
    for expected in ["name 下午茶", "owner alice@ops.lit", "owner bob@ops.lit", "2 members"] {
        ensure!(group.contains(expected), "{expected} is not in {group}");
    }
    let user = shown(&component, &["user", "bob@ops.lit"])?;
    ensure!(user.contains("tea owner") && user.contains("online bob@ops.lit/pda"), "{user}");
    let groups = shown(&component, &["groups", "--search", "下午"])?;
    ensure!(groups.contains("tea 2 private 下午茶") && groups.contains("1 groups"), "{groups}");
    let json: serde_json::Value = serde_json::from_str(&ctl(&component, &["groups", "--json"])?.1)?;
    ensure!(json["table"]["rows"][0][0] == "tea", "{json}");
    let (code, said) = ctl(&component, &["role", "tea", "bob@ops.lit", "king"])?;
    ensure!(code == Some(2) && said.contains("[possible values: owner, admin, member]"), "{said}");
    let (code, said) = ctl(&component, &["transfer", "tea", "bob@ops.lit"])?;
    ensure!(code == Some(0), "alice is the other owner: {said}");
    done(&["transfer", "tea", "alice@ops.lit", "--leaves", "member"])?;
    let group = shown(&component, &["group", "tea"])?;
    ensure!(group.contains("owner alice@ops.lit") && group.contains("member bob@ops.lit"), "{group}");
    let (code, said) = ctl(&component, &["transfer", "tea", "carol@ops.lit"])?;
    ensure!(code == Some(1) && said.contains("no such member"), "{said}");
    done(&["freeze", "tea"])?;
    bob.hear("frozen", PATIENCE).await?;
    let post = "<message to='tea@groupchat.ops.lit' type='groupchat' id='cold'><body>x</body></message>";
    bob.send(post).await?;
    bob.hear("frozen by the operators", PATIENCE).await?;
    done(&["set", "tea", "name", "Iced tea"])?;
    let group = shown(&component, &["group", "tea"])?;
    ensure!(group.contains("frozen on") && group.contains("Iced tea"), "{group}");
    done(&["unfreeze", "tea"])?;
    bob.send(post).await?;
    bob.hear("<body>x</body>", PATIENCE).await?;
    done(&["ban", "tea", "bob@ops.lit"])?;
    bob.hear("removemember", PATIENCE).await?;
    ensure!(shown(&component, &["group", "tea"])?.contains("banned bob@ops.lit"));
    done(&["unban", "tea", "bob@ops.lit"])?;
    ensure!(!shown(&component, &["group", "tea"])?.contains("banned"));
    let (code, said) = ctl(&component, &["remove", "tea", "alice@ops.lit"])?;
    ensure!(code == Some(0), "the last one out deletes it: {said}");
    let (code, said) = ctl(&component, &["delete", "tea"])?;
    ensure!(code == Some(1), "{said}");
    let audit = shown(&component, &["audit"])?;
    for expected in ["by socket {\"create\":{\"id\":\"tea\"", "asked", "done", "refused: ", "{\"ban\":"] {
        ensure!(audit.contains(expected), "{expected} is not in {audit}");
    }
    ensure!(audit.lines().count() == 28 + 2, "{audit}");
    let newest = shown(&component, &["audit", "--limit", "3"])?;
    let older = newest.split("3 lines; what is older: --before ").nth(1).context("there is more")?;
    let older = shown(&component, &["audit", "--limit", "2", "--before", older])?;
    ensure!(audit.lines().rev().nth(4) == older.lines().nth(2), "{older}");
    let (code, _) = ctl(&component, &["stop"])?;
    ensure!(code == Some(0));
    let start = Instant::now();
    while component.is_running().is_ok() {
        ensure!(start.elapsed() < PATIENCE, "it does not stop");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_configuration_is_read_again() -> Result<()> {
    let (host, folder) = (prosody()?, tempfile::tempdir()?);
    let component = start(&host, &folder, &["limits.name_chars = 20"])?;
    wait_until(&component, &["status"], "link         up")?;
    let set = |name: &str| ctl(&component, &["set", "tea", "name", name]);
    ctl(&component, &["create", "tea", "alice@ops.lit"])?;
    ensure!(set("Twelve chars")?.0 == Some(0));
    let text = std::fs::read_to_string(component.config())?;
    let change = |from: &str, to: &str| std::fs::write(component.config(), text.replace(from, to));
    change("name_chars = 20", "name_chars = 5")?;
    component.hang_up()?;
    wait_until(&component, &["reload"], "was read again")?;
    let (code, said) = set("Twelve more!")?;
    ensure!(code == Some(1) && said.contains('5'), "{said}");
    change("name_chars = 20", "name_chars = 'no'")?;
    component.hang_up()?;
    let start = Instant::now();
    while !component.log_text().contains("the old one stays") {
        ensure!(start.elapsed() < PATIENCE, "{}", component.log_tail());
        std::thread::sleep(Duration::from_millis(20));
    }
    ensure!(component.log_text().contains("limits.name_chars: invalid type"), "{}", component.log_tail());
    change("name_chars = 20", "name_chars = 25")?;
    ensure!(set("Twelve more!")?.0 == Some(1), "the old one stays until it is asked for");
    let acts = || component.log_text().matches("Administrator: ").count();
    let before = acts();
    ensure!(ctl(&component, &["log", "error"])?.0 == Some(0));
    ensure!(set("Five")?.0 == Some(0) && acts() == before, "acts are logged as information");
    ensure!(ctl(&component, &["log", "info"])?.0 == Some(0));
    ensure!(set("Five")?.0 == Some(0) && acts() > before, "{}", component.log_tail());
    ensure!(ctl(&component, &["log", "=?"])?.0 == Some(1), "no level, and yet taken");
    change("name_chars = 20", "name_chars = 30\nservice.name = 'Rooms'")?;
    wait_until(&component, &["reload"], "was read again")?;
    ensure!(set("Twelve more!")?.0 == Some(0));
    let mut alice = login(&host, "alice").await?;
    alice.send("<iq type='get' id='d' to='groupchat.ops.lit'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>").await?;
    alice.hear("Rooms", PATIENCE).await.map(drop)
}
