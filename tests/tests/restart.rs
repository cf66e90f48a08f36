//! The component is upgraded while people talk: SIGTERM, and a new start, as systemd does. On real hosts, with clients of the
//! protocol's own and one that has joined as a room, which do nothing for it: each message comes to everybody once, or its sender gets
//! an error and sends it again. ejabberd alone drops a few without a word: what waits in its own process for the component when that
//! closes the stream. Senders hear nothing then, and send it again after a while.

#![expect(clippy::print_stdout, reason = "how much was said, and how much again, is worth knowing")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use groupchat_tests::client::Client;
use groupchat_tests::real::{Account, Addresses, Component, Domain, Ejabberd, Prosody, Site};
use tokio::task::{JoinSet, block_in_place};
use tokio::time::sleep;

const PEOPLE: [&str; 4] = ["ada", "ben", "cleo", "dan"];
/// The one who has joined as a room.
const IN_A_ROOM: &str = "dan";
const RESTARTS: usize = 4;
const TALK: Duration = Duration::from_millis(700);
/// Between two messages of one of them.
const PAUSE: Duration = Duration::from_millis(6);
/// After an error the message is sent again, with the same id.
const AGAIN: Duration = Duration::from_millis(150);
/// And after silence.
const SILENCE: Duration = Duration::from_secs(4);
/// Messages that ejabberd may drop at one restart. Before the service listened to the end it was a hundred.
const DROPPED_MAX: usize = 10;
const PATIENCE: Duration = Duration::from_secs(30);
/// Nothing comes any more.
const QUIET: Duration = Duration::from_secs(2);

fn domain() -> Domain {
    Domain { name: "restart.lit".into(), component_secret: "s3cret".into() }
}

fn site() -> Site {
    let account =
        |user: &str| Account { domain: "restart.lit".into(), user: user.into(), password: "p".into() };
    Site::of(&[domain()], &PEOPLE.map(account))
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_goes_on_on_prosody() -> Result<()> {
    let host = block_in_place(|| Prosody::serve(&site()))?;
    goes_on(&host.addresses, 0).await
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_goes_on_on_ejabberd() -> Result<()> {
    let host = block_in_place(|| Ejabberd::serve(&site()))?;
    goes_on(&host.addresses, RESTARTS * DROPPED_MAX).await
}

/// What all of them share.
#[derive(Debug, Default)]
struct Scene {
    is_silent: AtomicBool,
    is_over: AtomicBool,
    unanswered: AtomicUsize,
    heard: AtomicUsize,
}

/// What one of them did and heard.
#[derive(Debug, Default)]
struct Diary {
    user: &'static str,
    sent: usize,
    /// Sent again after an error, and after silence.
    again: usize,
    silent: usize,
    /// Messages without an answer, by id: when they are to be sent again, and whether there was an error.
    open: BTreeMap<String, (Instant, bool)>,
    /// How often each message came, as one of a group that goes on.
    heard: BTreeMap<String, usize>,
    /// What came besides, of which there should be nothing.
    strange: Vec<String>,
}

async fn goes_on(addresses: &Addresses, dropped_max: usize) -> Result<()> {
    let settings: Vec<String> = [
        "user_stanzas_per_second",
        "user_stanzas_burst",
        "group_messages_per_second",
        "group_messages_burst",
    ]
    .iter()
    .map(|limit| format!("limits.{limit} = 1000000"))
    .collect();
    let mut component = block_in_place(|| Component::start(&domain(), addresses, &settings))?;
    let clients = come(addresses).await?;
    let scene = Arc::new(Scene::default());
    let mut people = JoinSet::new();
    for (user, client) in clients {
        people.spawn(talk(Arc::clone(&scene), user, client));
    }
    for _ in 0..RESTARTS {
        sleep(TALK).await;
        block_in_place(|| component.stop())?;
        component.restart()?;
    }
    sleep(TALK).await;
    scene.is_silent.store(true, Ordering::SeqCst);
    let start = Instant::now();
    while scene.unanswered.load(Ordering::SeqCst) > 0 && start.elapsed() < PATIENCE {
        sleep(Duration::from_millis(50)).await;
    }
    let mut before = usize::MAX;
    while before != scene.heard.load(Ordering::SeqCst) {
        before = scene.heard.load(Ordering::SeqCst);
        sleep(QUIET).await;
    }
    scene.is_over.store(true, Ordering::SeqCst);
    judge(&people.join_all().await, dropped_max, &component.log_tail())
}

/// All of them are there, once and for all.
async fn come(addresses: &Addresses) -> Result<Vec<(&'static str, Client)>> {
    let mut clients = Vec::new();
    for user in PEOPLE {
        let client = Client::login(addresses.clients, "restart.lit", user, "p", "pda").await?;
        client.send("<presence/>").await?;
        clients.push((user, client));
    }
    let ns = "http://jabber.org/protocol/groupchat";
    let members: String =
        PEOPLE[1..].iter().map(|user| format!("<item jid='{user}@restart.lit'/>")).collect();
    let create = format!(
        "<iq type='set' id='make' to='tea@groupchat.restart.lit'><query xmlns='{ns}#creategroup'><properties>\
         <property name='members'>{members}</property></properties></query></iq>"
    );
    let start = Instant::now();
    let creator = &mut clients[0].1;
    'made: loop {
        ensure!(start.elapsed() < PATIENCE, "the group is not made");
        creator.send(&create).await?;
        while let Some(received) = creator.next(Duration::from_secs(5)).await {
            if received.stanza.attr("id") == Some("make") {
                if received.stanza.attr("type") == Some("result") {
                    break 'made;
                }
                sleep(Duration::from_millis(200)).await;
                break;
            }
        }
    }
    for (user, client) in &mut clients {
        if *user == IN_A_ROOM {
            let muc = "<x xmlns='http://jabber.org/protocol/muc'/>";
            client.send(&format!("<presence to='tea@groupchat.restart.lit/{user}'>{muc}</presence>")).await?;
        } else {
            client.send("<presence to='groupchat.restart.lit'/>").await?;
        }
        // Whatever comes of it is there when this is answered.
        client
            .send("<iq type='get' id='there' to='groupchat.restart.lit'><ping xmlns='urn:xmpp:ping'/></iq>")
            .await?;
        while let Some(received) = client.next(PATIENCE).await {
            if received.stanza.attr("id") == Some("there") {
                break;
            }
        }
    }
    Ok(clients)
}

async fn talk(scene: Arc<Scene>, user: &'static str, mut client: Client) -> Diary {
    let mut diary = Diary { user, ..Diary::default() };
    let mut speaks_at = Instant::now();
    while !scene.is_over.load(Ordering::SeqCst) {
        let now = Instant::now();
        let mut due: Vec<String> = Vec::new();
        if !scene.is_silent.load(Ordering::SeqCst) && speaks_at <= now {
            speaks_at = now + PAUSE;
            due.push(format!("{user}-{}", diary.sent));
            diary.sent += 1;
            scene.unanswered.fetch_add(1, Ordering::SeqCst);
        }
        for (id, (_, is_refused)) in diary.open.iter().filter(|(_, (at, _))| *at <= now) {
            due.push(id.clone());
            *(if *is_refused { &mut diary.again } else { &mut diary.silent }) += 1;
        }
        for id in due {
            let to = "tea@groupchat.restart.lit";
            let message =
                format!("<message to='{to}' type='groupchat' id='{id}'><body>{id}</body></message>");
            diary.open.insert(id, (now + SILENCE, false));
            if client.send(&message).await.is_err() {
                diary.strange.push("the client's own stream broke".to_owned());
                return diary;
            }
        }
        while let Some(received) = client.next(Duration::from_millis(2)).await {
            diary.hear(&scene, &received.stanza);
        }
    }
    diary
}

impl Diary {
    fn hear(&mut self, scene: &Scene, stanza: &minidom::Element) {
        let id = stanza.attr("id").unwrap_or_default();
        let body = stanza.children().find(|child| child.name() == "body").map(minidom::Element::text);
        match (stanza.name(), stanza.attr("type"), body) {
            ("message", Some("error"), _) if self.open.contains_key(id) => {
                self.open.insert(id.to_owned(), (Instant::now() + AGAIN, true));
            }
            ("message", Some("groupchat"), Some(body)) => {
                scene.heard.fetch_add(1, Ordering::SeqCst);
                *self.heard.entry(body.clone()).or_default() += 1;
                if self.open.remove(&body).is_some() {
                    scene.unanswered.fetch_sub(1, Ordering::SeqCst);
                }
            }
            _ => self.strange.push(String::from(stanza)),
        }
    }
}

fn judge(diaries: &[Diary], dropped_max: usize, log: &str) -> Result<()> {
    let all: Vec<String> = diaries
        .iter()
        .flat_map(|diary| (0..diary.sent).map(|number| format!("{}-{number}", diary.user)))
        .collect();
    let mut wrong = Vec::new();
    for diary in diaries {
        let Diary { user, open, strange, heard, .. } = diary;
        let missing: Vec<_> = all.iter().filter(|id| !heard.contains_key(*id)).collect();
        let twice: Vec<_> = heard.iter().filter(|(_, times)| **times > 1).collect();
        for (what, count, which) in [
            ("sent and never answered", open.len(), format!("{open:?}")),
            ("not heard", missing.len(), format!("{missing:?}")),
            ("heard more than once", twice.len(), format!("{twice:?}")),
            ("strange", strange.len(), format!("{strange:?}")),
        ] {
            if count > 0 {
                wrong.push(format!("{user}: {count} {what}: {which:.300}"));
            }
        }
    }
    let again: usize = diaries.iter().map(|diary| diary.again).sum();
    let silent: usize = diaries.iter().map(|diary| diary.silent).sum();
    if silent > dropped_max {
        wrong.push(format!("{silent} messages were dropped without an error"));
    }
    ensure!(wrong.is_empty(), "of {} messages, {again} sent again:\n{}\n{log}", all.len(), wrong.join("\n"));
    ensure!(again > 0, "nothing was said while the component was away");
    println!("{} messages, {again} sent again after an error and {silent} after silence", all.len());
    Ok(())
}
