//! Groups under a legal hold, and people who are forgotten.

use groupchat_core::{Command, Retraction, Timestamp};
use groupchat_store::portable::Record;
use groupchat_store::{ERASED, Hold, Store};

use crate::portable::{another, exported, import, lines, records};
use crate::support::*;

const DAY: i64 = 86_400_000;

/// A group of which two messages are said, one of bob's.
async fn talk(store: &Store, id: &str) -> Twin {
    let mut twin = Twin::create(store, id, &[("retention_days", "1")], &["bob@h"]).await;
    twin.ask("owner@h", &Command::Post(say("mine"))).await.unwrap();
    twin.now += 1;
    twin.ask("bob@h", &Command::Post(say("bob's"))).await.unwrap();
    twin
}

async fn retract(twin: &mut Twin, at: usize) {
    let id = twin.rows[at].id.to_string();
    let retraction = Retraction { id: id.as_str().into(), found: None, reason: None, post: None };
    twin.ask("owner@h", &Command::Retract(retraction)).await.unwrap();
}

async fn messages(store: &Store, id: &str) -> Vec<groupchat_store::portable::MessageRecord> {
    let all = exported(store, &gid(id)).await.into_iter();
    let message = |record| match record {
        Record::Message(message) => Some(*message),
        _ => None,
    };
    all.filter_map(message).collect()
}

#[tokio::test]
async fn of_a_held_group_nothing_goes() {
    let store = store().await;
    let mut twin = talk(&store, "tea").await;
    assert!(!store.hold(&gid("none"), "why", Timestamp(9)).await.unwrap());
    assert!(store.hold(&gid("tea"), "file 12", Timestamp(9)).await.unwrap());
    assert!(store.hold(&gid("tea"), "file 12/2", Timestamp(11)).await.unwrap());
    let hold = Hold { since: Timestamp(9), why: "file 12/2".into() };
    assert_eq!(store.held(&gid("tea")).await.unwrap(), Some(hold));
    assert_eq!(store.expire(Timestamp(9 * DAY), 100).await.unwrap(), 0);
    retract(&mut twin, 1).await;
    let kept = &messages(&store, "tea").await[1];
    assert_eq!((kept.body.as_deref(), kept.payload.as_str()), (None, ""), "its members see nothing of it");
    let original = kept.retracted.as_ref().unwrap().original.as_ref().unwrap();
    assert_eq!((original.body.as_deref(), original.payload.as_str()), (Some("bob's"), "<body>bob's</body>"));
    // All of that goes with an export, and what is there and held is not replaced.
    let before = lines(&exported(&store, &gid("tea")).await);
    let (_place, other) = another().await;
    import(&other, &records(&before), true).await.unwrap();
    assert_eq!(lines(&exported(&other, &gid("tea")).await), before);
    let group = match &records(&before)[0] {
        Record::Group(group) => (**group).clone(),
        record => panic!("{record:?}"),
    };
    let replace = groupchat_store::portable::WhenThere::Replace;
    let refused = other.import_group(group, &bare("groupchat.h"), replace, Timestamp(99)).await.unwrap_err();
    assert!(refused.to_string().contains("legal hold"), "{refused}");
    // Held no more, it is as others.
    assert!(store.release(&gid("tea")).await.unwrap());
    assert!(!store.release(&gid("tea")).await.unwrap());
    assert!(messages(&store, "tea").await[1].retracted.as_ref().unwrap().original.is_none());
    assert_eq!(store.expire(Timestamp(9 * DAY), 100).await.unwrap(), 2);
}

/// All that erasing does in the tables, as the engine does it for somebody who has left.
async fn erase(store: &Store, who: &str) {
    let jid = bare(who);
    for trace in store.traces(&jid).await.unwrap() {
        let mut after = 0;
        while let Some(last) = store.erase_written(&trace, after, 1, Timestamp(50)).await.unwrap() {
            after = last;
        }
        let mut after = 0;
        let without = |payload: &str| payload.replace(who, ERASED);
        while let Some(last) = store.erase_told((&trace.group, &jid), after, 1, without).await.unwrap() {
            after = last;
        }
        store.erase_memberships(&trace.group, &jid).await.unwrap();
    }
    store.erase_account(&jid).await.unwrap();
}

#[tokio::test]
async fn somebody_is_forgotten_where_nothing_is_held() {
    let store = store().await;
    let mut tea = talk(&store, "tea").await;
    let mut wine = talk(&store, "wine").await;
    tea.ask("bob@h", &Command::Post(say("more"))).await.unwrap();
    let device = groupchat_core::SessionChange::Learnt(jid("bob@h/x"), None, groupchat_core::StanzaId(0));
    let batch = groupchat_store::Batch { sessions: vec![device], ..Default::default() };
    store.commit(&batch).await.unwrap();
    store.hold(&gid("wine"), "file 12", Timestamp(9)).await.unwrap();
    for twin in [&mut tea, &mut wine] {
        twin.ask("bob@h", &Command::RemoveMembers(groupchat_core::Removal::default())).await.unwrap();
    }
    let traces = store.traces(&bare("bob@h")).await.unwrap();
    let found: Vec<_> = traces.iter().map(|t| (t.group.as_str(), t.is_in, t.is_held, t.messages)).collect();
    assert_eq!(found, [("tea", false, false, 2), ("wine", false, true, 1)]);
    let held = exported(&store, &gid("wine")).await;
    erase(&store, "bob@h").await;
    let said: Vec<_> = messages(&store, "tea").await;
    assert_eq!(said.iter().map(|row| row.body.as_deref()).collect::<Vec<_>>(), [Some("mine"), None, None]);
    assert!(said[1..].iter().all(|row| row.retracted.as_ref().unwrap().by == "bob" && row.sender == ERASED));
    let text = lines(&exported(&store, &gid("tea")).await).join("\n");
    assert!(!text.contains("bob@h") && text.contains("\"mid\":\"bob\""), "{text}");
    assert!(text.contains("\"preview\":\"0000000000001b58\""), "the newest that says something: {text}");
    assert_eq!(exported(&store, &gid("wine")).await, held, "what is held stays");
    let left = store.traces(&bare("bob@h")).await.unwrap();
    assert_eq!(left.iter().map(|trace| trace.group.as_str()).collect::<Vec<_>>(), ["wine"]);
    assert!(
        store.sessions().await.unwrap().is_empty() && !store.came_natively(&bare("bob@h")).await.unwrap()
    );
    // Once more changes nothing, and nobody else gets his member id.
    erase(&store, "bob@h").await;
    let loaded = tea.loaded().await;
    assert_eq!(loaded.mid_owner(&mid("bob")), Some(&bare(ERASED)));
}
