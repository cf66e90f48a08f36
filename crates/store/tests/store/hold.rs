//! Groups under a legal hold, and people who are forgotten.

use groupchat_core::{Archived, ArchivedKind, Avatar, Change, Command, Retraction, StanzaId, Timestamp};
use groupchat_store::portable::Record;
use groupchat_store::{ERASED, Erased, Hold, Store, Stretch, Trace};

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
pub(crate) async fn erase(store: &Store, who: &str) {
    for trace in store.traces(&bare(who)).await.unwrap() {
        let upto = store.newest(&trace.group).await.unwrap();
        erase_in(store, who, &trace, upto).await;
    }
    store.erase_account(&bare(who)).await.unwrap();
}

/// In one group, a row at a time; `false`: it is held.
async fn erase_in(store: &Store, who: &str, trace: &Trace, upto: StanzaId) -> bool {
    let jid = bare(who);
    let without = |payload: &str, _| payload.replace(who, ERASED);
    for part in 0..3 {
        let mut stretch = Stretch { after: 0, upto, rows_max: 1 };
        loop {
            let erased = match part {
                0 => store.erase_written(trace, stretch, Timestamp(50)).await,
                1 => store.erase_told((&trace.group, &jid), stretch, without).await,
                _ => store.erase_marks(trace, stretch).await,
            };
            match erased.unwrap() {
                Erased::To(last) => stretch.after = last,
                Erased::All => break,
                Erased::Held => return false,
            }
        }
    }
    store.erase_memberships(&trace.group, &jid).await.unwrap()
}

/// Stores what the group said of a change.
async fn told(store: &Store, group: &str, payload: &str) {
    let id = store.last_stanza_id().await.unwrap().next(Timestamp(20));
    let event = Archived {
        kind: ArchivedKind::Event,
        body: None,
        payload: payload.into(),
        ..message(group, id.0, "owner", None)
    };
    store
        .commit(&groupchat_store::Batch { archive: vec![event], ..groupchat_store::Batch::default() })
        .await
        .unwrap();
}

#[tokio::test]
async fn who_is_only_named_is_found_and_nobody_like_him() {
    let store = store().await;
    for id in ["tea", "wine", "milk"] {
        talk(&store, id).await;
    }
    told(&store, "tea", "<item jid='mal_ory@h' nick='M'/>").await;
    told(&store, "wine", "<item jid='mal_ory@h/pda'/>").await;
    told(&store, "milk", "<item jid='xmal_ory@h'/><item jid='mal_ory@h.lit'/>").await;
    let found = async |who: &str| {
        let traces = store.traces(&bare(who)).await.unwrap();
        traces.into_iter().map(|trace| trace.group.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(found("mal_ory@h").await, ["tea", "wine"]);
    erase(&store, "mal_ory@h").await;
    assert!(found("mal_ory@h").await.is_empty());
    assert_eq!(found("xmal_ory@h").await, ["milk"]);
}

#[tokio::test]
async fn what_is_said_after_coming_back_stays_and_a_hold_meanwhile_is_told() {
    let store = store().await;
    let mut tea = talk(&store, "tea").await;
    let trace = store.traces(&bare("bob@h")).await.unwrap().remove(0);
    let upto = store.newest(&gid("tea")).await.unwrap();
    tea.now += 1;
    tea.ask("bob@h", &Command::Post(say("back"))).await.unwrap();
    told(&store, "tea", "<item jid='bob@h'/>").await;
    store.hold(&gid("tea"), "file 12", Timestamp(9)).await.unwrap();
    assert!(!erase_in(&store, "bob@h", &trace, upto).await);
    assert_eq!(messages(&store, "tea").await[1].body.as_deref(), Some("bob's"));
    store.release(&gid("tea")).await.unwrap();
    assert!(erase_in(&store, "bob@h", &trace, upto).await);
    let said = messages(&store, "tea").await;
    let bodies: Vec<_> = said.iter().map(|row| row.body.as_deref()).collect();
    assert_eq!(bodies, [Some("mine"), None, Some("back"), None]);
    assert_eq!(said[3].payload, "<item jid='bob@h'/>");
}

#[tokio::test]
async fn why_he_took_something_back_goes_with_him() {
    let store = store().await;
    let mut tea = talk(&store, "tea").await;
    for (at, reason) in [(0, "owner's words"), (1, "he was rude")] {
        let id = tea.rows[at].id.to_string();
        let reason = Some(reason.into());
        let retraction = Retraction { id: id.as_str().into(), found: None, reason, post: None };
        tea.ask("owner@h", &Command::Retract(retraction)).await.unwrap();
    }
    let reasons = async || {
        let said = messages(&store, "tea").await.into_iter();
        said.map(|row| row.retracted.and_then(|retracted| retracted.reason)).collect::<Vec<_>>()
    };
    assert!(reasons().await.iter().any(Option::is_some));
    erase(&store, "owner@h").await;
    assert!(reasons().await.iter().all(Option::is_none));
}

#[tokio::test]
async fn the_picture_of_a_held_group_outlives_the_group() {
    let store = store().await;
    for (id, is_held) in [("tea", true), ("wine", false)] {
        let mut twin = talk(&store, id).await;
        let picture = Avatar { hash: "h".into(), kind: "image/png".into(), data: "AAAA".into(), bytes: 3 };
        twin.change(Change::Avatar(Some(picture))).await.unwrap();
        if is_held {
            store.hold(&gid(id), "file 12", Timestamp(9)).await.unwrap();
        }
        twin.change(Change::Deleted).await.unwrap();
        assert_eq!(store.avatar(&gid(id)).await.unwrap().is_some(), is_held);
        store.release(&gid(id)).await.unwrap();
        assert_eq!(store.avatar(&gid(id)).await.unwrap(), None);
    }
}

#[tokio::test]
async fn somebody_is_forgotten_where_nothing_is_held() {
    let store = store().await;
    let mut tea = talk(&store, "tea").await;
    let mut wine = talk(&store, "wine").await;
    tea.ask("bob@h", &Command::Post(say("more"))).await.unwrap();
    let device = groupchat_core::SessionChange::Learnt(jid("bob@h/x"), None, StanzaId(0));
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
