//! The database: can it be opened, is it of this version, can it be written to? Nothing is changed in it, or made.

use std::path::Path;

use groupchat_store::{Store, StoreError};

use super::finding::Finding;
use crate::commands::{exit, scheme};

const TOPIC: &str = "database";

/// Looks at the database at this URL.
pub(super) async fn look(url: &str) -> Vec<Finding> {
    if let Some(file) = Store::file_of(url).filter(|file| !file.exists()) {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return vec![if folder.is_dir() {
            Finding::ok(TOPIC, format!("{} is made at the first start", file.display()))
        } else {
            let error = StoreError::NoFolder { folder: folder.display().to_string() };
            Finding::error(TOPIC, error.to_string(), exit::of_store(&error))
        }];
    }
    let store = match Store::open_existing(url).await {
        Ok(store) => store,
        Err(problem) => return vec![failed(&problem)],
    };
    let findings = look_into(&store, url).await.unwrap_or_else(|problem| vec![failed(&problem)]);
    // Nothing was written.
    let _ = store.close().await;
    findings
}

async fn look_into(store: &Store, url: &str) -> Result<Vec<Finding>, StoreError> {
    let migrations = store.migrations().await?;
    let unknown: Vec<String> =
        migrations.iter().filter(|one| !one.known).map(|one| one.name.clone()).collect();
    if !unknown.is_empty() {
        return Err(StoreError::Newer { unknown });
    }
    let missing = migrations.iter().filter(|one| !one.applied).count();
    if missing == migrations.len() {
        return Ok(vec![Finding::ok(TOPIC, format!("{}: empty, filled at the first start", scheme(url)))]);
    }
    if missing > 0 {
        let text = format!(
            "{}: of an older version, {missing} migrations are missing; the next start brings it up to date: make a backup first",
            scheme(url)
        );
        return Ok(vec![Finding::warning(TOPIC, text)]);
    }
    store.try_writing().await?;
    let (groups, members) = store.totals().await?;
    let text = format!("{}: up to date, {groups} groups with {members} memberships", scheme(url));
    Ok(vec![Finding::ok(TOPIC, text)])
}

fn failed(problem: &StoreError) -> Finding {
    Finding::error(TOPIC, problem.to_string(), exit::of_store(problem))
}
