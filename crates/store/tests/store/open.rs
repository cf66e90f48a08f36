//! Opening: what is made, and what cannot be opened.

use groupchat_store::{Store, StoreError};

use crate::support::url;

#[tokio::test]
async fn the_file_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&url(&folder)).await.unwrap();
    store.close().await.unwrap();
    assert!(folder.path().join("groupchat.db").is_file());
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let missing = format!("sqlite://{}/no/such/groupchat.db", folder.path().display());
    let error = Store::open(&missing).await.unwrap_err();
    assert!(matches!(&error, StoreError::NoFolder { folder } if folder.ends_with("no/such")), "{error}");
    let directory = format!("sqlite://{}", folder.path().display());
    assert!(matches!(Store::open(&directory).await, Err(StoreError::Open { .. })));
    std::fs::write(folder.path().join("groupchat.db"), "no database, but long enough to look at".repeat(40))
        .unwrap();
    assert!(matches!(Store::open(&url(&folder)).await, Err(StoreError::Open { .. })));
    for bad in ["groupchat.db", "redis://h", "postgres:h", "sqlite://", "sqlite:", ""] {
        let error = Store::open(bad).await.map(drop).unwrap_err();
        assert!(matches!(error, StoreError::Url { .. }), "{bad}: {error}");
    }
    let nobody = Store::open("postgres://me:secret@127.0.0.1:1/g").await.unwrap_err().to_string();
    assert!(nobody.contains("postgres://me@127.0.0.1:1/g") && !nobody.contains("secret"), "{nobody}");
    assert!(nobody.contains("refused"), "{nobody}");
}
