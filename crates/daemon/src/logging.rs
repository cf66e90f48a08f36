//! Log lines to standard error, as text or JSON. Bodies and secrets are logged nowhere.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Logs nothing but errors, for commands that tell by themselves what they find. As [`start`].
pub(crate) fn start_quietly() {
    start(&Log { level: "off".into(), format: LogFormat::Text });
}

/// Starts logging for the whole program. A second call changes nothing.
pub fn start(log: &Log) {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // It would complain of a log that cannot be written (a full disk) on standard error, which is the log: a panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // A second start fails because the first one stands; that is what is wanted.
    let _ = match log.format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
