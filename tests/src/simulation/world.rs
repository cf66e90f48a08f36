//! The simulated world and the ways in which it moves: stanzas on the link, devices, and what goes wrong.

use std::collections::VecDeque;
use std::path::PathBuf;

use anyhow::{Context, Result};
use groupchat_link::queue::Slice;
use groupchat_store::Store;
use minidom::Element;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection};
use tempfile::TempDir;
use tokio::sync::{OnceCell, mpsc};
use xmpp_groupchat::clock::Clock;

use super::Tally;
use super::people::{DESK, Device, DeviceLink, GROUPS, Got, IN_ROOM, Messages, USERS, address};
use super::service::Service;
use crate::host::state::{Link, State};
use crate::script::{HOST, SERVICE};
use crate::xml;

/// What is on its way from the service to the host.
pub(super) enum OnTheWire {
    Copies(Slice),
    Echo(u64),
}

/// Everything there is.
pub(super) struct World {
    pub(super) rng: StdRng,
    pub(super) host: State,
    pub(super) service: Option<Service>,
    pub(super) wire: VecDeque<OnTheWire>,
    pub(super) devices: Vec<Device>,
    pub(super) messages: Messages,
    /// Names that the first group was given, each with the number of messages before it.
    pub(super) names: Vec<(String, usize)>,
    pub(super) tally: Tally,
    /// Bounces and presence that the service got and whose consequences may not be stored, or not be with the host.
    pub(super) news_inside: Vec<Element>,
    pub(super) story: Vec<String>,
    /// Questions that were asked to see whether the service is at rest, the last one answered, and slices that moved.
    pub(super) asked: u64,
    pub(super) answered: u64,
    pub(super) moved: u64,
    control: DatabaseConnection,
    pub(super) stores: bool,
    /// Times that anybody joined a room.
    joins: u64,
    /// What could not be stored for a while has been stored since.
    pub(super) has_stored_all: bool,
    pub(super) database: PathBuf,
    pub(super) clock: Clock,
    _folder: TempDir,
}

/// A database with all its tables, made once.
static TEMPLATE: OnceCell<(TempDir, PathBuf)> = OnceCell::const_new();

/// In memory where there is such a file system: a disk would only cost time here.
fn folder() -> Result<TempDir> {
    let memory = std::path::Path::new("/dev/shm");
    let mut builder = tempfile::Builder::new();
    builder.prefix("groupchat-simulation-");
    Ok(if memory.is_dir() { builder.tempdir_in(memory)? } else { builder.tempdir()? })
}

async fn template() -> Result<(TempDir, PathBuf)> {
    let folder = folder()?;
    let file = folder.path().join("template.db");
    let store = Store::open(&format!("sqlite://{}", file.display())).await?;
    store.migrate().await?;
    store.close().await?;
    Ok((folder, file))
}

impl World {
    /// A world in which everybody is at home and the groups are made.
    pub(super) async fn new(seed: u64) -> Result<Self> {
        let (_, template) = TEMPLATE.get_or_try_init(template).await?;
        let folder = folder()?;
        let database = folder.path().join("groupchat.db");
        std::fs::copy(template, &database)?;
        let mut options = sea_orm::ConnectOptions::new(format!("sqlite://{}", database.display()));
        options.max_connections(1).sqlx_logging(false);
        let control = Database::connect(options).await.context("the control connection")?;
        let devices = USERS.iter().flat_map(|user| [(*user, "pda"), (*user, "phone")]);
        let devices = devices.chain(IN_ROOM.iter().map(|user| (*user, DESK)));
        let device = |(user, resource)| Device {
            user,
            resource,
            link: DeviceLink::Off,
            was_there: false,
            since: 0,
            is_known: false,
            join: String::new(),
            got: Got::default(),
        };
        let mut world = Self {
            rng: StdRng::seed_from_u64(seed),
            host: State::new(USERS.iter().map(|user| (*user).to_owned()).collect()),
            service: None,
            wire: VecDeque::new(),
            devices: devices.map(device).collect(),
            messages: Messages::default(),
            names: Vec::new(),
            tally: Tally::default(),
            news_inside: Vec::new(),
            story: Vec::new(),
            asked: 0,
            answered: 0,
            moved: 0,
            control,
            stores: true,
            joins: 0,
            has_stored_all: true,
            database,
            clock: Clock::manual(groupchat_core::Timestamp(1_767_225_600_000)),
            _folder: folder,
        };
        world.start();
        world.make_groups().await?;
        Ok(world)
    }

    async fn make_groups(&mut self) -> Result<()> {
        self.log_in(0)?;
        for (group, members) in GROUPS {
            let items: String =
                members.iter().map(|user| format!("<item jid='{user}@{HOST}' mid='{user}'/>")).collect();
            let payload = format!(
                "<query xmlns='http://jabber.org/protocol/groupchat#creategroup'><properties>\
                 <property name='members'>{items}</property></properties></query>"
            );
            self.say(0, &format!("<iq type='set' id='make' to='{}'>{payload}</iq>", address(group)))?;
        }
        // Who has been seen otherwise gets copies for later, though he joins rooms, too.
        for device in 0..self.devices.len() {
            if IN_ROOM.contains(&self.devices[device].user) && !self.devices[device].is_of_room() {
                self.log_in(device)?;
                self.settle().await?;
                self.log_out(device);
            }
        }
        self.settle().await
    }

    /// Notes what happens.
    pub(super) fn note(&mut self, line: impl Into<String>) {
        self.story.push(line.into());
    }

    pub(super) fn into_story(self) -> Vec<String> {
        self.story
    }

    pub(super) fn chance(&mut self, of_hundred: u32) -> bool {
        self.rng.random_range(0..100) < of_hundred
    }

    pub(super) fn start(&mut self) {
        let (service, host_end) = Service::start(&self.database, self.clock.clone());
        self.host.service = Some(host_end);
        self.service = Some(service);
    }

    pub(super) fn log_in(&mut self, device: usize) -> Result<()> {
        let (arrivals, inbox) = mpsc::unbounded_channel();
        let who = &mut self.devices[device];
        self.host.bind(who.user, who.resource, arrivals.clone())?;
        who.link = DeviceLink::On(inbox, arrivals);
        who.was_there = true;
        who.since = self.messages.sent.len();
        who.is_known = self.host.service.is_some() && !who.is_of_room();
        self.excuse_waiting(device);
        if self.devices[device].is_of_room() {
            self.say(device, "<presence/>")?;
            return self.join(device);
        }
        self.say(device, &format!("<presence/><presence to='{SERVICE}'/>"))
    }

    /// Joins the first group as a room.
    pub(super) fn join(&mut self, device: usize) -> Result<()> {
        self.excuse_waiting(device);
        self.joins += 1;
        let who = &mut self.devices[device];
        who.join = format!("join-{}", self.joins);
        let stanza = format!(
            "<presence id='{}' to='{}/{}'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>",
            who.join,
            address(GROUPS[0].0),
            who.user
        );
        self.say(device, &stanza)
    }

    /// A device is there from now on, which keeps what comes back to others of its user from being sent for later.
    fn excuse_waiting(&mut self, device: usize) {
        let who = &self.devices[device];
        // For what came back before and is dealt with later, as when the database is away, it is one that came later.
        let from_user = format!("{}@", who.user);
        for bounce in self.news_inside.iter().filter(|stanza| stanza.name() == "message") {
            if bounce.attr("from").is_some_and(|from| from.starts_with(&from_user)) {
                self.messages.excuse(bounce, "a device came before it was dealt with");
            }
        }
    }

    pub(super) fn say(&mut self, device: usize, text: &str) -> Result<()> {
        let who = &self.devices[device];
        for stanza in xml::parse_all(text)? {
            self.host.hear_client(who.user, who.resource, stanza)?;
        }
        Ok(())
    }

    /// Logs out, or is cut off: hosts do the same.
    pub(super) fn log_out(&mut self, device: usize) {
        self.read_all();
        let who = &mut self.devices[device];
        who.link = DeviceLink::Off;
        self.host.end(who.user, who.resource);
    }

    pub(super) fn vanish(&mut self, device: usize) {
        self.read_all();
        let who = &mut self.devices[device];
        if let DeviceLink::On(inbox, arrivals) = std::mem::replace(&mut who.link, DeviceLink::Off) {
            who.link = DeviceLink::Vanished(inbox, arrivals);
            self.host.set_link(who.user, who.resource, Link::Down(Vec::new()));
        }
    }

    pub(super) fn resume(&mut self, device: usize) -> Result<()> {
        let who = &mut self.devices[device];
        if let DeviceLink::Vanished(inbox, arrivals) = std::mem::replace(&mut who.link, DeviceLink::Off) {
            self.host.resume(who.user, who.resource, arrivals.clone())?;
            who.link = DeviceLink::On(inbox, arrivals);
        }
        Ok(())
    }

    /// The host gives a vanished session up, and back what it kept for it, if anybody is there to take it.
    pub(super) fn expire(&mut self, device: usize) {
        let who = &mut self.devices[device];
        let session = self.host.sessions.get(&(who.user.to_owned(), who.resource.to_owned()));
        if let (None, Some(Link::Down(kept))) = (&self.host.service, session.map(|session| &session.link)) {
            self.messages.excuse_kept(who.user, kept, "the service was away when it came back");
        }
        who.link = DeviceLink::Off;
        self.host.expire(who.user, who.resource);
    }

    /// Every device reads what came, and senders see their own.
    pub(super) fn read_all(&mut self) {
        let sent = self.messages.sent.len();
        for (index, device) in self.devices.iter_mut().enumerate() {
            for stanza in device.read(sent) {
                if let Some(copy) = super::people::Copy::of(&stanza) {
                    self.messages.reflect(index, &copy);
                }
            }
        }
    }

    /// Makes the database refuse messages and sessions, or take them again.
    pub(super) async fn set_stores(&mut self, stores: bool) -> Result<()> {
        if self.stores == stores {
            return Ok(());
        }
        // What was begun before is done before.
        self.work().await?;
        (self.stores, self.has_stored_all) = (stores, false);
        for table in ["tig_group_message", "tig_group_session"] {
            let statement = if stores {
                format!("DROP TRIGGER full_{table}")
            } else {
                format!(
                    "CREATE TRIGGER full_{table} BEFORE INSERT ON {table} \
                     BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
                )
            };
            self.control.execute_unprepared(&statement).await.context("the control connection")?;
        }
        self.tally.database_stops += usize::from(!stores);
        Ok(())
    }
}
