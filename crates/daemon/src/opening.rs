//! Opening the database: tried until it works. A database that is down when the service starts costs whoever asks for
//! something an error, and no restart.
//!
//! Not here: what comes of one that goes down later (the engine).

use std::time::{Duration, Instant};

use groupchat_link::queue::Sender;
use groupchat_store::{Adopted, Store, StoreError};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::engine::{Order, Policy, Stored};
use crate::fanout::outgoing_of;

/// Between two attempts.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// Presence and bounces that are kept meanwhile; more of them are found out by use.
const KEPT_MAX: usize = 50_000;
/// An unchanged reason is repeated in the log this often.
const REPEAT_REASON_EVERY: Duration = Duration::from_secs(300);

/// An open database.
pub(crate) struct Opened {
    /// It.
    pub(crate) store: Store,
    /// What the engine goes on with.
    pub(crate) stored: Stored,
    /// What came meanwhile and nobody waits for: who came and went, and what came back.
    pub(crate) kept: Vec<Order>,
}

/// Opens the database, brings it up to date, and reads what the engine goes on with. Meanwhile, after the first failure,
/// requests are refused. `None`: nobody is left who could ask for anything.
///
/// # Errors
/// One that no patience cures: a wrong URL, a missing folder, a schema of a newer program.
pub(crate) async fn open(
    url: &str,
    policy: &Policy,
    clock: &Clock,
    orders: &mut mpsc::Receiver<Order>,
    outgoing: &Sender,
) -> Result<Option<Opened>, StoreError> {
    let mut kept = Vec::new();
    let mut complaint: Option<(String, Instant)> = None;
    loop {
        let has_failed = complaint.is_some();
        let attempt = async {
            let opened = attempt(url, policy, clock).await;
            if opened.is_err() && has_failed {
                tokio::time::sleep(RETRY_AFTER).await;
            }
            opened
        };
        tokio::pin!(attempt);
        let opened = loop {
            tokio::select! {
                opened = &mut attempt => break opened,
                order = orders.recv(), if has_failed => match order {
                    Some(order) => match order.unavailable() {
                        // If the link is closed nobody waits for it any more.
                        Some(refusal) => drop(outgoing.send(outgoing_of(refusal, None)).await),
                        None if kept.len() < KEPT_MAX => kept.push(order),
                        None => {}
                    },
                    None => return Ok(None),
                },
            }
        };
        match opened {
            Ok((store, stored)) => {
                if has_failed {
                    info!("The database is open now");
                }
                return Ok(Some(Opened { store, stored, kept }));
            }
            Err(problem) if problem.is_final() => return Err(problem),
            Err(problem) => complain(&mut complaint, &problem),
        }
    }
}

/// Tells the operator what came over from tables of the original shape.
pub(crate) fn tell_adopted(adopted: &Adopted) {
    let Adopted { groups, members, messages, left_out } = adopted;
    info!(
        groups,
        members,
        messages,
        "Took over {groups} groups, {members} memberships and {messages} messages; the old tables are kept as \
         tig_group_adopted, tig_group_member_adopted and tig_group_message_adopted"
    );
    for what in left_out {
        warn!("Left out: {what}");
    }
}

async fn attempt(url: &str, policy: &Policy, clock: &Clock) -> Result<(Store, Stored), StoreError> {
    let store = Store::open(url).await?;
    if let Some(adopted) = store.migrate().await? {
        tell_adopted(&adopted);
    }
    let stored = Stored::load(&store, policy, clock.now()).await?;
    Ok((store, stored))
}

fn complain(last: &mut Option<(String, Instant)>, problem: &StoreError) {
    let text = problem.to_string();
    if last.as_ref().is_none_or(|(said, at)| *said != text || at.elapsed() > REPEAT_REASON_EVERY) {
        error!("No database: {text}. Requests are refused until it works");
        *last = Some((text, Instant::now()));
    }
}
