//! What administrators can ask of a running service: it is shown (`show.rs`), or done here.
//!
//! Every act that changes something is written to the audit log, before and after. Groups are changed by the engine alone:
//! here it is only asked. Not here: what the commands are called and take (`table.rs`).

mod changes;
mod erase;
mod form;
mod report;
mod show;
mod table;

use std::path::PathBuf;
use std::time::Duration;

pub(crate) use form::{commands, form_of, read as read_form};
use groupchat_core::{BareJid, Command, Farewell, GroupId, NewGroup, Refusal, StanzaId, Timestamp};
use groupchat_store::Store;
pub(crate) use report::{Report, Table};
pub(crate) use table::AdminCommand;
use table::Switch;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::clock::Clock;
use crate::engine::{Act, Invited, Left, Order, RESEND_MAX, Resend};
use crate::reload::{Newest, read_again};
use crate::watch::Watch;

/// How long an act may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why an owner cannot go, and what an administrator can do about it.
const LAST_OWNER: &str = "no other owner would be left for those who remain: hand the group over first (ctl transfer), or delete it";

/// A running service, from the side of its administrators.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    /// What can be looked at.
    pub(crate) watch: Watch,
    /// Where a new configuration goes.
    pub(crate) newest: Newest,
    /// Its file, if it has one.
    pub(crate) file: Option<PathBuf>,
    /// The time.
    pub(crate) clock: Clock,
    /// Asks the service to end.
    pub(crate) stop: CancellationToken,
}

/// What is said to whoever asked: what it came to, or why not.
pub(crate) type Said = Result<Report, String>;

impl Admin {
    /// Is this somebody whom the configuration calls an administrator?
    pub(crate) fn is_administrator(&self, user: &BareJid) -> bool {
        self.newest.get().service.admins.iter().any(|admin| admin == user.as_str())
    }

    /// Does what is asked; `by` is who asks, for the audit log.
    pub(crate) async fn carry_out(&self, command: AdminCommand, by: &str) -> Said {
        let Some(store) = self.watch.store.get() else { return Err("the database is not open yet".into()) };
        if command.only_shows() {
            return self.show(store, &command).await;
        }
        let act = serde_json::to_string(&command).map_err(|problem| problem.to_string())?;
        self.note(store, by, &act, "asked").await?;
        let said = self.act(store, &command, (by, &act)).await;
        let outcome = match (&said, &command) {
            (Err(why), _) => format!("refused: {why}"),
            // What it came to is more than that it was done.
            (Ok(report), AdminCommand::Erase { .. } | AdminCommand::Add { .. }) => report.note.clone(),
            (Ok(_), _) => "done".to_owned(),
        };
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
        let now = self.clock.now();
        store.audit(now, by, act, outcome).await.map_err(|problem| problem.to_string())
    }

    async fn show(&self, store: &Store, command: &AdminCommand) -> Said {
        let shown = match command {
            AdminCommand::Groups { search, after, limit } => {
                show::groups(store, search.as_deref(), after.as_deref(), *limit).await
            }
            AdminCommand::Group { id } => show::group(store, &id.0).await,
            AdminCommand::User { jid } => show::user(store, &jid.0, self.clock.now()).await,
            AdminCommand::Member { id, jid } => {
                let returned = self.watch.returned.of(&jid.0, &id.0);
                show::member(store, &id.0, &jid.0, returned).await
            }
            AdminCommand::Erase { jid, .. } => erase::count(store, &jid.0).await,
            AdminCommand::Audit { before, limit } => show::audit(store, *before, *limit).await,
            _ => return Ok(show::status(&self.watch).await),
        };
        shown.map_err(|problem| problem.to_string())
    }

    async fn act(&self, store: &Store, command: &AdminCommand, asked: (&str, &str)) -> Said {
        match command {
            AdminCommand::Log { level } => crate::logging::change_level(level).map(Report::of),
            AdminCommand::Reload => match &self.file {
                Some(file) => read_again(file, &self.newest).map(Report::of),
                None => Err("there is no file to read".into()),
            },
            // Once that is written down.
            AdminCommand::Stop => Ok(Report::of("stopping")),
            AdminCommand::Create { id, owner, name } => {
                let properties = name.iter().map(|name| ("name".to_owned(), name.clone())).collect();
                let new = NewGroup { properties, ..NewGroup::default() };
                self.ask_engine(&id.0, Some(&owner.0), Command::Create(new)).await
            }
            AdminCommand::Set { id, setting, value } => {
                self.change(&id.0, Command::Update(vec![(setting.clone(), value.clone())])).await
            }
            AdminCommand::Add { id, jid, role } => {
                self.change(&id.0, changes::add(&jid.0, (*role).into())).await
            }
            AdminCommand::Remove { id, jid } => self.change(&id.0, changes::remove(&jid.0, false)).await,
            AdminCommand::Ban { id, jid } => self.change(&id.0, changes::remove(&jid.0, true)).await,
            AdminCommand::Unban { id, jid } => {
                let command = changes::unban(store, &id.0, &jid.0).await?;
                self.change(&id.0, command).await
            }
            AdminCommand::Role { id, jid, role } => {
                let update = changes::gets(&jid.0, (*role).into());
                self.change(&id.0, Command::UpdateMembers(vec![update])).await
            }
            AdminCommand::Transfer { id, to, from, leaves } => {
                let from = from.as_ref().map(|from| &from.0);
                let command = changes::transfer(store, &id.0, &to.0, from, (*leaves).into()).await?;
                self.change(&id.0, command).await
            }
            AdminCommand::Resend { id, jid, after, limit } => {
                self.resend(&id.0, &jid.0, after.as_deref(), *limit).await
            }
            AdminCommand::Freeze { id } => self.change(&id.0, Command::Freeze(true)).await,
            AdminCommand::Unfreeze { id } => self.change(&id.0, Command::Freeze(false)).await,
            AdminCommand::Delete { id } => self.change(&id.0, Command::Delete(Farewell::default())).await,
            AdminCommand::Hold { id, state, why } => {
                hold(store, &id.0, *state, why.as_deref(), self.clock.now()).await
            }
            AdminCommand::Erase { jid, .. } => self.erase(store, &jid.0, asked).await,
            AdminCommand::Status
            | AdminCommand::Groups { .. }
            | AdminCommand::Group { .. }
            | AdminCommand::User { .. }
            | AdminCommand::Member { .. }
            | AdminCommand::Audit { .. } => Err("this only shows".into()),
        }
    }

    /// Changes a group that is there.
    async fn change(&self, group: &GroupId, command: Command) -> Said {
        self.ask_engine(group, None, command).await
    }

    async fn resend(&self, group: &GroupId, jid: &BareJid, after: Option<&str>, limit: u64) -> Said {
        let after = after.map(|id| StanzaId::parse(id).ok_or_else(|| format!("`{id}` is no stanza-id")));
        let (done, is_done) = oneshot::channel();
        let resend = Resend {
            group: group.clone(),
            member: jid.clone(),
            after: after.transpose()?,
            messages_max: usize::try_from(limit).unwrap_or(usize::MAX).min(RESEND_MAX),
            done,
        };
        let resent = self.hand_over(Order::Resend(Box::new(resend)), is_done).await?;
        let left = match resent.left {
            None => String::new(),
            Some(Left::Behind(id)) => format!("; there may be more: go on with --after {id}"),
            Some(Left::Before(id)) => format!("; what stands before {id} was not looked through"),
        };
        Ok(Report::of(format!("{} messages sent again{left}", resent.messages)))
    }

    /// The engine changes groups, and nobody else.
    async fn ask_engine(&self, group: &GroupId, creator: Option<&BareJid>, command: Command) -> Said {
        let (done, is_done) = oneshot::channel();
        let act = Act { group: group.clone(), creator: creator.cloned(), command, done };
        self.hand_over(Order::Act(Box::new(act)), is_done).await.map(|invited| told(&invited))
    }

    /// Where the engine takes orders, while it does.
    fn orders(&self) -> Result<mpsc::Sender<Order>, String> {
        let orders = self.watch.orders.get().and_then(mpsc::WeakSender::upgrade);
        orders.ok_or_else(|| "the service is not at work".to_owned())
    }

    /// Has the engine do it, and waits for what comes of it.
    async fn hand_over<T>(
        &self,
        order: Order,
        is_done: oneshot::Receiver<Result<T, Refusal>>,
    ) -> Result<T, String> {
        let orders = self.orders()?;
        orders.send(order).await.map_err(|_| "the service is ending".to_owned())?;
        match tokio::time::timeout(PATIENCE, is_done).await {
            Ok(Ok(Ok(done))) => Ok(done),
            Ok(Ok(Err(Refusal::LastOwner))) => Err(LAST_OWNER.to_owned()),
            Ok(Ok(Err(refusal))) => Err(refusal.to_string()),
            Ok(Err(_)) => Err("it could not be stored".into()),
            Err(_) => Err(format!("no answer for {} s; it may still be done", PATIENCE.as_secs())),
        }
    }
}

/// Who lets nobody add him was not let in.
fn told(invited: &[Invited]) -> Report {
    let line = |one: &Invited| {
        let banned = if one.is_banned { "; he stays banned, and cannot accept before `unban`" } else { "" };
        format!("invited: {} lets nobody add him, and is in when he accepts{banned}", one.jid)
    };
    let told: Vec<_> = invited.iter().map(line).collect();
    Report::of(if told.is_empty() { "done".to_owned() } else { told.join("; ") })
}

/// What is held is a matter of the tables alone.
async fn hold(store: &Store, id: &GroupId, state: Switch, why: Option<&str>, now: Timestamp) -> Said {
    let why = why.map(str::trim).filter(|why| !why.is_empty());
    let done = match (state, why) {
        (Switch::On, None) => return Err("say why: --why 'file 12'".to_owned()),
        (Switch::On, Some(why)) => store.hold(id, why, now).await,
        (Switch::Off, _) => store.release(id).await,
    };
    match done.map_err(|problem| problem.to_string())? {
        true => Ok(Report::of("done")),
        false if state == Switch::Off => Err(format!("the group `{id}` is not held")),
        false => Err(format!("there is no group `{id}`")),
    }
}
