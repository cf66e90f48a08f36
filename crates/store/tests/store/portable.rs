//! Groups and accounts as lines: out of one database, into another.

use groupchat_core::{BareJid, Change, Command, GroupId, StanzaId, Timestamp};
use groupchat_store::portable::{Export, GroupImport, Imported, Moment, Record, WhenThere};
use groupchat_store::{Batch, Store, StoreError};
use proptest::prelude::*;

use crate::life::command;
use crate::support::*;

pub(crate) fn domain() -> BareJid {
    bare("groupchat.h")
}

async fn all(mut export: Export) -> Vec<Record> {
    let mut records = Vec::new();
    while let Some(page) = export.next().await.unwrap() {
        records.extend(page);
    }
    records
}

pub(crate) async fn exported(store: &Store, id: &GroupId) -> Vec<Record> {
    all(store.export_group(id).await.unwrap().unwrap()).await
}

/// As a file has them.
pub(crate) fn lines(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| serde_json::to_string(record).unwrap()).collect()
}

pub(crate) fn records(lines: &[String]) -> Vec<Record> {
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn begin(
    store: &Store,
    records: &[Record],
    when_there: WhenThere,
    now: i64,
) -> Result<GroupImport, StoreError> {
    let Record::Group(group) = &records[0] else { panic!("{:?}", records[0]) };
    store.import_group((**group).clone(), &domain(), when_there, Timestamp(now)).await
}

pub(crate) async fn import(store: &Store, records: &[Record], kept: bool) -> Result<Imported, StoreError> {
    import_as(store, records, WhenThere::Refuse, kept).await
}

pub(crate) async fn import_as(
    store: &Store,
    records: &[Record],
    when_there: WhenThere,
    kept: bool,
) -> Result<Imported, StoreError> {
    let mut import = begin(store, records, when_there, 1_000_000).await?;
    for record in &records[1..] {
        import.add(record.clone()).await?;
    }
    import.finish(kept).await
}

pub(crate) async fn another() -> (Place, Store) {
    let place = Place::new().await;
    let store = Store::open(&place.url).await.unwrap();
    store.migrate().await.unwrap();
    (place, store)
}

/// A group in which something happened.
pub(crate) async fn lively(store: &Store, id: &str) -> Twin {
    let members = ["bob@h", "left@h", "测试五@h"];
    let mut twin =
        Twin::create(store, id, &[("name", "下午茶 🫖"), ("visibility", "public")], &members).await;
    let says = |text: &str| Command::Post(groupchat_core::Post { client_id: Some("c1".into()), ..say(text) });
    twin.ask("bob@h", &says("奶茶? <&'\"\\ \u{2028}")).await.unwrap();
    twin.now += 1;
    twin.ask("owner@h", &remove("left@h", true)).await.unwrap();
    twin.now += 1;
    twin.ask("owner@h", &says("gone")).await.unwrap();
    let gone = twin.rows.last().unwrap().id.to_string();
    let retraction = groupchat_core::Retraction {
        id: gone.as_str().into(),
        found: None,
        reason: Some("why".into()),
        post: None,
    };
    twin.ask("owner@h", &Command::Retract(retraction)).await.unwrap();
    let (hash, data) = ("0c7a623fd2bbc05b06423be359e4021d36e721ad".into(), "AAEC".into());
    let picture = groupchat_core::Avatar { kind: "image/png".into(), data, bytes: 3, hash };
    twin.now += 1;
    twin.ask("owner@h", &Command::Avatar(Some(picture))).await.unwrap();
    twin
}

#[tokio::test]
async fn a_group_is_the_same_in_another_database_and_lives_on_there() {
    let store = store().await;
    let twin = lively(&store, "测试群").await;
    let before = lines(&exported(&store, &twin.group.id).await);
    let (_place, other) = another().await;
    let tried = import(&other, &records(&before), false).await.unwrap();
    assert!(other.load(&twin.group.id).await.unwrap().is_none(), "a dry run keeps nothing");
    let done = import(&other, &records(&before), true).await.unwrap();
    let expected = Imported { members: 3, former: 1, bans: 1, pending: 0, messages: 2 };
    assert_eq!((tried, done), (expected, expected));
    assert_eq!(lines(&exported(&other, &twin.group.id).await), before);
    // And it is no news: everything is taken for said.
    assert!(other.behind(other.cursor(&domain()).await.unwrap(), 9).await.unwrap().is_empty());
    let mut copied =
        Twin { store: other.clone(), group: other.load(&twin.group.id).await.unwrap().unwrap(), ..twin };
    copied.now += 1;
    copied.ask("owner@h", &add(&[spec("new@h")])).await.unwrap();
    copied.ask("new@h", &Command::Post(say("there?"))).await.unwrap();
    copied.check().await;
}

#[tokio::test]
async fn a_frozen_group_stays_frozen() {
    let store = store().await;
    let mut twin = lively(&store, "tea").await;
    assert!(!lines(&exported(&store, &twin.group.id).await)[0].contains("frozen"));
    let frozen = groupchat_core::Settings { frozen: true, ..twin.group.settings.clone() };
    twin.change(Change::Updated(frozen)).await.unwrap();
    let before = lines(&exported(&store, &twin.group.id).await);
    let (_place, other) = another().await;
    import(&other, &records(&before), true).await.unwrap();
    assert_eq!(lines(&exported(&other, &twin.group.id).await), before);
    assert!(other.load(&twin.group.id).await.unwrap().unwrap().settings.frozen);
}

#[tokio::test]
async fn what_is_there_stays_unless_it_is_to_be_replaced() {
    let store = store().await;
    let twin = lively(&store, "tea").await;
    let before = exported(&store, &twin.group.id).await;
    let (_place, other) = another().await;
    let mut there = Twin::create(&other, "tea", &[], &["eve@h"]).await;
    there.ask("eve@h", &Command::Post(say("mine"))).await.unwrap();
    let old = exported(&other, &there.group.id).await;
    let refused = import(&other, &before, true).await.unwrap_err();
    assert_eq!(refused, StoreError::GroupThere(gid("tea")));
    import_as(&other, &before, WhenThere::Replace, false).await.unwrap();
    assert_eq!(exported(&other, &there.group.id).await, old);
    import_as(&other, &before, WhenThere::Replace, true).await.unwrap();
    assert_eq!(exported(&other, &there.group.id).await, before);
    let version = other.load(&there.group.id).await.unwrap().unwrap().version;
    assert!(version > there.group.version, "whoever has the old one in memory finds out");
}

#[tokio::test]
async fn nobody_hears_of_it_as_of_news() {
    let store = store().await;
    let twin = lively(&store, "tea").await;
    let good = exported(&store, &twin.group.id).await;
    let (_place, other) = another().await;
    let there = Twin::create(&other, "wine", &[], &[]).await;
    let cursor = StanzaId(3_000);
    other.commit(&Batch { cursor: Some((domain(), cursor)), ..Batch::default() }).await.unwrap();
    // All that is there was said: so is what comes.
    import(&other, &good, true).await.unwrap();
    let last = twin.rows.last().unwrap().id;
    assert_eq!(other.cursor(&domain()).await.unwrap(), last);
    // Something is left to say, and what comes would be said with it.
    let archive = vec![message("wine", last.0 + 1_000, "owner", None)];
    let changes = vec![(there.group.id.clone(), Change::Posted { author: bare("owner@h") })];
    other.commit(&Batch { archive, changes, ..Batch::default() }).await.unwrap();
    let mut later = good.clone();
    if let Some(Record::Message(message)) = later.last_mut() {
        message.id.0 = last.0 + 2_000;
    }
    let refused = import_as(&other, &later, WhenThere::Replace, true).await.unwrap_err().to_string();
    assert!(refused.contains("has not said yet"), "{refused}");
    import_as(&other, &good, WhenThere::Replace, true).await.unwrap();
}

#[tokio::test]
async fn an_account_gets_what_is_kept_of_it_and_nothing_else() {
    let store = store().await;
    let mut twin = lively(&store, "tea").await;
    let learnt = |device| groupchat_core::SessionChange::Learnt(jid(device), None, StanzaId(0));
    let sessions = ["bob@h/a_b", "bobo@h/x"].map(learnt);
    store.commit(&Batch { sessions: sessions.to_vec(), ..Batch::default() }).await.unwrap();
    twin.now += 1;
    let mentions = groupchat_core::MentionsAsked {
        all: false,
        members: vec![groupchat_core::MemberRef::Jid(bare("bob@h"))],
    };
    twin.ask("owner@h", &Command::Post(groupchat_core::Post { mentions, ..say("bob?") })).await.unwrap();
    let found = all(store.export_user(&bare("bob@h")).await.unwrap()).await;
    let kinds: Vec<String> = found
        .iter()
        .map(|record| serde_json::to_value(record).unwrap()["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["user", "member", "session", "message", "mention"]);
    let text = lines(&found).join("\n");
    assert!(text.contains("奶茶?") && text.contains("下午茶 🫖") && text.contains("bob@h/a_b"), "{text}");
    assert!(!text.contains("bobo@h") && !text.contains("bob?"), "{text}");
    assert_eq!(
        all(store.export_user(&bare("left@h")).await.unwrap()).await.len(),
        3,
        "a membership and a ban"
    );
    let nobody = all(store.export_user(&bare("nobody@h")).await.unwrap()).await;
    assert_eq!(nobody.len(), 1);
    assert!(store.export_group(&gid("none")).await.unwrap().is_none());
}

#[test]
fn what_is_not_known_in_a_line_is_refused() {
    let line = r#"{"type":"ban","group":"tea","jid":"a@h","since":"1970-01-01T00:00:00.007Z"}"#;
    let Record::Ban(ban) = serde_json::from_str(line).unwrap() else { panic!("a ban") };
    assert_eq!(ban.since, Moment(7));
    assert_eq!(serde_json::to_string(&Record::Ban(ban)).unwrap(), line);
    for wrong in [
        line.replace("}", ",\"colour\":\"red\"}"),
        line.replace("\"ban\"", "\"bann\""),
        line.replace("1970", "year"),
        r#"{"type":"mention","group":"tea","id":"12","author":"a"}"#.to_owned(),
    ] {
        assert!(serde_json::from_str::<Record>(&wrong).is_err(), "{wrong}");
    }
}

/// On a server each needs two databases to be made.
pub(crate) fn cases() -> u32 {
    if std::env::var_os(SERVER).is_some() { 4 } else { 24 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happened_the_lines_are_the_same_behind_an_import(
        steps in prop::collection::vec((0..6usize, command()), 1..50),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = store().await;
            let mut twin = Twin::create(&store, "tea", &[], &["user1@h"]).await;
            for (actor, command) in &steps {
                twin.now += 1;
                let actor = if actor % 2 == 0 { "owner@h".to_owned() } else { format!("user{}@h", actor / 2) };
                let _ = twin.ask(&actor, command).await;
            }
            let before = lines(&exported(&store, &twin.group.id).await);
            let (_place, other) = another().await;
            import(&other, &records(&before), true).await.unwrap();
            assert_eq!(lines(&exported(&other, &twin.group.id).await), before);
            let there = other.load(&twin.group.id).await.unwrap().unwrap();
            assert_eq!(there.members(), twin.loaded().await.members());
            store.close().await.unwrap();
            other.close().await.unwrap();
        });
    }
}
