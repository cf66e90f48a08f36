//! No statement that runs for a message, a receipt, a login or a change may read a whole table: every statement
//! that the store really sends is put before SQLite's planner.

use std::sync::{Arc, Mutex};

use groupchat_core::page::{From, Page};
use groupchat_core::{
    Archived, ArchivedKind, BareJid, Change, Command, Group, GroupId, Jid, Limits, MemberSpec, Mid, NewGroup,
    Nick, SessionChange, Settings, StanzaId, Timestamp, create, decide,
};
use sea_orm::{ConnectionTrait, Statement};

use crate::{Batch, MemberKey, Store};

fn bare(text: &str) -> BareJid {
    BareJid::parse(text).unwrap()
}

fn spec(jid: &str) -> MemberSpec {
    MemberSpec { jid: jid.into(), ..MemberSpec::default() }
}

/// A group with a member more, one gone, one banned.
fn history() -> (Group, Vec<Change>) {
    let limits = Limits::default();
    let new = NewGroup { members: vec![spec("b@h"), spec("c@h")], ..NewGroup::default() };
    let id = GroupId::parse("tea").unwrap();
    let made = create(id, &bare("a@h"), &new, &limits, Timestamp(1)).unwrap();
    let Some(Change::Created(group)) = made.change.clone() else { panic!("{made:?}") };
    let (mut group, mut changes) = (*group, vec![made.change.unwrap()]);
    let removal = |jid: &str, ban| {
        let who = vec![groupchat_core::MemberRef::Jid(bare(jid))];
        Command::RemoveMembers(groupchat_core::Removal { who, ban })
    };
    for command in [
        removal("b@h", false),
        removal("c@h", true),
        Command::AddMembers(vec![spec("b@h"), spec("c@h")]),
        Command::Update(vec![("name".into(), "Tea".into())]),
    ] {
        let decision = decide(&group, &bare("a@h"), &command, &limits, Timestamp(2)).unwrap();
        let change = decision.change.unwrap();
        group.apply(&change);
        changes.push(change);
    }
    changes.push(Change::Read { jid: bare("b@h"), upto: StanzaId(5) });
    (group, changes)
}

fn message(id: i64) -> Archived {
    Archived {
        id: StanzaId(id),
        group: GroupId::parse("tea").unwrap(),
        at: Timestamp(id),
        kind: ArchivedKind::Message,
        sender: Jid::parse("a@h/phone").unwrap(),
        mid: Mid::from_stored("a"),
        client_id: Some("m".into()),
        body: None,
        payload: "<body/>".into(),
    }
}

async fn everything(store: &Store) {
    let (group, changes) = history();
    let id = group.id.clone();
    let (phone, tea) = (Jid::parse("a@h/phone").unwrap(), Jid::from(bare("tea@g.h")));
    let changes = changes.into_iter().map(|change| (id.clone(), change)).collect();
    let sessions = vec![
        SessionChange::Learnt(phone.clone(), None),
        SessionChange::Learnt(phone.clone(), Some(tea.clone())),
        SessionChange::Ended(Jid::parse("b@h/phone").unwrap()),
    ];
    store
        .commit(&Batch { changes, archive: vec![message(1), message(2)], sessions, ..Batch::default() })
        .await
        .unwrap();
    let sessions = vec![SessionChange::Left(phone, tea)];
    store
        .commit(&Batch { sessions, versions: vec![(id.clone(), group.version)], ..Batch::default() })
        .await
        .unwrap();
    assert_eq!(store.load(&id).await.unwrap(), {
        let mut group = group.clone();
        group.apply(&Change::Read { jid: bare("b@h"), upto: StanzaId(5) });
        Some(group)
    });
    store.last_stanza_id().await.unwrap();
    store.message(&id, "m").await.unwrap().unwrap();
    store.message(&id, &StanzaId(1).to_string()).await.unwrap().unwrap();
    store.newest_message_by_others(&id, &Mid::from_stored("b")).await.unwrap().unwrap();
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
    let update = Change::Updated(Settings::default());
    let changes = vec![(id.clone(), update), (id, Change::Deleted)];
    store.commit(&Batch { changes, ..Batch::default() }).await.unwrap();
}

#[tokio::test]
async fn nothing_scans_a_table() {
    let mut store = Store::open("sqlite::memory:").await.unwrap();
    store.migrate().await.unwrap();
    let sent: Arc<Mutex<Vec<Statement>>> = Arc::default();
    let log = Arc::clone(&sent);
    store.db.set_metric_callback(move |info| log.lock().unwrap().push(info.statement.clone()));
    everything(&store).await;
    let statements = std::mem::take(&mut *sent.lock().unwrap());
    let tables =
        ["tig_group\"", "tig_group_member", "tig_group_message", "tig_group_ban", "tig_group_session"];
    for table in tables {
        assert!(statements.iter().any(|s| s.sql.contains(table)), "{table} was used");
    }
    let mut found = Vec::new();
    for mut statement in statements {
        statement.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
        for row in store.db.query_all_raw(statement.clone()).await.unwrap() {
            let detail: String = row.try_get("", "detail").unwrap();
            // Rows that are inserted are listed by the statement itself.
            let bad =
                detail.starts_with("SCAN") && !detail.contains("CONSTANT ROW") && !detail.contains("VALUES");
            if bad || detail.contains("TEMP B-TREE") {
                found.push(format!("{detail}: {statement}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
