//! A hundred thousand messages move from each kind of database to each other one, and read the same in all.

use anyhow::{Result, ensure};
use groupchat_core::{
    Archived, ArchivedKind, GroupId, Jid, MemberSpec, Mentions, Mid, ReadBy, StanzaId, Timestamp,
};
use groupchat_store::{CopiedTable, Store};
use groupchat_tests::real::{DatabaseKind, DatabaseServer, new_database};
use groupchat_tests::stored::{make_group, post_all};

const MESSAGES: i64 = 100_000;
const GROUPS: i64 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_messages_move_between_all_databases() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (postgres, mariadb) =
        (DatabaseServer::start(DatabaseKind::Postgres)?, DatabaseServer::start(DatabaseKind::Mariadb)?);
    let file = |name: &str| format!("sqlite://{}", folder.path().join(name).display());
    // A way that goes from each to each other one.
    let way = [
        file("first.db"),
        new_database(&postgres.url()).await?,
        new_database(&mariadb.url()).await?,
        file("second.db"),
        new_database(&mariadb.url()).await?,
        new_database(&postgres.url()).await?,
        file("third.db"),
    ];
    let mut store = open(&way[0]).await?;
    fill(&store).await?;
    let mut first: Option<Vec<CopiedTable>> = None;
    for url in &way[1..] {
        let next = open(url).await?;
        let copied = store.copy_to(&next, |_| {}).await?;
        let messages = copied.iter().find(|table| table.name == "tig_group_message");
        ensure!(messages.is_some_and(|table| table.rows == MESSAGES as u64), "{url}: {copied:?}");
        let expected = first.get_or_insert_with(|| copied.clone());
        ensure!(*expected == copied, "{url}: {copied:#?} after {expected:#?}");
        store.close().await?;
        store = next;
    }
    store.close().await?;
    Ok(())
}

async fn open(url: &str) -> Result<Store> {
    let store = Store::open(url).await?;
    store.migrate().await?;
    Ok(store)
}

async fn fill(store: &Store) -> Result<()> {
    for number in 0..GROUPS {
        let spec = |n| MemberSpec { jid: format!("测试{n}@h"), ..MemberSpec::default() };
        make_group(store, &format!("group{number}"), "owner@h", (0..50).map(spec).collect()).await?;
    }
    post_all(store, MESSAGES, message).await
}

fn message(number: i64) -> Archived {
    let (author, text) = (number % 50, format!("第 {number} 条 🫖 'quoted' \\ \"{}\"", "x".repeat(80)));
    Archived {
        id: StanzaId(1_700_000_000_000_000 + number),
        group: GroupId::from_stored(&format!("group{}", number % GROUPS)),
        at: Timestamp(1_700_000_000_000 + number),
        kind: ArchivedKind::Message,
        sender: Jid::from_stored(&format!("测试{author}@h/电话 🐎")),
        mid: Mid::from_stored(&format!("测试{author}")),
        client_id: (number % 3 > 0).then(|| format!("m{number}").into()),
        body: Some(text.as_str().into()),
        ordinal: number / GROUPS + 1,
        countable: true,
        corrects: None,
        read_by: ReadBy::Members,
        mentions: Mentions { all: number % 100 == 0, members: vec![Mid::from_stored("owner")] },
        payload: format!("<body>{text}</body>").into(),
    }
}
