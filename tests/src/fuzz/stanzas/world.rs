//! What the database says: who is where at this moment, and everything that a request could have changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, QueryResult};

/// All that a request may change but for the sessions, which are learnt from whatever somebody sends.
const TABLES: [&str; 7] = [
    "tig_group",
    "tig_group_member",
    "tig_group_message",
    "tig_group_mention",
    "tig_group_ban",
    "tig_group_pending",
    "tig_user",
];

/// What is stored.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct World {
    /// Every row as text.
    pub(super) rows: Vec<String>,
    /// The groups that are there, by id.
    pub(super) groups: BTreeMap<String, Group>,
}

/// Who has to do with a group.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Group {
    pub(super) is_private: bool,
    pub(super) members: BTreeSet<String>,
    pub(super) once_members: BTreeSet<String>,
    /// They were invited, or ask to be let in.
    pub(super) waiting: BTreeSet<String>,
}

/// A connection beside the service's own ones, and what it read last.
#[derive(Debug)]
pub(super) struct Observer {
    connection: DatabaseConnection,
    version: Option<i64>,
    world: World,
}

impl Observer {
    /// Of the SQLite database at this URL.
    pub(super) async fn new(url: &str) -> Self {
        let mut options = ConnectOptions::new(url);
        // The version that is asked for is that of one connection.
        options.max_connections(1).min_connections(1).sqlx_logging(false);
        let connection = Database::connect(options).await.expect("the database can be opened");
        Self { connection, version: None, world: World::default() }
    }

    /// What is stored now.
    pub(super) async fn look(&mut self) -> &World {
        let version = self.rows("SELECT data_version FROM pragma_data_version").await;
        let version = version.first().and_then(|row| row.try_get_by_index(0).ok());
        if version != self.version || version.is_none() {
            self.version = version;
            self.world = self.read().await;
        }
        &self.world
    }

    pub(super) async fn close(self) {
        self.connection.close().await.expect("the database can be closed");
    }

    async fn read(&self) -> World {
        static QUERY: OnceLock<String> = OnceLock::new();
        let query = match QUERY.get() {
            Some(query) => query,
            None => {
                let query = self.query().await;
                QUERY.get_or_init(|| query)
            }
        };
        let mut world = World::default();
        for row in self.rows(query).await {
            let text = |index| row.try_get_by_index::<String>(index).expect("a text");
            world.take(&text(0), text(1), text(2), text(3));
        }
        world
    }

    /// One query for everything: a kind of fact, a group, a user, and what the fact is.
    async fn query(&self) -> String {
        let mut parts = vec![
            "SELECT '1 group', groupId, '', visibility FROM tig_group WHERE deletedAt IS NULL".to_owned(),
            "SELECT '2 member', groupId, userId, iif(leftAt IS NULL, 'in', 'out') FROM tig_group_member"
                .to_owned(),
            "SELECT '3 waiting', groupId, userId, '' FROM tig_group_pending".to_owned(),
        ];
        for table in TABLES {
            let columns = self.rows(&format!("SELECT name FROM pragma_table_info('{table}')")).await;
            let name = |row: &QueryResult| row.try_get_by_index::<String>(0).expect("a name");
            let quoted: Vec<String> =
                columns.iter().map(|column| format!("quote(\"{}\")", name(column))).collect();
            assert!(!quoted.is_empty(), "there is no table {table}");
            parts
                .push(format!("SELECT 'row', '', '', '{table} ' || {} FROM {table}", quoted.join("||' '||")));
        }
        format!("{} ORDER BY 1, 2, 3, 4", parts.join(" UNION ALL "))
    }

    async fn rows(&self, query: &str) -> Vec<QueryResult> {
        let found = self
            .connection
            .query_all_raw(sea_orm::Statement::from_string(sea_orm::DatabaseBackend::Sqlite, query));
        found.await.expect("the database can be read")
    }
}

impl World {
    fn take(&mut self, kind: &str, group: String, user: String, fact: String) {
        if kind == "row" {
            self.rows.push(fact);
            return;
        }
        if kind == "1 group" {
            let is_private = fact == "private";
            self.groups.insert(group, Group { is_private, ..Group::default() });
            return;
        }
        // Of a deleted group nobody is anything.
        let Some(group) = self.groups.get_mut(&group) else { return };
        let users = match (kind, &*fact) {
            ("2 member", "in") => &mut group.members,
            ("2 member", _) => &mut group.once_members,
            _ => &mut group.waiting,
        };
        users.insert(user);
    }
}
