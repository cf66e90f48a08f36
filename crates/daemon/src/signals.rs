//! Signals: SIGTERM and SIGINT ask for a clean stop.

use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

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
