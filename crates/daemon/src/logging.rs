//! Log lines to standard error, as text or JSON. Bodies and secrets are logged nowhere.

use std::io::IsTerminal;
use std::sync::OnceLock;

use tracing_subscriber::{EnvFilter, reload};

use crate::config::{Log, LogFormat};

/// Logs nothing at all, for commands that tell by themselves what they find. As [`start`].
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
        LogFormat::Text => {
            let builder = builder.with_target(false).with_filter_reloading();
            keep(builder.reload_handle());
            builder.try_init()
        }
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true).with_filter_reloading();
            keep(builder.reload_handle());
            builder.try_init()
        }
    };
}

/// Changes what is logged.
type Changer = Box<dyn Fn(EnvFilter) + Send + Sync>;

static CHANGER: OnceLock<Changer> = OnceLock::new();

fn keep<S: 'static>(handle: reload::Handle<EnvFilter, S>) {
    // It fails only when there is nobody left who logs.
    let changer = move |filter| handle.reload(filter).unwrap_or_default();
    // The first start stands.
    let _ = CHANGER.set(Box::new(changer));
}

/// Logs from now on what this says; its format stays.
pub(crate) fn change(log: &Log) {
    if let (Some(changer), Ok(filter)) = (CHANGER.get(), EnvFilter::try_new(&log.level)) {
        changer(filter);
    }
}

/// The same for one word of an administrator's.
///
/// # Errors
/// It is no level.
pub(crate) fn change_level(level: &str) -> Result<String, String> {
    let filter = EnvFilter::try_new(level).map_err(|problem| problem.to_string())?;
    let Some(changer) = CHANGER.get() else { return Err("the log cannot be changed".into()) };
    changer(filter);
    Ok(format!("the log is at {level}"))
}
