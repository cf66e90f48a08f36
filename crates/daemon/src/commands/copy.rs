//! `xmpp-groupchat copy`: everything from one database into another.

use std::time::{Duration, Instant};

use anyhow::Context;
use groupchat_store::{CopyProgress, Store};

use super::say;
use crate::config::{COPY_FROM, COPY_TO};

/// Between two lines that say how far it is.
const SAY_EVERY: Duration = Duration::from_secs(1);

/// From where, and to where. What stands in the command line everybody on the machine can read, the environment not.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The database to copy, of this version of the program
    #[arg(long, value_name = "URL", env = COPY_FROM, hide_env_values = true)]
    from: String,
    /// The database to copy to; its tables are made, and it must hold nothing in them
    #[arg(long, value_name = "URL", env = COPY_TO, hide_env_values = true)]
    to: String,
}

/// Copies, and prints what each table came to.
pub(super) async fn copy(options: &Options) -> anyhow::Result<()> {
    let from = Store::open_existing(&options.from).await.context("opening the database to copy")?;
    let to = Store::open(&options.to).await.context("opening the database to copy to")?;
    to.migrate().await.context("making the tables")?;
    let mut said = Instant::now();
    let progress = |progress: CopyProgress<'_>| {
        if said.elapsed() >= SAY_EVERY {
            said = Instant::now();
            let CopyProgress { doing, table, rows, total } = progress;
            say(&format!("{doing} {table}: {rows} of {total} rows"));
        }
    };
    let tables = from.copy_to(&to, progress).await.context("copying")?;
    let (mut all, mut widest) = (0, 0);
    for table in &tables {
        (all, widest) = (all + table.rows, widest.max(table.name.len()));
    }
    for table in &tables {
        say(&format!("{:widest$}  {:>10} rows  {}", table.name, table.rows, table.checksum));
    }
    say(&format!("copied {all} rows; they read the same in both databases"));
    from.close().await.context("closing the database")?;
    to.close().await.context("closing the database")
}
