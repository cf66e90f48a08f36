//! Messages as the rules need them, who has read them, and who has just sent some.

use groupchat_core::{Archived, ArchivedKind, Command, Found, MessageRef, ReadReceipt, StanzaId, Timestamp};
use groupchat_store::{Batch, Reader, Sent};

use crate::support::*;

#[tokio::test]
async fn what_is_read_with_a_message_is_all_up_to_it_and_ones_own_behind_it() {
    let store = store().await;
    let mut twin = Twin::create(&store, "tea", &[], &["a@h", "b@h"]).await;
    for (author, text, client_id) in [
        ("a@h", "1", None),
        ("b@h", "2", Some("x")),
        ("a@h", "3", None),
        ("a@h", "", None),
        ("b@h", "4", None),
        ("a@h", "5", Some("y")),
    ] {
        let post = groupchat_core::Post { client_id: client_id.map(Into::into), ..say(text) };
        twin.ask(author, &Command::Post(post)).await.unwrap();
    }
    let (tea, second) = (twin.group.id.clone(), twin.rows[1].clone());
    let found = Found { id: second.id, mid: mid("b"), named: "x".into(), seen: 2 };
    assert_eq!(store.found(&tea, "x").await.unwrap(), Some(found.clone()));
    let by_stanza_id = store.found(&tea, &second.id.to_string()).await.unwrap();
    assert_eq!(by_stanza_id, Some(Found { named: second.id.to_string().into(), ..found }));
    assert_eq!(store.found(&tea, "no").await.unwrap(), None);
    let own = async |name| store.own_after(&tea, &mid(name), second.id).await.unwrap();
    assert_eq!((own("a").await, own("b").await, own("stranger").await), (2, 1, 0));
    let newest =
        async |reader| store.newest_found_by_others(&tea, &mid(reader), StanzaId(0)).await.unwrap().unwrap();
    let of_a = newest("a").await;
    assert_eq!((of_a.id, &*of_a.named, of_a.seen), (twin.rows[4].id, &*twin.rows[4].id.to_string(), 4));
    let of_b = newest("b").await;
    assert_eq!((of_b.id, &*of_b.named, of_b.seen), (twin.rows[5].id, "y", 5));
}

#[tokio::test]
async fn who_has_read_a_message() {
    let store = store().await;
    let mut twin = Twin::create(&store, "tea", &[], &["a@h", "b@h", "c@h", "gone@h"]).await;
    for author in ["a@h", "b@h"] {
        twin.ask(author, &Command::Post(say("hi"))).await.unwrap();
    }
    let (first, second) = (twin.rows[0].id, twin.rows[1].id);
    for (reader, message, at) in [("b@h", first, 50), ("c@h", second, 60), ("gone@h", first, 70)] {
        twin.now = at;
        let message = MessageRef::Id(message.to_string().into());
        let receipt = ReadReceipt { client_id: None, message, found: None, displayed: true };
        twin.ask(reader, &Command::Read(receipt)).await.unwrap();
    }
    twin.ask("owner@h", &remove("gone@h", false)).await.unwrap();
    let reader = |name: &str, at| Reader { mid: mid(name), at: Timestamp(at) };
    let receipts = async |message| store.receipts(&twin.group.id, message).await.unwrap();
    assert_eq!(receipts(first).await, (vec![reader("b", 50), reader("c", 60)], 1));
    assert_eq!(receipts(second).await, (vec![reader("c", 60)], 2));
}

#[tokio::test]
async fn what_was_sent_lately() {
    let store = store().await;
    let event = Archived { kind: ArchivedKind::Event, ..message("tea", 5_000, "a", Some("e")) };
    let archive = vec![
        message("tea", 1_999, "a", Some("1")),
        message("tea", 2_000, "a", Some("2")),
        message("tea", 3_000, "a", None),
        message("cup", 4_000, "b", Some("2")),
        event,
    ];
    store.commit(&Batch { archive, ..Batch::default() }).await.unwrap();
    let sent = |group: &str, sender: &str, id| Sent {
        group: gid(group),
        sender: jid(&format!("{sender}/家 🐎")),
        client_id: "2".into(),
        id: StanzaId(id),
    };
    let (older, newer) = (sent("tea", "a@h", 2_000), sent("cup", "b@h", 4_000));
    assert_eq!(store.recent(Timestamp(2), 9).await.unwrap(), [older, newer.clone()]);
    assert_eq!(store.recent(Timestamp(2), 1).await.unwrap(), [newer]);
    assert_eq!(store.recent(Timestamp(5), 9).await.unwrap(), []);
}
