//! What can be looked at while the service runs, and from where: shared by the service, which fills it, and by whoever shows it.

use std::sync::{Arc, OnceLock};

use groupchat_store::Store;
use tokio::sync::{SetOnce, mpsc};

use crate::engine::Order;
use crate::metrics::Metrics;
use crate::pings::Pings;
use crate::returned::Returned;

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
}
