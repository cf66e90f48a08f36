//! The lines of an export, as values: what each says, and by which names. `docs/operations.md` has them for people.
//!
//! Not here: how they are read from the tables (`parts`), and what is wrong with one that is to be imported (`check`).

use serde::{Deserialize, Serialize};

use super::values::{Id, Moment};

/// What the first line calls the format.
pub const FORMAT: &str = "xmpp-groupchat-export";
/// Its version: raised when a line changes its meaning. What is not known in a line is refused, so that nothing is lost in silence.
pub const FORMAT_VERSION: u32 = 1;

/// One line of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    /// The first line: what follows.
    Header(Header),
    /// A group and its settings.
    Group(Box<GroupRecord>),
    /// Who is, or was, in it; in the order in which they came.
    Member(MemberRecord),
    /// Who is kept out.
    Ban(BanRecord),
    /// Who asked to join, or was asked, and has no answer yet.
    Pending(PendingRecord),
    /// A row of the archive, oldest first.
    Message(Box<MessageRecord>),
    /// An account, beyond one group.
    User(UserRecord),
    /// A device that is known to be online.
    Session(SessionRecord),
    /// A device that is present in a group as in a room.
    Occupant(OccupantRecord),
    /// A message that mentions the account.
    Mention(MentionRecord),
    /// The last line: a file without it was cut short.
    End(End),
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// [`FORMAT_VERSION`].
    pub version: u32,
    /// `group` or `user`.
    pub what: What,
    /// The group's id, or the account.
    pub of: String,
    /// The domain of the service that it was taken from.
    pub domain: String,
    /// When.
    pub at: Moment,
}

/// What an export is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A group, to be imported elsewhere.
    Group,
    /// An account: all that is kept of somebody, for himself.
    User,
}

/// A group and its settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupRecord {
    /// Its id.
    pub id: String,
    /// When it was made.
    pub created: Moment,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Moment>,
    /// Since when it is a room that is not configured yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked: Option<Moment>,
    /// It is under a legal hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldRecord>,
    /// Its settings.
    pub settings: SettingsRecord,
    /// Its picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<AvatarRecord>,
    /// How many messages it ever had that count as unread for those who have not read them.
    pub countable: i64,
    /// The newest row that its archive ever had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Id>,
    /// The newest message with a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Id>,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvatarRecord {
    /// Its media type.
    pub media_type: String,
    /// By what clients know it: SHA-1 of its bytes, in hexadecimal (XEP-0153).
    pub hash: String,
    /// Its bytes in base64.
    pub data: String,
}

/// A legal hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldRecord {
    /// Since when.
    pub since: Moment,
    /// Why.
    pub why: String,
}

/// The settings of a group, each as the protocol has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "docs/protocol.md says what each means")]
pub struct SettingsRecord {
    pub name: String,
    pub description: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub visibility: String,
    pub join: String,
    pub invite: String,
    pub configure: String,
    pub post: String,
    pub mention_all: String,
    pub history: String,
    pub receipts: bool,
    pub retention_days: u32,
    pub subject: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub lang: String,
    #[serde(default, skip_serializing_if = "is_false")]
    pub frozen: bool,
}

/// One membership, that of somebody who left too: nobody else gets his member id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberRecord {
    /// The group's id.
    pub group: String,
    /// What the group is called; for the account itself, and not in the export of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    /// The account.
    pub jid: String,
    /// The member id.
    pub mid: String,
    /// The shown name.
    pub nick: String,
    /// `owner`, `admin` or `member`.
    pub role: String,
    /// Since when.
    pub joined: Moment,
    /// When he left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Moment>,
    /// Which messages reach him: `all`, `mentions` or `none`.
    pub receive: String,
    /// None of them until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mute_until: Option<Moment>,
    /// Everything up to this message was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Id>,
    /// When that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Moment>,
    /// How many of the group's countable messages are no news to him.
    pub seen: i64,
}

/// Who is kept out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BanRecord {
    /// The group's id.
    pub group: String,
    /// The account.
    pub jid: String,
    /// Since when.
    pub since: Moment,
}

/// A request to join, or an invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PendingRecord {
    /// The group's id.
    pub group: String,
    /// The account.
    pub jid: String,
    /// `request` or `invitation`.
    pub kind: String,
    /// Who invited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The address as it was written.
    pub written: String,
    /// The member id that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mid: Option<String>,
    /// The nick that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nick: Option<String>,
    /// The role that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Since when.
    pub since: Moment,
}

/// A row of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageRecord {
    /// The group's id.
    pub group: String,
    /// Its stanza-id.
    pub id: Id,
    /// When it was said.
    pub at: Moment,
    /// `message`, or `event` for what the group itself said of a change.
    pub kind: String,
    /// The device that sent it.
    pub sender: String,
    /// The member id of its author.
    pub mid: String,
    /// The stanza's `id` as its sender chose it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The children of the stanza, as XML.
    pub payload: String,
    /// How many countable messages the group had with it.
    pub ordinal: i64,
    /// Is it one of them?
    #[serde(default, skip_serializing_if = "is_false")]
    pub countable: bool,
    /// The message that it corrects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<Id>,
    /// Only owners and admins see it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub admins_only: bool,
    /// It mentions everybody.
    #[serde(default, skip_serializing_if = "is_false")]
    pub mentions_all: bool,
    /// The member ids of those whom it mentions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// It was taken back: it has no text and no payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retracted: Option<RetractedRecord>,
}

/// How a message was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetractedRecord {
    /// When.
    pub at: Moment,
    /// By which member.
    pub by: String,
    /// Not by its author.
    #[serde(default, skip_serializing_if = "is_false")]
    pub moderated: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it said, if its group is held; in the export of a group alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<OriginalRecord>,
}

/// What a message said before it was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OriginalRecord {
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The children of the stanza, as XML.
    pub payload: String,
}

/// An account, beyond one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserRecord {
    /// The account.
    pub jid: String,
    /// Who may add it to groups, if it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addable: Option<String>,
    /// It ever came by a client of the protocol's own.
    #[serde(default, skip_serializing_if = "is_false")]
    pub native: bool,
    /// Its server keeps no copies for later: `full` or `gone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<String>,
}

/// A device that is known to be online.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRecord {
    /// The device.
    pub jid: String,
    /// To which address of ours it announced itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// When it was seen first.
    pub seen: Moment,
}

/// A device that is present in a group as in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OccupantRecord {
    /// The group's id.
    pub group: String,
    /// The device.
    pub jid: String,
    /// What its presence says, as XML.
    pub presence: String,
}

/// A message that mentions the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MentionRecord {
    /// The group's id.
    pub group: String,
    /// The message's stanza-id.
    pub id: Id,
    /// The member id of its author.
    pub author: String,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// How many lines there are between the first one and this.
    pub records: u64,
}

fn is_false(flag: &bool) -> bool {
    !flag
}
