//! Pages of lists: forwards, backwards, the last one, the count alone, beside an item that is gone.

use groupchat_core::page::From;
use groupchat_store::{Store, StoreError};

use crate::support::*;

fn after(key: &str) -> From {
    From::After(key.into())
}

fn before(key: &str) -> From {
    From::Before(key.into())
}

/// The keys of a page as one text, where it begins, how long the list is.
async fn members(store: &Store, from: From, items_max: usize) -> (String, usize, usize) {
    let found = store.members(&gid("tea"), &page(from, items_max)).await.unwrap();
    let keys: Vec<_> = found.items.iter().map(|member| member.mid.as_str()).collect();
    (keys.join(" "), found.first_index, found.total)
}

async fn groups_of(store: &Store, from: From, items_max: usize) -> (String, usize, usize) {
    let found = store.groups_of(&bare("me@h"), &page(from, items_max)).await.unwrap();
    let keys: Vec<_> = found.items.iter().map(|group| group.id.as_str()).collect();
    (keys.join(" "), found.first_index, found.total)
}

async fn public(store: &Store, from: From, items_max: usize) -> (String, usize, usize) {
    let found = store.public_groups(&page(from, items_max)).await.unwrap();
    let keys: Vec<_> = found.items.iter().map(|group| group.id.as_str()).collect();
    (keys.join(" "), found.first_index, found.total)
}

#[tokio::test]
async fn members_by_pages() {
    let store = store().await;
    let mut twin = Twin::create(&store, "tea", &[], &["z@h", "b@h", "gone@h", "a@h", "c@h"]).await;
    Twin::create(&store, "other", &[], &["z@h"]).await;
    twin.ask("owner@h", &remove("gone@h", false)).await.unwrap();
    let all = "owner z b a c".to_owned();
    assert_eq!(members(&store, From::Start, 100).await, (all.clone(), 0, 5));
    assert_eq!(members(&store, From::End, 100).await, (all, 0, 5));
    assert_eq!(members(&store, From::Start, 2).await, ("owner z".into(), 0, 5));
    assert_eq!(members(&store, after("z"), 2).await, ("b a".into(), 2, 5));
    assert_eq!(members(&store, after("a"), 2).await, ("c".into(), 4, 5));
    assert_eq!(members(&store, after("c"), 2).await, (String::new(), 0, 5));
    assert_eq!(members(&store, From::End, 2).await, ("a c".into(), 3, 5));
    assert_eq!(members(&store, before("a"), 2).await, ("z b".into(), 1, 5));
    assert_eq!(members(&store, before("z"), 2).await, ("owner".into(), 0, 5));
    assert_eq!(members(&store, before("owner"), 2).await, (String::new(), 0, 5));
    assert_eq!(members(&store, From::Start, 0).await, (String::new(), 0, 5));
    for from in [after("gone"), before("nobody"), after("Z")] {
        let gone = store.members(&gid("tea"), &page(from, 2)).await;
        assert!(matches!(gone, Err(StoreError::NoSuchItem(_))), "{gone:?}");
    }
}

#[tokio::test]
async fn groups_by_pages() {
    let store = store().await;
    for id in ["d", "b", "a", "c"] {
        Twin::create(&store, id, &[("visibility", "public"), ("name", "Tea")], &["me@h"]).await;
    }
    Twin::create(&store, "bb", &[("visibility", "private")], &[]).await;
    macro_rules! check {
        ($list:ident, $from:expr, $items_max:expr, $expected:expr) => {
            let (keys, first_index, total) = $list(&store, $from, $items_max).await;
            assert_eq!((keys.as_str(), first_index, total), $expected);
        };
    }
    macro_rules! check_both {
        ($from:expr, $items_max:expr, $expected:expr) => {
            check!(groups_of, $from, $items_max, $expected);
            check!(public, $from, $items_max, $expected);
        };
    }
    check_both!(From::Start, 3, ("a b c", 0, 4));
    check_both!(after("b"), 3, ("c d", 2, 4));
    check_both!(From::End, 3, ("b c d", 1, 4));
    check_both!(before("d"), 2, ("b c", 1, 4));
    check_both!(From::Start, 0, ("", 0, 4));
    // A group that is gone still has its place in the order of ids.
    check_both!(after("bb"), 1, ("c", 2, 4));
    check_both!(before("bb"), 1, ("b", 1, 4));
    let found = store.groups_of(&bare("me@h"), &page(From::Start, 1)).await.unwrap();
    assert_eq!((found.items[0].name.as_str(), found.items[0].members), ("Tea", 2));
    assert_eq!(store.groups_of(&bare("nobody@h"), &page(From::End, 9)).await.unwrap().total, 0);
}
