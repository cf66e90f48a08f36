//! The configuration: defaults, then the file, then the environment. All problems are found at once, each with
//! where it is and what to do.
//!
//! What can be set is in `sections.rs`, and shown by `document.rs`; this file only loads and checks.

mod check;
mod document;
mod sections;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;

pub use document::example_file;
use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Value};
use groupchat_dialect::encode::ServiceInfo;
use schemars::JsonSchema;
pub use sections::{
    Absent, Component, Control, CreateGroups, Database, Defaults, Delivery, Http, Limits, Log, LogFormat,
    Muc, MucMode, Multicast, Service,
};
use serde::{Deserialize, Serialize};

/// Environment variables of the configuration begin so: `GROUPCHAT_COMPONENT__SECRET` is `secret` in `[component]`.
pub const ENVIRONMENT_PREFIX: &str = "GROUPCHAT_";

/// Where `copy` finds its databases; no settings.
pub(crate) const COPY_FROM: &str = "GROUPCHAT_COPY_FROM";
/// See [`COPY_FROM`].
pub(crate) const COPY_TO: &str = "GROUPCHAT_COPY_TO";

/// The whole configuration.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How the XMPP server is reached (XEP-0114). Only domain and secret must be filled in.
    pub component: Component,
    /// What the service is to its users.
    pub service: Service,
    /// Where everything is kept.
    pub database: Database,
    /// How much is too much: a limit on everything that somebody else decides the size of.
    pub limits: Limits,
    /// How messages reach members.
    pub delivery: Delivery,
    /// Groups as rooms, for stock clients (XEP-0045).
    pub muc: Muc,
    /// What is logged, to standard error.
    pub log: Log,
    /// Where operators and their programs look.
    pub http: Http,
    /// Where administrators act.
    pub control: Control,
}

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file or the environment variable.
    pub place: String,
    /// The key, as `section.key`; empty when it is about the whole.
    pub key: String,
    /// What is wrong, and what to do.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.place, self.text),
            key => write!(f, "{}: {key}: {}", self.place, self.text),
        }
    }
}

impl Config {
    /// Loads the file and the environment (name and value pairs), and checks all of it.
    ///
    /// # Errors
    /// Every problem that was found; never none.
    pub fn load(
        file: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Vec<Problem>> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            let text = format!("cannot be read ({error}): make one; `xmpp-groupchat config` prints a start");
            vec![Problem { place: file.display().to_string(), key: String::new(), text }]
        })?;
        Self::read(&text, &file.display().to_string(), environment)
    }

    /// The same from the text of a file called `place`.
    ///
    /// # Errors
    /// Every problem that was found; never none.
    pub fn read(
        text: &str,
        place: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Vec<Problem>> {
        let parsed: Dict = Figment::from(Toml::string(text)).extract().map_err(|error| {
            let text = format!("is no TOML: {}", without_quotation(&error.to_string()));
            vec![Problem { place: place.into(), key: String::new(), text }]
        })?;
        let mut settings: Vec<Setting> = Vec::new();
        flatten("", &Value::from(parsed), place, &mut settings);
        let known = known_keys();
        settings.extend(
            environment.into_iter().filter_map(|(name, value)| from_environment(&name, &value, &known)),
        );
        let mut problems = Vec::new();
        let mut merged = Figment::from(Serialized::defaults(Self::default()));
        for setting in &settings {
            let merge = |onto: Figment| onto.merge((setting.key.as_str(), setting.value.clone()));
            match merge(Figment::from(Serialized::defaults(Self::default()))).extract::<Self>() {
                Ok(_) => merged = merge(merged),
                Err(error) => problems.push(setting.problem(&error, &known)),
            }
        }
        let places = |key: &str| {
            let set = settings.iter().rev().find(|setting| setting.key == key);
            set.map_or_else(|| place.to_owned(), |setting| setting.place.clone())
        };
        match merged.extract::<Self>() {
            Ok(config) => config.checked(&places, problems),
            Err(error) => {
                Err(vec![Problem { place: place.into(), key: String::new(), text: error.to_string() }])
            }
        }
    }

    fn checked(
        mut self,
        place: &dyn Fn(&str) -> String,
        mut problems: Vec<Problem>,
    ) -> Result<Self, Vec<Problem>> {
        let found = check::check(&mut self, &problems);
        problems.extend(found.into_iter().map(|(key, text)| Problem { place: place(&key), key, text }));
        if problems.is_empty() { Ok(self) } else { Err(problems) }
    }

    /// What the service says of itself to whoever discovers it.
    pub fn service_info(&self) -> ServiceInfo {
        let limits = &self.limits;
        let service = &self.service;
        ServiceInfo {
            name: service.name.clone(),
            contacts: [&service.abuse_addresses, &service.admin_addresses, &service.support_addresses]
                .map(Clone::clone),
            limits: vec![
                ("groups_per_user", limits.groups_per_user),
                ("members_per_group", limits.members_per_group),
                ("pending_per_group", limits.pending_per_group),
                ("name_chars", limits.name_chars),
                ("description_chars", limits.description_chars),
                ("nick_chars", limits.nick_chars),
                ("message_bytes", limits.message_bytes),
                ("avatar_bytes", limits.avatar_bytes),
                ("page_items", limits.page_items),
                ("user_stanzas_per_second", limits.user_stanzas_per_second as usize),
                ("group_messages_per_second", limits.group_messages_per_second as usize),
            ],
            has_rooms: self.muc.mode == MucMode::Full,
        }
    }

    /// A configuration for tests: this domain, this database, everything else as by default.
    pub fn for_testing(domain: &str, database_url: &str) -> Self {
        let mut config = Self::default();
        config.component.domain = domain.into();
        config.database.url = database_url.into();
        config
    }
}

/// A parser's words without the line of the file that they quote: it may hold the secret.
fn without_quotation(words: &str) -> String {
    let is_quotation =
        |line: &&str| line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').starts_with('|');
    words.lines().filter(|line| !is_quotation(line)).collect::<Vec<_>>().join("; ")
}

/// One key that somebody set.
struct Setting {
    key: String,
    value: Value,
    place: String,
}

impl Setting {
    fn problem(&self, error: &figment::Error, known: &[(String, Value)]) -> Problem {
        let text = if !known.iter().any(|(key, _)| *key == self.key) {
            unknown_key(&self.key, known)
        } else if self.key == "component.secret" {
            "must be a text in quotes".to_owned()
        } else {
            error.clone().into_iter().map(|error| error.kind.to_string()).collect::<Vec<_>>().join("; ")
        };
        Problem { place: self.place.clone(), key: self.key.clone(), text }
    }
}

fn unknown_key(key: &str, known: &[(String, Value)]) -> String {
    let section = key.split('.').next().unwrap_or_default();
    let siblings: Vec<_> = known.iter().filter_map(|(k, _)| k.strip_prefix(&format!("{section}."))).collect();
    if siblings.is_empty() {
        let mut sections: Vec<_> = known.iter().filter_map(|(k, _)| k.split('.').next()).collect();
        sections.dedup();
        return format!("there is no such section; there are {}", sections.join(", "));
    }
    format!("there is no such key; [{section}] has {}", siblings.join(", "))
}

/// Every key there is, with its default.
fn known_keys() -> Vec<(String, Value)> {
    values_of(&Config::default())
}

/// Every key there is, with its value.
fn values_of(config: &Config) -> Vec<(String, Value)> {
    let mut settings = Vec::new();
    if let Ok(values) = Value::serialize(config) {
        flatten("", &values, "", &mut settings);
    }
    settings.into_iter().map(|setting| (setting.key, setting.value)).collect()
}

fn flatten(prefix: &str, value: &Value, place: &str, into: &mut Vec<Setting>) {
    match value {
        Value::Dict(_, dict) => {
            for (name, value) in dict {
                let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&key, value, place, into);
            }
        }
        value => into.push(Setting { key: prefix.into(), value: value.clone(), place: place.into() }),
    }
}

/// A variable of ours as a setting. Texts are taken as they are: a secret of digits is not a number.
fn from_environment(name: &str, value: &str, known: &[(String, Value)]) -> Option<Setting> {
    if [COPY_FROM, COPY_TO].contains(&name) {
        return None;
    }
    let key = name.strip_prefix(ENVIRONMENT_PREFIX)?.to_lowercase().replace("__", ".");
    let is_text = known.iter().any(|(known, default)| *known == key && default.as_str().is_some());
    let parsed = if is_text { None } else { value.parse::<Value>().ok() };
    let value = parsed.unwrap_or_else(|| Value::from(value));
    Some(Setting { key, value, place: format!("environment variable {name}") })
}
