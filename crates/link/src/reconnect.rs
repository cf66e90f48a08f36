//! When to connect again, and how often to say why.
//!
//! A server restart must not be answered by a storm, nor a wrong secret by a full log. Not here: how to connect.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::notices::Notices;
use crate::pump::pump;
use crate::queue::Receiver;
use crate::{Incoming, LinkConfig, LinkError, handshake};

/// A link that lived this long was a good one: the next loss starts a new history.
const GOOD_LINK_AFTER: Duration = Duration::from_secs(10);
/// An unchanged reason is repeated in the log this often.
const REPEAT_REASON_EVERY: Duration = Duration::from_secs(300);

/// Connects, pumps and connects again until `stop` is cancelled.
pub(crate) async fn keep_connected(
    config: &LinkConfig,
    incoming: &mpsc::Sender<Incoming>,
    outgoing: &Receiver,
    stop: &CancellationToken,
) {
    let mut notices = Notices::default();
    let mut backoff = Backoff::new(config.retry_delay_min, config.retry_delay_max);
    let mut complaints = Complaints::default();
    loop {
        let error = match meanwhile(&mut notices, incoming, stop, handshake::connect(config)).await {
            None => return,
            Some(Err(error)) => error,
            Some(Ok(connection)) => {
                tracing::info!(server = config.server, domain = config.domain, "Component link is up");
                let up_since = Instant::now();
                config.status.up();
                notices.up();
                let ended = pump(connection, config, incoming, &mut notices, outgoing, stop).await;
                config.status.down();
                if stop.is_cancelled() {
                    report_stop(ended);
                    return;
                }
                notices.down();
                outgoing.lost();
                if up_since.elapsed() > GOOD_LINK_AFTER {
                    backoff.reset();
                    complaints = Complaints::default();
                }
                ended.err().unwrap_or(LinkError::Closed)
            }
        };
        let delay = backoff.next(rand::random());
        complaints.report(&error, config, delay);
        if meanwhile(&mut notices, incoming, stop, sleep(delay)).await.is_none() {
            return;
        }
    }
}

/// Runs `work` while undelivered news reaches its consumer when that is ready; `None` when told to stop.
async fn meanwhile<T>(
    notices: &mut Notices,
    incoming: &mpsc::Sender<Incoming>,
    stop: &CancellationToken,
    work: impl Future<Output = T>,
) -> Option<T> {
    let news = async {
        notices.deliver(incoming).await;
        std::future::pending::<T>().await
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        done = work => Some(done),
        never = news => Some(never),
    }
}

fn report_stop(ended: Result<(), LinkError>) {
    match ended {
        Ok(()) => tracing::info!("Component link is closed"),
        Err(error) => tracing::warn!(%error, "Component link broke while it was being closed: {error}"),
    }
}

/// Exponential back-off with full jitter: each wait is a random part of a bound that doubles.
struct Backoff {
    delay_min: Duration,
    delay_max: Duration,
    bound: Duration,
}

impl Backoff {
    fn new(delay_min: Duration, delay_max: Duration) -> Self {
        Self { delay_min, delay_max, bound: delay_min }
    }

    fn reset(&mut self) {
        self.bound = self.delay_min;
    }

    /// The next wait; `roll` is a random number from 0 to 1.
    fn next(&mut self, roll: f64) -> Duration {
        let bound = self.bound.min(self.delay_max);
        self.bound = bound.saturating_mul(2);
        bound.mul_f64(roll.clamp(0.0, 1.0))
    }
}

/// Says each reason once, and again when it has lasted.
#[derive(Default)]
struct Complaints {
    last: Option<(String, Instant)>,
}

impl Complaints {
    fn report(&mut self, error: &LinkError, config: &LinkConfig, delay: Duration) {
        let (server, domain) = (&config.server, &config.domain);
        let retry_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        if self.is_news(error.to_string(), Instant::now()) {
            tracing::warn!(
                server,
                domain,
                retry_ms,
                "No component link: {error}. Trying again until it works"
            );
        } else {
            tracing::debug!(server, domain, retry_ms, "Still no component link: {error}");
        }
    }

    fn is_news(&mut self, reason: String, now: Instant) -> bool {
        let known = self
            .last
            .as_ref()
            .is_some_and(|(last, at)| *last == reason && now.duration_since(*at) < REPEAT_REASON_EVERY);
        if !known {
            self.last = Some((reason, now));
        }
        !known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_bound_and_start_over() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(500), ms(3000));
        let waits: Vec<_> = (0..5).map(|_| backoff.next(1.0)).collect();
        assert_eq!(waits, [ms(500), ms(1000), ms(2000), ms(3000), ms(3000)]);
        assert_eq!(backoff.next(0.5), ms(1500));
        backoff.reset();
        assert_eq!(backoff.next(0.0), ms(0));
        assert_eq!(backoff.next(1.0), ms(1000));
    }

    #[test]
    fn a_reason_is_news_when_it_changes_or_lasts() {
        let (mut complaints, start) = (Complaints::default(), Instant::now());
        assert!(complaints.is_news("a".into(), start));
        assert!(!complaints.is_news("a".into(), start + Duration::from_secs(299)));
        assert!(complaints.is_news("a".into(), start + Duration::from_secs(301)));
        assert!(complaints.is_news("b".into(), start + Duration::from_secs(302)));
        assert!(complaints.is_news("a".into(), start + Duration::from_secs(303)));
    }
}
