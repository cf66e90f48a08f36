//! Pictures of groups, while they change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use groupchat_core::{Avatar, Change};
use groupchat_store::Store;

use crate::support::*;

/// Changes of the picture, and readers meanwhile.
const CHANGES: usize = 150;
const READERS: usize = 3;

/// Pictures that tell by their hash which they are.
fn picture(number: usize) -> Avatar {
    let data = format!("{number:04}");
    Avatar { hash: format!("hash of {data}").into(), kind: "image/png".into(), data: data.into(), bytes: 3 }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_comes_with_its_own_hash_while_it_is_changed() {
    let place = Place::new().await;
    let store = Store::open(&place.url).await.unwrap();
    store.migrate().await.unwrap();
    let mut tea = Twin::create(&store, "tea", &[], &[]).await;
    tea.change(Change::Avatar(Some(picture(0)))).await.unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let read = |store: Store, is_over: Arc<AtomicBool>| async move {
        while !is_over.load(Ordering::SeqCst) {
            let found = store.avatar(&gid("tea")).await.unwrap().unwrap();
            assert_eq!(*found.hash, format!("hash of {}", found.data));
        }
    };
    let readers: Vec<_> =
        (0..READERS).map(|_| tokio::spawn(read(store.clone(), Arc::clone(&is_over)))).collect();
    for number in 1..=CHANGES {
        tea.change(Change::Avatar(Some(picture(number)))).await.unwrap();
    }
    is_over.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
}
