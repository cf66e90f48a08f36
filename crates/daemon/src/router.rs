//! From the link to whoever answers: the engine, the queries, or the door itself.
//!
//! Not here: what stanzas mean (the dialect).

use std::sync::Arc;
use std::time::Instant;

use groupchat_core::{BareJid, Limits, Refusal};
use groupchat_dialect::{
    Adhoc, Bounce, Decoded, Outbound, Presence, Query, Question, decode, encode, oversized,
};
use groupchat_link::Incoming;
use groupchat_link::queue::Sender;
use minidom::Element;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, trace, warn};

use crate::adhoc::Desk;
use crate::admin::Admin;
use crate::config::Config;
use crate::engine::{Order, Policy};
use crate::fanout::outgoing_of;
use crate::grants::Grants;
use crate::queries::Queries;
use crate::rates::Rates;
use crate::watch::Watch;

/// Questions to the database under way at once; more are asked to come back.
const QUESTIONS_MAX: usize = 64;

/// Hands every stanza to whom it is for.
pub(crate) struct Router {
    domain: BareJid,
    limits: Limits,
    queries: Arc<Queries>,
    orders: mpsc::Sender<Order>,
    outgoing: Sender,
    places: Arc<Semaphore>,
    questions: TaskTracker,
    newest: watch::Receiver<Arc<Config>>,
    rates: Rates<BareJid>,
    news: Rates<BareJid>,
    grants: Grants,
    watch: Watch,
    desk: Arc<Desk>,
}

/// Nobody listens any more; the program is ending.
pub(crate) struct Closed;

impl Router {
    /// A router for these.
    pub(crate) fn new(
        queries: Arc<Queries>,
        admin: Admin,
        orders: mpsc::Sender<Order>,
        outgoing: Sender,
    ) -> Self {
        let (newest, watch) = (admin.newest.subscribe(), admin.watch.clone());
        let rates = Rates::of_users(&newest.borrow().limits);
        Self {
            domain: queries.domain.clone(),
            limits: queries.limits.clone(),
            queries,
            orders,
            outgoing,
            places: Arc::new(Semaphore::new(QUESTIONS_MAX)),
            questions: TaskTracker::new(),
            rates,
            newest,
            news: Rates::of_news(),
            grants: Grants::default(),
            watch,
            desk: Arc::new(Desk::new(admin)),
        }
    }

    /// Works until the link ends or `stop` is asked; then waits for the questions that are being answered.
    pub(crate) async fn run(mut self, incoming: &mut mpsc::Receiver<Incoming>, stop: CancellationToken) {
        loop {
            let next = tokio::select! {
                next = incoming.recv() => next,
                () = stop.cancelled() => None,
                Ok(()) = self.newest.changed() => match self.reload().await {
                    Ok(()) => continue,
                    Err(Closed) => None,
                },
            };
            let Some(next) = next else { break };
            if self.take(next).await.is_err() {
                break;
            }
        }
        self.questions.close();
        self.questions.wait().await;
    }

    /// The operator has changed something: from now on it is so here, and from its next order on in the engine.
    async fn reload(&mut self) -> Result<(), Closed> {
        let config = Arc::clone(&self.newest.borrow_and_update());
        match Policy::of(&config, &self.domain) {
            Ok(policy) => {
                self.limits = policy.limits.clone();
                self.rates = Rates::of_users(&config.limits);
                self.queries = Arc::new(self.queries.with(config.service_info(), self.limits.clone()));
                self.order(Order::Reload(Box::new((policy, Rates::of_groups(&config.limits))))).await
            }
            Err(refusal) => {
                // The configuration was checked before it came here.
                warn!("The new configuration is not used: {refusal}");
                Ok(())
            }
        }
    }

    async fn take(&self, incoming: Incoming) -> Result<(), Closed> {
        match incoming {
            Incoming::Up => {
                debug!("The link is up");
                self.order(Order::LinkUp).await?;
            }
            Incoming::Down => warn!("The link to the XMPP server is lost"),
            Incoming::Stanza(stanza) if self.watch.pings.take(&stanza) => {}
            Incoming::Stanza(stanza) => self.route(&stanza).await?,
            Incoming::Skipped(skipped) => {
                let of = |value: &Option<String>| value.as_deref().unwrap_or_default().to_owned();
                debug!(sender = of(&skipped.from), reason = %skipped.reason, "Skipped a stanza: {}", skipped.reason);
                let head =
                    [("from", skipped.from), ("to", skipped.to), ("id", skipped.id), ("type", skipped.kind)];
                self.act(oversized(&skipped.name, head, &self.domain, &self.limits)).await?;
            }
        }
        Ok(())
    }

    async fn route(&self, stanza: &Element) -> Result<(), Closed> {
        self.act(decode(stanza, &self.domain, &self.limits)).await
    }

    async fn act(&self, decoded: Decoded) -> Result<(), Closed> {
        match decoded {
            Decoded::Command(request) => match self.admit(request.origin.from.bare()) {
                Ok(()) => self.order(Order::Request(Box::new(request))).await?,
                Err(refusal) => send(&self.outgoing, encode::refused(&request.origin, &refusal)).await,
            },
            Decoded::Presence(Presence { from, .. })
            | Decoded::LostOccupant { from, .. }
            | Decoded::Bounce(Bounce { from, .. })
                if self.news.check(from.bare()).is_err() =>
            {
                // Nobody to tell. A session that is not learnt or not ended is found out by use, and what comes back is
                // in the archive.
                debug!("Left out presence, or what came back, of a user who sends too much of it");
            }
            Decoded::Presence(presence) => self.order(Order::Presence(presence)).await?,
            Decoded::LostOccupant { from, group } => self.order(Order::LostOccupant(from, group)).await?,
            Decoded::Enter(enter) => match self.rates.check(enter.origin.from.bare()) {
                Ok(()) => self.order(Order::Enter(enter)).await?,
                Err(refusal) => send(&self.outgoing, encode::refused(&enter.origin, &refusal)).await,
            },
            Decoded::Bounce(bounce) => self.order(Order::Bounce(bounce)).await?,
            Decoded::Private(private) => {
                if !private.kind.is_answer()
                    && let Err(refusal) = self.admit(private.origin.from.bare())
                {
                    send(&self.outgoing, encode::refused(&private.origin, &refusal)).await;
                    return Ok(());
                }
                self.order(Order::Private(Box::new(private))).await?;
            }
            Decoded::Consent { origin, addable } => match self.admit(origin.from.bare()) {
                Ok(()) => self.order(Order::Consent(origin, addable)).await?,
                Err(refusal) => send(&self.outgoing, encode::refused(&origin, &refusal)).await,
            },
            Decoded::Query(question) => {
                if let Err(refusal) = self.admit(question.origin.from.bare()) {
                    send(&self.outgoing, encode::refused(&question.origin, &refusal)).await;
                    return Ok(());
                }
                if question.shows_session {
                    self.order(Order::Seen(question.origin.from.clone())).await?;
                }
                match question.query {
                    Query::Ping => self.order(Order::Ping(question.origin)).await?,
                    _ => self.ask(question).await,
                }
            }
            Decoded::Adhoc(adhoc) => match self.admit(adhoc.origin.from.bare()) {
                Ok(()) => self.administer(adhoc).await,
                Err(refusal) => send(&self.outgoing, encode::refused(&adhoc.origin, &refusal)).await,
            },
            Decoded::Granted(granted) => {
                self.grants.tell(granted);
            }
            Decoded::Answered(answer) => send(&self.outgoing, answer).await,
            Decoded::Ignored(reason) => {
                trace!(reason, "Ignored a stanza: {reason}");
            }
        }
        Ok(())
    }

    /// Beside everything else: an act waits for the engine.
    async fn administer(&self, adhoc: Box<Adhoc>) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return send(&self.outgoing, encode::refused(&adhoc.origin, &Refusal::Busy)).await;
        };
        let (desk, outgoing) = (Arc::clone(&self.desk), self.outgoing.clone());
        self.questions.spawn(async move {
            let answer = desk.answer(&adhoc).await;
            send(&outgoing, answer).await;
            drop(place);
        });
    }

    /// May this user ask for one thing more?
    fn admit(&self, user: &BareJid) -> Result<(), Refusal> {
        let admitted = self.rates.check(user);
        if admitted.is_err() {
            self.watch.metrics.rate_limited.inc();
        }
        admitted
    }

    async fn order(&self, order: Order) -> Result<(), Closed> {
        self.orders.send(order).await.map_err(|_| Closed)
    }

    async fn ask(&self, question: Question) {
        if let Some(answer) = self.queries.answer_at_once(&question) {
            return send(&self.outgoing, answer).await;
        }
        // The rest is for what groups say.
        if self.outgoing.is_half_full() {
            return send(&self.outgoing, encode::refused(&question.origin, &Refusal::Busy)).await;
        }
        // Never waited for: whoever asks for lists must not hold up whoever sends messages.
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return send(&self.outgoing, encode::refused(&question.origin, &Refusal::Busy)).await;
        };
        let (queries, outgoing) = (Arc::clone(&self.queries), self.outgoing.clone());
        let metrics = self.watch.metrics.clone();
        metrics.questions.inc();
        self.questions.spawn(async move {
            let began = Instant::now();
            let answer = queries.answer(&question).await;
            metrics.question_seconds.count(began.elapsed());
            for stanza in answer {
                send(&outgoing, stanza).await;
            }
            drop(place);
        });
    }
}

/// With the link closed nobody waits for it; what came before that is taken in all the same, to be said at the next start.
async fn send(outgoing: &Sender, outbound: Outbound) {
    let _ = outgoing.send(outgoing_of(outbound, None)).await;
}
