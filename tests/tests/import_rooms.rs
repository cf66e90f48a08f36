//! Rooms of a real Prosody, and of a real ejabberd, become groups: they are made and talked in by clients, the server is stopped, the
//! program takes them over, and members read them in the service.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use groupchat_tests::client::Client;
use groupchat_tests::real::{Account, Addresses, Component, Domain, Ejabberd, Prosody, Site};

const PATIENCE: Duration = Duration::from_secs(20);
const ROOM: &str = "测试_room@conference.rooms.lit";
const MODULES: &str =
    "  mod_mam: {default: always}\n  mod_muc: {host: conference.@HOST@, default_room_options: {mam: true}}\n";
const ROOMS: &str = "Component \"conference.rooms.lit\" \"muc\"\n\tmodules_enabled = { \"muc_mam\" }\n\tmuc_log_by_default = true\n";

fn domain() -> Domain {
    Domain { name: "rooms.lit".into(), component_secret: "s3cret".into() }
}

fn site() -> Site {
    let account =
        |user: &str| Account { domain: "rooms.lit".into(), user: user.into(), password: "p".into() };
    Site::of(&[domain()], &["alice", "bob", "carol"].map(account))
}

async fn login(host: &Addresses, user: &str) -> Result<Client> {
    let client = Client::login(host.clients, "rooms.lit", user, "p", "pda").await?;
    client.send("<presence/>").await?;
    Ok(client)
}

async fn join(client: &mut Client, nick: &str) -> Result<()> {
    client
        .send(&format!("<presence to='{ROOM}/{nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>"))
        .await?;
    client.hear("code='110'", PATIENCE).await.map(drop)
}

async fn say(client: &mut Client, id: &str, content: &str) -> Result<()> {
    client.send(&format!("<message to='{ROOM}' type='groupchat' id='{id}'>{content}</message>")).await?;
    client.hear(&format!("id='{id}'"), PATIENCE).await.map(drop)
}

/// A room with an owner, a member, somebody who only drops by, and somebody who may not.
async fn talk(host: &Addresses) -> Result<()> {
    let (mut alice, mut bob, mut carol) =
        (login(host, "alice").await?, login(host, "bob").await?, login(host, "carol").await?);
    join(&mut alice, "Alice A").await?;
    let field = |name: &str, value: &str| {
        format!("<field var='muc#roomconfig_{name}'><value>{value}</value></field>")
    };
    let fields =
        [("persistentroom", "1"), ("roomname", "下午茶"), ("roomdesc", "at five"), ("whois", "anyone")];
    let fields: String = fields.iter().map(|(name, value)| field(name, value)).collect();
    alice
        .send(&format!(
            "<iq type='set' id='c' to='{ROOM}'><query xmlns='http://jabber.org/protocol/muc#owner'>\
             <x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>\
             <value>http://jabber.org/protocol/muc#roomconfig</value></field>{fields}</x></query></iq>"
        ))
        .await?;
    alice.hear("id='c'", PATIENCE).await?;
    for (user, affiliation) in [("bob", "member"), ("eve", "outcast")] {
        alice
            .send(&format!(
                "<iq type='set' id='{user}' to='{ROOM}'><query xmlns='http://jabber.org/protocol/muc#admin'>\
                 <item affiliation='{affiliation}' jid='{user}@rooms.lit'/></query></iq>"
            ))
            .await?;
        alice.hear(&format!("id='{user}'"), PATIENCE).await?;
    }
    join(&mut bob, "Bob").await?;
    join(&mut carol, "Carol").await?;
    say(&mut alice, "m1", "<body>Milk? &lt;&amp;'\"\n\\ 奶茶</body>").await?;
    say(&mut bob, "m2", "<body>yes</body><x xmlns='jabber:x:oob'><url>xmpp:bob@rooms.lit</url></x>").await?;
    say(&mut carol, "m3", "<body>who are you?</body>").await?;
    say(&mut bob, "m4", "<composing xmlns='http://jabber.org/protocol/chatstates'/>").await?;
    say(&mut bob, "m5", "<body>yess</body><replace xmlns='urn:xmpp:message-correct:0' id='m2'/>").await?;
    let forged = "<body>I am Alice</body><x xmlns='http://jabber.org/protocol/muc#user'><item jid='alice@rooms.lit'/></x>";
    say(&mut carol, "m6", forged).await?;
    Ok(())
}

fn import(component: &Component, from: &[&str]) -> Result<String> {
    let rest = ["--host", "conference.rooms.lit", "--component-is-stopped"];
    component.succeed(&[&["import"], from, &rest].concat())
}

/// Waits until the service answers through its host.
async fn awake(client: &mut Client) -> Result<()> {
    let start = Instant::now();
    for number in 0.. {
        let ping = format!(
            "<iq type='get' id='up{number}' to='groupchat.rooms.lit'><ping xmlns='urn:xmpp:ping'/></iq>"
        );
        client.send(&ping).await?;
        if client.hear(&format!("id='up{number}'"), PATIENCE).await?.contains("type='result'") {
            return Ok(());
        }
        ensure!(start.elapsed() < PATIENCE, "the service does not answer");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Takes the room over, once in earnest, and has a member read it. `from` is what the program is told.
async fn taken_over(host: &Addresses, from: &[&str]) -> Result<String> {
    let mut component = Component::start(&domain(), host, &[])?;
    component.stop()?;
    let tried = import(&component, &[from, &["--dry-run"]].concat())?;
    let expected = "测试_room: 2 members, 1 former ones, 1 banned, 0 waiting, 5 messages";
    ensure!(tried.contains(expected) && tried.contains("1 groups would be imported"), "{tried}");
    let done = import(&component, from)?;
    ensure!(done.contains(expected) && done.contains("1 groups imported"), "{done}");
    let again = import(&component, from)?;
    ensure!(again.contains("there is a group `测试_room` already") && again.contains("0 groups"), "{again}");
    let exported = component.succeed(&["export", "group", "测试_room"])?;
    for nick in ["Alice A", "Bob", "Carol"] {
        ensure!(exported.contains(&format!("\"nick\":\"{nick}\"")), "{nick}: {exported}");
    }
    let forged = exported.lines().find(|line| line.contains("I am Alice"));
    ensure!(forged.is_some_and(|line| !line.contains("\"sender\":\"alice@")), "{forged:?}");
    component.restart()?;

    let mut bob = login(host, "bob").await?;
    awake(&mut bob).await?;
    bob.send("<presence to='groupchat.rooms.lit'/>").await?;
    let group = "测试_room@groupchat.rooms.lit";
    bob.send(&format!("<iq type='get' id='g' to='{group}'><query xmlns='http://jabber.org/protocol/groupchat#groupinfo'/></iq>")).await?;
    let info = bob.hear("id='g'", PATIENCE).await?;
    ensure!(info.contains("下午茶") && info.contains("role='member'"), "{info}");
    bob.send(&format!("<iq type='set' id='h' to='{group}'><query xmlns='urn:xmpp:mam:2'/></iq>")).await?;
    let milk = bob.hear("<result", PATIENCE).await?;
    ensure!(
        milk.contains("奶茶") && milk.contains(&format!("{group}/alice")) && milk.contains("id='m1'"),
        "{milk}"
    );
    let yes = bob.hear("<result", PATIENCE).await?;
    ensure!(yes.contains("xmpp:bob@rooms.lit") && yes.contains(&format!("{group}/bob")), "{yes}");
    ensure!(!yes.contains("conference.rooms.lit"), "what the room said of itself stays there: {yes}");
    let who = bob.hear("<result", PATIENCE).await?;
    ensure!(who.contains("who are you?"), "{who}");
    // It is no news, and the group goes on.
    bob.send("<iq type='get' id='i' to='groupchat.rooms.lit'><query xmlns='http://jabber.org/protocol/groupchat#inbox'/></iq>").await?;
    let inbox = bob.hear("id='i'", PATIENCE).await?;
    ensure!(inbox.contains("unread='0'"), "{inbox}");
    bob.send(&format!("<message to='{group}' type='groupchat' id='n'><body>on we go</body></message>"))
        .await?;
    bob.hear("on we go", PATIENCE).await?;
    Ok(done)
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_of_prosody_become_groups() -> Result<()> {
    let mut host = Prosody::serve_with(&site(), ROOMS)?;
    talk(&host.addresses).await?;
    host.stop()?;
    host.restart()?;
    let data = host.data();
    taken_over(&host.addresses, &["prosody-muc", "--data", &data.to_string_lossy()]).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_of_ejabberd_become_groups() -> Result<()> {
    let mut host = Ejabberd::serve_with(&site(), MODULES)?;
    talk(&host.addresses).await?;
    host.stop()?;
    let file = host.export("rooms.lit")?;
    host.restart()?;
    taken_over(&host.addresses, &["ejabberd-muc", "--sql", &file.to_string_lossy()]).await.map(drop)
}
