//! What may be said on the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Groups in a terminal and in scripts.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER, disable_help_subcommand = true)]
pub(crate) struct Options {
    /// The account, as user@domain
    #[arg(long, env = "GROUPCHAT_JID", global = true)]
    pub jid: Option<String>,
    /// A file with the account's password in its first line
    #[arg(long, value_name = "FILE", env = "GROUPCHAT_PASSWORD_FILE", global = true)]
    pub password_file: Option<PathBuf>,
    /// Where the server takes clients, as host:port [default: what DNS says of the account's domain]
    #[arg(long, value_name = "HOST:PORT", env = "GROUPCHAT_SERVER", global = true)]
    pub server: Option<String>,
    /// The service's domain [default: `groupchat.` before the account's domain]
    #[arg(long, value_name = "DOMAIN", env = "GROUPCHAT_SERVICE", global = true)]
    pub service: Option<String>,
    /// The device's name [default: groupchat-cli and some letters]
    #[arg(long, value_name = "NAME", env = "GROUPCHAT_RESOURCE", global = true)]
    pub resource: Option<String>,
    /// Speak without encryption to a server on this machine [default of --server then: 127.0.0.1:5222]
    #[arg(long, global = true)]
    pub plain: bool,
    /// Say everything as JSON, an object in each line
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What is to be done; without it: chat.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Talk: shows what comes while you type
    Chat {
        /// The group to open at once, by id, address or name
        group: Option<String>,
    },
    /// List my groups with what is unread
    Groups,
    /// Show what was said last in a group
    Read {
        /// The group, by id, address or name
        group: String,
        /// How many messages
        #[arg(long, default_value_t = 20)]
        last: usize,
        /// Tell the group that I have read them
        #[arg(long)]
        mark: bool,
    },
    /// Say something, and wait until it is stored
    Send {
        /// The group, by id, address or name
        group: String,
        /// What to say; `-` takes it from the standard input
        text: String,
        /// Mention a member by nick, or `all`; `@nick` in the text does the same
        #[arg(long, value_name = "NICK")]
        mention: Vec<String>,
    },
    /// Show what comes, until it is interrupted
    Watch {
        /// These groups only, by id or address
        groups: Vec<String>,
        /// Tell the groups that I read what comes
        #[arg(long)]
        mark_read: bool,
        /// End after so many seconds
        #[arg(long, value_name = "N")]
        seconds: Option<u64>,
    },
    /// Make a group
    Create {
        /// Its name
        name: String,
        /// Its id [default: the service makes one]
        #[arg(long)]
        id: Option<String>,
        /// An account to be a member; several times for several
        #[arg(long, value_name = "JID")]
        member: Vec<String>,
        /// A setting, such as visibility=public
        #[arg(long, value_name = "NAME=VALUE")]
        set: Vec<String>,
    },
    /// Add accounts to a group
    Add {
        /// The group
        group: String,
        /// The accounts
        #[arg(required = true)]
        jids: Vec<String>,
    },
    /// Remove an account from a group
    Remove {
        /// The group
        group: String,
        /// The account
        jid: String,
        /// Keep it out, too
        #[arg(long)]
        ban: bool,
    },
    /// Leave a group, or decline an invitation
    Leave {
        /// The group
        group: String,
    },
    /// Join an open group, ask to be let in, or accept an invitation
    Join {
        /// The group, by id or address
        group: String,
        /// The nick that I would like
        #[arg(long)]
        nick: Option<String>,
    },
    /// Give a group another name
    Rename {
        /// The group
        group: String,
        /// Its new name
        name: String,
    },
    /// Change settings of a group
    Set {
        /// The group
        group: String,
        /// Settings, such as post=admins
        #[arg(required = true, value_name = "NAME=VALUE")]
        settings: Vec<String>,
    },
    /// Give a member another role: owner, admin or member
    Role {
        /// The group
        group: String,
        /// The account
        jid: String,
        /// The role
        role: String,
    },
    /// Delete a group
    Delete {
        /// The group
        group: String,
    },
    /// Have no messages of a group sent to my devices
    Mute {
        /// The group
        group: String,
        /// Until when, such as 2026-12-24T17:00:00Z [default: for good]
        #[arg(long, value_name = "TIME", conflicts_with = "mentions")]
        until: Option<String>,
        /// But those that mention me
        #[arg(long)]
        mentions: bool,
    },
    /// Have them sent again
    Unmute {
        /// The group
        group: String,
    },
    /// List the members of a group
    Members {
        /// The group
        group: String,
    },
    /// Tell who has read a message
    Receipts {
        /// The group
        group: String,
        /// The message's stanza-id
        message: String,
    },
    /// Tell a group that I have read everything
    Mark {
        /// The group
        group: String,
    },
    /// Take back a message of mine
    Retract {
        /// The group
        group: String,
        /// The message's stanza-id
        message: String,
    },
}

const AFTER: &str = "\
The password is taken from GROUPCHAT_PASSWORD, else from the password file, else asked for in the terminal; it is never
an argument, which other users of the machine could see.

The connection is encrypted (STARTTLS), and the server's certificate must be valid for the account's domain. For an
authority of one's own, SSL_CERT_FILE names a file with its certificate, which is trusted instead of the system's.

It ends with 0 when done, 1 when the service refuses, 2 when it was called wrongly, 3 when it cannot log in, 4 when
the service does not answer.

With --json each line is an object whose `type` says what it is:
  group     group, name, role, unread, mentions, receive, muted_until, last {stanza_id, from, text}
  member    group, jid, mid, nick, role
  message   group, stanza_id, id, from (member id), nick, own, text, mentioned, corrects, via, stamp
  event     group, change, members [{jid, mid, nick, role}], settings {name: value}, stanza_id
  stored    group, id, stanza_id: a message of mine is stored
  read      group, by (member id), id: somebody has read up to my message
  readers   group, stanza_id, members [{mid, stamp}], read, unread
  retracted group, stanza_id: there was a message
  subject   group, stanza_id, text
  payload   group, stanza_id, id, from: a message without a text
  state     group, from, state: a chat state
  private   group, from, text
  invited   group, name, by, text
  gone      group: I am no longer in it
  created   group, id, name
  error     text, condition; group and id, if a message of mine was refused
  online, offline, ready (everything missed was shown), done, help (text)
`chat --json` takes the same lines as `chat`, and tells what comes as `watch` does. `watch` shows messages,
events, receipts (read), states, private messages, invitations and what is in the last two lines.";
