//! The service at work: started from a prepared database, told things, and listened to until it has said everything.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use groupchat_link::{COMPONENT_NS, Incoming, Outgoing};
use minidom::Element;
use tempfile::TempDir;
use tokio::time::timeout;
use xmpp_groupchat::config::Config;

use super::grammar::{OPEN, TEA};
use super::world::Observer;
use crate::host::accept;
use crate::wire::{SERVICE, Wire};
use crate::xml::escape;

/// Says something after each step: when it is answered, everything before is done.
const FENCE: &str = "fence@shakespeare.lit/f";

/// Longer than anything takes here; only for what never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Stanzas on their way out: more than one step says.
const QUEUED_MAX: usize = 1_000;

/// What the private group is called and says; who is not in it never hears this word.
pub(super) const SECRET: &str = "Quincunx";

/// Nothing has been heard yet.
const NO_ID: &str = "0006000000000000";

/// A running service and what it has said.
pub(super) struct Scene {
    wire: Wire,
    config: Config,
    fences: usize,
    pub(super) heard: Heard,
    pub(super) observer: Observer,
    _folder: TempDir,
}

/// One copy of a stanza of the service.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) to: String,
    pub(super) text: String,
    pub(super) stanza: Element,
}

impl Scene {
    /// Starts it where two groups are already: a private and a public one.
    pub(super) async fn start(change: impl FnOnce(&mut Config)) -> Self {
        static BEGINNING: OnceLock<Vec<u8>> = OnceLock::new();
        let beginning = match BEGINNING.get() {
            Some(beginning) => beginning,
            None => {
                let made = beginning().await;
                BEGINNING.get_or_init(|| made)
            }
        };
        Self::with(Some(beginning), change).await
    }

    async fn with(database: Option<&[u8]>, change: impl FnOnce(&mut Config)) -> Self {
        let folder = folder();
        let file = file_in(&folder);
        if let Some(bytes) = database {
            std::fs::write(&file, bytes).expect("the database can be copied");
        }
        let mut config = Config::for_testing(SERVICE, &format!("sqlite://{}", file.display()));
        change(&mut config);
        let wire = start(&config);
        let mut scene = Self {
            observer: Observer::new(&format!("{}?mode=rwc", config.database.url)).await,
            wire,
            config,
            fences: 0,
            heard: Heard::default(),
            _folder: folder,
        };
        scene.settle(&[]).await;
        scene
    }

    /// Ends the service in order and starts it with what it has stored.
    pub(super) async fn restart(&mut self) {
        let next = start(&self.config);
        let before = std::mem::replace(&mut self.wire, next);
        stop(before).await;
        self.settle(&[]).await;
    }

    /// Ends it; what has been said by then is all that there is.
    pub(super) async fn end(self) {
        self.observer.close().await;
        stop(self.wire).await;
    }

    pub(super) async fn tell(&self, incoming: Incoming) {
        assert!(self.wire.to.send(incoming).await.is_ok(), "the service is gone");
    }

    /// All that the service says until what it was told is done and these answers (iqs by recipient and id) have come.
    pub(super) async fn settle(&mut self, answers: &[(String, String)]) -> Vec<Said> {
        self.fences += 1;
        let fence = format!("fence-{}", self.fences);
        let text = format!(
            "<message xmlns='{COMPONENT_NS}' from='{FENCE}' to='fence@{SERVICE}' type='groupchat' id='{fence}'><body/></message>"
        );
        self.tell(Incoming::Stanza(text.parse().expect("well-formed"))).await;
        let (mut said, mut missing, mut is_done) = (Vec::new(), answers.to_vec(), false);
        while !is_done || !missing.is_empty() {
            let Outgoing { head, to, tail, .. } = match timeout(PATIENCE, self.wire.from.recv()).await {
                Ok(Some(outgoing)) => outgoing,
                Ok(None) => panic!("the service is gone"),
                Err(_) => panic!("the service does not answer: {missing:?}, {is_done}"),
            };
            let mut recipients: Vec<_> = to.iter().collect();
            recipients.sort_unstable();
            recipients.dedup();
            assert!(!to.is_empty() && recipients.len() == to.len(), "two copies for one: {to:?}");
            for to in to {
                let text = format!("{head} to='{}'{tail}", escape(&to));
                let stanza =
                    accept(&text).unwrap_or_else(|why| panic!("this would end a real link, {why}: {text}"));
                if *to == *FENCE {
                    is_done |= stanza.attr("id") == Some(&fence);
                } else if *to == *SERVICE {
                    // As hosts do: it is the service's own.
                    self.tell(Incoming::Stanza(stanza)).await;
                } else {
                    let found = answer_to(&stanza).and_then(|id| {
                        missing.iter().position(|(asker, asked)| *asker == *to && *asked == id)
                    });
                    found.map(|index| missing.swap_remove(index));
                    self.heard.note(&stanza);
                    said.push(Said { to: to.to_string(), text, stanza });
                }
            }
        }
        said
    }
}

/// The id of the iq that this one answers.
pub(super) fn answer_to(stanza: &Element) -> Option<String> {
    let is_answer = stanza.name() == "iq" && matches!(stanza.attr("type"), Some("result" | "error"));
    is_answer.then(|| stanza.attr("id").unwrap_or_default().to_owned())
}

/// What the link passes on.
pub(super) fn is_stanza(element: &Element) -> bool {
    element.has_ns(COMPONENT_NS) && matches!(element.name(), "message" | "presence" | "iq")
}

/// In memory where there is such a place: databases that live for milliseconds need no disk.
fn folder() -> TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory.or_else(|_| tempfile::tempdir()).expect("a folder")
}

fn file_in(folder: &TempDir) -> PathBuf {
    folder.path().join("groupchat.db")
}

fn start(config: &Config) -> Wire {
    Wire::start(QUEUED_MAX, |wires| wires.clone_from(config)).expect("the service can be started")
}

async fn stop(wire: Wire) {
    wire.stop.cancel();
    let ended = timeout(PATIENCE, wire.service).await;
    match ended {
        Ok(Ok(Ok(()))) => {}
        other => panic!("the service did not end in order: {other:?}"),
    }
}

/// The bytes of a database with two groups.
async fn beginning() -> Vec<u8> {
    let mut scene = Scene::with(None, |_| {}).await;
    let members = "<property name='members'><item jid='bob@shakespeare.lit' role='admin'/>\
                   <item jid='carol@shakespeare.lit'/></property>";
    let properties = |list: &[(&str, &str)]| -> String {
        list.iter().map(|(name, value)| format!("<property name='{name}'>{value}</property>")).collect()
    };
    let secret = properties(&[("name", SECRET), ("description", SECRET)]);
    let open = properties(&[("name", "Open"), ("visibility", "public"), ("join", "open")]);
    for (group, properties, members) in [(TEA, secret, members), (OPEN, open, "")] {
        let text = format!(
            "<iq xmlns='{COMPONENT_NS}' from='alice@shakespeare.lit/pda' to='{group}@{SERVICE}' type='set' id='c'>\
             <query xmlns='http://jabber.org/protocol/groupchat#creategroup'>\
             <properties>{properties}{members}</properties></query></iq>"
        );
        scene.tell(Incoming::Stanza(text.parse().expect("well-formed"))).await;
        scene.settle(&[("alice@shakespeare.lit/pda".to_owned(), "c".to_owned())]).await;
    }
    let message = format!(
        "<message xmlns='{COMPONENT_NS}' from='alice@shakespeare.lit/pda' to='{TEA}@{SERVICE}' type='groupchat' \
         id='m1'><body>{SECRET}</body></message>"
    );
    scene.tell(Incoming::Stanza(message.parse().expect("well-formed"))).await;
    scene.settle(&[]).await;
    let Scene { wire, observer, _folder, .. } = scene;
    observer.close().await;
    stop(wire).await;
    std::fs::read(file_in(&_folder)).expect("the database can be read")
}

/// What a client remembers of what it heard, to use it in what it sends.
#[derive(Debug, Default)]
pub(super) struct Heard {
    stanza_ids: Vec<String>,
    iq: Option<String>,
    message: Option<String>,
    mid: Option<String>,
    group: Option<String>,
}

impl Heard {
    fn note(&mut self, stanza: &Element) {
        let id = stanza.attr("id").map(str::to_owned);
        match (stanza.name(), stanza.attr("type")) {
            ("iq", Some("get" | "set")) => self.iq = id,
            ("message", _) => self.message = id,
            _ => {}
        }
        for child in stanza.children().filter(|child| child.name() == "stanza-id") {
            let id = child.attr("id").map(str::to_owned);
            self.stanza_ids.extend(id.filter(|id| !self.stanza_ids.contains(id)));
        }
        let from = stanza.attr("from").unwrap_or_default();
        let (bare, mid) = from.split_once('/').map_or((from, None), |(bare, mid)| (bare, Some(mid)));
        self.mid = mid.map(str::to_owned).or(self.mid.take());
        let group = bare.split_once('@').map(|(group, _)| group.to_owned());
        self.group = group.or(self.group.take());
    }

    /// The text with what was heard in the places for it: `{1}` is the newest stanza-id, `{2}` the one before.
    pub(super) fn fill(&self, text: &str) -> String {
        if !text.contains('{') {
            return text.to_owned();
        }
        let newest = |index: usize| self.stanza_ids.iter().rev().nth(index).map_or(NO_ID, String::as_str);
        let or = |value: &Option<String>, other: &str| escape(value.as_deref().unwrap_or(other));
        text.replace("{1}", newest(0))
            .replace("{2}", newest(1))
            .replace("{3}", newest(2))
            .replace("{iq}", &or(&self.iq, "iq"))
            .replace("{heard}", &or(&self.message, "m1"))
            .replace("{mid}", &or(&self.mid, "alice"))
            .replace("{group}", &or(&self.group, "new"))
    }
}
