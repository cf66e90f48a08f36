//! The database: can it be opened, is it of this version, can it be written to? Nothing is changed in it, or made.

use std::path::Path;

use groupchat_store::{Predecessor, Store, StoreError};

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
        return Ok(vec![unborn(scheme(url), store.predecessor().await?)]);
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

/// What is to be said of a database that no migration of ours has seen.
fn unborn(scheme: &str, predecessor: Predecessor) -> Finding {
    match predecessor {
        Predecessor::None => Finding::ok(TOPIC, format!("{scheme}: empty, filled at the first start")),
        Predecessor::Original => {
            let text = format!(
                "{scheme}: of the original shape; the next start takes all of it over, which takes a while: make a backup first"
            );
            Finding::warning(TOPIC, text)
        }
        Predecessor::Foreign(tables) => {
            let text = format!(
                "{scheme}: somebody else's tables have our names: {}; use a database of its own",
                tables.join(", ")
            );
            Finding::error(TOPIC, text, exit::DATA)
        }
    }
}

fn failed(problem: &StoreError) -> Finding {
    Finding::error(TOPIC, problem.to_string(), exit::of_store(problem))
}
