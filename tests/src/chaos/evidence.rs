//! What was seen: the diary of every device, and the archive as every member read it. Values only; gathered by `load.rs`
//! and `archive.rs`, judged by `checker.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Everything that a run is judged by.
#[derive(Debug, Default)]
pub struct Evidence {
    /// The members of each group, by user name. They do not change during a run.
    pub groups: BTreeMap<String, BTreeSet<String>>,
    /// What each device did and saw.
    pub diaries: Vec<Diary>,
    /// The archives, read when all was over.
    pub readings: Vec<Reading>,
}

/// What one device did and saw, in its order.
#[derive(Debug)]
pub struct Diary {
    /// Whose device it is.
    pub user: String,
    /// Its resource.
    pub device: String,
    /// What happened.
    pub entries: Vec<Entry>,
}

/// A line of a diary.
#[derive(Debug)]
pub struct Entry {
    /// Since the run began.
    pub at: Duration,
    /// What happened.
    pub what: What,
}

/// What can happen to a device.
#[derive(Debug)]
pub enum What {
    /// The service has heard that the device is online: a question that was asked behind its presence was answered.
    Settled,
    /// The session is over, on purpose or not. One that was taken up again (XEP-0198) is not.
    Gone,
    /// A message was sent, for the first time or again.
    Sent {
        /// Its id, which no other message of the run has.
        id: String,
        /// To which group.
        group: String,
        /// Its text.
        body: String,
    },
    /// A message came back as an error.
    Refused {
        /// Its id.
        id: String,
        /// The device will not send it again.
        given_up: bool,
    },
    /// A copy of a message came.
    Copy {
        /// In which group.
        group: String,
        /// How it came.
        way: Way,
        /// The host had kept it for an earlier session of the device, and says so.
        resent: bool,
        /// The message.
        message: Message,
    },
}

/// A message as it was received or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The id that its sender gave it.
    pub id: String,
    /// The id that the group gave it; empty if it had none.
    pub stanza_id: String,
    /// Its text.
    pub body: String,
}

/// How a copy reached a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// `type=groupchat`, to the device.
    Live,
    /// `type=chat`, to the user: kept by the host, or handed over at once.
    Absent,
}

/// The archive of a group as one member read it.
#[derive(Debug)]
pub struct Reading {
    /// Who read.
    pub user: String,
    /// Which group.
    pub group: String,
    /// All its messages, in the order in which they came.
    pub rows: Vec<Message>,
}
