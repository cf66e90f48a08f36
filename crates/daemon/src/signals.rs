//! Signals: SIGTERM and SIGINT ask for a clean stop, SIGHUP for the configuration to be read again.

use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

use crate::reload::{Newest, read_again};

/// Waits until the program is asked to stop.
///
/// # Errors
/// The operating system does not let us listen to signals.
pub(crate) async fn stop_requested() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    info!(signal = name, "Stopping on {name}");
    Ok(())
}

/// Reads the configuration again whenever that is asked for; as long as there are mistakes in it, the old one stays.
pub(crate) async fn reload_when_asked(file: &Path, newest: &Newest) {
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(problem) => {
            error!("The configuration cannot be read again while the program runs: {problem}");
            return std::future::pending().await;
        }
    };
    while hangups.recv().await.is_some() {
        // What came of it is in the log.
        let _ = read_again(file, newest);
    }
}
