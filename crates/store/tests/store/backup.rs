//! A copy of a SQLite file while it is in use.

use std::os::unix::fs::PermissionsExt as _;

use groupchat_core::Command;
use groupchat_store::{Store, StoreError};

use crate::support::*;

#[tokio::test]
async fn a_backup_is_what_was_there_and_the_original_goes_on() {
    if std::env::var_os(SERVER).is_some() {
        let folder = tempfile::tempdir().unwrap();
        let refused = store().await.back_up(&folder.path().join("b.db")).await.unwrap_err().to_string();
        assert!(refused.contains("pg_dump") || refused.contains("mariadb-dump"), "{refused}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&url(&folder)).await.unwrap();
    store.migrate().await.unwrap();
    let mut twin = Twin::create(&store, "tea", &[], &["a@h"]).await;
    twin.ask("a@h", &Command::Post(say("before"))).await.unwrap();
    let file = folder.path().join("a backup 100% ?.db");
    let size = store.back_up(&file).await.unwrap();
    let then = twin.group.clone();
    twin.ask("a@h", &Command::Post(say("after"))).await.unwrap();
    let metadata = std::fs::metadata(&file).unwrap();
    assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (size, 0o600));
    let again = store.back_up(&file).await.unwrap_err();
    assert!(matches!(again, StoreError::Backup { .. }) && again.to_string().contains("exists"), "{again}");
    std::fs::rename(&file, folder.path().join("restored.db")).unwrap();
    let restored = format!("sqlite://{}", folder.path().join("restored.db").display());
    let restored = Store::open(&restored).await.unwrap();
    assert_eq!(restored.load(&then.id).await.unwrap(), Some(then));
    let nowhere = store.back_up(&folder.path().join("no/such/folder.db")).await.unwrap_err();
    assert!(matches!(nowhere, StoreError::Backup { .. }), "{nowhere}");
}
