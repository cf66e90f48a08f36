//! Many clients that cost next to nothing: each reads what comes, counts the copies in it, and notes how long they took.
//! A message carries the time at which it was sent in its id.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

use crate::client::Client;
use crate::counting_host::scan::{Found, Head, Scanner};

/// How long anything but the measured load may take.
const PATIENCE: Duration = Duration::from_secs(180);
/// Bytes taken from a socket at once.
const READ_BYTES: usize = 64 * 1024;

/// The password of everybody.
pub(super) const PASSWORD: &str = "secret";

/// The localpart of a member.
pub(super) fn user(member: usize) -> String {
    format!("u{member}")
}

/// Clients that are online.
#[derive(Debug)]
pub(super) struct Crowd {
    /// Their full JIDs.
    pub(super) jids: Vec<String>,
    outputs: Vec<OwnedWriteHalf>,
    shared: Arc<Shared>,
    _reading: Vec<AbortOnDropHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    start: Instant,
    copies: AtomicU64,
    /// Copies that came back as errors, to whoever sent them.
    errors: AtomicU64,
    /// Answers and messages that belong to no measurement.
    others: AtomicU64,
    /// How long copies took, in microseconds.
    delays: Mutex<Vec<u32>>,
    /// What may be sent now: a sender that hears itself makes room for one more.
    room: Semaphore,
}

impl Crowd {
    /// Logs so many users in.
    pub(super) async fn gather(address: SocketAddr, domain: &str, members: usize) -> Result<Self> {
        let shared = Arc::new(Shared {
            start: Instant::now(),
            copies: AtomicU64::default(),
            errors: AtomicU64::default(),
            others: AtomicU64::default(),
            delays: Mutex::default(),
            room: Semaphore::new(0),
        });
        let mut crowd = Self { jids: Vec::new(), outputs: Vec::new(), shared, _reading: Vec::new() };
        for member in 0..members {
            let (jid, input, output) = Client::login_only(address, domain, &user(member), PASSWORD).await?;
            let reading = tokio::spawn(listen(input, member, crowd.shared.clone()));
            crowd.jids.push(jid);
            crowd.outputs.push(output);
            crowd._reading.push(AbortOnDropHandle::new(reading));
        }
        Ok(crowd)
    }

    pub(super) fn len(&self) -> usize {
        self.jids.len()
    }

    /// Sends this as one of them.
    pub(super) async fn say(&mut self, member: usize, text: &str) -> Result<()> {
        self.outputs[member].write_all(text.as_bytes()).await.context("a client lost its link")
    }

    /// Each of them sends something that is answered by this many stanzas; waits for all answers.
    pub(super) async fn all_say(&mut self, answers: u64, text: impl Fn(usize) -> String) -> Result<()> {
        let wanted = self.others() + answers * self.len() as u64;
        for member in 0..self.len() {
            let text = text(member);
            self.say(member, &text).await?;
        }
        self.wait_for_others(wanted).await
    }

    pub(super) fn others(&self) -> u64 {
        self.shared.others.load(Ordering::Relaxed)
    }

    /// Waits until so many stanzas that belong to no measurement have come in all.
    pub(super) async fn wait_for_others(&self, wanted: u64) -> Result<()> {
        let start = Instant::now();
        while self.others() < wanted {
            ensure!(start.elapsed() < PATIENCE, "{} answers of {wanted} came", self.others());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// The id of a message that this member sends now.
    pub(super) fn id(&self, member: usize) -> String {
        format!("b{member}-{}", self.shared.start.elapsed().as_micros())
    }

    /// Waits until one more message may be sent.
    pub(super) async fn wait_for_room(&self) {
        // Never closed.
        if let Ok(permit) = self.shared.room.acquire().await {
            permit.forget();
        }
    }

    /// So many messages may be on their way.
    pub(super) fn make_room(&self, messages: usize) {
        self.shared.room.add_permits(messages);
    }

    /// Copies so far.
    pub(super) fn copies(&self) -> u64 {
        self.shared.copies.load(Ordering::Relaxed)
    }

    /// Messages that came back as errors.
    pub(super) fn errors(&self) -> u64 {
        self.shared.errors.load(Ordering::Relaxed)
    }

    /// How long copies took since the last call, in microseconds, sorted.
    pub(super) fn take_delays(&self) -> Vec<u32> {
        let mut delays = std::mem::take(&mut *self.shared.delays());
        delays.sort_unstable();
        delays
    }

    /// Waits until nothing comes any more.
    pub(super) async fn rest(&self) {
        let mut before = u64::MAX;
        while before != self.copies() {
            before = self.copies();
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        self.shared.room.forget_permits(usize::MAX >> 4);
    }
}

impl Shared {
    fn delays(&self) -> MutexGuard<'_, Vec<u32>> {
        self.delays.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, member: usize, element: &[u8]) -> Option<u32> {
        let head = Head::of(element);
        let id = std::str::from_utf8(head.id).ok().and_then(|id| id.strip_prefix('b')?.split_once('-'));
        let Some((sender, sent)) = id.filter(|_| head.name == b"message") else {
            // Presence comes or not, as the host likes.
            self.others.fetch_add(u64::from(head.name != b"presence"), Ordering::Relaxed);
            return None;
        };
        let is_own = sender.parse() == Ok(member);
        if is_own {
            self.room.add_permits(1);
        }
        if head.kind == b"error" {
            self.errors.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let delay = self.start.elapsed().as_micros().saturating_sub(sent.parse().ok()?);
        Some(u32::try_from(delay).unwrap_or(u32::MAX))
    }
}

/// Reads until the stream ends.
async fn listen(mut input: BufReader<OwnedReadHalf>, member: usize, shared: Arc<Shared>) {
    let mut scanner = Scanner::behind_header();
    loop {
        let buffer = scanner.buffer();
        buffer.reserve(READ_BYTES);
        match input.read_buf(buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let mut delays = Vec::new();
        while let Some(found) = scanner.next() {
            if let Found::Element(element) = found {
                delays.extend(shared.hear(member, element));
            }
        }
        shared.copies.fetch_add(delays.len() as u64, Ordering::Relaxed);
        shared.delays().append(&mut delays);
    }
}
