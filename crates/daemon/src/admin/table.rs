//! The commands of administrators, each once: what it is called, what for, what it takes. The shell's arguments and help, the
//! forms for XMPP clients (`form.rs`) and what travels on the control socket all come of it.
//!
//! Not here: what they do (`admin.rs`, `show.rs`).

use clap::{Subcommand, ValueEnum};
use groupchat_core::{BareJid, GroupId, Role};
use serde::{Deserialize, Serialize};

/// What can be asked for. A variant is a command, its comment what it is for; a field is an argument, its comment what it means.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AdminCommand {
    /// Show how the service is: link, database, groups, what waits
    Status,
    /// List groups by id: all, or those whose id or name holds a text
    Groups {
        /// The text; case does not matter
        #[arg(long)]
        search: Option<String>,
        /// Those behind this id
        #[arg(long)]
        after: Option<String>,
        /// So many at most, 1000 of them
        #[arg(long, default_value_t = 100)]
        limit: u64,
    },
    /// Show a group: its settings, its members, who is banned, who waits
    Group {
        /// Its id: what stands before the @ of its address
        id: GroupName,
    },
    /// Show a user: groups, roles, what is unread, devices, whether the server keeps copies for later
    User {
        /// The address
        jid: Account,
    },
    /// Show how messages reach a member: devices, what he has read, what is kept for him, what came back
    Member {
        /// The group's id
        id: GroupName,
        /// The member's address
        jid: Account,
    },
    /// Make a group
    Create {
        /// Its id
        id: GroupName,
        /// Its owner's address
        owner: Account,
        /// What it is called
        #[arg(long)]
        name: Option<String>,
    },
    /// Change a setting of a group: name, description, visibility, join, post, …
    Set {
        /// The group's id
        id: GroupName,
        /// Which setting
        setting: String,
        /// Its new value
        value: String,
    },
    /// Let somebody into a group; a ban is lifted
    Add {
        /// The group's id
        id: GroupName,
        /// The user's address
        jid: Account,
        /// As what
        #[arg(long, value_enum, default_value_t)]
        role: RoleName,
    },
    /// Let somebody out of a group
    Remove {
        /// The group's id
        id: GroupName,
        /// The user's address
        jid: Account,
    },
    /// Keep somebody out of a group; if he is in, he goes
    Ban {
        /// The group's id
        id: GroupName,
        /// The user's address
        jid: Account,
    },
    /// Keep somebody out no longer
    Unban {
        /// The group's id
        id: GroupName,
        /// The user's address
        jid: Account,
    },
    /// Give a member a role
    Role {
        /// The group's id
        id: GroupName,
        /// The member's address
        jid: Account,
        /// Which
        #[arg(value_enum)]
        role: RoleName,
    },
    /// Make a member the owner of a group instead of the one it has
    Transfer {
        /// The group's id
        id: GroupName,
        /// The new owner's address; he is a member
        to: Account,
        /// The old owner's address, if there are several
        #[arg(long)]
        from: Option<Account>,
        /// What the old owner is then
        #[arg(long, value_enum, default_value_t = RoleName::Admin)]
        leaves: RoleName,
    },
    /// Freeze a group: it can be read, and nobody but administrators can change it or say something in it
    Freeze {
        /// The group's id
        id: GroupName,
    },
    /// Let a frozen group go on
    Unfreeze {
        /// The group's id
        id: GroupName,
    },
    /// Send a member again what was said, as his client lost it: with the same ids, and the time when it was said
    Resend {
        /// The group's id
        id: GroupName,
        /// The member's address
        jid: Account,
        /// All that was said behind the message of this stanza-id; else the last
        #[arg(long)]
        after: Option<String>,
        /// So many at most, 500 of them
        #[arg(long, default_value_t = 20)]
        limit: u64,
    },
    /// Delete a group; its id stays taken
    Delete {
        /// The group's id
        id: GroupName,
    },
    /// Put a group under a legal hold, of which nothing goes, or end that
    Hold {
        /// The group's id
        id: GroupName,
        /// on or off
        #[arg(value_enum)]
        state: Switch,
        /// Why, for those who look at it later; needed with on
        #[arg(long)]
        why: Option<String>,
    },
    /// Forget a user: he leaves his groups, and what he wrote goes
    Erase {
        /// The address
        jid: Account,
        /// Only count what would go
        #[arg(long)]
        dry_run: bool,
    },
    /// Show the newest acts of administrators
    Audit {
        /// Those before the line of this number
        #[arg(long)]
        before: Option<u64>,
        /// So many at most, 1000 of them
        #[arg(long, default_value_t = 50)]
        limit: u64,
    },
    /// Change what is logged, until the next start
    Log {
        /// error, warn, info, debug or trace, or a filter by module
        level: String,
    },
    /// Read the configuration again
    Reload,
    /// Take nothing new, finish what was begun, and end
    #[command(visible_alias = "drain")]
    Stop,
}

impl AdminCommand {
    /// Does it leave everything as it is? What does not is written to the audit log.
    pub(crate) fn only_shows(&self) -> bool {
        match self {
            Self::Status
            | Self::Groups { .. }
            | Self::Group { .. }
            | Self::User { .. }
            | Self::Erase { dry_run: true, .. }
            | Self::Member { .. }
            | Self::Audit { .. } => true,
            Self::Create { .. }
            | Self::Set { .. }
            | Self::Add { .. }
            | Self::Remove { .. }
            | Self::Ban { .. }
            | Self::Unban { .. }
            | Self::Role { .. }
            | Self::Transfer { .. }
            | Self::Resend { .. }
            | Self::Freeze { .. }
            | Self::Unfreeze { .. }
            | Self::Delete { .. }
            | Self::Hold { .. }
            | Self::Erase { .. }
            | Self::Log { .. }
            | Self::Reload
            | Self::Stop => false,
        }
    }
}

/// Whether something is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Switch {
    /// From now on.
    On,
    /// No more.
    Off,
}

/// A role, as it is typed and chosen from a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RoleName {
    /// May do everything.
    Owner,
    /// May do what owners permit.
    Admin,
    /// May talk.
    #[default]
    Member,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Owner => Self::Owner,
            RoleName::Admin => Self::Admin,
            RoleName::Member => Self::Member,
        }
    }
}

/// Something that is typed as text and has to be read as something else.
macro_rules! read_from_text {
    ($($(#[$doc:meta])* $name:ident($value:ty) by $parse:path;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub(crate) struct $name(pub(crate) $value);

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                $parse(text).map(Self).map_err(|problem| problem.to_string())
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.to_string()
            }
        }
    )*};
}
read_from_text! {
    /// The id of a group.
    GroupName(GroupId) by GroupId::parse;
    /// The address of a user; a resource is dropped.
    Account(BareJid) by BareJid::parse;
}
