//! `xmpp-groupchat backup`: the SQLite database into a new file, while the component runs.

use std::path::Path;

use anyhow::Context;
use groupchat_store::Store;

use super::say;
use crate::config::Config;

/// Writes the file, and prints its size.
pub(super) async fn back_up(config: Config, to: &Path) -> anyhow::Result<()> {
    let store = Store::open_existing(&config.database.url).await.context("opening the database")?;
    let bytes = store.back_up(to).await?;
    say(&format!("{}: {bytes} bytes, checked", to.display()));
    store.close().await.context("closing the database")
}
