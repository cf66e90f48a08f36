//! The schema: from every older one, interrupted anywhere, by several processes at once.

use std::sync::{Arc, Mutex};

use groupchat_core::BareJid;
use groupchat_migration::{Migrator, MigratorTrait};
use groupchat_store::{Store, StoreError};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};

use crate::support::Place;

#[tokio::test]
async fn migrating_twice_is_harmless() {
    let place = Place::new().await;
    let store = Store::open(&place.url).await.unwrap();
    let statuses = store.migrations().await.unwrap();
    assert!(!statuses.is_empty() && statuses.iter().all(|one| one.known && !one.applied));
    store.migrate().await.unwrap();
    store.migrate().await.unwrap();
    assert!(store.migrations().await.unwrap().iter().all(|one| one.known && one.applied));
    store.close().await.unwrap();
    let again = Store::open(&place.url).await.unwrap();
    assert!(again.migrations().await.unwrap().iter().all(|one| one.applied));
}

#[tokio::test]
async fn two_processes_may_migrate_at_once() {
    let place = Place::new().await;
    let migrate = || async {
        let store = Store::open(&place.url).await?;
        store.migrate().await
    };
    let (one, two, three) = tokio::join!(migrate(), migrate(), migrate());
    one.and(two).and(three).unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let place = Place::new().await;
    Store::open(&place.url).await.unwrap().migrate().await.unwrap();
    let db = Database::connect(&place.url).await.unwrap();
    let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29990101_000001_future', 0)";
    db.execute_unprepared(newer).await.unwrap();
    let store = Store::open(&place.url).await.unwrap();
    let refused = store.migrate().await.unwrap_err();
    assert_eq!(refused, StoreError::Newer { unknown: vec!["m29990101_000001_future".into()] });
    assert!(refused.to_string().contains("m29990101_000001_future: run the newer version"), "{refused}");
    assert!(store.migrations().await.unwrap().iter().any(|one| one.applied && !one.known));
}

#[tokio::test]
async fn a_foreign_table_of_our_name_is_not_touched() {
    let place = Place::new().await;
    let db = place.connect().await;
    db.execute_unprepared("CREATE TABLE tig_group (uid INTEGER)").await.unwrap();
    let store = Store::open(&place.url).await.unwrap();
    let refused = store.migrate().await.unwrap_err().to_string();
    assert!(refused.contains("`tig_group`") && refused.contains("use another database"), "{refused}");
    assert!(store.migrations().await.unwrap().iter().all(|one| !one.applied), "nothing was done");
}

#[tokio::test]
async fn every_older_schema_is_brought_up_to_date() {
    let newest = {
        let place = Place::new().await;
        Store::open(&place.url).await.unwrap().migrate().await.unwrap();
        schema(&place.connect().await).await
    };
    for steps in 1..groupchat_migration::known().len() {
        let place = Place::new().await;
        let db = place.connect().await;
        Migrator::up(&db, Some(u32::try_from(steps).unwrap())).await.unwrap();
        fill(&db).await;
        let store = Store::open(&place.url).await.unwrap();
        store.migrate().await.unwrap();
        assert_eq!(schema(&db).await, newest, "from the schema of {steps} migrations");
        let sessions = store.sessions().await.unwrap();
        assert_eq!(sessions.len(), 1, "from the schema of {steps} migrations");
        let is_noted = store.came_natively(&BareJid::parse("a@h").unwrap()).await.unwrap();
        let natives =
            groupchat_migration::known().iter().position(|name| name.ends_with("natives_of_before"));
        assert_eq!(is_noted, steps <= natives.unwrap(), "from the schema of {steps} migrations");
    }
}

/// A row that the first schema took already.
async fn fill(db: &DatabaseConnection) {
    let mark = if db.get_database_backend() == DbBackend::MySql { "`" } else { "\"" };
    let session = format!(
        "INSERT INTO tig_group_session (jid, address, {mark}seenAt{mark}) VALUES ('a@h/phone', '', 1)"
    );
    db.execute_unprepared(&session).await.unwrap();
}

#[tokio::test]
async fn an_interrupted_migration_goes_on_where_it_was() {
    let (newest, statements) = {
        let place = Place::new().await;
        let mut db = place.connect().await;
        let sent: Arc<Mutex<Vec<Statement>>> = Arc::default();
        let log = Arc::clone(&sent);
        db.set_metric_callback(move |info| log.lock().unwrap().push(info.statement.clone()));
        Migrator::up(&db, None).await.unwrap();
        let writes = |statement: &Statement| !statement.sql.to_uppercase().starts_with("SELECT");
        let sent: Vec<Statement> = sent.lock().unwrap().iter().filter(|one| writes(one)).cloned().collect();
        (schema(&db).await, sent)
    };
    assert!(statements.len() > 20, "{statements:#?}");
    for done in 0..statements.len() {
        let place = Place::new().await;
        let db = place.connect().await;
        for statement in &statements[..done] {
            db.execute_raw(statement.clone()).await.unwrap();
        }
        let store = Store::open(&place.url).await.unwrap();
        store
            .migrate()
            .await
            .unwrap_or_else(|error| panic!("after {:?}: {error}", statements[..done].last()));
        assert_eq!(schema(&db).await, newest, "after {done} statements");
    }
}

/// Every column and every index, as the database tells them.
async fn schema(db: &DatabaseConnection) -> Vec<String> {
    let backend = db.get_database_backend();
    let queries: &[&str] = match backend {
        DbBackend::Sqlite => &["SELECT sql AS line FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"],
        DbBackend::Postgres => &[
            "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || \
             COALESCE(column_default, '') AS line FROM information_schema.columns \
             WHERE table_schema = 'public' ORDER BY 1",
            "SELECT indexdef::text AS line FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
        ],
        _ => &[
            "SELECT CONCAT_WS(' ', table_name, column_name, column_type, is_nullable, column_default, collation_name) \
             AS line FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY 1",
            "SELECT CONCAT_WS(' ', table_name, index_name, seq_in_index, column_name, non_unique) AS line \
             FROM information_schema.statistics WHERE table_schema = DATABASE() ORDER BY 1",
        ],
    };
    let mut lines = Vec::new();
    for query in queries {
        let rows = db.query_all_raw(Statement::from_string(backend, *query)).await.unwrap();
        lines.extend(rows.iter().map(|row| row.try_get::<String>("", "line").unwrap()));
    }
    assert!(lines.len() > 20, "{lines:?}");
    lines
}
