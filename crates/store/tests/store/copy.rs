//! One database into another, and what is refused.

use groupchat_core::Command;
use groupchat_store::{Store, StoreError};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::support::*;

#[tokio::test]
async fn everything_is_copied_and_goes_on_there() {
    let store = store().await;
    let mut twin = Twin::create(&store, "测试群", &[("name", "下午茶 🫖")], &["测试五@h", "left@h"]).await;
    twin.ask("owner@h", &remove("left@h", true)).await.unwrap();
    twin.ask("owner@h", &Command::Post(say("奶茶?"))).await.unwrap();
    let target = Place::new().await;
    let other = Store::open(&target.url).await.unwrap();
    other.migrate().await.unwrap();
    let mut steps = Vec::new();
    let tables = store.copy_to(&other, |progress| steps.push(progress.doing)).await.unwrap();
    assert!(steps.len() >= 2 * tables.len());
    let rows = |name: &str| tables.iter().find(|table| table.name == name).unwrap().rows;
    assert_eq!((rows("tig_group"), rows("tig_group_member"), rows("tig_group_message")), (1, 3, 1));
    assert!(tables.iter().all(|table| table.checksum.len() == 64));
    // The copy counts on behind the highest keys.
    let mut copied = Twin { store: other.clone(), ..twin };
    copied.check().await;
    copied.ask("owner@h", &add(&[spec("new@h")])).await.unwrap();
    copied.check().await;
    let refused = store.copy_to(&other, |_| {}).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotEmpty { .. }), "{refused}");
}

#[tokio::test]
async fn databases_that_are_behind_are_refused() {
    let store = store().await;
    let target = Place::new().await;
    let other = Store::open(&target.url).await.unwrap();
    for refused in [store.copy_to(&other, |_| {}).await, other.copy_to(&store, |_| {}).await] {
        assert!(matches!(refused, Err(StoreError::Behind { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn no_table_is_forgotten() {
    let place = Place::new().await;
    let from = Store::open(&place.url).await.unwrap();
    from.migrate().await.unwrap();
    let target = Place::new().await;
    let to = Store::open(&target.url).await.unwrap();
    to.migrate().await.unwrap();
    let tables = from.copy_to(&to, |_| {}).await.unwrap();
    let db = place.connect().await;
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'tig%'",
        DbBackend::Postgres => "SELECT tablename::text AS name FROM pg_tables WHERE tablename LIKE 'tig%'",
        _ => {
            "SELECT CAST(table_name AS CHAR) AS name FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name LIKE 'tig%'"
        }
    };
    let rows = db.query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
    assert!(rows.len() >= 10);
    for row in rows {
        let name: String = row.try_get("", "name").unwrap();
        assert!(tables.iter().any(|table| table.name == name), "{name} is not copied");
    }
}
