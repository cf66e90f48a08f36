//! Messages that are older than their group keeps them go, a few at a time, so that nobody waits for it.

use std::time::Duration;

use groupchat_store::Store;
use tracing::{info, warn};

use crate::clock::Clock;

/// Rows deleted in one call, a transaction for each group: the engine waits no longer than for one of its own.
const ROWS_MAX: usize = 500;
/// Between two transactions, so that others come in between.
const PAUSE: Duration = Duration::from_millis(50);
/// Between two looks: ages are told in days.
const EVERY: Duration = Duration::from_secs(600);

/// Looks for old messages for ever.
pub(crate) async fn run(store: Store, clock: Clock) {
    loop {
        let mut count = 0;
        loop {
            match store.expire(clock.now(), ROWS_MAX).await {
                Ok(0) => break,
                Ok(deleted) => count += deleted,
                Err(problem) => {
                    warn!(error = %problem, "Old messages could not be deleted: {problem}");
                    break;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        if count > 0 {
            info!(messages = count, "Deleted {count} messages that were kept long enough");
        }
        tokio::time::sleep(EVERY).await;
    }
}
