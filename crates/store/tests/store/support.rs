//! What the tests share: a migrated store, a group that lives in memory and in the store, shorthands.

use std::sync::atomic::{AtomicUsize, Ordering};

use groupchat_core::page::{From, Page};
use groupchat_core::{
    Archived, ArchivedKind, BareJid, Change, Command, Group, GroupId, Jid, Limits, MemberRef, MemberSpec,
    Mid, NewGroup, Refusal, Removal, StanzaId, Timestamp, create, decide,
};
use groupchat_store::{Batch, Store, StoreError};
use sea_orm::ConnectionTrait;

/// A migrated database of its own: in memory, unless a server is named.
pub(crate) async fn store() -> Store {
    let url = match std::env::var("GROUPCHAT_TEST_SERVER") {
        Ok(server) => new_database(&server).await,
        Err(_) => "sqlite::memory:".to_owned(),
    };
    let store = Store::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    store
}

async fn new_database(server: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("groupchat_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let admin = if server.starts_with("postgres") { "postgres" } else { "mysql" };
    let db = sea_orm::Database::connect(format!("{server}/{admin}")).await.unwrap();
    db.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    db.close().await.unwrap();
    format!("{server}/{name}")
}

/// A URL of a file in this folder.
pub(crate) fn url(folder: &tempfile::TempDir) -> String {
    format!("sqlite://{}", folder.path().join("groupchat.db").display())
}

pub(crate) fn bare(text: &str) -> BareJid {
    BareJid::parse(text).unwrap()
}

pub(crate) fn jid(text: &str) -> Jid {
    Jid::parse(text).unwrap()
}

pub(crate) fn gid(text: &str) -> GroupId {
    GroupId::parse(text).unwrap()
}

pub(crate) fn mid(text: &str) -> Mid {
    Mid::from_stored(text)
}

pub(crate) fn spec(jid: &str) -> MemberSpec {
    MemberSpec { jid: jid.into(), ..MemberSpec::default() }
}

pub(crate) fn properties(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

pub(crate) fn remove(jid: &str, ban: bool) -> Command {
    Command::RemoveMembers(Removal { who: vec![MemberRef::Jid(bare(jid))], ban })
}

pub(crate) fn add(members: &[MemberSpec]) -> Command {
    Command::AddMembers(members.to_vec())
}

pub(crate) fn page(from: From, items_max: usize) -> Page {
    Page { from, items_max }
}

/// A group of `owner@h` as it is made.
pub(crate) fn new_group(id: &str, settings: &[(&str, &str)], members: &[&str], now: i64) -> Group {
    let members = members.iter().map(|member| spec(member)).collect();
    let new = NewGroup { properties: properties(settings), members };
    let made = create(gid(id), &bare("owner@h"), &new, &Limits::default(), Timestamp(now)).unwrap();
    match made.change {
        Some(Change::Created(group)) => *group,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn batch_of(id: &GroupId, version: i64, change: Change) -> Batch {
    Batch {
        now: Timestamp(7),
        versions: vec![(id.clone(), version)],
        changes: vec![(id.clone(), change)],
        ..Batch::default()
    }
}

/// One group, in memory and stored.
pub(crate) struct Twin {
    pub(crate) store: Store,
    pub(crate) group: Group,
}

impl Twin {
    /// Makes a group of `owner@h` and stores it.
    pub(crate) async fn create(store: &Store, id: &str, settings: &[(&str, &str)], members: &[&str]) -> Self {
        let group = new_group(id, settings, members, 5);
        let change = Change::Created(Box::new(group.clone()));
        let changes = vec![(group.id.clone(), change)];
        store.commit(&Batch { now: Timestamp(5), changes, ..Batch::default() }).await.unwrap();
        Self { store: store.clone(), group }
    }

    /// What the engine does with one request: decide, commit, apply.
    pub(crate) async fn ask(&mut self, actor: &str, command: &Command) -> Result<(), Refusal> {
        let decision = decide(&self.group, &bare(actor), command, &Limits::default(), Timestamp(7))?;
        if let Some(change) = decision.change {
            self.change(change).await.unwrap();
        }
        Ok(())
    }

    /// Commits and applies a change.
    pub(crate) async fn change(&mut self, change: Change) -> Result<(), StoreError> {
        self.store.commit(&batch_of(&self.group.id, self.group.version, change.clone())).await?;
        self.group.apply(&change);
        Ok(())
    }

    /// The group as the store has it.
    pub(crate) async fn loaded(&self) -> Group {
        self.store.load(&self.group.id).await.unwrap().unwrap()
    }

    /// Asserts that the store has what is in memory.
    pub(crate) async fn check(&self) {
        let loaded = self.loaded().await;
        assert_eq!(loaded.deleted, self.group.deleted);
        assert_eq!((loaded.version, &loaded.settings), (self.group.version, &self.group.settings));
        if self.group.deleted {
            assert_eq!(loaded.members(), []);
        } else {
            assert_eq!(loaded, self.group);
            let summary = self.store.summary(&self.group.id, &bare("nobody@h")).await.unwrap().unwrap();
            assert_eq!(summary.members as usize, self.group.members().len());
        }
    }
}

/// A message of member `author`.
pub(crate) fn message(group: &str, id: i64, author: &str, client_id: Option<&str>) -> Archived {
    Archived {
        id: StanzaId(id),
        group: gid(group),
        at: Timestamp(id * 10),
        kind: ArchivedKind::Message,
        sender: jid(&format!("{author}@h/家 🐎")),
        mid: mid(author),
        client_id: client_id.map(Into::into),
        body: Some("奶茶?".into()),
        payload: "<body>奶茶?</body>".into(),
    }
}
