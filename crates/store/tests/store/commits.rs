//! A batch is stored whole or not at all, and several processes may share a database.

use groupchat_core::{Change, SessionChange, Settings, StanzaId, Timestamp};
use groupchat_store::{Batch, Store, StoreError};

use crate::support::*;

#[tokio::test]
async fn a_stale_version_is_refused_and_nothing_applied() {
    let store = store().await;
    let mut twin = Twin::create(&store, "tea", &[], &["a@h"]).await;
    let elsewhere = Twin::create(&store, "coffee", &[], &[]).await;
    let old = twin.group.version;
    twin.ask("owner@h", &remove("a@h", false)).await.unwrap();
    let (tea, coffee) = (twin.group.id.clone(), elsewhere.group.id.clone());
    let mut batch = Batch {
        versions: vec![(coffee.clone(), elsewhere.group.version), (tea.clone(), old)],
        changes: vec![(coffee.clone(), Change::Deleted)],
        archive: vec![message("coffee", 1, "owner", None)],
        sessions: vec![SessionChange::Learnt(jid("a@h/1"), None, StanzaId(1))],
        now: Timestamp(9),
        ..Batch::default()
    };
    assert_eq!(store.commit(&batch).await, Err(StoreError::Stale(tea.clone())));
    elsewhere.check().await;
    assert_eq!(
        (store.last_stanza_id().await.unwrap(), store.sessions().await.unwrap()),
        (StanzaId(0), vec![])
    );
    let nothing = Batch { versions: batch.versions.clone(), ..Batch::default() };
    assert_eq!(
        store.commit(&nothing).await,
        Err(StoreError::Stale(tea.clone())),
        "checked though nothing is stored"
    );
    batch.versions[1].1 = twin.group.version;
    store.commit(&batch).await.unwrap();
    for (id, version) in [(gid("unknown"), 1), (coffee, 1)] {
        let batch = Batch { versions: vec![(id.clone(), version)], ..Batch::default() };
        assert_eq!(store.commit(&batch).await, Err(StoreError::Stale(id)));
    }
    let unknown = Batch { changes: vec![(gid("unknown"), Change::Deleted)], ..Batch::default() };
    assert_eq!(store.commit(&unknown).await, Err(StoreError::Stale(gid("unknown"))));
}

#[tokio::test]
async fn an_id_that_is_taken_is_stale() {
    let store = store().await;
    let mut twin = Twin::create(&store, "tea", &[], &["a@h"]).await;
    let again = || {
        let group = new_group("tea", &[], &["b@h"], 6);
        Batch { changes: vec![(gid("tea"), Change::Created(Box::new(group)))], ..Batch::default() }
    };
    assert_eq!(store.commit(&again()).await, Err(StoreError::Stale(gid("tea"))));
    twin.check().await;
    twin.change(Change::Deleted).await.unwrap();
    assert_eq!(store.commit(&again()).await, Err(StoreError::Stale(gid("tea"))), "deleted, but taken");
}

#[tokio::test]
async fn one_bad_row_rolls_the_whole_batch_back() {
    let store = store().await;
    let twin = Twin::create(&store, "tea", &[], &["a@h"]).await;
    let mut batch = batch_of(&twin.group.id, twin.group.version, Change::Deleted);
    batch.sessions = vec![SessionChange::Learnt(jid("a@h/1"), None, StanzaId(1))];
    batch.archive = vec![message("tea", 1, "a", None), message("tea", 1, "a", None)];
    let failed = store.commit(&batch).await;
    assert!(matches!(failed, Err(StoreError::Database { doing: "archiving", .. })), "{failed:?}");
    twin.check().await;
    assert_eq!(
        (store.last_stanza_id().await.unwrap(), store.sessions().await.unwrap()),
        (StanzaId(0), vec![])
    );
    batch.archive.pop();
    store.commit(&batch).await.unwrap();
}

#[tokio::test]
async fn changes_of_one_batch_build_on_each_other() {
    let store = store().await;
    let mut memory = new_group("tea", &[], &["a@h", "b@h"], 5);
    let mut changes = vec![Change::Created(Box::new(memory.clone()))];
    let member = memory.member(&bare("a@h")).unwrap().clone();
    let removed = |banned| Change::MembersRemoved { removed: vec![bare("a@h")], banned, deletes: false };
    let added = |unbanned| Change::MembersAdded { members: vec![member.clone()], unbanned };
    changes.extend([removed(vec![]), added(vec![]), removed(vec![bare("a@h")]), added(vec![bare("a@h")])]);
    changes.push(Change::Read { jid: bare("a@h"), upto: StanzaId(3), seen: 0 });
    changes[1..].iter().for_each(|change| memory.apply(change));
    let changes = changes.into_iter().map(|change| (gid("tea"), change)).collect();
    store.commit(&Batch { now: Timestamp(5), changes, ..Batch::default() }).await.unwrap();
    assert_eq!(memory.version, 5);
    assert_eq!(store.load(&gid("tea")).await.unwrap(), Some(memory));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stores_on_one_file_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(&folder);
    Store::open(&url).await.unwrap().migrate().await.unwrap();
    let mut tasks = Vec::new();
    for process in 0..2i64 {
        let store = Store::open(&url).await.unwrap();
        Twin::create(&store, &format!("g{process}"), &[], &["a@h"]).await;
        for task in 0..4i64 {
            let store = store.clone();
            tasks.push(tokio::spawn(async move {
                for n in 0..25i64 {
                    let group = format!("g{process}");
                    let id = 1 + process * 1_000 + task * 100 + n;
                    let batch = Batch {
                        versions: vec![(gid(&group), 1)],
                        changes: vec![(
                            gid(&group),
                            Change::Read { jid: bare("a@h"), upto: StanzaId(id), seen: 0 },
                        )],
                        archive: vec![message(&group, id, "a", None)],
                        ..Batch::default()
                    };
                    store.commit(&batch).await?;
                    store.load(&gid(&group)).await?;
                }
                Ok::<_, StoreError>(())
            }));
        }
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_decide_on_the_same_version_one_wins() {
    let store = store().await;
    let mut twin = Twin::create(&store, "tea", &[], &[]).await;
    for round in 0..20 {
        let version = twin.group.version;
        let deciders = (0..6).map(|n| {
            let (store, name) = (store.clone(), format!("Tea {round} {n}"));
            let change = Change::Updated(Settings { name: name.as_str().into(), ..Settings::default() });
            tokio::spawn(async move { store.commit(&batch_of(&gid("tea"), version, change)).await })
        });
        let mut won = 0;
        for decider in deciders.collect::<Vec<_>>() {
            match decider.await.unwrap() {
                Ok(()) => won += 1,
                Err(error) => assert_eq!(error, StoreError::Stale(gid("tea"))),
            }
        }
        assert_eq!(won, 1);
        twin.group = twin.loaded().await;
        assert_eq!(twin.group.version, version + 1);
    }
}
