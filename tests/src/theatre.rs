//! All conversations of a folder as tests on all hosts: which are played where, and the real servers that they share.
//! Each conversation has domains of its own on a real host, so that several can be played at once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};

use crate::host::{Host, component};
use crate::real::{Account, Addresses, DatabaseKind, DatabaseServer, Ejabberd, Prosody, Site, new_database};
use crate::run::play;
use crate::script::{HostKind, Script};
use crate::stage::{Names, PASSWORD, PROBE, Stage};

/// The conversations and the servers that they are played on.
#[derive(Debug)]
pub struct Theatre {
    scripts: Vec<Script>,
    prosody: Servers<Prosody>,
    ejabberd: Servers<Ejabberd>,
    databases: [Slot<DatabaseServer>; 2],
}

/// A conversation on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Play {
    host: HostKind,
    /// Does the host take one stanza for many?
    multicast: bool,
    /// On a database server, if not on an embedded one.
    database: Option<DatabaseKind>,
    /// The position of its script.
    script: usize,
}

/// Databases that the conversations are played on besides the embedded one.
const DATABASES: [DatabaseKind; 2] = [DatabaseKind::Postgres, DatabaseKind::Mariadb];

/// The servers of a kind: one that takes a stanza for each, and one that takes one for many.
type Servers<T> = [Slot<T>; 2];

/// A server that is started by the first conversation that needs it; the error is the same for all that follow.
type Slot<T> = Mutex<Option<Result<T, String>>>;

impl Theatre {
    /// Reads all conversation files below `folder`. A file that cannot be read fails everything: a test that is not
    /// run must not look like one that passed.
    pub fn load(folder: &Path) -> Result<Self> {
        let mut files = Vec::new();
        collect(folder, &mut files).with_context(|| format!("cannot read {}", folder.display()))?;
        files.sort();
        let load = |file: &PathBuf| {
            let name = file.strip_prefix(folder).unwrap_or(file);
            Script::load(file, &name.to_string_lossy())
        };
        let scripts = files.iter().map(load).collect::<Result<_, _>>()?;
        Ok(Self {
            scripts,
            prosody: Servers::default(),
            ejabberd: Servers::default(),
            databases: Default::default(),
        })
    }

    /// Every conversation on every host that it is meant for: on real ones with and without multicast, on the simulated
    /// one with every database.
    pub fn plays(&self) -> Vec<Play> {
        let plays_of = |(index, script): (usize, &Script)| {
            let with_service = script.with_service;
            script.hosts.clone().into_iter().flat_map(move |host| {
                let plain = Play { host, multicast: false, database: None, script: index };
                let many = host.is_real().then_some(Play { multicast: true, ..plain });
                let databases = DATABASES.into_iter().filter(move |_| with_service && !host.is_real());
                let databases = databases.map(move |kind| Play { database: Some(kind), ..plain });
                [plain].into_iter().chain(many).chain(databases)
            })
        };
        let mut plays: Vec<_> = self.scripts.iter().enumerate().flat_map(plays_of).collect();
        plays.sort_unstable();
        plays
    }

    /// As in `prosody::native/post.txt`, `prosody-multicast::native/post.txt` or `mariadb::native/post.txt`.
    pub fn name(&self, play: Play) -> String {
        let with = if play.multicast { "-multicast" } else { "" };
        let place = play.database.map_or_else(|| play.host.name(), DatabaseKind::name);
        format!("{place}{with}::{}", self.scripts[play.script].file)
    }

    /// Plays a conversation. Starts the host if it is the first there.
    pub async fn play(self: Arc<Self>, what: Play) -> Result<()> {
        let script = &self.scripts[what.script];
        let stage = match what.host {
            HostKind::InProcess => {
                let theatre = self.clone();
                let server = tokio::task::spawn_blocking(move || theatre.database(what)).await??;
                let database = match server {
                    Some(server) => Some(new_database(&server).await?),
                    None => None,
                };
                let program = script.with_service.then(|| component(&script.config, database));
                Stage::Simulated(Host::start_for(script, program)?)
            }
            HostKind::Prosody | HostKind::Ejabberd => {
                let theatre = self.clone();
                let addresses = tokio::task::spawn_blocking(move || theatre.open(what)).await??;
                let mut settings = script.config.clone();
                settings.extend(what.multicast.then(|| "delivery.multicast = \"external\"".to_owned()));
                let settings = script.with_service.then_some(settings.as_slice());
                let stage = Stage::real(addresses, names(what.script), settings).await?;
                if what.multicast {
                    stage.wait_for_multicast().await?;
                }
                stage
            }
        };
        play(script, stage).await?;
        Ok(())
    }

    /// Ends the servers; nothing can be played afterwards.
    pub fn close(&self) {
        self.prosody.iter().for_each(close);
        self.ejabberd.iter().for_each(close);
        self.databases.iter().for_each(close);
    }

    /// The URL of the database server that a conversation is played on.
    fn database(&self, play: Play) -> Result<Option<String>> {
        let Some(kind) = play.database else { return Ok(None) };
        let at = DATABASES.iter().position(|one| *one == kind).unwrap_or_default();
        start_once(&self.databases[at], || DatabaseServer::start(kind), DatabaseServer::url).map(Some)
    }

    fn open(&self, Play { host, multicast, .. }: Play) -> Result<Addresses> {
        let at = usize::from(multicast);
        if host == HostKind::Prosody {
            let start = || self.start(multicast, Prosody::serve);
            start_once(&self.prosody[at], start, |server| server.addresses)
        } else {
            let start = || self.start(multicast, Ejabberd::serve);
            start_once(&self.ejabberd[at], start, |server| server.addresses)
        }
    }

    fn start<T>(&self, multicast: bool, server: impl FnOnce(&Site) -> Result<T>) -> Result<T> {
        let mut site = Site { multicast, ..Site::default() };
        for (index, script) in self.scripts.iter().enumerate() {
            let names = names(index);
            let account = |user: &str| {
                let (user, domain) = names.account(user);
                Account { domain: domain.to_owned(), user: user.to_owned(), password: PASSWORD.to_owned() }
            };
            site.accounts.extend(script.users.iter().map(String::as_str).chain([PROBE]).map(account));
            site.telling.extend(script.host_tells_presence.then(|| names.home.clone()));
            site.domains.push(names.domain());
        }
        server(&site)
    }
}

/// The domains of a script on a real host. Of a constant length, and none a part of another.
fn names(index: usize) -> Names {
    Names { home: format!("c{index:03}.lit"), elsewhere: format!("e{index:03}.lit") }
}

fn close<T>(slot: &Slot<T>) {
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

fn start_once<T, A>(
    slot: &Slot<T>,
    start: impl FnOnce() -> Result<T>,
    addresses: impl FnOnce(&T) -> A,
) -> Result<A> {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    let server = slot.get_or_insert_with(|| start().map_err(|error| format!("{error:#}")));
    server.as_ref().map(addresses).map_err(|error| anyhow::Error::msg(error.clone()))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            files.push(path);
        }
    }
    Ok(())
}
