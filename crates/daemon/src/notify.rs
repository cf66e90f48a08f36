//! What systemd is told: that the service is up, how it is, and again and again that it lives. Without systemd nothing happens.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::debug;

use crate::watch::Watch;

/// How often systemd is told how the service is, if it does not want to hear more often whether it lives.
const EVERY: Duration = Duration::from_secs(10);

/// Tells that the service works, and goes on doing so. To be run in the task that runs the service: when that is stuck in the midst
/// of something, or no thread gets to it any more, systemd hears nothing more, and starts the program again. A task that waits for
/// ever it does not notice, whatever it waits for; `/ready` does.
pub(crate) async fn keep_telling(watch: &Watch) {
    tell(&[NotifyState::Ready]);
    let wanted = sd_notify::watchdog_enabled();
    // A third of the patience, so that one that comes late is not the last.
    let every = wanted.map_or(EVERY, |patience| (patience / 3).min(EVERY));
    loop {
        let status = status(watch);
        tell(&[NotifyState::Status(&status)]);
        if wanted.is_some() {
            tell(&[NotifyState::Watchdog]);
        }
        tokio::time::sleep(every).await;
    }
}

/// Tells that the service is about to end.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn status(watch: &Watch) -> String {
    let link =
        if watch.metrics.link.is_up() { "linked to the XMPP server" } else { "no link to the XMPP server" };
    let database = if watch.store.get().is_some() { "database open" } else { "no database yet" };
    format!("{link}, {database}")
}

fn tell(what: &[NotifyState<'_>]) {
    if let Err(problem) = sd_notify::notify(what) {
        debug!("systemd could not be told: {problem}");
    }
}
