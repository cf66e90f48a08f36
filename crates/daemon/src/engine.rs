//! The engine: the one task that changes groups. It takes what has queued up, decides each request in turn, stores
//! all of it in one transaction, and only then lets anybody hear of it.
//!
//! A batch that cannot be stored is refused as a whole and leaves no trace in memory.
//! One kind of order a file: `engine/request.rs` (with `carry_out.rs`), `bounce.rs`, `private.rs`; what a batch gathers
//! is in `work.rs`; what a crash left unsaid, `replay.rs` says; a standby becomes what it stands by for in `takeover.rs`.
//! Not here: the rules (core), and questions that change nothing (`queries`).

mod act;
mod bounce;
mod carry_out;
mod erase;
mod leftovers;
mod order;
mod policy;
mod private;
mod replay;
mod request;
mod resend;
mod rooms;
mod sent;
mod takeover;
mod work;

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

pub(crate) use act::{Act, Invited};
use bounce::{Links, Missed};
pub(crate) use erase::{Erasure, Outcome, Step};
use groupchat_core::{GroupId, Jid, Rooms, SessionChange, Sessions, StanzaId, Timestamp};
use groupchat_dialect::{Bounce, Presence, encode};
use groupchat_link::Outgoing;
use groupchat_link::queue::{Closed, Sender};
use groupchat_store::{Batch as StoredBatch, Store, StoreError};
pub(crate) use order::Order;
pub(crate) use policy::Policy;
use private::Exchanges;
use replay::{Doubt, ReplayError};
pub(crate) use resend::{Left, RESEND_MAX, Resend};
use sent::Sent;
use tokio::sync::mpsc;
use tracing::{debug, error, info};
use work::{Unsaved, Work};

use crate::clock::Clock;
use crate::fanout::outgoing_of;
use crate::groups::Groups;
use crate::metrics::Metrics;
use crate::rates::Rates;
use crate::returned::Returned;
use crate::watch::Watch;

/// Requests in one transaction at most: beyond this a batch gets no faster, only later.
const BATCH_MAX: usize = 256;
/// How long it may take, if nothing else happens, until it is stored that the server has everything (until then a crash
/// has it sent again), and until what waits for the database is tried again.
const SETTLE_EVERY: Duration = Duration::from_secs(1);
/// Patience with the server at the end, to know that it has everything.
const SETTLE_PATIENCE: Duration = Duration::from_secs(2);
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
    rooms: Rooms,
    /// Rooms that were made and perhaps not configured, oldest first.
    leftovers: VecDeque<(Timestamp, GroupId)>,
    unsaved: Unsaved,
    last_id: StanzaId,
    missed: Missed,
    kept_bounces: VecDeque<Bounce>,
    links: Links,
    exchanges: Exchanges,
    sent: Sent,
    outgoing: Sender,
    /// The server has everything up to here, and that is stored.
    saved_cursor: StanzaId,
    /// What is to be said again before anything else is done.
    doubts: VecDeque<Doubt>,
    /// Something was asked for: the link was up. Until then another process may be at work.
    is_at_work: bool,
    /// The link is up again, and it is not known who was at work meanwhile.
    is_unsure: bool,
    metrics: Metrics,
    returned: Returned,
}

/// What the engine goes on with.
pub(crate) struct Stored {
    sessions: Sessions,
    rooms: Rooms,
    leftovers: VecDeque<(Timestamp, GroupId)>,
    cursor: StanzaId,
    last_id: StanzaId,
    sent: Sent,
}

impl Stored {
    /// Reads it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn load(store: &Store, policy: &Policy, now: Timestamp) -> Result<Self, StoreError> {
        let sessions = Sessions::restore(store.sessions().await?, store.unreachable().await?);
        let rooms = Rooms::restore(store.occupants().await?);
        let leftovers = store.locked().await?.into();
        let cursor = store.cursor(&policy.domain).await?;
        // Invitations are in no archive, and were said all the same.
        let invited = StanzaId(store.last_invited().await?.0 * 1_000);
        let last_id = store.last_stanza_id().await?.max(cursor).max(invited);
        let recent = store.recent(Timestamp(now.0 - policy.dedup_ms), sent::SENT_MAX).await?;
        Ok(Self { sessions, rooms, leftovers, cursor, last_id, sent: Sent::restore(policy.dedup_ms, recent) })
    }
}

impl Engine {
    /// Takes up where the store left off.
    pub(crate) fn new(
        policy: Policy,
        rates: Rates<GroupId>,
        clock: Clock,
        (store, stored): (Store, Stored),
        outgoing: Sender,
        watch: &Watch,
    ) -> Self {
        let Stored { sessions, rooms, leftovers, cursor: saved_cursor, last_id, sent } = stored;
        info!(sessions = sessions.count(), "Ready, with {} sessions from before", sessions.count());
        let groups = Groups::new(store.clone());
        let doubts = VecDeque::from([Doubt::new(&outgoing, saved_cursor, last_id)]);
        Self {
            policy,
            rates,
            // An id is about the microsecond of its making: time goes on from the last one.
            last_now: Timestamp(last_id.0 / 1_000),
            clock,
            store,
            groups,
            sessions,
            rooms,
            leftovers,
            unsaved: Unsaved::default(),
            last_id,
            missed: Missed::default(),
            kept_bounces: VecDeque::new(),
            links: Links::default(),
            exchanges: Exchanges::default(),
            sent,
            outgoing,
            saved_cursor,
            doubts,
            is_at_work: false,
            is_unsure: false,
            metrics: watch.metrics.clone(),
            returned: watch.returned.clone(),
        }
    }

    /// Works until nobody gives orders any more.
    pub(crate) async fn run(mut self, first: Vec<Order>, orders: &mut mpsc::Receiver<Order>) {
        let mut batch = first;
        if !batch.is_empty() {
            self.work(&mut batch).await;
        }
        loop {
            tokio::select! {
                taken = orders.recv_many(&mut batch, BATCH_MAX) => {
                    if taken == 0 {
                        break;
                    }
                    self.work(&mut batch).await;
                }
                () = tokio::time::sleep(SETTLE_EVERY), if self.is_at_work && self.is_unsettled() => {
                    self.work(&mut batch).await;
                    self.save_rest().await;
                }
            }
        }
        // What it has not when the link is closed is said again at the next start.
        let _ = tokio::time::timeout(SETTLE_PATIENCE, self.outgoing.settled()).await;
        self.save_rest().await;
    }

    fn is_unsettled(&self) -> bool {
        self.saved_cursor < self.last_id
            || !self.doubts.is_empty()
            || !self.kept_bounces.is_empty()
            || !self.leftovers.is_empty()
            || !self.unsaved.is_empty()
    }

    /// What the server has, if that is more than is stored.
    fn moved_cursor(&self) -> Option<StanzaId> {
        self.outgoing.acknowledged().map(StanzaId).filter(|reached| *reached > self.saved_cursor)
    }

    /// Stores what waits for no request: how far the server is, and who came and went while nothing could be stored.
    async fn save_rest(&mut self) {
        let cursor = self.moved_cursor();
        let Unsaved { sessions, in_rooms } = std::mem::take(&mut self.unsaved);
        if cursor.is_none() && sessions.is_empty() && in_rooms.is_empty() {
            return;
        }
        let cursor_of_domain = cursor.map(|reached| (self.policy.domain.clone(), reached));
        let rooms = self.room_changes(&in_rooms);
        let batch = StoredBatch { cursor: cursor_of_domain, sessions, rooms, ..StoredBatch::default() };
        match self.store.commit(&batch).await {
            Ok(()) => self.saved_cursor = cursor.unwrap_or(self.saved_cursor),
            // With the next batch, then.
            Err(problem) => {
                debug!(error = %problem, "The cursor could not be stored: {problem}");
                self.keep_unsaved(batch.sessions, in_rooms);
            }
        }
    }

    /// Decides, stores, speaks. With the link closed for good it decides and stores all the same: what came before that is said at the
    /// next start.
    async fn work(&mut self, orders: &mut Vec<Order>) {
        // A standby that only reads its configuration again still knows nothing of what the other one does.
        self.is_at_work |= orders.iter().any(|order| !matches!(order, Order::Reload(_)));
        self.is_unsure |= orders.iter().any(|order| matches!(order, Order::LinkUp));
        let kept: Vec<_> = self.kept_bounces.drain(..).map(Order::KeptBounce).collect();
        // What came back can wait for those who ask.
        let due = self.due_leftovers(self.clock.now()).into_iter().map(Order::Leftover);
        let mut orders = due.chain(orders.drain(..)).chain(kept).peekable();
        // Also without orders, and again after each failure: what is in doubt comes before anything new.
        let mut is_closed = false;
        while (self.is_at_work && !self.doubts.is_empty() && !is_closed) || orders.peek().is_some() {
            match self.settle_doubts().await {
                Ok(()) => {}
                Err(ReplayError::Closed(Closed)) => is_closed = true,
                Err(ReplayError::Store(problem)) => {
                    debug!(error = %problem, "The database still cannot be read: {problem}");
                    return self.refuse_all(orders).await;
                }
            }
            if orders.peek().is_none() {
                break;
            }
            let began = Instant::now();
            let unsaved = std::mem::take(&mut self.unsaved);
            // Each batch that changes or says anything has a time of its own, though the clock stands still or goes
            // back: who joins in this one was not there in the last.
            let now = Timestamp(self.clock.now().0.max(self.last_now.0 + 1));
            let before = self.last_id;
            let mut work = Work::new(now, before, unsaved);
            while let Some(order) = orders.next_if(|order| work.has_room_for(order)) {
                self.decide(&mut work, order).await;
            }
            let said = self.commit(work).await;
            // Opened also when nothing is to be said: then the server has it at once.
            let batch = self.outgoing.batch(before.0 + 1, self.last_id.0);
            for stanza in said {
                self.metrics.copies.inc_by(stanza.to.len() as u64);
                if batch.send(stanza).await == Err(Closed) {
                    break;
                }
            }
            self.metrics.batch_seconds.count(began.elapsed());
            self.metrics.sessions.set(i64::try_from(self.sessions.count()).unwrap_or(i64::MAX));
        }
    }

    /// Nothing can be stored: who asks for something hears so, and who came and went is remembered until it can.
    async fn refuse_all(&mut self, orders: impl Iterator<Item = Order>) {
        let unsaved = std::mem::take(&mut self.unsaved);
        let mut work = Work::new(self.last_now, self.last_id, unsaved);
        for order in orders {
            match (order.unavailable(), order) {
                // With the link closed nobody waits for it any more.
                (Some(refusal), _) => drop(self.outgoing.send(outgoing_of(refusal, None)).await),
                (None, Order::Bounce(bounce)) => self.keep_unread_bounce(&mut work, bounce, true),
                (None, Order::KeptBounce(bounce)) => self.keep_bounces([bounce]),
                (None, Order::Leftover(id)) => self.keep_leftovers([id]),
                (None, order) => self.decide(&mut work, order).await,
            }
        }
        let (batch, rest) = work.into_batch();
        self.keep_unsaved(batch.sessions, rest.in_rooms);
    }

    /// Devices came and went whether or not it could be written down.
    fn keep_unsaved(&mut self, mut sessions: Vec<SessionChange>, in_rooms: BTreeSet<(GroupId, Jid)>) {
        let excess = sessions.len().saturating_sub(UNSAVED_SESSIONS_MAX);
        sessions.drain(..excess);
        self.unsaved = Unsaved { sessions, in_rooms };
    }

    async fn decide(&mut self, work: &mut Work, order: Order) {
        match order {
            Order::Request(request) => self.request(work, *request).await,
            Order::Presence(presence) => self.presence(work, presence).await,
            Order::Enter(enter) => self.enter(work, *enter).await,
            Order::Leftover(group) => self.leftover(work, group).await,
            Order::LostOccupant(device, group) => self.lose_occupant(work, &group, &device).await,
            Order::Seen(from) => self.learn(work, &from, None),
            Order::Bounce(bounce) => {
                self.metrics.bounces.inc();
                self.returned.note(&bounce, work.now);
                self.bounce(work, bounce, true).await;
            }
            Order::KeptBounce(bounce) => self.bounce(work, bounce, false).await,
            Order::Private(private) => self.private(work, *private).await,
            Order::Ping(origin) => {
                let pong = vec![encode::result(&origin, None)];
                work.say(origin, None, pong, None);
            }
            Order::Consent(origin, addable) => self.consent(work, origin, addable),
            Order::LinkUp => self.links.note(self.clock.now()),
            Order::Act(act) => self.act(work, *act).await,
            Order::Erase(erasure) => self.erase(work, *erasure).await,
            Order::Resend(resend) => self.resend(work, *resend).await,
            Order::Reload(new) => (self.policy, self.rates) = *new,
        }
    }

    /// A device comes or goes; in a group that it joined as a room, this is said there alone.
    async fn presence(&mut self, work: &mut Work, presence: Presence) {
        let in_room = self.occupant_presence(work, &presence).await;
        let Presence { from, address, available, .. } = presence;
        if available && !in_room {
            self.learn(work, &from, Some(&address));
        } else if !available && (!in_room || self.sessions.is_announced(&from, &address)) {
            work.sessions.extend(self.sessions.leave(&from, &address));
        }
    }

    fn learn(&mut self, work: &mut Work, device: &Jid, address: Option<&Jid>) {
        let max = self.policy.limits.sessions_per_user;
        // What was said before it came would be out of order for it; it asks for that.
        work.sessions.extend(self.sessions.learn(device, address, work.last_id, max));
    }

    /// Stores the batch; what may be said afterwards.
    async fn commit(&mut self, work: Work) -> Vec<Outgoing> {
        let before = self.last_id;
        let (mut batch, mut rest) = work.into_batch();
        // Also when it fails: if the connection broke while committing, nobody knows whether its ids are taken.
        self.last_id = rest.last_id;
        if !batch.archive.is_empty() || !batch.changes.is_empty() {
            self.last_now = batch.now;
            // Also of what is in no archive, as invitations: the cursor is behind it until the server has it.
            self.last_id = self.last_id.max(StanzaId(batch.now.0 * 1_000));
        }
        batch.rooms = self.room_changes(&rest.in_rooms);
        if batch.is_empty() {
            self.missed.note(rest.missed.drain());
            return rest.granted(&mut self.groups);
        }
        let cursor = self.moved_cursor();
        batch.cursor = cursor.map(|reached| (self.policy.domain.clone(), reached));
        let began = Instant::now();
        let stored = self.store.commit(&batch).await;
        self.metrics.committed(&batch, &stored, began.elapsed());
        match stored {
            Ok(()) => {
                self.saved_cursor = cursor.unwrap_or(self.saved_cursor);
                self.missed.note(rest.missed.drain());
                rest.granted(&mut self.groups)
            }
            Err(problem) => {
                error!(error = %problem, "A batch of {} could not be stored: {problem}", rest.len());
                self.restore_rooms(std::mem::take(&mut rest.rooms_before));
                self.keep_unsaved(batch.sessions, std::mem::take(&mut rest.in_rooms));
                self.keep_bounces(rest.bounces.drain(..));
                self.keep_leftovers(rest.leftovers.drain(..));
                if !matches!(problem, StoreError::Stale(_)) && before < self.last_id {
                    // The connection may have broken after it was stored.
                    self.doubts.push_back(Doubt::new(&self.outgoing, before, self.last_id));
                }
                rest.refused()
            }
        }
    }
}
