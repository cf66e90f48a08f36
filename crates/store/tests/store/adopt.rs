//! A database of the original shape is taken over: types and names of columns as each database would have them.

use groupchat_core::page::From;
use groupchat_core::reading::ArchiveFilter;
use groupchat_core::{Receive, Role, Timestamp};
use groupchat_store::{Adopted, ArchiveScope, Predecessor, Store};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

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
    "CREATE TABLE tig_group (uid BIGINT AUTO_INCREMENT PRIMARY KEY, groupId VARCHAR(128) COLLATE utf8mb4_bin UNIQUE, \
     name VARCHAR(255), \
     description TEXT) CHARACTER SET utf8mb4",
    "CREATE TABLE tig_group_member (id BIGINT AUTO_INCREMENT PRIMARY KEY, groupId VARCHAR(40), userId VARCHAR(500), \
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
    let never = if backend == DbBackend::Sqlite { "9223372036854775807" } else { "'2099-01-01 00:00:00'" };
    let rows = [
        "INSERT INTO tig_group (groupId, name, description) VALUES ('Tea', 'Tea & 茶', 'at five'), ('cup', '', NULL), \
         ('empty', 'Nobody', ''), ('a b/c', 'Wrong', ''), ('tea', 'Other tea', '')"
            .to_owned(),
        format!(
            "INSERT INTO tig_group_member (groupId, userId, isReceived, authority) VALUES \
             ('Tea', 'h', {yes}, 'owner'), ('Tea', 'bob@h', {yes}, 'admin'), ('Tea', 'Alice@h', {yes}, 'owner'), ('Tea', 'carol@h', {no}, 'member'), \
             ('Tea', 'bob@h', {yes}, 'member'), ('Tea', '@', {yes}, 'member'), ('cup', 'dora@h', {yes}, NULL), \
             ('cup', 'emil@h', {yes}, 'member'), ('lost', 'bob@h', {yes}, 'member')"
        ),
        format!(
            "INSERT INTO tig_group_message (msg_id, groupId, timestamp, sender_jid, body) VALUES \
             ('m2', 'Tea', {}, 'alice@h/phone', 'a < b & c'), ('m1', 'Tea', {}, 'bob@h/pc', 'Milk?'), \
             ('m3', 'Tea', {}, 'gone@h/x', 'Bye'), ('m4', 'cup', {}, 'dora@h', 'same time'), \
             ('m5', 'Tea', {}, 'bob@h', NULL), ('m6', 'lost', {}, 'bob@h', 'no group'), \
             ('m7', 'Tea', {}, 'h', 'Nobody spoke'), ('m8', 'cup', {}, 'emil@h/x', 'Of the future')",
            at(1), at(0), at(2), at(0), at(3), at(4), at(1), never
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
    assert_eq!((groups, members, messages), (2, 5, 6), "{left_out:?}");
    let left_out = left_out.join("\n");
    for expected in [
        "`@` in the group `Tea`",
        "`h` in the group `Tea`",
        "`empty`: nobody",
        "`a b/c`",
        "`tea`: its id is, as addresses go, that of `Tea`",
        "`m7` in the group `tea`: no sender",
        "`m8` in the group `cup`: no time",
        "1 rows of tig_group_member: the 1 groups that they name are not there (as `lost`)",
        "1 rows of tig_group_message: ",
    ] {
        assert!(left_out.contains(expected), "{expected} is not in {left_out}");
    }
    assert_eq!(left_out.lines().count(), 9, "{left_out}");
    let last = store.last_stanza_id().await.unwrap().0;
    assert_eq!(last, 1_700_000_003_000_000, "what has no time does not move the clock");

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

/// Ids that are numbers, and more messages than are read at once, many of them of the same second.
#[tokio::test]
async fn numbers_are_ids_and_all_pages_come() {
    const MESSAGES: usize = 10_001;
    let place = Place::new().await;
    let db = place.connect().await;
    for table in [
        "CREATE TABLE tig_group (groupId BIGINT, name VARCHAR(99), description VARCHAR(99))",
        "CREATE TABLE tig_group_member (groupId BIGINT, userId VARCHAR(99), isReceived INT, authority VARCHAR(9))",
        "CREATE TABLE tig_group_message (msg_id BIGINT, groupId BIGINT, timestamp BIGINT, sender_jid VARCHAR(99), body TEXT)",
        "INSERT INTO tig_group VALUES (7, 'Seven', NULL)",
        "INSERT INTO tig_group_member VALUES (7, 'alice@h', 1, 'owner')",
    ] {
        db.execute_unprepared(table).await.unwrap();
    }
    let numbers: Vec<usize> = (0..MESSAGES).collect();
    for chunk in numbers.chunks(1_000) {
        let row = |n: &usize| format!("({n}, 7, {}, 'alice@h', 'x')", 1_700_000_000 + n / 100);
        let rows: Vec<String> = chunk.iter().map(row).collect();
        let insert = format!("INSERT INTO tig_group_message VALUES {}", rows.join(", "));
        db.execute_unprepared(&insert).await.unwrap();
    }
    let store = Store::open(&place.url).await.unwrap();
    let adopted = store.migrate().await.unwrap().unwrap();
    let expected = Adopted { groups: 1, members: 1, messages: MESSAGES, left_out: Vec::new() };
    assert_eq!(adopted, expected);
    assert_eq!(store.load(&gid("7")).await.unwrap().unwrap().countable, MESSAGES as i64);
    for id in ["0", "9999", "10000"] {
        assert!(store.message(&gid("7"), id).await.unwrap().is_some(), "{id}");
    }
}

#[tokio::test]
async fn an_interrupted_renaming_gets_its_index() {
    let place = Place::new().await;
    let db = place.connect().await;
    original(&db).await;
    db.execute_unprepared("ALTER TABLE tig_group_member RENAME TO tig_group_member_original").await.unwrap();
    let store = Store::open(&place.url).await.unwrap();
    assert_eq!(store.predecessor().await.unwrap(), Predecessor::Original);
    assert_eq!(store.migrate().await.unwrap().unwrap().members, 5);
    let backend = db.get_database_backend();
    let list = match backend {
        DbBackend::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'index'",
        DbBackend::Postgres => "SELECT indexname AS name FROM pg_indexes WHERE schemaname = current_schema()",
        _ => "SELECT index_name AS name FROM information_schema.statistics WHERE table_schema = DATABASE()",
    };
    let rows = db.query_all_raw(Statement::from_string(backend, list)).await.unwrap();
    let names: Vec<String> = rows.iter().map(|row| row.try_get("", "name").unwrap()).collect();
    assert!(names.iter().any(|name| name == "idx_tig_group_member_original_group"), "{names:?}");
}

#[tokio::test]
async fn what_was_there_before_is_told() {
    let place = Place::new().await;
    let db = place.connect().await;
    let store = Store::open(&place.url).await.unwrap();
    assert_eq!(store.predecessor().await.unwrap(), Predecessor::None);
    db.execute_unprepared("CREATE TABLE tig_group (id INT, colour INT)").await.unwrap();
    assert_eq!(store.predecessor().await.unwrap(), Predecessor::Foreign(vec!["tig_group".into()]));
    db.execute_unprepared("DROP TABLE tig_group").await.unwrap();
    original(&db).await;
    assert_eq!(store.predecessor().await.unwrap(), Predecessor::Original);
    store.migrate().await.unwrap();
    assert_eq!(store.predecessor().await.unwrap(), Predecessor::None, "ours are ours");
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
