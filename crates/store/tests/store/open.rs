//! Opening and migrating.

use groupchat_store::{Store, StoreError};

use crate::support::url;

#[tokio::test]
async fn the_file_is_made_and_migrating_twice_is_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&url(&folder)).await.unwrap();
    let statuses = store.migrations().await.unwrap();
    assert!(!statuses.is_empty() && statuses.iter().all(|one| one.known && !one.applied));
    store.migrate().await.unwrap();
    store.migrate().await.unwrap();
    assert!(store.migrations().await.unwrap().iter().all(|one| one.known && one.applied));
    store.close().await.unwrap();
    assert!(folder.path().join("groupchat.db").is_file());
    let again = Store::open(&url(&folder)).await.unwrap();
    assert!(again.migrations().await.unwrap().iter().all(|one| one.applied));
}

#[tokio::test]
async fn two_processes_may_migrate_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(&folder);
    let migrate = || async {
        let store = Store::open(&url).await?;
        store.migrate().await
    };
    let (one, two, three) = tokio::join!(migrate(), migrate(), migrate());
    one.and(two).and(three).unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(&folder);
    Store::open(&url).await.unwrap().migrate().await.unwrap();
    let db = sea_orm::Database::connect(&url).await.unwrap();
    let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29990101_000001_future', 0)";
    sea_orm::ConnectionTrait::execute_unprepared(&db, newer).await.unwrap();
    let store = Store::open(&url).await.unwrap();
    let refused = store.migrate().await.unwrap_err();
    assert_eq!(refused, StoreError::Newer { unknown: vec!["m29990101_000001_future".into()] });
    assert!(refused.to_string().contains("m29990101_000001_future: run the newer version"), "{refused}");
    assert!(store.migrations().await.unwrap().iter().any(|one| one.applied && !one.known));
}

#[tokio::test]
async fn a_foreign_table_of_our_name_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let url = url(&folder);
    let db = sea_orm::Database::connect(format!("{url}?mode=rwc")).await.unwrap();
    sea_orm::ConnectionTrait::execute_unprepared(&db, "CREATE TABLE tig_group (uid INTEGER)").await.unwrap();
    let store = Store::open(&url).await.unwrap();
    let refused = store.migrate().await.unwrap_err().to_string();
    assert!(refused.contains("`tig_group`") && refused.contains("use another database"), "{refused}");
    assert!(store.migrations().await.unwrap().iter().all(|one| !one.applied), "all or nothing");
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
