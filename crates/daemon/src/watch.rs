//! What can be looked at while the service runs, and from where: shared by the service, which fills it, and by whoever shows it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use groupchat_store::Store;
use tokio::sync::{SetOnce, mpsc};
use tokio::time::timeout;
use tracing::debug;

use crate::engine::Order;
use crate::metrics::Metrics;
use crate::pings::Pings;
use crate::returned::Returned;

/// How long the database may take to answer.
pub(crate) const DATABASE_PATIENCE: Duration = Duration::from_secs(2);
/// How long counting groups may take.
const COUNT_PATIENCE: Duration = Duration::from_secs(5);

/// One service's numbers, its pings and its database. Clones show the same.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// What is measured.
    pub(crate) metrics: Metrics,
    /// Pings through the server.
    pub(crate) pings: Arc<Pings>,
    /// The database, once it is open.
    pub(crate) store: Arc<SetOnce<Store>>,
    /// What came back lately.
    pub(crate) returned: Returned,
    /// Where the engine takes orders; it ends when nobody else gives any.
    pub(crate) orders: Arc<OnceLock<mpsc::WeakSender<Order>>>,
}

impl Watch {
    /// What is measured.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Where the database is found once it is open.
    pub fn store(&self) -> Arc<SetOnce<Store>> {
        Arc::clone(&self.store)
    }

    /// Finds out whether the database answers.
    pub(crate) async fn look(&self) {
        let answers = match self.store.get() {
            Some(store) => matches!(timeout(DATABASE_PATIENCE, store.ping()).await, Ok(Ok(()))),
            None => false,
        };
        self.metrics.database_up.set(i64::from(answers));
    }

    /// Counts groups and members, which is not done with every look; `false`: there is no database yet.
    pub(crate) async fn count(&self) -> bool {
        let Some(store) = self.store.get() else { return false };
        match timeout(COUNT_PATIENCE, store.totals()).await {
            Ok(Ok((groups, members))) => {
                self.metrics.groups.set(groups);
                self.metrics.members.set(members);
            }
            Ok(Err(problem)) => debug!(error = %problem, "Groups could not be counted: {problem}"),
            Err(_) => debug!("Groups could not be counted in {} s", COUNT_PATIENCE.as_secs()),
        }
        true
    }
}
