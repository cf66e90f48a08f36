//! No statement that runs for a message, a receipt, a login or a change may read a whole table: every statement
//! that the store really sends is put before SQLite's planner.

use std::sync::{Arc, Mutex};

use groupchat_core::page::{ALL, From, Page};
use groupchat_core::reading::{ArchiveFilter, With};
use groupchat_core::{
    Addable, Addition, Archived, ArchivedKind, BareJid, Change, Command, Group, GroupId, Jid, Limits,
    MemberSpec, MemberUpdate, Mentions, Mid, NewGroup, Nick, Occupant, People, Person, ReadBy, Role,
    RoomChange, SessionChange, Settings, StanzaId, Timestamp, Unreachable, create, decide,
};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::{ArchiveScope, Batch, MemberKey, Store};

fn bare(text: &str) -> BareJid {
    BareJid::parse(text).unwrap()
}

fn spec(jid: &str) -> MemberSpec {
    MemberSpec { jid: jid.into(), ..MemberSpec::default() }
}

fn person(addable: Addable) -> Person {
    Person { groups: 0, addable }
}

/// A group with a member more, one gone, one banned, one who is asked and one who asks.
fn history() -> (Group, Vec<Change>) {
    let limits = Limits::default();
    let new = NewGroup { members: vec![spec("b@h"), spec("c@h")], ..NewGroup::default() };
    let id = GroupId::parse("tea").unwrap();
    let mut changes =
        create(id, &bare("a@h"), &new, &Settings::default(), &limits, Timestamp(1)).unwrap().changes;
    let Change::Created(group) = changes[0].clone() else { panic!("{changes:?}") };
    let mut group = *group;
    let member = |jid: &str| groupchat_core::MemberRef::Jid(bare(jid));
    let removal = |jid: &str, ban| {
        Command::RemoveMembers(groupchat_core::Removal {
            who: vec![member(jid)],
            ban,
            ..groupchat_core::Removal::default()
        })
    };
    let addition = |members, people| Command::AddMembers(Addition { members, people, reason: None });
    let shy = People::from([(bare("shy@h"), person(Addable::Nobody))]);
    let update = MemberUpdate { who: member("b@h"), nick: Some("B".into()), role: Some("admin".into()) };
    for (actor, command) in [
        ("a@h", removal("b@h", false)),
        ("a@h", removal("c@h", true)),
        ("a@h", addition(vec![spec("b@h"), spec("c@h")], People::new())),
        ("a@h", Command::Update(vec![("name".into(), "Tea".into()), ("retention_days".into(), "1".into())])),
        ("a@h", Command::UpdateMembers(vec![update])),
        ("a@h", addition(vec![spec("shy@h"), spec("d@h")], shy)),
        ("shy@h", Command::RemoveMembers(groupchat_core::Removal::default())),
        ("b@h", Command::MySettings(vec![("receive".into(), "mentions".into())])),
    ] {
        for change in decide(&group, &bare(actor), &command, &limits, Timestamp(2)).unwrap().changes {
            group.apply(&change);
            changes.push(change);
        }
    }
    let more = [
        Change::Posted { author: bare("a@h") },
        Change::Read { jid: bare("b@h"), upto: StanzaId(1_000_005), seen: 1 },
        Change::Retracted {
            message: StanzaId(1_000_002),
            by: Mid::from_stored("a"),
            moderated: true,
            reason: None,
        },
    ];
    more.iter().for_each(|change| group.apply(change));
    changes.extend(more);
    (group, changes)
}

fn message(id: i64) -> Archived {
    Archived {
        id: StanzaId(id),
        group: GroupId::parse("tea").unwrap(),
        at: Timestamp(id / 1_000),
        kind: ArchivedKind::Message,
        sender: Jid::parse("a@h/phone").unwrap(),
        mid: Mid::from_stored("a"),
        client_id: Some("m".into()),
        body: Some("hi".into()),
        ordinal: 1,
        countable: true,
        corrects: None,
        read_by: ReadBy::Members,
        mentions: Mentions { all: false, members: vec![Mid::from_stored("b")] },
        payload: "<body/>".into(),
    }
}

async fn everything(store: &Store) {
    let (group, changes) = history();
    let id = group.id.clone();
    let (phone, tea) = (Jid::parse("a@h/phone").unwrap(), Jid::from(bare("tea@g.h")));
    let changes = changes.into_iter().map(|change| (id.clone(), change)).collect();
    let sessions = vec![
        SessionChange::Learnt(phone.clone(), None, StanzaId(1)),
        SessionChange::Learnt(phone.clone(), Some(tea.clone()), StanzaId(1)),
        SessionChange::Ended(Jid::parse("b@h/phone").unwrap()),
    ];
    let archive = vec![message(1_000_001), message(1_000_002)];
    let people = vec![(bare("b@h"), Addable::Domain)];
    let batch = Batch { now: Timestamp(2), changes, archive, sessions, people, ..Batch::default() };
    store.commit(&batch).await.unwrap();
    let left = SessionChange::Left(phone, tea);
    let sessions =
        vec![left, SessionChange::Lost(bare("b@h"), Unreachable::Gone), SessionChange::Found(bare("c@h"))];
    let cursor = Some((bare("g.h"), StanzaId(1_000_001)));
    store
        .commit(&Batch { sessions, versions: vec![(id.clone(), group.version)], cursor, ..Batch::default() })
        .await
        .unwrap();
    assert_eq!(store.load(&id).await.unwrap(), Some(group));
    store.last_stanza_id().await.unwrap();
    assert_eq!(store.cursor(&bare("g.h")).await.unwrap(), StanzaId(1_000_001));
    assert_eq!(store.behind(StanzaId(1_000_001), 10).await.unwrap().len(), 1);
    store.last_invited().await.unwrap();
    store.invited(Timestamp(0), Timestamp(9)).await.unwrap();
    assert_eq!(store.left_at(&id, Timestamp(2)).await.unwrap(), []);
    store.message(&id, "m").await.unwrap();
    store.message(&id, &StanzaId(1_000_001).to_string()).await.unwrap().unwrap();
    store.found(&id, "m").await.unwrap().unwrap();
    store.own_after(&id, &Mid::from_stored("a"), StanzaId(1_000_001)).await.unwrap();
    store.messages_by(&id, "m", &Mid::from_stored("a"), Timestamp(0)).await.unwrap();
    assert_eq!(store.sessions().await.unwrap().len(), 1);
    assert_eq!(store.unreachable().await.unwrap().len(), 1);
    store.why_unreachable(&bare("b@h")).await.unwrap().unwrap();
    store.newest_found_by_others(&id, &Mid::from_stored("b"), StanzaId(0)).await.unwrap().unwrap();
    store.receipts(&id, StanzaId(1_000_001)).await.unwrap();
    store.recent(Timestamp(1), 10).await.unwrap();
    store.people(&[bare("a@h"), bare("b@h")]).await.unwrap();
    store.list_groups(None, Some("a"), 10).await.unwrap();
    store.audit(Timestamp(1), "me", "delete tea", "asked").await.unwrap();
    store.summary(&id, &bare("b@h")).await.unwrap().unwrap();
    store.groups_named("Tea", &bare("b@h"), 10).await.unwrap();
    for key in [
        MemberKey::Jid(bare("b@h")),
        MemberKey::Mid(Mid::from_stored("b")),
        MemberKey::Nick(Nick::from_stored("B")),
    ] {
        store.member(&id, &key).await.unwrap().unwrap();
    }
    for from in [From::Start, From::After("b".into()), From::Before("b".into()), From::End] {
        let page = Page { from, items_max: 10 };
        store.members(&id, &page).await.unwrap();
        store.groups_of(&bare("b@h"), &page).await.unwrap();
        store.public_groups(&page).await.unwrap();
    }
    history_and_inbox(store, &id).await;
    rooms(store, &id).await;
    assert!(store.hold(&id, "file 12", Timestamp(3)).await.unwrap());
    store.held(&id).await.unwrap().unwrap();
    assert!(store.release(&id).await.unwrap());
    assert!(store.newest(&id).await.unwrap() > StanzaId(0));
    assert!(store.erase_memberships(&id, &bare("c@h")).await.unwrap());
    store.expire(Timestamp(i64::MAX / 1_000), 1).await.unwrap();
    // As many as make the planner think of the group's index.
    let posted = |user| (id.clone(), Change::Posted { author: bare(&format!("user{user}@h")) });
    store.commit(&Batch { changes: (0..20).map(posted).collect(), ..Batch::default() }).await.unwrap();
    let update = Change::Updated(Settings::default());
    let changes = vec![(id.clone(), update), (id, Change::Deleted)];
    store.commit(&Batch { changes, ..Batch::default() }).await.unwrap();
}

async fn rooms(store: &Store, id: &GroupId) {
    let phone = Jid::parse("b@h/phone").unwrap();
    let occupant =
        Occupant { text: "b@h/phone".into(), jid: phone.clone(), since: StanzaId(1), presence: "".into() };
    let (entered, left) =
        (RoomChange::Entered(id.clone(), occupant), RoomChange::Left(id.clone(), phone.clone()));
    let rooms = vec![entered.clone(), entered, left];
    store.commit(&Batch { rooms, ..Batch::default() }).await.unwrap();
    store.is_present(id, &phone).await.unwrap();
    store.present_in(id).await.unwrap();
    store.came_natively(phone.bare()).await.unwrap();
    store.occupants().await.unwrap();
    store.is_in_rooms_only(phone.bare()).await.unwrap();
    store.known(id, &[&Mid::from_stored("b")].into_iter().collect()).await.unwrap();
    store.members_of_role(id, Role::Admin, &ALL).await.unwrap();
    store.members_with(id, &[phone.bare()]).await.unwrap();
    store.banned(id, &ALL).await.unwrap();
    let tap = GroupId::parse("tap").unwrap();
    let mut new = Group::new(tap.clone(), Settings::default(), Vec::new());
    new.locked = true;
    let made = Change::Created(Box::new(new));
    let changes = [made, Change::Unlocked, Change::Abandoned].map(|change| (tap.clone(), change)).to_vec();
    store.commit(&Batch { changes, ..Batch::default() }).await.unwrap();
    store.locked().await.unwrap();
    store.avatar(id).await.unwrap();
}

async fn history_and_inbox(store: &Store, id: &GroupId) {
    // A second group, so that pages are merged.
    let (mut other, cup) = (history().0, GroupId::parse("cup").unwrap());
    other.id = cup.clone();
    let changes = vec![(cup.clone(), Change::Created(Box::new(other)))];
    let archive = vec![Archived { group: cup, ..message(1_000_003) }];
    store.commit(&Batch { changes, archive, ..Batch::default() }).await.unwrap();
    let reader = bare("d@h");
    store.inbox(&reader, &Page { from: From::Start, items_max: 10 }, Timestamp(0)).await.unwrap();
    let key = || StanzaId(1_000_001).to_string();
    for scope in
        [ArchiveScope::AllOf(reader.clone()), ArchiveScope::Group { id: id.clone(), reader: reader.clone() }]
    {
        for with in [
            With::Anybody,
            With::Group(id.clone()),
            With::Member(id.clone(), Mid::from_stored("a")),
            With::Account(bare("a@h")),
        ] {
            for from in [From::Start, From::After(key()), From::Before(key()), From::End] {
                for items_max in [0, 10] {
                    let filter = ArchiveFilter {
                        start: Some(Timestamp(1)),
                        end: Some(Timestamp(9_000)),
                        after_id: Some(StanzaId(1_000_001)),
                        with: with.clone(),
                        ..ArchiveFilter::default()
                    };
                    let page = Page { from: from.clone(), items_max };
                    store.archive(&scope, &filter, &page).await.unwrap();
                }
            }
        }
        let filter = ArchiveFilter { ids: vec![StanzaId(1_000_001)], ..ArchiveFilter::default() };
        let page = Page { from: From::Start, items_max: 10 };
        assert_eq!(store.archive(&scope, &filter, &page).await.unwrap().items.len(), 1);
        store.archive_bounds(&scope).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn nothing_scans_a_table() {
    let mut store = Store::open("sqlite::memory:").await.unwrap();
    store.migrate().await.unwrap();
    let sent: Arc<Mutex<Vec<Statement>>> = Arc::default();
    let Store { db, writer } = &mut store;
    for connection in [db, writer] {
        let log = Arc::clone(&sent);
        connection.set_metric_callback(move |info| log.lock().unwrap().push(info.statement.clone()));
    }
    everything(&store).await;
    let statements = std::mem::take(&mut *sent.lock().unwrap());
    let names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'tig!_%' ESCAPE '!'";
    let tables = store.db.query_all_raw(Statement::from_string(DbBackend::Sqlite, names)).await.unwrap();
    assert!(!tables.is_empty());
    for table in tables {
        let table = format!("\"{}\"", table.try_get::<String>("", "name").unwrap());
        assert!(statements.iter().any(|s| s.sql.contains(&table)), "{table} was used");
    }
    let mut found = Vec::new();
    for mut statement in statements {
        statement.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
        for row in store.db.query_all_raw(statement.clone()).await.unwrap() {
            let detail: String = row.try_get("", "detail").unwrap();
            // Rows that are inserted are listed by the statement itself; parts were selected with a limit.
            let listed = ["CONSTANT ROW", "VALUES", "SCAN part"];
            let scans = detail.starts_with("SCAN") && !listed.iter().any(|listed| detail.contains(listed));
            // Who was online, and who cannot be reached, is read once, at the start: all of it.
            let at_start =
                ["SCAN tig_group_session", "SCAN tig_group_unreachable", "SCAN tig_group_occupant"];
            let is_of_start = at_start.contains(&detail.as_str()) && !statement.sql.contains(" WHERE ");
            // The newest messages of the service are a range; those of a group must not be looked for in one.
            let of_all = detail.contains("(rowid>") && statement.sql.contains("\"groupId\" =");
            // Those who posted are looked for by name, not among all members.
            let of_group = statement
                .sql
                .starts_with("EXPLAIN QUERY PLAN UPDATE \"tig_group_member\" SET \"seen\" = (CASE")
                && !detail.contains("userId=?");
            let is_wrong = scans && !is_of_start || of_all || of_group || detail.contains("TEMP B-TREE");
            if is_wrong {
                found.push(format!("{detail}: {statement}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// What asks nothing of the tables with groups and messages.
const WITHOUT_TABLES: [&str; 7] =
    ["open", "open_existing", "close", "migrate", "migrations", "ping", "try_writing"];
/// What operators ask for, who can wait, and reads all of a table.
const FOR_OPERATORS: [&str; 10] = [
    "audited",
    "back_up",
    "copy_to",
    "totals",
    "traces",
    "erase_written",
    "erase_told",
    "erase_marks",
    "erase_account",
    "sessions_of",
];

#[test]
fn everything_the_store_does_is_looked_at() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let mut missing = Vec::new();
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    for file in files.filter(|file| file.is_file()) {
        let text = std::fs::read_to_string(file).unwrap();
        for rest in text.split("\n    pub async fn ").skip(1) {
            let name = rest.split('(').next().unwrap_or_default();
            let is_called = include_str!("plans.rs").contains(&format!("store.{name}("));
            if !is_called && !WITHOUT_TABLES.contains(&name) && !FOR_OPERATORS.contains(&name) {
                missing.push(name.to_owned());
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}
