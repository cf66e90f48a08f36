//! What the tests share: a migrated store, a group that lives in memory and in the store, shorthands.

use groupchat_core::page::{From, Page};
use groupchat_core::{
    Addition, Archived, ArchivedKind, BareJid, Change, Command, Decision, Group, GroupId, Jid, Limits,
    MemberRef, MemberSpec, Mentions, MessageRef, Mid, NewGroup, Notice, People, Post, ReadBy, Refusal,
    Removal, StanzaId, Storage, Timestamp, create, decide,
};
use groupchat_store::{Batch, Store, StoreError};
use groupchat_tests::real::new_database;
use sea_orm::{Database, DatabaseConnection};

/// The environment variable that names a server, as `postgres://user@host:port`.
pub(crate) const SERVER: &str = "GROUPCHAT_TEST_SERVER";

/// A migrated database of its own: in memory, unless a server is named.
pub(crate) async fn store() -> Store {
    let url = match std::env::var(SERVER) {
        Ok(server) => new_database(&server).await.unwrap(),
        Err(_) => "sqlite::memory:".to_owned(),
    };
    let store = Store::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    store
}

/// An empty database that can be opened several times: a file, unless a server is named.
pub(crate) struct Place {
    pub(crate) url: String,
    _folder: Option<tempfile::TempDir>,
}

impl Place {
    pub(crate) async fn new() -> Self {
        match std::env::var(SERVER) {
            Ok(server) => Self { url: new_database(&server).await.unwrap(), _folder: None },
            Err(_) => {
                let folder = tempfile::tempdir().unwrap();
                Self { url: url(&folder), _folder: Some(folder) }
            }
        }
    }

    /// A connection beside the store's.
    pub(crate) async fn connect(&self) -> DatabaseConnection {
        let create = if self.url.starts_with("sqlite:") { "?mode=rwc" } else { "" };
        Database::connect(format!("{}{create}", self.url)).await.unwrap()
    }
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
    Command::RemoveMembers(Removal { who: vec![MemberRef::Jid(bare(jid))], ban, ..Removal::default() })
}

pub(crate) fn add(members: &[MemberSpec]) -> Command {
    Command::AddMembers(Addition { members: members.to_vec(), people: People::new(), reason: None })
}

pub(crate) fn page(from: From, items_max: usize) -> Page {
    Page { from, items_max }
}

/// A group of `owner@h` as it is made.
pub(crate) fn new_group(id: &str, settings: &[(&str, &str)], members: &[&str], now: i64) -> Group {
    let members = members.iter().map(|member| spec(member)).collect();
    let new = NewGroup { properties: properties(settings), members, ..NewGroup::default() };
    let made = create(
        gid(id),
        &bare("owner@h"),
        &new,
        &groupchat_core::Settings::default(),
        &Limits::default(),
        Timestamp(now),
    )
    .unwrap();
    match made.changes.into_iter().next() {
        Some(Change::Created(group)) => *group,
        other => panic!("{other:?}"),
    }
}

/// A message that says this.
pub(crate) fn say(text: &str) -> Post {
    Post {
        client_id: None,
        body: (!text.is_empty()).then(|| text.into()),
        payload: format!("<body>{text}</body>").into(),
        storage: Storage::Stored,
        mentions: groupchat_core::MentionsAsked::default(),
        corrects: None,
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
    /// When the next request comes.
    pub(crate) now: i64,
    /// The messages that were archived.
    pub(crate) rows: Vec<Archived>,
}

impl Twin {
    /// Makes a group of `owner@h` and stores it.
    pub(crate) async fn create(store: &Store, id: &str, settings: &[(&str, &str)], members: &[&str]) -> Self {
        let group = new_group(id, settings, members, 5);
        let change = Change::Created(Box::new(group.clone()));
        let changes = vec![(group.id.clone(), change)];
        store.commit(&Batch { now: Timestamp(5), changes, ..Batch::default() }).await.unwrap();
        Self { store: store.clone(), group, now: 7, rows: Vec::new() }
    }

    /// What the engine does with one request: look up what it names, decide, commit, apply. Only messages are archived.
    pub(crate) async fn ask(&mut self, actor: &str, command: &Command) -> Result<(), Refusal> {
        let actor = bare(actor);
        let command = self.looked_up(&actor, command).await;
        let now = Timestamp(self.now);
        let Decision { changes, notices } = decide(&self.group, &actor, &command, &Limits::default(), now)?;
        let version = self.group.version;
        changes.iter().for_each(|change| self.group.apply(change));
        let mut rows = Vec::new();
        for notice in notices {
            if let Notice::Message { author, post, mentions, countable, .. } = notice
                && post.storage == Storage::Stored
            {
                rows.push(self.row(&actor, author, post, mentions, countable).await);
            }
        }
        let changes = changes.into_iter().map(|change| (self.group.id.clone(), change)).collect();
        let versions = vec![(self.group.id.clone(), version)];
        let batch = Batch { now, versions, changes, archive: rows.clone(), ..Batch::default() };
        self.store.commit(&batch).await.unwrap();
        self.rows.extend(rows);
        Ok(())
    }

    async fn looked_up(&self, actor: &BareJid, command: &Command) -> Command {
        let mut command = command.clone();
        let (store, group) = (&self.store, &self.group.id);
        match &mut command {
            Command::Read(receipt) => {
                let Some(reader) = self.group.member(actor) else { return command };
                let found = match &receipt.message {
                    MessageRef::Id(id) => store.found(group, id).await.unwrap(),
                    MessageRef::Newest => {
                        store.newest_found_by_others(group, &reader.mid, reader.read).await.unwrap()
                    }
                };
                receipt.found = None;
                if let Some(found) = found {
                    let own = store.own_after(group, &reader.mid, found.id).await.unwrap();
                    receipt.found = Some(groupchat_core::Found { seen: found.seen + own, ..found });
                }
            }
            Command::Retract(retraction) => {
                retraction.found = store.found(group, &retraction.id).await.unwrap();
            }
            _ => {}
        }
        command
    }

    async fn row(
        &self,
        actor: &BareJid,
        mid: Mid,
        post: Post,
        mentions: Mentions,
        countable: bool,
    ) -> Archived {
        let at = Timestamp(self.now);
        Archived {
            id: self.store.last_stanza_id().await.unwrap().next(at),
            group: self.group.id.clone(),
            at,
            kind: ArchivedKind::Message,
            sender: Jid::parse(&format!("{actor}/家 🐎")).unwrap(),
            mid,
            client_id: post.client_id,
            body: post.body,
            ordinal: self.group.countable,
            countable,
            corrects: None,
            read_by: ReadBy::Members,
            mentions,
            payload: post.payload,
        }
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

/// A message of member `author`: a thousand ids are a millisecond.
pub(crate) fn message(group: &str, id: i64, author: &str, client_id: Option<&str>) -> Archived {
    Archived {
        id: StanzaId(id),
        group: gid(group),
        at: Timestamp(id / 1_000),
        kind: ArchivedKind::Message,
        sender: jid(&format!("{author}@h/家 🐎")),
        mid: mid(author),
        client_id: client_id.map(Into::into),
        body: Some("奶茶?".into()),
        ordinal: 0,
        countable: true,
        corrects: None,
        read_by: ReadBy::Members,
        mentions: Mentions::default(),
        payload: "<body>奶茶?</body>".into(),
    }
}
