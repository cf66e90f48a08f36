//! The inbox: groups by their last activity, and what is unread there.

use groupchat_core::page::From;
use groupchat_core::reading::Inbox;
use groupchat_core::{
    Archived, ArchivedKind, Command, MemberRef, MentionsAsked, MessageRef, ReadReceipt, Receive, Role,
    StanzaId, Timestamp,
};
use groupchat_store::{Batch, Store, StoreError};

use crate::support::*;

async fn inbox(store: &Store, from: From, items_max: usize) -> Inbox {
    store.inbox(&bare("me@h"), &page(from, items_max), Timestamp(100)).await.unwrap()
}

fn keys(inbox: &Inbox) -> String {
    let keys: Vec<_> = inbox.page.items.iter().map(|row| row.id.as_str()).collect();
    keys.join(" ")
}

#[tokio::test]
async fn the_newest_activity_comes_first() {
    let store = store().await;
    for id in ["d", "b", "a", "c", "e"] {
        Twin::create(&store, id, &[], &["me@h"]).await;
    }
    let mut gone = Twin::create(&store, "gone", &[], &["me@h"]).await;
    gone.ask("owner@h", &remove("me@h", false)).await.unwrap();
    let event = Archived { kind: ArchivedKind::Event, body: None, ..message("e", 4, "owner", None) };
    let archive =
        vec![message("b", 1, "owner", None), message("e", 2, "owner", None), message("c", 3, "x", None)];
    store.commit(&Batch { archive, ..Batch::default() }).await.unwrap();
    store.commit(&Batch { archive: vec![event], ..Batch::default() }).await.unwrap();
    let all = inbox(&store, From::Start, 9).await;
    assert_eq!((keys(&all).as_str(), all.page.first_index, all.page.total), ("e c b a d", 0, 5));
    assert_eq!(all.page.items[0].last.as_ref().map(|last| last.id.0), Some(2), "an event says nothing");
    assert_eq!(all.page.items[3].last, None);
    for (from, items_max, expected, first_index) in [
        (From::Start, 2, "e c", 0),
        (From::After("c".into()), 2, "b a", 2),
        (From::After("d".into()), 2, "", 0),
        (From::Before("a".into()), 2, "c b", 1),
        (From::Before("c".into()), 2, "e", 0),
        (From::End, 2, "a d", 3),
        (From::Start, 0, "", 0),
    ] {
        let part = inbox(&store, from, items_max).await;
        assert_eq!(
            (keys(&part).as_str(), part.page.first_index, part.page.total),
            (expected, first_index, 5)
        );
    }
    let missing = store.inbox(&bare("me@h"), &page(From::After("gone".into()), 1), Timestamp(1)).await;
    assert_eq!(missing, Err(StoreError::NoSuchItem("gone".into())));
    let nobody = store.inbox(&bare("nobody@h"), &page(From::End, 9), Timestamp(1)).await.unwrap();
    assert_eq!((nobody.page.total, nobody.total_unread, nobody.unread_groups), (0, 0, 0));
}

#[tokio::test]
async fn what_is_unread_is_others_since_joining() {
    let store = store().await;
    let mut tea = Twin::create(&store, "tea", &[("mention_all", "members")], &["x@h"]).await;
    let mut coffee = Twin::create(&store, "coffee", &[], &["me@h"]).await;
    let post = |all: bool, members: &[&str]| {
        let members = members.iter().map(|jid| MemberRef::Jid(bare(jid))).collect();
        Command::Post(groupchat_core::Post { mentions: MentionsAsked { all, members }, ..say("hi") })
    };
    tea.now = 10;
    tea.ask("x@h", &post(true, &[])).await.unwrap();
    tea.now = 20;
    tea.ask("owner@h", &add(&[spec("me@h")])).await.unwrap();
    tea.now = 30;
    for (author, command) in [
        ("x@h", post(true, &["me@h"])),
        ("x@h", post(false, &["me@h"])),
        ("x@h", post(false, &["owner@h"])),
        ("me@h", post(true, &["me@h"])),
        ("x@h", Command::Post(say(""))),
    ] {
        tea.ask(author, &command).await.unwrap();
    }
    coffee.now = 40;
    coffee.ask("owner@h", &post(false, &[])).await.unwrap();
    let found = inbox(&store, From::Start, 9).await;
    let counts =
        |inbox: &Inbox| inbox.page.items.iter().map(|row| (row.unread, row.mentions)).collect::<Vec<_>>();
    assert_eq!((keys(&found).as_str(), counts(&found)), ("coffee tea", vec![(1, 0), (3, 2)]));
    assert_eq!((found.total_unread, found.total_mentions, found.unread_groups), (4, 2, 2));
    let part = inbox(&store, From::Start, 1).await;
    assert_eq!(
        (part.total_unread, part.total_mentions, part.unread_groups),
        (4, 2, 2),
        "of all, not of the page"
    );
    // All up to the second one is read; his own message between is none to him.
    let second = tea.rows[2].id;
    let message = MessageRef::Id(second.to_string().into());
    let receipt = ReadReceipt { client_id: None, message, found: None, displayed: true };
    tea.ask("me@h", &Command::Read(receipt)).await.unwrap();
    let found = inbox(&store, From::Start, 9).await;
    assert_eq!((counts(&found), found.page.items[1].read), (vec![(1, 0), (1, 0)], second));
}

#[tokio::test]
async fn what_reaches_ones_devices_is_told() {
    let store = store().await;
    let mut tea = Twin::create(&store, "tea", &[], &["me@h"]).await;
    for (until, shown) in [("101", Some(Timestamp(101))), ("100", None), ("", None)] {
        let own = Command::MySettings(properties(&[("receive", "mentions"), ("mute_until", until)]));
        tea.ask("me@h", &own).await.unwrap();
        tea.check().await;
        let row = inbox(&store, From::Start, 9).await.page.items.remove(0);
        assert_eq!((row.receive, row.mute_until, row.role), (Receive::Mentions, shown, Role::Member));
        assert_eq!((row.name.as_str(), row.read), ("tea", StanzaId(0)));
    }
}
