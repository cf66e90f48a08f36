//! A database of the original shape is taken over: types and names of columns as each database would have them.

use groupchat_core::page::From;
use groupchat_core::reading::ArchiveFilter;
use groupchat_core::{Receive, Role, Timestamp};
use groupchat_store::{Adopted, ArchiveScope, Store};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};

use crate::support::*;

const SQLITE: &[&str] = &[
    "CREATE TABLE tig_group (uid INTEGER PRIMARY KEY AUTOINCREMENT, groupId TEXT UNIQUE, name TEXT, description TEXT)",
    "CREATE TABLE tig_group_member (id INTEGER PRIMARY KEY, groupId TEXT, userId TEXT, isReceived INTEGER, authority TEXT)",
    "CREATE TABLE tig_group_message (msg_id TEXT PRIMARY KEY, groupId TEXT, timestamp INTEGER, sender_jid TEXT, body TEXT)",
];
/// Made without quotation marks: all names are small.
const POSTGRES: &[&str] = &[
    "CREATE TABLE tig_group (uid BIGSERIAL PRIMARY KEY, groupId VARCHAR(128) UNIQUE, name TEXT, description TEXT)",
    "CREATE TABLE tig_group_member (id BIGSERIAL PRIMARY KEY, groupId VARCHAR(128), userId VARCHAR(2049), \
     isReceived BOOLEAN, authority VARCHAR(32))",
    "CREATE TABLE tig_group_message (msg_id VARCHAR(64) PRIMARY KEY, groupId VARCHAR(128), timestamp TIMESTAMP, \
     sender_jid VARCHAR(2049), body TEXT)",
];
const MARIADB: &[&str] = &[
    "CREATE TABLE tig_group (uid BIGINT AUTO_INCREMENT PRIMARY KEY, groupId VARCHAR(128) UNIQUE, name VARCHAR(255), \
     description TEXT) CHARACTER SET utf8mb4",
    "CREATE TABLE tig_group_member (id BIGINT AUTO_INCREMENT PRIMARY KEY, groupId VARCHAR(128), userId VARCHAR(500), \
     isReceived TINYINT(1), authority VARCHAR(32))",
    "CREATE TABLE tig_group_message (msg_id VARCHAR(64) PRIMARY KEY, groupId VARCHAR(128), timestamp DATETIME(3), \
     sender_jid VARCHAR(500), body TEXT)",
];

async fn original(db: &DatabaseConnection) {
    let backend = db.get_database_backend();
    let tables = match backend {
        DbBackend::Sqlite => SQLITE,
        DbBackend::Postgres => POSTGRES,
        _ => MARIADB,
    };
    let (yes, no) = if backend == DbBackend::Postgres { ("true", "false") } else { ("1", "0") };
    let at = |second: i64| match backend {
        DbBackend::Sqlite => (1_700_000_000_000 + second * 1_000).to_string(),
        _ => format!("'2023-11-14 22:13:{}'", 20 + second),
    };
    let rows = [
        "INSERT INTO tig_group (groupId, name, description) VALUES ('Tea', 'Tea & 茶', 'at five'), ('cup', '', NULL), \
         ('empty', 'Nobody', ''), ('a b/c', 'Wrong', '')"
            .to_owned(),
        format!(
            "INSERT INTO tig_group_member (groupId, userId, isReceived, authority) VALUES \
             ('Tea', 'bob@h', {yes}, 'admin'), ('Tea', 'Alice@h', {yes}, 'owner'), ('Tea', 'carol@h', {no}, 'member'), \
             ('Tea', 'bob@h', {yes}, 'member'), ('Tea', '@', {yes}, 'member'), ('cup', 'dora@h', {yes}, NULL), \
             ('cup', 'emil@h', {yes}, 'member')"
        ),
        format!(
            "INSERT INTO tig_group_message (msg_id, groupId, timestamp, sender_jid, body) VALUES \
             ('m2', 'Tea', {}, 'alice@h/phone', 'a < b & c'), ('m1', 'Tea', {}, 'bob@h/pc', 'Milk?'), \
             ('m3', 'Tea', {}, 'gone@h/x', 'Bye'), ('m4', 'cup', {}, 'dora@h', 'same time'), \
             ('m5', 'Tea', {}, 'bob@h', NULL), ('m6', 'lost', {}, 'bob@h', 'no group')",
            at(1), at(0), at(2), at(0), at(3), at(4)
        ),
    ];
    for statement in tables.iter().map(|table| (*table).to_owned()).chain(rows) {
        db.execute_unprepared(&statement).await.unwrap();
    }
}

#[tokio::test]
async fn a_database_of_the_original_shape_is_taken_over() {
    let place = Place::new().await;
    let db = place.connect().await;
    original(&db).await;
    let store = Store::open(&place.url).await.unwrap();
    let Adopted { groups, members, messages, left_out } = store.migrate().await.unwrap().unwrap();
    assert_eq!((groups, members, messages), (2, 5, 5), "{left_out:?}");
    let left_out = left_out.join("\n");
    for expected in ["`@` in the group `Tea`", "`empty`: nobody", "`a b/c`"] {
        assert!(left_out.contains(expected), "{expected} is not in {left_out}");
    }
    assert_eq!(left_out.lines().count(), 3, "{left_out}");

    let tea = store.load(&gid("tea")).await.unwrap().unwrap();
    assert_eq!((&*tea.settings.name, &*tea.settings.description), ("Tea & 茶", "at five"));
    let roles: Vec<_> = tea.members().iter().map(|m| (m.jid.as_str(), m.role, m.receive)).collect();
    let (all, none) = (Receive::All, Receive::None);
    let expected =
        [("alice@h", Role::Owner, all), ("bob@h", Role::Admin, all), ("carol@h", Role::Member, none)];
    assert_eq!(roles, expected);
    assert_eq!(tea.members()[0].joined, Timestamp(1_700_000_000_000));
    assert!(tea.mid_owner(&mid("gone")).is_some(), "who wrote keeps his member id");
    let cup = store.load(&gid("cup")).await.unwrap().unwrap();
    assert_eq!((&*cup.settings.name, cup.members()[0].role), ("cup", Role::Owner), "somebody is the owner");

    let scope = ArchiveScope::Group { id: gid("tea"), reader: bare("bob@h") };
    let found = store.archive(&scope, &ArchiveFilter::default(), &page(From::Start, 10)).await.unwrap();
    let said: Vec<_> = found.items.iter().map(|row| (&*row.archived.payload, row.archived.at.0)).collect();
    let first = 1_700_000_000_000;
    let expected = [
        ("<body>Milk?</body>", first),
        ("<body>a &lt; b &amp; c</body>", first + 1_000),
        ("<body>Bye</body>", first + 2_000),
        ("", first + 3_000),
    ];
    assert_eq!(said, expected);
    assert!(store.message(&gid("tea"), "m2").await.unwrap().is_some(), "found by its old id");
    for user in ["alice@h", "bob@h", "carol@h", "dora@h"] {
        let inbox = store.inbox(&bare(user), &page(From::Start, 10), Timestamp(0)).await.unwrap();
        assert_eq!((inbox.page.items.len(), inbox.total_unread), (1, 0), "{user}: nothing of it is news");
    }
}

#[tokio::test]
async fn taking_over_goes_on_where_it_was_and_ends() {
    let place = Place::new().await;
    let db = place.connect().await;
    original(&db).await;
    let store = Store::open(&place.url).await.unwrap();
    store.migrate().await.unwrap().unwrap();
    assert_eq!(store.migrate().await.unwrap(), None, "once");
    // As if it had been interrupted between the last group and the last renaming.
    db.execute_unprepared("ALTER TABLE tig_group_adopted RENAME TO tig_group_original").await.unwrap();
    let again = store.migrate().await.unwrap().unwrap();
    assert_eq!((again.groups, again.members, again.messages), (0, 0, 0));
    assert_eq!(store.load(&gid("tea")).await.unwrap().unwrap().members().len(), 3);
    assert_eq!(store.migrate().await.unwrap(), None);
}
