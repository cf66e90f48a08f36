//! What operators and their programs look at, by HTTP: `/metrics` for Prometheus, `/live` and `/ready` for whoever starts
//! and stops programs, and a page at `/`. Nothing can be changed here, and nothing that people say is shown.
//!
//! Not here: what is measured (`metrics`).

pub(crate) mod ask;
mod door;
mod history;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use groupchat_core::BareJid;
use groupchat_link::queue::Sender;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::watch::{DATABASE_PATIENCE, Watch};
use door::Door;
use history::History;

/// So long a batch that could not be stored counts, if there is none to be stored since. Then the database is asked to write.
const FAILURE_COUNTS_FOR: Duration = Duration::from_secs(60);
/// How long the server may take to pass a ping on.
const SERVER_PATIENCE: Duration = Duration::from_secs(5);
/// As Prometheus asks for it.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The operator's page, with all that it needs.
const PAGE: &str = include_str!("http/page.html");

/// What is shown.
struct Front {
    watch: Watch,
    domain: BareJid,
    server: String,
    outgoing: Sender,
    history: History,
    started: Instant,
    /// What was seen last: one look at a time, and whoever asks meanwhile is told what comes of it.
    seen: Mutex<Option<Seen>>,
}

/// Could a message be sent, and why not?
#[derive(Debug, Clone)]
struct Seen {
    at: Instant,
    is_ready: bool,
    text: String,
}

/// Serves at this address until `stop` is asked. That it cannot costs the operator his view, and users nothing.
pub(crate) async fn serve(
    listen: &str,
    watch: Watch,
    (domain, server): (BareJid, String),
    outgoing: Sender,
    stop: CancellationToken,
) {
    let listener = match TcpListener::bind(listen).await {
        Ok(listener) => listener,
        Err(problem) => {
            error!(listen, "No metrics and no page: cannot listen at http.listen = \"{listen}\": {problem}");
            return;
        }
    };
    let address = listener.local_addr().map_or_else(|_| listen.to_owned(), |address| address.to_string());
    info!(address, "Metrics, health and a page at http://{address}/");
    let front = Arc::new(Front {
        watch,
        domain,
        server,
        outgoing,
        history: History::default(),
        started: Instant::now(),
        seen: Mutex::new(None),
    });
    let pages = Router::new()
        .route("/", get(page))
        .route("/status.json", get(status))
        .route("/metrics", get(metrics))
        .route("/live", get(live))
        .route("/ready", get(ready))
        .with_state(Arc::clone(&front));
    tokio::select! {
        served = axum::serve(Door::new(listener), pages).with_graceful_shutdown(stop.clone().cancelled_owned()) => {
            if let Err(problem) = served {
                error!("No more metrics: {problem}");
            }
        }
        () = front.history.record(&front.watch) => {}
        // Whoever still reads does not hold the program up.
        () = stop.cancelled() => {}
    }
}

async fn page() -> Html<&'static str> {
    Html(PAGE)
}

async fn status(State(front): State<Arc<Front>>) -> Response {
    let Front { watch, domain, server, history, started, .. } = &*front;
    let status = history.status(watch, domain.as_str(), server, started.elapsed());
    match serde_json::to_string(&status) {
        Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Err(problem) => (StatusCode::INTERNAL_SERVER_ERROR, problem.to_string()).into_response(),
    }
}

async fn metrics(State(front): State<Arc<Front>>) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &front.watch.metrics.registry()) {
        Ok(()) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(problem) => (StatusCode::INTERNAL_SERVER_ERROR, problem.to_string()).into_response(),
    }
}

/// That this is answered says it all.
async fn live() -> &'static str {
    "alive\n"
}

/// Could a message be sent now? The database is asked, and a ping goes through the server.
async fn ready(State(front): State<Arc<Front>>) -> Response {
    let asked = Instant::now();
    let mut last = front.seen.lock().await;
    let seen = match last.take().filter(|seen| seen.at >= asked) {
        Some(seen) => seen,
        None => front.look().await,
    };
    *last = Some(seen.clone());
    let status = if seen.is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, seen.text).into_response()
}

impl Front {
    async fn look(&self) -> Seen {
        let (database, server) = tokio::join!(self.database(), self.server());
        let is_ready = database.is_ok() && server.is_ok();
        let mut text = String::new();
        for (what, found) in [("database", database), ("server", server)] {
            let (Ok(words) | Err(words)) = found;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{what}: {words}");
        }
        Seen { at: Instant::now(), is_ready, text }
    }

    async fn database(&self) -> Result<String, String> {
        let Some(store) = self.watch.store.get() else { return Err("not open yet".into()) };
        let began = Instant::now();
        let failed = self.watch.metrics.failed_since();
        if let Some(ago) = failed.filter(|ago| *ago < FAILURE_COUNTS_FOR) {
            return Err(format!("could not store a batch {} s ago, and none since", ago.as_secs()));
        }
        // One that answers may yet refuse to write: a full disk, a file that may only be read.
        let asked = async { if failed.is_some() { store.try_writing().await } else { store.ping().await } };
        match tokio::time::timeout(DATABASE_PATIENCE, asked).await {
            Ok(Ok(())) => Ok(format!("answers after {} ms", began.elapsed().as_millis())),
            Ok(Err(problem)) => Err(problem.to_string()),
            Err(_) => Err(format!("no answer for {} s", DATABASE_PATIENCE.as_secs())),
        }
    }

    async fn server(&self) -> Result<String, String> {
        if !self.watch.metrics.link.is_up() {
            return Err("no link".into());
        }
        let began = Instant::now();
        let ping = self.watch.pings.ping(&self.domain, &self.outgoing);
        match tokio::time::timeout(SERVER_PATIENCE, ping).await {
            Ok(Ok(())) => Ok(format!("answers after {} ms", began.elapsed().as_millis())),
            Ok(Err(problem)) => Err(problem.to_string()),
            Err(_) => Err(format!("no answer for {} s", SERVER_PATIENCE.as_secs())),
        }
    }
}

#[cfg(test)]
mod tests {
    use groupchat_link::queue::{QueueLimits, queue};
    use groupchat_store::{Batch, Store, StoreError};

    use super::*;

    async fn front() -> Front {
        let store = Store::open("sqlite::memory:").await.unwrap();
        store.migrate().await.unwrap();
        let watch = Watch::default();
        watch.store.set(store).unwrap();
        Front {
            watch,
            domain: BareJid::parse("groupchat.h").unwrap(),
            server: "h:5347".into(),
            outgoing: queue(QueueLimits::default()).0,
            history: History::default(),
            started: Instant::now(),
            seen: Mutex::new(None),
        }
    }

    #[tokio::test]
    async fn a_database_that_answers_and_does_not_store_is_not_well() {
        let front = front().await;
        assert!(front.database().await.is_ok());
        let full = StoreError::Database { doing: "storing a batch", cause: "disk full".into() };
        front.watch.metrics.committed(&Batch::default(), &Err(full), Duration::ZERO);
        let said = front.database().await.unwrap_err();
        assert!(said.contains("could not store a batch 0 s ago"), "{said}");
        front.watch.metrics.committed(&Batch::default(), &Ok(()), Duration::ZERO);
        assert!(front.database().await.is_ok());
    }

    #[tokio::test]
    async fn whoever_asks_while_somebody_looks_is_told_what_he_saw() {
        let front = Arc::new(front().await);
        let mut looking = front.seen.lock().await;
        let askers: Vec<_> = (0..3).map(|_| tokio::spawn(ready(State(Arc::clone(&front))))).collect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        *looking = Some(Seen { at: Instant::now(), is_ready: true, text: "seen by another".into() });
        drop(looking);
        for asker in askers {
            assert_eq!(asker.await.unwrap().status(), StatusCode::OK);
        }
        // What is old is not told: nobody is linked here.
        assert_eq!(ready(State(front)).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
