//! Messages that a group does not keep for ever.

use groupchat_core::page::From;
use groupchat_core::reading::ArchiveFilter;
use groupchat_core::{Archived, Command, Mentions, Timestamp};
use groupchat_store::{ArchiveScope, Batch, Store};

use crate::support::*;

const DAY: i64 = 86_400_000;

async fn left(store: &Store) -> Vec<i64> {
    let scope = ArchiveScope::AllOf(bare("me@h"));
    let found = store.archive(&scope, &ArchiveFilter::default(), &page(From::Start, 99)).await.unwrap();
    found.items.iter().map(|row| row.archived.at.0 / DAY).collect()
}

#[tokio::test]
async fn old_messages_go_where_they_are_not_kept() {
    let store = store().await;
    let week = [("retention_days", "7")];
    let month = [("retention_days", "30")];
    for (id, settings) in [("week", &week[..]), ("month", &month), ("ever", &[])] {
        Twin::create(&store, id, settings, &["me@h"]).await;
    }
    let row = |group: &str, day: i64| Archived {
        mentions: Mentions { all: true, members: vec![] },
        ..message(group, day * DAY * 1_000 + day, "owner", None)
    };
    let archive =
        [("ever", 1), ("month", 2), ("month", 3), ("week", 4), ("week", 5), ("month", 90), ("week", 91)];
    let archive = archive.map(|(group, day)| row(group, day)).to_vec();
    store.commit(&Batch { archive, ..Batch::default() }).await.unwrap();
    let at = |day: i64| Timestamp(day * DAY);
    assert_eq!(store.expire(at(8), 9).await.unwrap(), 0);
    assert_eq!(left(&store).await, [1, 2, 3, 4, 5, 90, 91]);
    assert_eq!(store.expire(at(97), 1).await.unwrap(), 1);
    assert_eq!(left(&store).await, [1, 3, 4, 5, 90, 91], "the oldest first");
    assert_eq!(store.expire(at(97), 2).await.unwrap(), 2);
    assert_eq!(left(&store).await, [1, 5, 90, 91]);
    assert_eq!(store.expire(at(97), 9).await.unwrap(), 1);
    assert_eq!(store.expire(at(97), 9).await.unwrap(), 0);
    assert_eq!(left(&store).await, [1, 90, 91]);
    let inbox = store.inbox(&bare("me@h"), &page(From::Start, 9), Timestamp(0)).await.unwrap();
    assert_eq!(inbox.total_mentions, 3, "those of the messages went with them");
}

#[tokio::test]
async fn what_is_gone_is_not_unread() {
    let store = store().await;
    let mut twin = Twin::create(&store, "tea", &[("retention_days", "1")], &["me@h"]).await;
    for day in [1, 2, 3] {
        twin.now = day * DAY;
        twin.ask("owner@h", &Command::Post(say("hi"))).await.unwrap();
    }
    let unread = async || {
        let inbox = store.inbox(&bare("me@h"), &page(From::Start, 9), Timestamp(0)).await.unwrap();
        let row = inbox.page.items.into_iter().next().unwrap();
        (row.unread, row.last.is_some())
    };
    assert_eq!(unread().await, (3, true));
    assert_eq!(store.expire(Timestamp(3 * DAY + 1), 9).await.unwrap(), 2);
    assert_eq!(unread().await, (1, true));
    assert_eq!(store.expire(Timestamp(9 * DAY), 9).await.unwrap(), 1);
    assert_eq!(unread().await, (0, false));
}

#[tokio::test]
async fn ones_own_messages_do_not_stand_for_those_of_others_that_are_gone() {
    let store = store().await;
    let mut twin = Twin::create(&store, "tea", &[("retention_days", "1")], &["me@h"]).await;
    for (day, author) in
        [(1, "owner@h"), (2, "owner@h"), (3, "me@h"), (3, "me@h"), (3, "me@h"), (3, "owner@h")]
    {
        twin.now = day * DAY;
        twin.ask(author, &Command::Post(say("hi"))).await.unwrap();
    }
    let unread = async || {
        let inbox = store.inbox(&bare("me@h"), &page(From::Start, 9), Timestamp(0)).await.unwrap();
        inbox.total_unread
    };
    assert_eq!(unread().await, 3);
    assert_eq!(store.expire(Timestamp(3 * DAY + DAY / 2), 99).await.unwrap(), 2);
    assert_eq!(unread().await, 1, "the one of the owner that is still there");
}
