//! What can be changed while the service runs: the configuration is read again, and whoever keeps a part of it gets the new one.
//!
//! Not here: who asks for it (signals), and what each part does with it.

use std::path::Path;
use std::sync::Arc;

use secrecy::ExposeSecret;
use serde::Serialize;
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::config::Config;
use crate::logging;

/// The newest configuration. Clones show the same.
#[derive(Debug, Clone)]
pub struct Newest(Arc<watch::Sender<Arc<Config>>>);

impl Newest {
    /// The one that the service begins with.
    pub fn new(config: Config) -> Self {
        Self(Arc::new(watch::Sender::new(Arc::new(config))))
    }

    /// What it is now.
    pub fn get(&self) -> Arc<Config> {
        Arc::clone(&self.0.borrow())
    }

    /// Hears of every new one.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Config>> {
        self.0.subscribe()
    }

    /// Puts a new one in its place. What cannot be changed while the service runs stays as it is; the names of such
    /// settings are given, if they differ.
    pub fn put(&self, mut new: Config) -> Vec<&'static str> {
        let old = self.get();
        let same_secret = old.component.secret.expose_secret() == new.component.secret.expose_secret();
        let fixed = [
            ("component", same_secret && same(&old.component, &new.component)),
            ("database", same(&old.database, &new.database)),
            ("muc", same(&old.muc, &new.muc)),
            ("http", same(&old.http, &new.http)),
            ("control", same(&old.control, &new.control)),
            ("delivery.multicast", old.delivery.multicast == new.delivery.multicast),
            ("delivery.dedup_minutes", old.delivery.dedup_minutes == new.delivery.dedup_minutes),
            ("log.format", same(&old.log.format, &new.log.format)),
        ];
        new.component = old.component.clone();
        new.database = old.database.clone();
        new.muc = old.muc.clone();
        new.http = old.http.clone();
        new.control = old.control.clone();
        new.delivery.multicast = old.delivery.multicast;
        new.delivery.dedup_minutes = old.delivery.dedup_minutes;
        new.log.format = old.log.format;
        self.0.send_replace(Arc::new(new));
        fixed.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }
}

/// Reads the configuration again, and tells what came of it; as long as there are mistakes in it, the old one stays.
pub(crate) fn read_again(file: &Path, newest: &Newest) -> Result<String, String> {
    match Config::load(file, std::env::vars()) {
        Ok(config) => {
            logging::change(&config.log);
            let fixed = newest.put(config);
            info!("The configuration was read again");
            if fixed.is_empty() {
                return Ok("the configuration was read again".into());
            }
            let text = format!("changed, but used only from the next start on: {}", fixed.join(", "));
            warn!("The configuration: {text}");
            Ok(text)
        }
        Err(problems) => {
            let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
            error!("The configuration has mistakes; the old one stays: {}", text.join("; "));
            Err(text.join("\n"))
        }
    }
}

/// Whether two parts say the same; what cannot be said (it can) is never the same.
fn same(one: &impl Serialize, other: &impl Serialize) -> bool {
    let (one, other) = (serde_json::to_string(one), serde_json::to_string(other));
    matches!((one, other), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_changed_stays_and_is_named() {
        let newest = Newest::new(Config::for_testing("groups.lit", "sqlite::memory:"));
        let mut new = Config::for_testing("groups.lit", "sqlite::memory:");
        new.limits.name_chars = 7;
        new.service.name = "Rooms".into();
        assert_eq!(newest.put(new.clone()), Vec::<&str>::new());
        assert_eq!((newest.get().limits.name_chars, newest.get().service.name.as_str()), (7, "Rooms"));
        new.component.secret = "another".to_owned().into();
        new.database.url = "sqlite://elsewhere.db".into();
        new.limits.name_chars = 8;
        assert_eq!(newest.put(new), ["component", "database"]);
        assert_eq!(
            (newest.get().limits.name_chars, newest.get().database.url.as_str()),
            (8, "sqlite::memory:")
        );
    }
}
