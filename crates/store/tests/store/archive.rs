//! The archive: appended in bulk, found one by one.

use groupchat_core::{Archived, ArchivedKind, StanzaId};
use groupchat_store::{Batch, Store};

use crate::support::*;

async fn archive(store: &Store, rows: Vec<Archived>) {
    store.commit(&Batch { archive: rows, ..Batch::default() }).await.unwrap();
}

fn event(group: &str, id: i64, author: &str, client_id: Option<&str>) -> Archived {
    Archived { kind: ArchivedKind::Event, body: None, ..message(group, id, author, client_id) }
}

#[tokio::test]
async fn a_message_is_found_by_both_its_ids() {
    let store = store().await;
    assert_eq!(store.last_stanza_id().await.unwrap(), StanzaId(0));
    let (first, second) = (message("tea", 1, "a", Some("m1")), message("tea", 2, "b", None));
    let (again, other) = (message("tea", 3, "a", Some("m1")), message("coffee", 4, "a", Some("m1")));
    // Somebody names his message by the stanza-id of another one.
    let posing = message("tea", 5, "c", Some(&first.id.to_string()));
    let event = event("tea", 6, "a", Some("m1"));
    archive(&store, [&first, &second, &again, &other, &posing, &event].map(Archived::clone).to_vec()).await;
    assert_eq!(store.last_stanza_id().await.unwrap(), StanzaId(6));
    let tea = gid("tea");
    let find = async |id: &str| store.message(&tea, id).await.unwrap();
    assert_eq!(find(&first.id.to_string()).await, Some(first.clone()), "the stanza-id goes first");
    assert_eq!(find(&second.id.to_string()).await, Some(second));
    assert_eq!(find("m1").await, Some(again), "the newest of the messages with this id");
    assert_eq!(find(&other.id.to_string()).await, None, "of another group");
    assert_eq!(find(&event.id.to_string()).await, None, "no message");
    assert_eq!(find("M1").await, None);
    assert_eq!(find("").await, None);
}

#[tokio::test]
async fn the_newest_message_by_others_is_no_event_and_not_ones_own() {
    let store = store().await;
    let tea = gid("tea");
    let newest = async |reader: &str| {
        let found = store.newest_found_by_others(&tea, &mid(reader), StanzaId(0)).await.unwrap();
        found.map(|message| message.id.0)
    };
    assert_eq!(newest("a").await, None);
    let rows = vec![
        message("tea", 1, "a", None),
        message("tea", 2, "b", None),
        message("tea", 3, "a", None),
        event("tea", 4, "c", None),
        message("coffee", 5, "c", None),
    ];
    archive(&store, rows).await;
    assert_eq!((newest("a").await, newest("b").await, newest("c").await), (Some(2), Some(3), Some(3)));
    let own = |from: i64, to: i64| (from..to).map(|id| message("tea", id, "a", None)).collect();
    archive(&store, own(10, 300)).await;
    assert_eq!(newest("a").await, Some(2), "far back");
    archive(&store, own(300, 700)).await;
    assert_eq!((newest("a").await, newest("b").await), (None, Some(699)), "not for ever");
}

#[tokio::test]
async fn many_and_large_rows_are_stored() {
    let store = store().await;
    let many: Vec<_> = (1..=2_500).map(|id| message("tea", id, "a", Some("m"))).collect();
    archive(&store, many.clone()).await;
    let large = |id| {
        let text = "茶".repeat(100_000);
        Archived { payload: text.as_str().into(), body: Some(text.into()), ..message("tea", id, "a", None) }
    };
    let rows: Vec<_> = (3_001..=3_020).map(large).collect();
    archive(&store, rows.clone()).await;
    let tea = gid("tea");
    for row in many.iter().step_by(499).chain(&rows) {
        assert_eq!(store.message(&tea, &row.id.to_string()).await.unwrap().as_ref(), Some(row));
    }
    assert_eq!(store.last_stanza_id().await.unwrap(), StanzaId(3_020));
}
