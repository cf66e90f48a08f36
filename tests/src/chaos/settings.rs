//! What a run is to be, as its environment says.

use std::str::FromStr;

use anyhow::{Result, anyhow};

use super::Counts;

/// A host on which a run can be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKind {
    /// Prosody.
    Prosody,
    /// ejabberd.
    Ejabberd,
}

impl HostKind {
    /// As it is written in `CHAOS_HOST`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prosody => "prosody",
            Self::Ejabberd => "ejabberd",
        }
    }

    /// Whether `CHAOS_HOST` (this one's name, or `both`, as when it is not set) asks for this one.
    pub fn is_wanted(self) -> bool {
        std::env::var("CHAOS_HOST").map_or(true, |wanted| wanted == "both" || wanted == self.name())
    }
}

/// Where the service keeps everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseKind {
    /// A file, which somebody else can lock.
    Sqlite,
    /// A server, which can be stopped.
    Postgres,
}

impl DatabaseKind {
    /// As it is written in `CHAOS_DATABASE`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl FromStr for DatabaseKind {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Sqlite, Self::Postgres]
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| anyhow!("neither sqlite nor postgres"))
    }
}

/// Whom the service has pass one stanza on to many; as its own setting has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MulticastKind {
    /// The host itself, if it can.
    Auto,
    /// Also a process beside it.
    External,
    /// Nobody.
    Off,
}

impl MulticastKind {
    /// As it is written in `CHAOS_MULTICAST`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::External => "external",
            Self::Off => "off",
        }
    }
}

impl FromStr for MulticastKind {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Auto, Self::External, Self::Off]
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| anyhow!("neither auto nor external nor off"))
    }
}

/// What a run is to be.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Decides what goes wrong and when, and how people behave. (Not how long anything takes.)
    pub seed: u64,
    /// How often what goes wrong.
    pub counts: Counts,
    /// Where the service keeps everything.
    pub database: DatabaseKind,
    /// Messages a second, all devices together.
    pub rate: u32,
    /// Whom the service has pass one stanza on to many. Every host could.
    pub multicast: MulticastKind,
}

impl Settings {
    /// These counts and this database, but for what `CHAOS_…` variables say.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn from_environment(counts: Counts, database: DatabaseKind) -> Result<Self> {
        let counts = Counts {
            kills: variable("CHAOS_KILLS", counts.kills)?,
            host_restarts: variable("CHAOS_HOST_RESTARTS", counts.host_restarts)?,
            cuts: variable("CHAOS_CUTS", counts.cuts)?,
            freezes: variable("CHAOS_FREEZES", counts.freezes)?,
            database_stops: variable("CHAOS_DATABASE_STOPS", counts.database_stops)?,
        };
        Ok(Self {
            seed: variable("CHAOS_SEED", u64::from(rand::random::<u32>()))?,
            counts,
            database: variable("CHAOS_DATABASE", database)?,
            rate: variable("CHAOS_RATE", 60)?,
            multicast: variable("CHAOS_MULTICAST", MulticastKind::Auto)?,
        })
    }
}

fn variable<T: FromStr>(name: &str, default: T) -> Result<T>
where
    T::Err: std::fmt::Display,
{
    match std::env::var(name) {
        Ok(text) => text.parse().map_err(|error| anyhow!("{name}={text}: {error}")),
        Err(_) => Ok(default),
    }
}
