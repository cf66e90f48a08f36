//! The engine: the one task that changes groups. It takes what has queued up, decides each request in turn, stores
//! all of it in one transaction, and only then lets anybody hear of it.
//!
//! A batch that cannot be stored is refused as a whole and leaves no trace in memory.
//! One kind of order a file: `engine/request.rs` (with `carry_out.rs`), `bounce.rs`, `private.rs`; what a batch gathers
//! is in `work.rs`.
//! Not here: the rules (core), and questions that change nothing (`queries`).

mod bounce;
mod carry_out;
mod private;
mod request;
mod sent;
mod work;

use bounce::Missed;
use groupchat_core::{
    Addable, BareJid, GroupId, Jid, Limits, SessionChange, Sessions, Settings, StanzaId, Timestamp,
};
use groupchat_dialect::{Bounce, Origin, Outbound, Private, Request};
use groupchat_link::Outgoing;
use groupchat_store::{Store, StoreError};
use private::Exchanges;
use sent::Sent;
use tokio::sync::mpsc;
use tracing::{debug, error, info};
use work::Work;

use crate::clock::Clock;
use crate::config::{Absent, CreateGroups};
use crate::groups::Groups;
use crate::rates::Rates;

/// What the engine is asked to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Something is to be done in a group.
    Request(Box<Request>),
    /// A device announced itself to an address of ours, or took itself off it.
    Presence {
        /// The device.
        from: Jid,
        /// The address.
        address: Jid,
        /// It came.
        available: bool,
    },
    /// A device showed by what it sent that it is online.
    Seen(Jid),
    /// A message of ours came back.
    Bounce(Bounce),
    /// Something for a member's own address.
    Private(Box<Private>),
    /// A user says who may add him.
    Consent(Origin, Addable),
}

/// What the service allows and how it speaks; does not change while it runs.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// The service's domain.
    pub(crate) domain: BareJid,
    /// How much is too much.
    pub(crate) limits: Limits,
    /// What members get who are away.
    pub(crate) absent: Absent,
    /// Who may create groups.
    pub(crate) create_groups: CreateGroups,
    /// The settings of a group that asks for no others.
    pub(crate) defaults: Settings,
    /// How long a message sent again is known to be the same, in milliseconds.
    pub(crate) dedup_ms: i64,
}

/// Requests in one transaction at most: beyond this a batch gets no faster, only later.
const BATCH_MAX: usize = 256;
/// Changes of sessions kept for the next commit while the database refuses them. They are only hints: dropping the
/// oldest costs a bounce.
const UNSAVED_SESSIONS_MAX: usize = 50_000;

/// Where all groups and sessions are, in memory.
pub(crate) struct Engine {
    policy: Policy,
    rates: Rates<GroupId>,
    clock: Clock,
    last_now: Timestamp,
    store: Store,
    groups: Groups,
    sessions: Sessions,
    unsaved_sessions: Vec<SessionChange>,
    last_id: StanzaId,
    missed: Missed,
    exchanges: Exchanges,
    sent: Sent,
    outgoing: mpsc::Sender<Outgoing>,
}

impl Engine {
    /// Takes up where the store left off.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn start(
        policy: Policy,
        rates: Rates<GroupId>,
        clock: Clock,
        store: Store,
        outgoing: mpsc::Sender<Outgoing>,
    ) -> Result<Self, StoreError> {
        let sessions = Sessions::restore(store.sessions().await?);
        let last_id = store.last_stanza_id().await?;
        info!(sessions = sessions.count(), "Ready, with {} sessions from before", sessions.count());
        let since = Timestamp(clock.now().0 - policy.dedup_ms);
        let recent = store.recent(since, sent::SENT_MAX).await?;
        let sent = Sent::restore(policy.dedup_ms, recent);
        let groups = Groups::new(store.clone());
        Ok(Self {
            policy,
            rates,
            // An id is about the microsecond of its making: time goes on from the last one.
            last_now: Timestamp(last_id.0 / 1_000),
            clock,
            store,
            groups,
            sessions,
            unsaved_sessions: Vec::new(),
            last_id,
            missed: Missed::default(),
            exchanges: Exchanges::default(),
            sent,
            outgoing,
        })
    }

    /// Works until nobody gives orders any more.
    pub(crate) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while orders.recv_many(&mut batch, BATCH_MAX).await > 0 {
            if self.work(&mut batch).await.is_err() {
                debug!("The link is gone, and so is the engine");
                return;
            }
        }
    }

    /// Decides, stores, speaks. An error means that nobody listens any more.
    async fn work(&mut self, orders: &mut Vec<Order>) -> Result<(), mpsc::error::SendError<Outgoing>> {
        let mut orders = orders.drain(..).peekable();
        while orders.peek().is_some() {
            let unsaved = std::mem::take(&mut self.unsaved_sessions);
            // Each batch that changes or says anything has a time of its own, though the clock stands still or goes
            // back: who joins in this one was not there in the last.
            let now = Timestamp(self.clock.now().0.max(self.last_now.0 + 1));
            let mut work = Work::new(now, self.last_id, unsaved);
            while let Some(order) = orders.next_if(|order| work.has_room_for(order)) {
                self.decide(&mut work, order).await;
            }
            for Outbound { head, to, tail } in self.commit(work).await {
                self.outgoing.send(Outgoing { head, to, tail }).await?;
            }
        }
        Ok(())
    }

    async fn decide(&mut self, work: &mut Work, order: Order) {
        match order {
            Order::Request(request) => self.request(work, *request).await,
            Order::Presence { from, address, available: true } => self.learn(work, &from, Some(&address)),
            Order::Presence { from, address, available: false } => {
                work.sessions.extend(self.sessions.leave(&from, &address));
            }
            Order::Seen(from) => self.learn(work, &from, None),
            Order::Bounce(bounce) => self.bounce(work, bounce).await,
            Order::Private(private) => self.private(work, *private).await,
            Order::Consent(origin, addable) => self.consent(work, origin, addable),
        }
    }

    fn learn(&mut self, work: &mut Work, device: &Jid, address: Option<&Jid>) {
        work.sessions.extend(self.sessions.learn(device, address, self.policy.limits.sessions_per_user));
    }

    /// Stores the batch; what may be said afterwards.
    async fn commit(&mut self, work: Work) -> Vec<Outbound> {
        let (batch, rest) = work.into_batch();
        // Also when it fails: if the connection broke while committing, nobody knows whether its ids are taken.
        self.last_id = rest.last_id;
        if !batch.archive.is_empty() || !batch.changes.is_empty() {
            self.last_now = batch.now;
        }
        if batch.is_empty() {
            return rest.granted(&mut self.groups);
        }
        match self.store.commit(&batch).await {
            Ok(()) => rest.granted(&mut self.groups),
            Err(problem) => {
                error!(error = %problem, "A batch of {} could not be stored: {problem}", rest.len());
                // Devices came and went whether or not it could be written down.
                self.unsaved_sessions = batch.sessions;
                let excess = self.unsaved_sessions.len().saturating_sub(UNSAVED_SESSIONS_MAX);
                self.unsaved_sessions.drain(..excess);
                rest.refused()
            }
        }
    }
}
