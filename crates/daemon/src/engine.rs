//! The engine: the one task that changes groups. It takes what has queued up, decides each request in turn, stores
//! all of it in one transaction, and only then lets anybody hear of it.
//!
//! A batch that cannot be stored is refused as a whole and leaves no trace in memory.
//! One kind of order a file: `engine/request.rs`, `engine/bounce.rs`; what a batch gathers is in `engine/work.rs`.
//! Not here: the rules (core), and questions that change nothing (`queries`).

mod bounce;
mod request;
mod work;

use bounce::Missed;
use groupchat_core::{BareJid, Jid, Limits, SessionChange, Sessions, StanzaId};
use groupchat_dialect::{Bounce, Outbound, Request};
use groupchat_link::Outgoing;
use groupchat_store::{Store, StoreError};
use tokio::sync::mpsc;
use tracing::{debug, error, info};
use work::Work;

use crate::clock::Clock;
use crate::config::{Absent, CreateGroups};
use crate::groups::Groups;

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
}

/// Requests in one transaction at most: beyond this a batch gets no faster, only later.
const BATCH_MAX: usize = 256;
/// Stanzas to be said by which a batch is large enough, however few requests it has.
const BATCH_STANZAS_MAX: usize = 4_096;
/// Changes of sessions kept for the next commit while the database refuses them. They are only hints: dropping the
/// oldest costs a bounce.
const UNSAVED_SESSIONS_MAX: usize = 50_000;

/// Where all groups and sessions are, in memory.
pub(crate) struct Engine {
    policy: Policy,
    clock: Clock,
    store: Store,
    groups: Groups,
    sessions: Sessions,
    unsaved_sessions: Vec<SessionChange>,
    last_id: StanzaId,
    missed: Missed,
    outgoing: mpsc::Sender<Outgoing>,
}

impl Engine {
    /// Takes up where the store left off.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn start(
        policy: Policy,
        clock: Clock,
        store: Store,
        outgoing: mpsc::Sender<Outgoing>,
    ) -> Result<Self, StoreError> {
        let sessions = Sessions::restore(store.sessions().await?);
        let last_id = store.last_stanza_id().await?;
        info!(sessions = sessions.count(), "Ready, with {} sessions from before", sessions.count());
        let groups = Groups::new(store.clone());
        Ok(Self {
            policy,
            clock,
            store,
            groups,
            sessions,
            unsaved_sessions: Vec::new(),
            last_id,
            missed: Missed::default(),
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
            let mut work = Work::new(self.clock.now(), self.last_id, unsaved);
            while work.stanzas() < BATCH_STANZAS_MAX
                && let Some(order) = orders.next()
            {
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
