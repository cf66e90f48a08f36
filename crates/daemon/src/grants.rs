//! What the host grants beyond the link itself (XEP-0356), told to the operator in words: once, and again when it changes.
//!
//! Not here: what becomes of it. Presence that the host passes on makes sessions like any other, in the engine.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use groupchat_core::BareJid;
use groupchat_dialect::Granted;
use tracing::info;

/// What each server was last heard to grant. Few: only domains above the service's own are listened to.
#[derive(Debug, Default)]
pub(crate) struct Grants(Mutex<BTreeMap<BareJid, String>>);

impl Grants {
    /// Tells the operator, if it is new.
    pub(crate) fn tell(&self, granted: Granted) {
        if let Some(words) = self.news(granted) {
            info!("{words}");
        }
    }

    /// Hosts say it again whenever the link comes up.
    fn news(&self, granted: Granted) -> Option<String> {
        let Granted { by, presence, what } = granted;
        let words = match (presence, what.as_str()) {
            (true, _) => format!(
                "The server {by} tells the presence of all its users: no device needs to announce itself (granted: {what})"
            ),
            (false, "") => format!("The server {by} grants no privileges"),
            (false, _) => format!("The server {by} grants what is not needed here: {what}"),
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (known.insert(by, what.clone()) != Some(what)).then_some(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_and_when_it_changes() {
        let grants = Grants::default();
        let heard = |what: &str| {
            let by = BareJid::parse("shakespeare.lit").unwrap();
            grants.news(Granted { by, presence: what.starts_with("presence"), what: what.to_owned() })
        };
        let first = heard("presence: managed_entity").unwrap();
        assert!(first.contains("shakespeare.lit tells the presence of all its users"), "{first}");
        assert!(first.contains("(granted: presence: managed_entity)"), "{first}");
        assert_eq!(heard("presence: managed_entity"), None);
        assert!(heard("roster: get").unwrap().ends_with("not needed here: roster: get"));
        assert!(heard("").unwrap().ends_with("no privileges"));
        assert!(heard("presence: managed_entity").is_some());
    }
}
