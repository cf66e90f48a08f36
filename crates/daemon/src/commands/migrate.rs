//! `xmpp-groupchat migrate`: brings the database up to date, or shows what that would do.

use anyhow::Context;
use clap::Subcommand;
use groupchat_store::Store;

use super::say;
use crate::config::Config;
use crate::opening::tell_adopted;

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Apply what is missing; `run` does the same when it starts
    Up,
    /// Show which migrations are applied
    Status,
}

/// Does it, and prints every migration.
pub(super) async fn migrate(config: Config, action: &Action) -> anyhow::Result<()> {
    let store = Store::open(&config.database.url).await.context("opening the database")?;
    if matches!(action, Action::Up)
        && let Some(adopted) = store.migrate().await.context("bringing the database up to date")?
    {
        tell_adopted(&adopted);
    }
    for migration in store.migrations().await.context("reading the migrations")? {
        say(&format!("{}  {}", if migration.applied { "applied" } else { "missing" }, migration.name));
    }
    store.close().await.context("closing the database")
}
