//! The service inside the test: it gets the two ends of a link and a database, and runs in a runtime of its own, so
//! that it can be killed as a process can: everything that it does stops, wherever it is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use groupchat_core::Timestamp;
use groupchat_link::Incoming;
use groupchat_link::queue::{QueueLimits, Receiver, Sender, queue};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use xmpp_groupchat::app;
use xmpp_groupchat::clock::Clock;
use xmpp_groupchat::config::Config;

use super::Shared;
use crate::script::SERVICE;
use crate::settings::Settings;

/// Stanzas on their way into the service, and bytes on their way out: few, so that its back-pressure is exercised.
const QUEUE_MAX: usize = 64;
const QUEUE_BYTES: usize = 64 * 1_024;

/// How long a stop may take.
const STOP_TIME_MAX: Duration = Duration::from_secs(10);

/// What the service is given.
#[derive(Debug)]
pub struct Wires {
    /// File of its database.
    pub database: PathBuf,
    /// Stands still but for the step `wait`.
    pub clock: Clock,
    /// From the host.
    pub incoming: mpsc::Receiver<Incoming>,
    /// To the host.
    pub outgoing: Sender,
    /// Asks it to end.
    pub stop: CancellationToken,
}

/// What the simulated world's clock shows when a conversation starts: 2026-01-01T00:00:00Z.
const START: Timestamp = Timestamp(1_767_225_600_000);

type Running = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// What runs as the service.
#[derive(Clone)]
pub struct Program {
    run: Arc<dyn Fn(Wires) -> Running + Send + Sync>,
    /// Shows the same to all that run one after the other.
    clock: Clock,
}

impl Program {
    /// A program of one's own.
    pub fn new<F>(run: impl Fn(Wires) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        Self { run: Arc::new(move |wires| Box::pin(run(wires))), clock: Clock::manual(START) }
    }
}

impl Program {
    /// Lets the service's time pass.
    pub(super) fn advance(&self, by: Duration) {
        self.clock.advance(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Program")
    }
}

/// The real service, with further lines of its configuration written `section.key = value`; on this database, if not on the
/// file that it is given.
pub fn component(settings: &[String], database: Option<String>) -> Program {
    let settings = settings.to_vec();
    Program::new(move |wires| serve(wires, settings.clone(), database.clone()))
}

async fn serve(wires: Wires, settings: Vec<String>, database: Option<String>) -> Result<()> {
    // Nobody connects anywhere; the configuration must be complete all the same.
    let (secret, server) = ("unused", "127.0.0.1:5347");
    let database = &database.unwrap_or_else(|| format!("sqlite://{}", wires.database.display()));
    let text = Settings { domain: SERVICE, secret, server, database, more: &settings }.to_string();
    let config = Config::read(&text, "the conversation's configuration", [])
        .map_err(|problems| anyhow::Error::msg(format!("{problems:#?}")))?;
    app::Service::new(config, wires.clock).run(wires.incoming, wires.outgoing, wires.stop).await
}

/// A running service.
#[derive(Debug)]
pub(super) struct Service {
    runtime: Option<Runtime>,
    host: Shared,
    stop: CancellationToken,
    all: JoinHandle<()>,
}

impl Service {
    /// Starts it, linked to the host.
    pub(super) fn start(program: &Program, folder: &Path, host: &Shared) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("service")
            .enable_all()
            .build()
            .context("cannot start a runtime for the service")?;
        let (to_service, from_host) = mpsc::unbounded_channel();
        let (incoming_sender, incoming) = mpsc::channel(QUEUE_MAX);
        let (outgoing, outgoing_receiver) =
            queue(QueueLimits { bytes_max: QUEUE_BYTES, ..QueueLimits::default() });
        let stop = CancellationToken::new();
        let database = folder.join("groupchat.db");
        let clock = program.clock.clone();
        let wires = Wires { database, clock, incoming, outgoing, stop: stop.clone() };
        runtime.spawn(pump_in(from_host, incoming_sender));
        let main = runtime.spawn((program.run)(wires));
        let out = runtime.spawn(pump_out(outgoing_receiver, host.clone()));
        let all = runtime.spawn(supervise(main, out, stop.clone(), host.clone()));
        host.lock().connect_service(to_service);
        Ok(Self { runtime: Some(runtime), host: host.clone(), stop, all })
    }

    /// Asks it to end, and waits; what it still says is delivered.
    pub(super) async fn stop(mut self) -> Result<()> {
        self.stop.cancel();
        let ended = timeout(STOP_TIME_MAX, &mut self.all).await;
        self.kill().await;
        if ended.is_err() {
            bail!("the service did not end within {STOP_TIME_MAX:?}");
        }
        Ok(())
    }

    /// Ends it as kill -9 does.
    pub(super) async fn kill(mut self) {
        let runtime = self.runtime.take();
        let end = tokio::task::spawn_blocking(move || {
            runtime.map(|runtime| runtime.shutdown_timeout(STOP_TIME_MAX))
        });
        // Fails only if the tests' own runtime is ending, and then nobody waits for the service.
        end.await.ok();
        // Not before: the service would see its link closed, and it has no time to see anything.
        self.host.lock().service = None;
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn pump_in(mut from_host: mpsc::UnboundedReceiver<minidom::Element>, incoming: mpsc::Sender<Incoming>) {
    let mut up = incoming.send(Incoming::Up).await;
    while let (Ok(()), Some(stanza)) = (up, from_host.recv().await) {
        up = incoming.send(Incoming::Stanza(stanza)).await;
    }
}

async fn pump_out(outgoing: Receiver, host: Shared) {
    while let Some(stanza) = outgoing.recv().await {
        host.lock().hear_service(&stanza);
    }
}

/// Waits for the end, and sees to it that an end nobody asked for fails the conversation.
async fn supervise(main: JoinHandle<Result<()>>, out: JoinHandle<()>, stop: CancellationToken, host: Shared) {
    let trouble = match main.await {
        Ok(Ok(())) if stop.is_cancelled() => None,
        Ok(Ok(())) => Some("the service ended by itself".to_owned()),
        Ok(Err(error)) => Some(format!("the service failed: {error:#}")),
        Err(error) if error.is_cancelled() => None,
        Err(error) => Some(format!("the service broke down: {error}")),
    };
    if let Some(trouble) = trouble {
        host.lock().fail(trouble);
    }
    out.await.ok();
}
