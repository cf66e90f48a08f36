//! Groups on their way into the database, whoever they come from.

use anyhow::{Context, bail};
use groupchat_core::{BareJid, Timestamp};
use groupchat_store::portable::{GroupImport, GroupRecord, Imported, Record, WhenThere};
use groupchat_store::{Store, StoreError};

use super::payload;

/// What is done with what comes.
#[derive(Debug)]
pub(crate) struct Intake {
    /// Where it goes.
    pub(crate) store: Store,
    /// The domain of the service.
    pub(crate) domain: BareJid,
    /// What is done with a group whose id is taken.
    pub(crate) when_there: WhenThere,
    /// Nothing is kept: it is only tried.
    pub(crate) is_dry: bool,
    /// When.
    pub(crate) now: Timestamp,
}

impl Intake {
    /// Takes a group. What follows it is given to the import that this begins.
    ///
    /// # Errors
    /// It is there, cannot be taken, or the database fails.
    pub(crate) async fn begin(&self, group: GroupRecord) -> Result<GroupImport, StoreError> {
        self.store.import_group(group, &self.domain, self.when_there, self.now).await
    }

    /// Gives a record of it to the import.
    ///
    /// # Errors
    /// It cannot be taken, or the database fails.
    pub(crate) async fn add(&self, import: &mut GroupImport, record: Record) -> anyhow::Result<()> {
        if let Record::Message(message) = &record
            && let Err(why) = payload::check(&message.payload).await
        {
            bail!("the message `{}`: {why}", message.id);
        }
        Ok(import.add(record).await?)
    }

    /// Keeps it, or not if it was only tried.
    ///
    /// # Errors
    /// It does not read as it came, or the database fails.
    pub(crate) async fn finish(&self, import: GroupImport) -> anyhow::Result<Imported> {
        import.finish(!self.is_dry).await.context("finishing a group")
    }
}

/// What a group came to, for people.
pub(crate) fn told(id: &str, done: Imported) -> String {
    let Imported { members, former, bans, pending, messages } = done;
    format!(
        "{id}: {members} members, {former} former ones, {bans} banned, {pending} waiting, {messages} messages and events"
    )
}
