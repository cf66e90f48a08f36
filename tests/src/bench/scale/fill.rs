//! Fills a database in minutes: the service makes the tables, and rows come into them in bulk, by SQL, as the service
//! would have written them in the course of a year. The indexes are built when the rows are there, so they are as tight as
//! those of a database that was just restored.
//!
//! Who is in which group, and who said what, follows from numbers alone: two runs of one plan make the same rows.

use anyhow::{Context, Result, ensure};
use groupchat_core::{By, History, Settings, Visibility};
use groupchat_store::Store;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use xmpp_groupchat::clock::Clock;

use super::{Plan, SERVICE, USERS};

/// The group with most members.
pub(super) const LARGE: u64 = 0;
/// The group in which most was said.
pub(super) const LOUD: u64 = 1;
/// The user who is in most groups; the first of them is the loud one.
pub(super) const BUSY: &str = "busy";

/// The time that the archive covers, in microseconds.
const YEAR: i64 = 365 * 86_400 * 1_000_000;
/// Values of one statement.
const VALUES_MAX: usize = 1_000;
/// Of so many users one is online when the service starts.
const USERS_PER_SESSION: u64 = 10;

/// Of so many messages one mentions somebody.
pub(super) const MESSAGES_PER_MENTION: u64 = 20;

/// What is in it.
#[derive(Debug, Clone)]
pub(super) struct Filled {
    /// Each group by its number.
    pub(super) groups: Vec<Group>,
    /// Users but the busy one.
    pub(super) users: u64,
    /// The time of the first message.
    first: i64,
    /// Groups take turns in the ids: so many belong to one turn.
    stride: i64,
    /// Turns in all.
    turns: i64,
}

/// What was made of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    /// Members but the busy user.
    pub(super) members: u64,
    /// What was said in it.
    pub(super) messages: u64,
}

impl Filled {
    fn plan(plan: &Plan) -> Result<Self> {
        let users = Ord::max(plan.memberships / 10, plan.large);
        ensure!(plan.groups > plan.busy + LOUD, "more groups than one user is in");
        let groups = (0..plan.groups)
            .map(|number| Group { members: members(plan, number), messages: messages(plan, number) });
        let stride = i64::try_from(plan.groups.next_power_of_two())?;
        let now = Clock::real().now().0 * 1_000;
        Ok(Self { groups: groups.collect(), users, first: now - YEAR, stride, turns: YEAR / stride })
    }

    /// The localpart of a member of a group.
    pub(super) fn user(&self, group: u64, member: u64) -> String {
        format!("u{}", (group * 10 + member) % self.users)
    }

    /// The id of a message of a group.
    pub(super) fn message(&self, group: u64, number: u64) -> i64 {
        let messages = self.groups[group as usize].messages.max(1);
        self.first + (number as i64 * self.turns) / messages as i64 * self.stride + group as i64
    }

    /// Those who are online when the service starts.
    pub(super) fn online(&self) -> impl Iterator<Item = String> {
        (0..self.users / USERS_PER_SESSION).map(|user| format!("u{user}@{USERS}/pda"))
    }

    /// How many memberships there are.
    pub(super) fn memberships(&self, plan: &Plan) -> u64 {
        self.groups.iter().map(|group| group.members).sum::<u64>() + plan.busy
    }
}

/// Half as many to one and a half times as many as groups have on average.
fn members(plan: &Plan, number: u64) -> u64 {
    if number == LARGE {
        return plan.large;
    }
    let rest = plan.memberships.saturating_sub(plan.large + plan.busy);
    let average = rest.div_ceil(plan.groups - 1).max(2);
    average / 2 + number * 37 % (average + 1)
}

/// A tenth of all in one group; of the rest, a group has the less the higher its number.
fn messages(plan: &Plan, number: u64) -> u64 {
    let loud = plan.messages / 10;
    if number == LOUD {
        return loud;
    }
    let upto = |rank: u64| (rank as f64 / plan.groups as f64).sqrt();
    ((plan.messages - loud) as f64 * (upto(number + 1) - upto(number))) as u64
}

/// Has the service's tables made in this database, and fills them.
pub(super) async fn fill(url: &str, plan: &Plan) -> Result<Filled> {
    let store = Store::open(url).await?;
    store.migrate().await?;
    store.close().await?;
    let filled = Filled::plan(plan)?;
    let mut options = ConnectOptions::new(url);
    // Settings of a connection and temporary tables belong to one connection.
    options.max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None).sqlx_logging(false);
    let db = Database::connect(options).await.context("cannot connect")?;
    let is_sqlite = db.get_database_backend() == DbBackend::Sqlite;
    let hurry = match is_sqlite {
        true => "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -524288",
        false => "SET synchronous_commit = off; SET maintenance_work_mem = '512MB'; SET work_mem = '256MB'",
    };
    run(&db, hurry).await?;
    let indexes = take_indexes(&db).await?;
    numbers(&db, &filled).await?;
    rows(&db, &filled, plan).await?;
    for index in indexes {
        run(&db, &index).await?;
    }
    if !is_sqlite {
        // As its own vacuuming does in the course of time.
        run(&db, "VACUUM ANALYZE").await?;
    }
    db.close().await.context("cannot close it")?;
    Ok(filled)
}

async fn run(db: &DatabaseConnection, sql: &str) -> Result<()> {
    let start: String = sql.chars().take(200).collect();
    db.execute_unprepared(sql).await.map(drop).with_context(|| start)
}

/// Drops the indexes that the migrations made; what makes them again.
async fn take_indexes(db: &DatabaseConnection) -> Result<Vec<String>> {
    let list = match db.get_database_backend() {
        DbBackend::Sqlite => {
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND name LIKE 'idx_tig%'"
        }
        _ => {
            "SELECT indexname::text AS name, indexdef AS sql FROM pg_indexes WHERE indexname LIKE 'idx_tig%'"
        }
    };
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), list)).await?;
    ensure!(!rows.is_empty(), "the tables have no indexes");
    let mut makers = Vec::new();
    for row in rows {
        run(db, &format!("DROP INDEX \"{}\"", row.try_get::<String>("", "name")?)).await?;
        makers.push(row.try_get::<String>("", "sql")?);
    }
    Ok(makers)
}

/// Tables to make rows of: numbers, the groups with how much is in them, and the messages by their ids.
async fn numbers(db: &DatabaseConnection, filled: &Filled) -> Result<()> {
    let Filled { groups, first, stride, turns, .. } = filled;
    let most = groups.iter().map(|group| group.messages.max(group.members)).max().unwrap_or_default();
    run(db, "CREATE TEMPORARY TABLE n (i BIGINT NOT NULL PRIMARY KEY)").await?;
    let series = "WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i + 1 <";
    run(db, &format!("INSERT INTO n {series} {most}) SELECT i FROM s")).await?;
    let columns = "g BIGINT NOT NULL PRIMARY KEY, members BIGINT NOT NULL, messages BIGINT NOT NULL";
    run(db, &format!("CREATE TEMPORARY TABLE g ({columns})")).await?;
    for (chunk, part) in groups.chunks(VALUES_MAX).enumerate() {
        let values = part.iter().enumerate().map(|(place, group)| {
            format!("({}, {}, {})", chunk * VALUES_MAX + place, group.members, group.messages)
        });
        run(db, &format!("INSERT INTO g VALUES {}", values.collect::<Vec<_>>().join(","))).await?;
    }
    run(db, "CREATE TEMPORARY TABLE m (id BIGINT NOT NULL, g BIGINT NOT NULL, i BIGINT NOT NULL)").await?;
    if db.get_database_backend() != DbBackend::Sqlite {
        run(db, "ANALYZE n; ANALYZE g").await?;
    }
    let messages = format!(
        "INSERT INTO m SELECT {first} + (n.i * {turns}) / g.messages * {stride} + g.g AS id, g.g, n.i \
         FROM g JOIN n ON n.i < g.messages ORDER BY id"
    );
    run(db, &messages).await
}

/// The rows of the service.
async fn rows(db: &DatabaseConnection, filled: &Filled, plan: &Plan) -> Result<()> {
    let Filled { users, first, stride, turns, .. } = filled;
    let (busy, last) = (plan.busy, LOUD + plan.busy);
    let joined = first / 1_000;
    let id = |number: &str| format!("({first} + ({number} * {turns}) / messages * {stride} + g)");
    let newest = format!("CASE WHEN messages > 0 THEN {} ELSE 0 END", id("(messages - 1)"));
    let Settings { kind, visibility, invite, configure, post, mention_all, join, history, .. } =
        Settings::default();
    let [invite, configure, post, mention_all] = [invite, configure, post, mention_all].map(By::as_str);
    let (visibility, join, history) = (visibility.as_str(), join.as_str(), history.as_str());
    let (public, since_join) = (Visibility::Public.as_str(), History::SinceJoin.as_str());
    let groups = format!(
        "INSERT INTO \"tig_group\" (\"groupId\", \"name\", \"description\", \"type\", \"visibility\", \"invite\", \
         \"configure\", \"post\", \"mentionAll\", \"join\", \"history\", \"receipts\", \"retentionDays\", \"subject\", \
         \"members\", \"version\", \"countable\", \"lastId\", \"previewId\", \"createdAt\") \
         SELECT 'g' || g, 'Group ' || g, '', '{kind}', CASE WHEN g % 10 = 9 THEN '{public}' ELSE '{visibility}' END, \
         '{invite}', '{configure}', '{post}', '{mention_all}', '{join}', \
         CASE WHEN g % 5 = 4 THEN '{since_join}' ELSE '{history}' END, TRUE, CASE WHEN g % 100 = 50 THEN 400 ELSE 0 END, \
         '', members + CASE WHEN g BETWEEN {LOUD} AND {last} - 1 THEN 1 ELSE 0 END, 1, messages, {newest}, {newest}, \
         {joined} FROM g ORDER BY g"
    );
    run(db, &groups).await?;
    // Everybody has read nine tenths of what was said.
    let read = "(messages - messages / 10 - 1)";
    let state = format!(
        "{joined}, CASE WHEN messages > 0 THEN {} ELSE 0 END, 0, messages - messages / 10 FROM g",
        id(read)
    );
    let into = "INSERT INTO \"tig_group_member\" (\"groupId\", \"userId\", \"isReceived\", \"receive\", \"authority\", \
                \"mid\", \"nick\", \"nickKey\", \"joinedAt\", \"readId\", \"readAt\", \"seen\") SELECT 'g' || g,";
    let user = format!("'u' || ((g * 10 + i) % {users})");
    let role = "CASE WHEN i = 0 THEN 'owner' ELSE 'member' END";
    let members = format!(
        "{into} {user} || '@{USERS}', TRUE, 'all', {role}, {user}, {user}, {user}, {state} \
         JOIN n ON n.i < g.members ORDER BY g, i"
    );
    run(db, &members).await?;
    let member =
        format!("{into} '{BUSY}@{USERS}', TRUE, 'all', 'member', '{BUSY}', '{BUSY}', '{BUSY}', {state}");
    run(db, &format!("{member} WHERE g BETWEEN {LOUD} AND {last} - 1 ORDER BY g")).await?;
    ensure!(busy == last - LOUD, "the groups of the busy user");
    messages_of(db, *users).await?;
    let cursor = format!("INSERT INTO \"tig_group_cursor\" VALUES ('{SERVICE}', (SELECT MAX(id) FROM m))");
    run(db, &cursor).await?;
    for chunk in filled.online().collect::<Vec<_>>().chunks(VALUES_MAX) {
        let values: Vec<_> =
            chunk.iter().map(|jid| format!("('{jid}', '{SERVICE}', {joined}, {first})")).collect();
        let into = "INSERT INTO \"tig_group_session\" (\"jid\", \"address\", \"seenAt\", \"since\") VALUES";
        run(db, &format!("{into} {}", values.join(","))).await?;
    }
    Ok(())
}

/// The archive, in the order of its ids, and whom every twentieth message mentions.
async fn messages_of(db: &DatabaseConnection, users: u64) -> Result<()> {
    let user = format!("'u' || ((m.g * 10 + m.i % g.members) % {users})");
    let text = "'Message ' || m.i || ' of a hundred bytes of text or so, as people write them to each other in groups'";
    let archive = format!(
        "INSERT INTO \"tig_group_message\" (\"msg_id\", \"groupId\", \"timestamp\", \"sender_jid\", \"mid\", \"kind\", \
         \"clientId\", \"body\", \"payload\", \"ordinal\", \"countable\", \"readBy\") \
         SELECT id, 'g' || m.g, id / 1000, {user} || '@{USERS}/pda', {user}, 'message', 'c' || id, {text}, \
         '<body>' || {text} || '</body>', m.i + 1, TRUE, 'members' FROM m CROSS JOIN g WHERE g.g = m.g ORDER BY m.id"
    );
    // SQLite reads `m` as it was written, in the order of the ids, when it is not asked to sort.
    let archive = match db.get_database_backend() {
        DbBackend::Sqlite => archive.replace("ORDER BY m.id", "ORDER BY m.rowid"),
        _ => archive,
    };
    run(db, &archive).await?;
    let mentioned = format!("'u' || ((m.g * 10 + (m.i + 1) % g.members) % {users})");
    let mentions = format!(
        "INSERT INTO \"tig_group_mention\" (\"groupId\", \"mid\", \"msg_id\", \"author\") \
         SELECT 'g' || m.g, {mentioned}, id, {user} FROM m CROSS JOIN g WHERE g.g = m.g AND m.i % {MESSAGES_PER_MENTION} = 0"
    );
    run(db, &mentions).await
}
