//! A host that only counts: an XEP-0114 server for one component that takes what it says as fast as it comes, and gives
//! back what a real host would, in the order in which its cause came. For soaks and benchmarks of the component alone.
//!
//! It reads no XML, it looks for where stanzas begin and end (`scan.rs`), and knows nothing of groups; who is there and
//! what arrived is in `state.rs`. Not here: what hosts do besides. Conversations are played on `host.rs`.

pub(crate) mod scan;
mod state;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use scan::{Found, Scanner};
pub use state::Counts;
use state::State;

/// Bytes taken from the socket at once.
const READ_BYTES: usize = 256 * 1024;

/// How long the component may take to connect, and to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The running host; ends on drop.
#[derive(Debug)]
pub struct CountingHost {
    address: SocketAddr,
    shared: Arc<Shared>,
    _serving: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// There is something to be written.
    written: Notify,
    /// Something came in.
    heard: Notify,
}

impl CountingHost {
    /// Starts one on a free port, for the component of this domain. It checks no secret.
    pub async fn start(component: &str) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no port for the host")?;
        let address = listener.local_addr()?;
        let state = Mutex::new(State::new(component));
        let shared = Arc::new(Shared { state, written: Notify::new(), heard: Notify::new() });
        let serving = AbortOnDropHandle::new(tokio::spawn(serve(listener, Arc::clone(&shared))));
        Ok(Self { address, shared, _serving: serving })
    }

    /// Where the component is to connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the component is linked.
    pub async fn linked(&self) -> Result<()> {
        self.wait_for(|state| state.is_linked.then_some(())).await.context("the component does not connect")
    }

    /// Waits until the component is gone.
    pub async fn unlinked(&self) -> Result<()> {
        self.wait_for(|state| (!state.is_linked).then_some(())).await.context("the component does not go")
    }

    /// There is an account of this bare JID. To others nothing can be delivered, or kept for them.
    pub fn add_account(&self, bare: &str) {
        self.lock().add_account(bare);
    }

    /// A device of an account is there from now on: what comes for it arrives.
    pub fn log_in(&self, full: &str) {
        self.lock().log_in(full);
    }

    /// It is gone: what comes for it bounces. The component is not told.
    pub fn log_out(&self, full: &str) {
        self.lock().log_out(full);
    }

    /// Passes a stanza on to the component as it stands, behind everything that it has been sent.
    pub fn say(&self, stanza: &str) {
        self.lock().out.extend_from_slice(stanza.as_bytes());
        self.shared.written.notify_one();
    }

    /// The same for a message that everybody who has an account is to get: [`Counts::complete`] when all have.
    pub fn say_to_all(&self, id: &str, stanza: &str) {
        self.lock().expect(id);
        self.say(stanza);
    }

    /// Passes on an iq and waits for its result.
    pub async fn ask(&self, id: &str, iq: &str) -> Result<String> {
        self.say(iq);
        let answer = self.wait_for(|state| state.answers.remove(id.as_bytes())).await;
        let answer = answer.with_context(|| format!("no answer to {id}"))?;
        if !answer.contains("type='result'") {
            bail!("{answer}");
        }
        Ok(answer)
    }

    /// Waits until this holds of what has been counted.
    pub async fn counted(&self, mut is_so: impl FnMut(&Counts) -> bool) -> Result<()> {
        self.wait_for(|state| is_so(&state.counts).then_some(())).await.context("it does not come so far")
    }

    /// Has everybody got this message of [`Self::say_to_all`]?
    pub fn is_complete(&self, id: &str) -> bool {
        !self.lock().is_expected(id)
    }

    /// What has been counted so far.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// Waits until every message has reached everybody; `false` when nothing more has come for `patience`.
    pub async fn settled(&self, patience: Duration) -> bool {
        let (mut before, mut since) = (0, Instant::now());
        loop {
            let counts = self.counts();
            if counts.incomplete() == 0 {
                return true;
            }
            if counts.stanzas > before {
                (before, since) = (counts.stanzas, Instant::now());
            } else if since.elapsed() > patience {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }

    async fn wait_for<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> Result<T> {
        let found = async {
            loop {
                // Asked for before looking, so that nothing is missed in between.
                let heard = self.shared.heard.notified();
                if let Some(found) = look(&mut self.lock()) {
                    return found;
                }
                heard.await;
            }
        };
        Ok(timeout(PATIENCE, found).await?)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere fails the test anyway; the state is good enough to report it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One link at a time, as long as anybody connects.
async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((tcp, _)) = listener.accept().await {
        let farewell = link(tcp, &shared).await.unwrap_or(false);
        let mut state = shared.lock();
        state.is_linked = false;
        state.out.clear();
        state.counts.links_lost += u64::from(!farewell);
        drop(state);
        shared.heard.notify_waiters();
    }
}

/// Until the component says farewell (`true`) or is gone.
async fn link(tcp: TcpStream, shared: &Shared) -> Result<bool> {
    tcp.set_nodelay(true)?;
    let (mut input, mut output) = tcp.into_split();
    let reading = async {
        let mut scanner = Scanner::default();
        loop {
            let buffer = scanner.buffer();
            buffer.reserve(READ_BYTES);
            let count = input.read_buf(buffer).await?;
            let farewell = take(&mut scanner, shared);
            if count == 0 || farewell {
                return anyhow::Ok(farewell);
            }
        }
    };
    // A task of its own would do no more: reading never waits for writing.
    let writing = async {
        loop {
            let written = shared.written.notified();
            let bytes = std::mem::take(&mut shared.lock().out);
            if bytes.is_empty() {
                written.await;
            } else {
                output.write_all(&bytes).await?;
            }
        }
    };
    tokio::select! {
        ended = reading => ended,
        failed = writing => failed,
    }
}

/// Handles everything that is there in full; `true` at the end of the stream.
fn take(scanner: &mut Scanner, shared: &Shared) -> bool {
    let mut state = shared.lock();
    let mut is_over = false;
    while let Some(found) = scanner.next() {
        match found {
            Found::Header => state.open(),
            Found::Element(element) => state.take(element),
            Found::End => is_over = true,
        }
    }
    let has_answers = !state.out.is_empty();
    drop(state);
    if has_answers {
        shared.written.notify_one();
    }
    shared.heard.notify_waiters();
    is_over
}

#[cfg(test)]
mod tests;
