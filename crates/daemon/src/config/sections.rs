//! The sections of the configuration, each with its defaults. Every field's comment is its documentation, wherever settings
//! are shown: `document.rs` makes the shipped file and the table of `docs/operations.md` of what stands here.

use std::path::PathBuf;

use groupchat_core::{Limits as GroupLimits, Settings};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize, Serializer};

/// `[component]`: how the XMPP server is reached. XEP-0114.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Component {
    /// The domain of the service, a subdomain of the XMPP server's own.
    #[schemars(example = "groupchat.localhost")]
    pub domain: String,
    /// The secret that the server's configuration holds for this domain.
    #[serde(serialize_with = "hidden")]
    #[schemars(with = "String", example = "change-me")]
    pub secret: SecretString,
    /// A file that holds the secret, instead of `secret`; empty: none.
    pub secret_file: PathBuf,
    /// The server's component port, as `host:port`.
    pub server: String,
}

impl Default for Component {
    fn default() -> Self {
        Self {
            domain: String::new(),
            secret: SecretString::default(),
            secret_file: PathBuf::new(),
            server: "127.0.0.1:5347".into(),
        }
    }
}

/// A secret is never written anywhere, not even to compare it.
fn hidden<S: Serializer>(_: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("")
}

/// `[service]`: what the service is to its users.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Service {
    /// The name that clients show.
    pub name: String,
    /// Who may create groups.
    pub create_groups: CreateGroups,
    /// Who may use the commands of administrators from an XMPP client (XEP-0050): accounts like `admin@example.org`, here or on
    /// other servers.
    pub admins: Vec<String>,
    /// Whom to write to about abuse, as URIs like `xmpp:abuse@example.org` or `mailto:…` (XEP-0157).
    pub abuse_addresses: Vec<String>,
    /// Whom to write to about the service, as URIs.
    pub admin_addresses: Vec<String>,
    /// Whom to ask for help, as URIs.
    pub support_addresses: Vec<String>,
    /// The settings of a group whose creator asks for no others.
    pub defaults: Defaults,
}

/// `[service.defaults]`: the settings of a group whose creator asks for no others.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Defaults {
    /// Who finds the group: `private` (its members) or `public` (everybody).
    pub visibility: String,
    /// Who comes in without being added: `closed` (nobody), `open` (whoever wants to) or `approval` (whom an admin lets in).
    pub join: String,
    /// Who may add members: `admins` or `members`.
    pub invite: String,
    /// Who may change settings: `admins` or `members`.
    pub configure: String,
    /// Who may post: `admins` or `members`.
    pub post: String,
    /// Who may mention everybody: `admins` or `members`.
    pub mention_all: String,
    /// What new members see of what was said before: `all` or `since-join` (nothing).
    pub history: String,
    /// Are read receipts passed on: `on` or `off`.
    pub receipts: String,
    /// Days that messages are kept; 0: for ever.
    #[schemars(range(min = 0, max = 36_500))]
    pub retention_days: u32,
}

impl Default for Defaults {
    fn default() -> Self {
        let settings = Settings::default();
        let texts = settings.properties();
        let of = |name: &str| {
            texts.iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_string()).unwrap_or_default()
        };
        Self {
            visibility: of("visibility"),
            join: of("join"),
            invite: of("invite"),
            configure: of("configure"),
            post: of("post"),
            mention_all: of("mention_all"),
            history: of("history"),
            receipts: of("receipts"),
            retention_days: settings.retention_days,
        }
    }
}

impl Defaults {
    /// The settings as the rules take them.
    ///
    /// # Errors
    /// What cannot be set so.
    pub fn for_rules(&self, limits: &GroupLimits) -> Result<Settings, String> {
        let texts = [
            ("visibility", &self.visibility),
            ("join", &self.join),
            ("invite", &self.invite),
            ("configure", &self.configure),
            ("post", &self.post),
            ("mention_all", &self.mention_all),
            ("history", &self.history),
            ("receipts", &self.receipts),
            ("retention_days", &self.retention_days.to_string()),
        ];
        let texts = texts.map(|(name, value)| (name.to_owned(), value.clone()));
        Settings::default().with(&texts, limits).map_err(|refusal| refusal.to_string())
    }
}

impl Default for Service {
    fn default() -> Self {
        Self {
            name: "Groups".into(),
            create_groups: CreateGroups::Everyone,
            admins: Vec::new(),
            abuse_addresses: Vec::new(),
            admin_addresses: Vec::new(),
            support_addresses: Vec::new(),
            defaults: Defaults::default(),
        }
    }
}

/// Who may create groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CreateGroups {
    /// Whoever can reach the service, users of other servers too.
    Everyone,
    /// Users of the server that the service's domain belongs to.
    Local,
}

/// `[database]`: where everything is kept.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite://file` (made when missing), `postgres://user:password@host/name` or `mysql://user:password@host/name`.
    pub url: String,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite://groupchat.db".into() }
    }
}

/// `[limits]`: a limit on everything that somebody else decides the size of.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Groups of one user.
    #[schemars(range(min = 1, max = 100_000))]
    pub groups_per_user: usize,
    /// Members of one group.
    #[schemars(range(min = 1, max = 50_000))]
    pub members_per_group: usize,
    /// Requests to join and invitations of one group that wait for an answer.
    #[schemars(range(min = 1, max = 10_000))]
    pub pending_per_group: usize,
    /// Characters of a group's name.
    #[schemars(range(min = 1, max = 384))]
    pub name_chars: usize,
    /// Characters of a group's description.
    #[schemars(range(min = 0, max = 10_000))]
    pub description_chars: usize,
    /// Characters of a nick and of a member id.
    #[schemars(range(min = 16, max = 64))]
    pub nick_chars: usize,
    /// Bytes of a message's content. What XMPP servers take is 256 KiB and more.
    #[schemars(range(min = 1_000, max = 240_000))]
    pub message_bytes: usize,
    /// Bytes of a group's picture.
    #[schemars(range(min = 0, max = 180_000))]
    pub avatar_bytes: usize,
    /// Items of one page of a list.
    #[schemars(range(min = 1, max = 1_000))]
    pub page_items: usize,
    /// Devices remembered as online for one user.
    #[schemars(range(min = 1, max = 1_000))]
    pub sessions_per_user: usize,
    /// Stanzas of one user a second, when he goes on and on.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub user_stanzas_per_second: u32,
    /// Stanzas of one user at once.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub user_stanzas_burst: u32,
    /// Messages into one group a second, when its members go on and on.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub group_messages_per_second: u32,
    /// Messages into one group at once.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub group_messages_burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let limits = GroupLimits::default();
        Self {
            groups_per_user: limits.groups_per_user,
            members_per_group: limits.members_per_group,
            pending_per_group: limits.pending_per_group,
            name_chars: limits.name_chars,
            description_chars: limits.description_chars,
            nick_chars: limits.nick_chars,
            message_bytes: limits.message_bytes,
            avatar_bytes: limits.avatar_bytes,
            page_items: limits.page_items,
            sessions_per_user: limits.sessions_per_user,
            user_stanzas_per_second: 50,
            user_stanzas_burst: 500,
            group_messages_per_second: 200,
            group_messages_burst: 2_000,
        }
    }
}

impl Limits {
    /// The limits as the rules take them.
    pub fn for_rules(&self) -> GroupLimits {
        GroupLimits {
            groups_per_user: self.groups_per_user,
            members_per_group: self.members_per_group,
            pending_per_group: self.pending_per_group,
            name_chars: self.name_chars,
            description_chars: self.description_chars,
            nick_chars: self.nick_chars,
            message_bytes: self.message_bytes,
            avatar_bytes: self.avatar_bytes,
            page_items: self.page_items,
            sessions_per_user: self.sessions_per_user,
        }
    }
}

/// `[delivery]`: how messages reach members.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    /// What a member gets who is away.
    pub absent: Absent,
    /// Minutes in which a message sent again by the same device, with the same id, is known to be the same.
    #[schemars(range(min = 0, max = 1_440))]
    pub dedup_minutes: u32,
    /// Are copies for many users of the server sent as one stanza?
    pub multicast: Multicast,
}

impl Default for Delivery {
    fn default() -> Self {
        Self { absent: Absent::Message, dedup_minutes: 10, multicast: Multicast::Auto }
    }
}

/// What a member gets who is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Absent {
    /// A copy that the member's server keeps and pushes.
    Message,
    /// Nothing: clients read the archive.
    Archive,
}

/// Are copies for many users of the server sent as one stanza (XEP-0033)?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Multicast {
    /// When the server itself does it: it is asked on each connection.
    Auto,
    /// Also by a service beside the server, as ejabberd's `mod_multicast`.
    External,
    /// Never.
    Off,
}

/// `[muc]`: groups as rooms, for clients that speak XEP-0045.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Muc {
    /// How far groups are rooms.
    pub mode: MucMode,
}

impl Default for Muc {
    fn default() -> Self {
        Self { mode: MucMode::Full }
    }
}

/// How far groups are rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MucMode {
    /// The service says that it has rooms, and rooms can be made.
    Full,
    /// Groups can be joined as rooms by whoever knows them; clients do not offer the service for rooms.
    Rooms,
    /// Not at all.
    Off,
}

/// `[log]`: what is logged, to standard error.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`, or a filter by module.
    pub level: String,
    /// For people or for machines.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Text }
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[http]`: where operators and their programs look.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Address and port of metrics, health and the operators' page; empty: none. Whoever reaches it may look.
    pub listen: String,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: "127.0.0.1:5348".into() }
    }
}

/// `[control]`: where administrators act.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Control {
    /// The socket for `xmpp-groupchat ctl`; empty: none. Whoever runs the component can open it, and root, and nobody else.
    pub socket: PathBuf,
}

impl Default for Control {
    fn default() -> Self {
        Self { socket: "groupchat.sock".into() }
    }
}
