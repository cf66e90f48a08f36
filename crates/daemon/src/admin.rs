//! What administrators can ask of a running service. One definition serves the shell, its help, and both sides of the control
//! socket.
//!
//! Every act that changes something is written to the audit log, before and after. Groups are changed by the engine alone:
//! here it is only asked.

mod show;

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use groupchat_core::{
    Addition, BareJid, Command, Farewell, GroupId, MemberRef, MemberSpec, MemberUpdate, NewGroup, People,
    Removal,
};
use groupchat_store::Store;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::clock::Clock;
use crate::engine::{Act, Order};
use crate::reload::{Newest, read_again};
use crate::watch::Watch;

/// How long an act may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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
        /// So many at most
        #[arg(long, default_value_t = 100)]
        limit: u64,
    },
    /// Show a group: its settings, its members, who is banned, who waits
    Group {
        /// Its id: what stands before the @ of its address
        id: String,
    },
    /// Show a user: groups, roles, what is unread, devices, whether the server keeps copies for later
    User {
        /// The address
        jid: String,
    },
    /// Make a group
    Create {
        /// Its id
        id: String,
        /// Its owner's address
        owner: String,
        /// What it is called
        #[arg(long)]
        name: Option<String>,
    },
    /// Change a setting of a group: name, description, visibility, join, post, …
    Set {
        /// The group's id
        id: String,
        /// Which setting
        setting: String,
        /// Its new value
        value: String,
    },
    /// Let somebody into a group; a ban is lifted
    Add {
        /// The group's id
        id: String,
        /// The user's address
        jid: String,
        /// owner, admin or member
        #[arg(long, default_value = "member")]
        role: String,
    },
    /// Let somebody out of a group
    Remove {
        /// The group's id
        id: String,
        /// The user's address
        jid: String,
        /// And keep him out
        #[arg(long)]
        ban: bool,
    },
    /// Give a member a role
    Role {
        /// The group's id
        id: String,
        /// The member's address
        jid: String,
        /// owner, admin or member
        role: String,
    },
    /// Delete a group; its id stays taken
    Delete {
        /// The group's id
        id: String,
    },
    /// Show the newest acts of administrators
    Audit {
        /// So many at most
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
    /// Finish what was begun, and end
    Stop,
}

/// A running service, from the side of its administrators.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    /// What can be looked at.
    pub(crate) watch: Watch,
    /// Where a new configuration goes.
    pub(crate) newest: Newest,
    /// Its file.
    pub(crate) file: PathBuf,
    /// Asks the service to end.
    pub(crate) stop: CancellationToken,
}

/// What is said to whoever asked: what it came to, or why not.
pub(crate) type Said = Result<String, String>;

impl Admin {
    /// Does what is asked; `by` is who asks, for the audit log.
    pub(crate) async fn carry_out(&self, command: AdminCommand, by: &str) -> Said {
        let Some(store) = self.watch.store.get() else { return Err("the database is not open yet".into()) };
        if command.only_shows() {
            return self.show(store, &command).await;
        }
        let act = serde_json::to_string(&command).map_err(|problem| problem.to_string())?;
        self.note(store, by, &act, "asked").await?;
        let said = self.act(&command).await;
        let outcome = said.as_ref().map_or_else(|why| format!("refused: {why}"), |_| "done".to_owned());
        info!(by, act, outcome, "Administrator: {act}: {outcome}");
        if let Err(problem) = self.note(store, by, &act, &outcome).await {
            error!("The audit log lacks the outcome of `{act}`, which is {outcome}: {problem}");
        }
        if command == AdminCommand::Stop {
            self.stop.cancel();
        }
        said
    }

    /// What is not written down is not done.
    async fn note(&self, store: &Store, by: &str, act: &str, outcome: &str) -> Result<(), String> {
        let now = Clock::real().now();
        store.audit(now, by, act, outcome).await.map_err(|problem| problem.to_string())
    }

    async fn show(&self, store: &Store, command: &AdminCommand) -> Said {
        let shown = match command {
            AdminCommand::Groups { search, after, limit } => {
                show::groups(store, search.as_deref(), after.as_deref(), *limit).await
            }
            AdminCommand::Group { id } => show::group(store, &group_id(id)?).await,
            AdminCommand::User { jid } => show::user(store, &account(jid)?, Clock::real().now()).await,
            AdminCommand::Audit { limit } => show::audit(store, *limit).await,
            _ => return Ok(show::status(&self.watch)),
        };
        shown.map_err(|problem| problem.to_string())
    }

    async fn act(&self, command: &AdminCommand) -> Said {
        let (id, actor, command) = match command {
            AdminCommand::Log { level } => return crate::logging::change_level(level),
            AdminCommand::Reload => return read_again(&self.file, &self.newest),
            // Once that is written down.
            AdminCommand::Stop => return Ok("stopping".into()),
            AdminCommand::Create { id, owner, name } => {
                let properties = name.iter().map(|name| ("name".to_owned(), name.clone())).collect();
                let new = NewGroup { properties, ..NewGroup::default() };
                (id, Some(account(owner)?), Command::Create(new))
            }
            AdminCommand::Set { id, setting, value } => {
                (id, None, Command::Update(vec![(setting.clone(), value.clone())]))
            }
            AdminCommand::Add { id, jid, role } => {
                let spec = MemberSpec { jid: jid.clone(), role: Some(role.clone()), ..MemberSpec::default() };
                let addition = Addition { members: vec![spec], people: People::new(), reason: None };
                (id, None, Command::AddMembers(addition))
            }
            AdminCommand::Remove { id, jid, ban } => {
                let who = vec![MemberRef::Jid(account(jid)?)];
                (id, None, Command::RemoveMembers(Removal { who, ban: *ban, reason: None }))
            }
            AdminCommand::Role { id, jid, role } => {
                let who = MemberRef::Jid(account(jid)?);
                let update = MemberUpdate { who, nick: None, role: Some(role.clone()) };
                (id, None, Command::UpdateMembers(vec![update]))
            }
            AdminCommand::Delete { id } => (id, None, Command::Delete(Farewell::default())),
            AdminCommand::Status
            | AdminCommand::Groups { .. }
            | AdminCommand::Group { .. }
            | AdminCommand::User { .. }
            | AdminCommand::Audit { .. } => return Err("this only shows".into()),
        };
        self.ask_engine(group_id(id)?, actor, command).await
    }

    /// The engine changes groups, and nobody else.
    async fn ask_engine(&self, group: GroupId, creator: Option<BareJid>, command: Command) -> Said {
        let orders = self.watch.orders.get().and_then(tokio::sync::mpsc::WeakSender::upgrade);
        let Some(orders) = orders else { return Err("the service is not at work".into()) };
        let (done, is_done) = oneshot::channel();
        let act = Act { group, creator, command, done };
        orders.send(Order::Act(Box::new(act))).await.map_err(|_| "the service is ending".to_owned())?;
        match tokio::time::timeout(PATIENCE, is_done).await {
            Ok(Ok(Ok(()))) => Ok("done".into()),
            Ok(Ok(Err(refusal))) => Err(refusal.to_string()),
            Ok(Err(_)) => Err("it could not be stored".into()),
            Err(_) => Err(format!("no answer for {} s; it may still be done", PATIENCE.as_secs())),
        }
    }
}

impl AdminCommand {
    /// Does it leave everything as it is?
    fn only_shows(&self) -> bool {
        matches!(
            self,
            Self::Status | Self::Groups { .. } | Self::Group { .. } | Self::User { .. } | Self::Audit { .. }
        )
    }
}

fn group_id(text: &str) -> Result<GroupId, String> {
    GroupId::parse(text).map_err(|problem| problem.to_string())
}

fn account(text: &str) -> Result<BareJid, String> {
    BareJid::parse(text).map_err(|problem| problem.to_string())
}
