//! Somebody is erased who wrote a hundred thousand messages, on each kind of database: a few rows at a time, so that others talk on
//! meanwhile; and after a crash in its midst it goes on where it was.

#![expect(clippy::print_stdout, reason = "how long it took is told, never asserted")]

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use groupchat_core::{
    Archived, ArchivedKind, BareJid, GroupId, Jid, MemberSpec, Mentions, Mid, ReadBy, StanzaId, Timestamp,
};
use groupchat_store::Store;
use groupchat_tests::real::{DatabaseKind, DatabaseServer, new_database};
use groupchat_tests::stored::{make_group, post_all};
use groupchat_tests::wire::{SERVICE, Wire};
use xmpp_groupchat::config::Config;

const MESSAGES: i64 = 100_000;
/// One message of so many is bob's.
const BOBS: i64 = 10;
const ROOM: usize = 1_000_000;
const ALICE: &str = "alice@shakespeare.lit";
const TEA: &str = "tea@groupchat.shakespeare.lit";
/// Nothing takes so long, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_messages_are_erased_while_others_talk() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = format!("sqlite://{}", folder.path().join("large.db").display());
    erased("SQLite", &file).await?;
    for (name, kind) in [("PostgreSQL", DatabaseKind::Postgres), ("MariaDB", DatabaseKind::Mariadb)] {
        let server = DatabaseServer::start(kind)?;
        erased(name, &new_database(&server.url()).await?).await.with_context(|| name)?;
    }
    Ok(())
}

async fn erased(name: &str, url: &str) -> Result<()> {
    let store = Store::open(url).await?;
    store.migrate().await?;
    fill(&store).await?;
    let settings = |config: &mut Config| {
        config.database.url = url.to_owned();
        config.service.admins = vec!["admin@shakespeare.lit".to_owned()];
    };
    let mut wire = Wire::start(ROOM, settings)?;
    wire.say("bob", &format!("<presence to='{SERVICE}'/>")).await?;
    let mut talk = Talk::default();
    talk.say(&mut wire).await?;
    let alone = std::mem::take(&mut talk.waits);
    let start = Instant::now();
    erase(&wire).await?;
    while left(&store, ALICE).await? > MESSAGES / 2 {
        ensure!(start.elapsed() < PATIENCE, "nothing goes");
        talk.say_some(&mut wire).await?;
    }
    let mut wire = wire.crash(ROOM, settings).await?;
    // Of what was on its way when it was killed, only that which is stored counts.
    talk.say(&mut wire).await?;
    ensure!(left(&store, ALICE).await? > 0, "it was over too early to be disturbed");
    erase(&wire).await?;
    while !is_over(&store).await? {
        ensure!(start.elapsed() < PATIENCE, "{} are left", left(&store, ALICE).await?);
        talk.say_some(&mut wire).await?;
    }
    let took = start.elapsed();
    ensure!(store.traces(&BareJid::parse(ALICE)?).await?.is_empty(), "something is left");
    let bobs = left(&store, "bob@shakespeare.lit").await?;
    ensure!(
        bobs == MESSAGES / BOBS + talk.said,
        "of bob there are {bobs} messages, and {} are new",
        talk.said
    );
    wire.stop.cancel();
    while wire.from.recv().await.is_some() {}
    wire.service.await??;
    store.close().await?;
    let worst = talk.waits.iter().max().copied().unwrap_or_default();
    talk.waits.sort_unstable();
    println!(
        "{name}: {} messages erased in {:.1} s, {:.0} a second; {} messages said meanwhile, each back after {:.0} ms in the \
         middle and {:.0} ms at most ({:.0} ms before it began)",
        MESSAGES - MESSAGES / BOBS,
        took.as_secs_f64(),
        (MESSAGES - MESSAGES / BOBS) as f64 / took.as_secs_f64(),
        talk.waits.len(),
        ms(talk.waits[talk.waits.len() / 2]),
        ms(worst),
        ms(alone[0]),
    );
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// What bob says in the group, and how long each message takes to come back to him.
#[derive(Default)]
struct Talk {
    said: i64,
    waits: Vec<Duration>,
}

impl Talk {
    async fn say_some(&mut self, wire: &mut Wire) -> Result<()> {
        for _ in 0..10 {
            self.say(wire).await?;
        }
        Ok(())
    }

    async fn say(&mut self, wire: &mut Wire) -> Result<()> {
        let id = format!("live{}", self.said);
        let start = Instant::now();
        wire.say(
            "bob",
            &format!("<message type='groupchat' id='{id}' to='{TEA}'><body>still here</body></message>"),
        )
        .await?;
        loop {
            let said = wire.hear().await?;
            ensure!(!said.head.contains("type='error'"), "refused: {}", said.head);
            if said.head.contains(&format!("id='{id}'")) && said.to.iter().any(|to| to.starts_with("bob@")) {
                break;
            }
        }
        self.said += 1;
        self.waits.push(start.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(())
    }
}

async fn erase(wire: &Wire) -> Result<()> {
    let form =
        format!("<x xmlns='jabber:x:data' type='submit'><field var='jid'><value>{ALICE}</value></field></x>");
    let command =
        format!("<command xmlns='http://jabber.org/protocol/commands' node='erase'>{form}</command>");
    wire.say("admin", &format!("<iq type='set' id='erase' to='{SERVICE}'>{command}</iq>")).await
}

/// How many messages of somebody still say something.
async fn left(store: &Store, who: &str) -> Result<i64> {
    let traces = store.traces(&BareJid::parse(who)?).await?;
    Ok(traces.iter().map(|trace| trace.messages).sum::<u64>().try_into()?)
}

/// Whoever asked hears how it ended, or it stands in the audit log.
async fn is_over(store: &Store) -> Result<bool> {
    let acts = store.audited(None, 10).await?;
    Ok(acts.iter().any(|act| act.outcome.starts_with("erased")))
}

async fn fill(store: &Store) -> Result<()> {
    let alice = MemberSpec { jid: ALICE.into(), ..MemberSpec::default() };
    make_group(store, "tea", "bob@shakespeare.lit", vec![alice]).await?;
    post_all(store, MESSAGES, message).await
}

fn message(number: i64) -> Archived {
    let author = if number % BOBS == 0 { "bob" } else { "alice" };
    let text = format!("第 {number} 条 {}", "x".repeat(80));
    Archived {
        id: StanzaId(1_700_000_000_000_000 + number),
        group: GroupId::from_stored("tea"),
        at: Timestamp(1_700_000_000_000 + number),
        kind: ArchivedKind::Message,
        sender: Jid::from_stored(&format!("{author}@shakespeare.lit/电话 🐎")),
        mid: Mid::from_stored(author),
        client_id: Some(format!("m{number}").into()),
        body: Some(text.as_str().into()),
        ordinal: number + 1,
        countable: true,
        corrects: None,
        read_by: ReadBy::Members,
        mentions: Mentions {
            all: false,
            members: if number % 100 == 0 { vec![Mid::from_stored("alice")] } else { Vec::new() },
        },
        payload: format!("<body>{text}</body>").into(),
    }
}
