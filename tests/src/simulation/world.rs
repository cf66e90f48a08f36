//! The simulated world and the ways in which it moves: stanzas on the link, devices, and what goes wrong.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use groupchat_link::Outgoing;
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
use super::people::{Device, DeviceLink, GROUPS, Got, Messages, USERS, address};
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
    news_inside: Vec<Element>,
    story: Vec<String>,
    /// Questions that were asked to see whether the service is at rest, the last one answered, and slices that moved.
    asked: u64,
    answered: u64,
    moved: u64,
    control: DatabaseConnection,
    pub(super) stores: bool,
    pub(super) database: PathBuf,
    clock: Clock,
    _folder: TempDir,
}

/// How long the world may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(20);

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
        let device = |(user, resource)| Device {
            user,
            resource,
            link: DeviceLink::Off,
            since: 0,
            is_known: false,
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

    // --- devices ---

    pub(super) fn log_in(&mut self, device: usize) -> Result<()> {
        let (arrivals, inbox) = mpsc::unbounded_channel();
        let who = &mut self.devices[device];
        self.host.bind(who.user, who.resource, arrivals.clone())?;
        who.link = DeviceLink::On(inbox, arrivals);
        who.since = self.messages.sent.len();
        who.is_known = self.host.service.is_some();
        self.say(device, &format!("<presence/><presence to='{SERVICE}'/>"))
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

    /// The host gives a vanished session up.
    pub(super) fn expire(&mut self, device: usize) {
        let who = &mut self.devices[device];
        who.link = DeviceLink::Off;
        self.host.expire(who.user, who.resource);
    }

    /// Every device reads what came, and senders see their own.
    pub(super) fn read_all(&mut self) {
        for (index, device) in self.devices.iter_mut().enumerate() {
            for stanza in device.read() {
                if let Some(copy) = super::people::Copy::of(&stanza) {
                    self.messages.reflect(index, &copy);
                }
            }
        }
    }

    // --- the link ---

    /// The host's stanzas reach the service.
    pub(super) fn take_in(&mut self, stanzas_max: usize) -> usize {
        let Some(service) = &mut self.service else { return 0 };
        let taken = service.take_in(stanzas_max);
        for stanza in &taken {
            if is_bounce(stanza) {
                self.story.push(format!("    the service gets {}", xml::compact(stanza)));
                // Perhaps of an earlier session with the same resource.
                self.doubt(stanza);
                self.excuse_newcomers(stanza);
            }
            if is_bounce(stanza) || stanza.name() == "presence" {
                self.news_inside.push(stanza.clone());
            }
        }
        taken.len()
    }

    /// The service's stanzas go onto the wire, perhaps with an echo behind them.
    pub(super) fn write(&mut self, slices_max: usize, echoes: bool) -> usize {
        let Some(service) = &self.service else { return 0 };
        let taken: Vec<_> = std::iter::from_fn(|| service.queue.try_next()).take(slices_max).collect();
        let count = taken.len();
        self.wire.extend(taken.into_iter().map(OnTheWire::Copies));
        if echoes && service.queue.oldest_echo().is_some() {
            self.wire.push_back(OnTheWire::Echo(service.queue.echo()));
        }
        count
    }

    /// The host works off what is on the wire.
    pub(super) fn host_works(&mut self, items_max: usize) {
        for _ in 0..items_max {
            match self.wire.pop_front() {
                None => break,
                Some(OnTheWire::Copies(slice)) => {
                    let Outgoing { head, tail, lane, .. } = slice.outgoing().clone();
                    self.moved += 1;
                    if let Some((_, id)) = head.split_once(" id='nudge-") {
                        self.answered =
                            id.split('\'').next().and_then(|id| id.parse().ok()).unwrap_or_default();
                        continue;
                    }
                    let to = slice.recipients().join(", ");
                    self.story.push(format!("    the host gets {head} to {to}"));
                    self.host.hear_service(&Outgoing { head, to: slice.recipients().to_vec(), tail, lane });
                }
                Some(OnTheWire::Echo(number)) => {
                    self.story.push(format!("    echo {number}"));
                    if let Some(service) = &self.service {
                        service.queue.acknowledge(number);
                    }
                }
            }
        }
        self.read_all();
    }

    /// The link breaks: the host has some of what was on the wire, and the rest is lost both ways.
    fn break_link(&mut self, why: &'static str) {
        let arrived = self.rng.random_range(0..=self.wire.len());
        // An echo on its way back is lost with the link.
        self.wire.truncate(arrived);
        self.wire.retain(|item| matches!(item, OnTheWire::Copies(_)));
        self.host_works(arrived);
        self.wire.clear();
        let mut lost = Vec::new();
        if let Some(service) = &mut self.service {
            while let Ok(stanza) = service.from_host.try_recv() {
                lost.push(stanza);
            }
        }
        self.host.service = None;
        lost.iter().for_each(|stanza| self.lose(stanza, why));
    }

    /// This came from the host and has no consequences.
    fn lose(&mut self, stanza: &Element, why: &'static str) {
        if is_bounce(stanza) {
            self.messages.excuse(stanza, why);
        } else if stanza.name() == "presence" {
            self.doubt(stanza);
        }
    }

    /// A copy came back from one device of a user, and another one has logged in since the message was sent, or its
    /// presence was lost. It got no copy of its own, and being there it keeps the service from sending one for later; it
    /// finds the message when it asks for what it missed, as every device does after its login.
    fn excuse_newcomers(&mut self, bounce: &Element) {
        let from = bounce.attr("from").unwrap_or_default();
        let Some(number) = bounce.attr("id").and_then(Messages::number) else { return };
        let is_other = |device: &Device| {
            from.starts_with(&format!("{}@", device.user))
                && !from.ends_with(&format!("/{}", device.resource))
        };
        let came_later = |device: &Device| device.since > number || !device.is_known;
        if self.devices.iter().any(|device| is_other(device) && came_later(device)) {
            self.messages.excuse(bounce, "another device came later");
        }
    }

    /// The service may not know that the device which this is from is there.
    fn doubt(&mut self, stanza: &Element) {
        let from = stanza.attr("from").unwrap_or_default();
        let is_it = |device: &&mut Device| from == format!("{}@{HOST}/{}", device.user, device.resource);
        self.devices.iter_mut().filter(is_it).for_each(|device| device.is_known = false);
    }

    pub(super) fn cut(&mut self) {
        if self.service.is_none() {
            return;
        }
        self.tally.cuts += 1;
        self.break_link("its bounce was lost with the link");
        let (host_end, from_host) = mpsc::unbounded_channel();
        self.host.service = Some(host_end);
        if let Some(service) = &mut self.service {
            service.from_host = from_host;
            service.queue.lost();
        }
    }

    pub(super) async fn kill(&mut self) {
        self.tally.kills += 1;
        self.break_link("its bounce was lost with the link");
        for stanza in std::mem::take(&mut self.news_inside) {
            self.lose(&stanza, "the service was killed while it dealt with the bounce");
        }
        if let Some(service) = self.service.take() {
            service.kill().await;
        }
    }

    /// Every session ends, and what was kept for those that had vanished is gone.
    pub(super) fn restart_host(&mut self) {
        self.tally.host_restarts += 1;
        self.cut();
        for ((user, _), session) in std::mem::take(&mut self.host.sessions) {
            let Link::Down(kept) = session.link else { continue };
            for stanza in kept {
                if let Some(id) = stanza.attr("id") {
                    self.messages
                        .excused
                        .insert((user.clone(), id.to_owned()), "the host was restarted with it");
                }
            }
        }
        for device in &mut self.devices {
            device.link = DeviceLink::Off;
        }
    }

    /// Makes the database refuse messages and sessions, or take them again.
    pub(super) async fn set_stores(&mut self, stores: bool) -> Result<()> {
        if self.stores == stores {
            return Ok(());
        }
        self.stores = stores;
        for table in ["tig_group_message", "tig_group_session"] {
            let statement = if stores {
                format!("DROP TRIGGER full_{table}")
            } else {
                format!(
                    "CREATE TRIGGER full_{table} BEFORE INSERT ON {table} \
                     BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
                )
            };
            while let Err(error) = self.control.execute_unprepared(&statement).await {
                if !self.service.as_ref().is_some_and(Service::is_dead) {
                    return Err(error).context("the control connection");
                }
                // It stopped in the midst of a transaction.
                self.kill().await;
            }
        }
        self.tally.database_stops += usize::from(!stores);
        Ok(())
    }

    /// Lets the service work, if it runs; what it was doomed to happens.
    pub(super) async fn work(&mut self) -> Result<()> {
        let Some(service) = &self.service else { return Ok(()) };
        service.work().await?;
        if service.is_dead() {
            self.note("the service was killed in the midst of it");
            self.kill().await;
        }
        Ok(())
    }

    /// Everything that can move moves, until nothing does: until the service has answered a question that went behind
    /// everything else, and what came of the answers, too.
    pub(super) async fn settle(&mut self) -> Result<()> {
        let start = Instant::now();
        let mut asked = None;
        while start.elapsed() < PATIENCE {
            let came = self.take_in(usize::MAX);
            self.work().await?;
            let written = self.write(usize::MAX, true);
            let is_busy = came + written + self.wire.len() > 0;
            self.host_works(usize::MAX);
            if let Some(trouble) = self.host.trouble.take() {
                bail!("{trouble}");
            }
            match asked {
                // Others than the answer itself came after the question.
                Some((question, before)) if self.answered == question => {
                    if self.moved == before + 1 {
                        self.news_inside.clear();
                        return Ok(());
                    }
                    asked = None;
                }
                Some(_) => tokio::time::sleep(Duration::from_micros(200)).await,
                None if !is_busy => asked = Some((self.ask()?, self.moved)),
                None => {}
            }
        }
        bail!("the world does not come to rest");
    }

    /// Asks the service for something that goes the way of all requests and has no effect.
    fn ask(&mut self) -> Result<u64> {
        self.asked += 1;
        let question = format!(
            "<iq xmlns='jabber:component:accept' type='set' id='nudge-{}' from='probe@{HOST}/x' \
             to='no-such-group@{SERVICE}'><query xmlns='http://jabber.org/protocol/groupchat#deletegroup'/></iq>",
            self.asked
        );
        let host_end = self.host.service.as_ref().context("no service")?;
        host_end.send(question.parse()?).context("no service")?;
        Ok(self.asked)
    }
}

fn is_bounce(stanza: &Element) -> bool {
    stanza.name() == "message" && stanza.attr("type") == Some("error")
}
