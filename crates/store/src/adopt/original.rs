//! The tables of the original shape: how they are recognised, set aside, and read. Everything is read as text, because
//! nobody knows of which types their columns are.

use groupchat_migration::SchemaManager;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, QueryResult, Statement, Value};

/// Messages that are read at once.
pub(super) const PAGE_ROWS: usize = 10_000;

/// A table of the original shape.
pub(super) struct Original {
    pub(super) name: &'static str,
    /// What it has.
    columns: &'static [&'static str],
    /// What only ours has.
    ours: &'static str,
}

pub(super) const GROUPS: Original =
    Original { name: "tig_group", columns: &["groupId", "name", "description"], ours: "version" };
pub(super) const MEMBERS: Original = Original {
    name: "tig_group_member",
    columns: &["groupId", "userId", "authority", "isReceived"],
    ours: "mid",
};
pub(super) const MESSAGES: Original = Original {
    name: "tig_group_message",
    columns: &["groupId", "msg_id", "timestamp", "sender_jid", "body"],
    ours: "payload",
};

/// A group of the original shape.
pub(super) struct GroupRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: String,
}

/// A member of the original shape.
pub(super) struct MemberRow {
    pub(super) jid: String,
    pub(super) authority: String,
    pub(super) is_received: bool,
}

/// A message of the original shape.
pub(super) struct MessageRow {
    pub(super) id: String,
    pub(super) time: String,
    pub(super) sender: String,
    pub(super) body: String,
}

/// What a table of our name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// There is none.
    Absent,
    /// It has what only ours has.
    Ours,
    /// It is of the original shape.
    Original,
    /// Somebody else made it for something else.
    Foreign,
}

impl Original {
    /// What it is called once it is set aside.
    pub(super) fn aside(&self) -> String {
        format!("{}_original", self.name)
    }

    /// What it is called once everything in it was taken over.
    fn done(&self) -> String {
        format!("{}_adopted", self.name)
    }

    /// What the table of this name is.
    pub(super) async fn shape(&self, db: &impl ConnectionTrait) -> Result<Shape, DbErr> {
        let columns = columns(db, self.name).await?;
        let has = |wanted: &&str| columns.iter().any(|column| column.eq_ignore_ascii_case(wanted));
        Ok(if columns.is_empty() {
            Shape::Absent
        } else if has(&self.ours) {
            Shape::Ours
        } else if self.columns.iter().all(has) {
            Shape::Original
        } else {
            Shape::Foreign
        })
    }

    /// Renames it, if it is there and of the original shape, and makes its index, if an interruption left it without.
    pub(super) async fn set_aside(&self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        if self.shape(tx).await? == Shape::Original {
            rename(tx, self.name, &self.aside()).await?;
        }
        let Some(table) = self.open(tx).await? else { return Ok(()) };
        // It is read group by group.
        let index = format!("idx_{}_group", table.name);
        if SchemaManager::new(tx).has_index(&table.name, &index).await? {
            return Ok(());
        }
        let key = match table.backend {
            DbBackend::MySql => format!("{}{}", table.real("groupId"), table.index_prefix(tx).await?),
            _ => format!("({})", table.text("groupId")),
        };
        let (index, name) = (quoted(table.backend, &index), quoted(table.backend, &table.name));
        tx.execute_unprepared(&format!("CREATE INDEX {index} ON {name} ({key})")).await.map(drop)
    }

    /// Is it set aside, and not done yet?
    pub(super) async fn is_aside(&self, db: &impl ConnectionTrait) -> Result<bool, DbErr> {
        Ok(!columns(db, &self.aside()).await?.is_empty())
    }

    /// Says that everything in it was taken over.
    pub(super) async fn finish(&self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        if self.is_aside(tx).await? { rename(tx, &self.aside(), &self.done()).await } else { Ok(()) }
    }

    /// The table that was set aside, to be read; `None`: there is none.
    async fn open(&self, tx: &DatabaseTransaction) -> Result<Option<Aside>, DbErr> {
        let name = self.aside();
        let columns = columns(tx, &name).await?;
        let aside = Aside { backend: tx.get_database_backend(), name, columns };
        Ok((!aside.columns.is_empty()).then_some(aside))
    }

    /// Its rows, with its columns as text: of one group if one is named, a page of them if one is numbered.
    async fn rows(
        &self,
        tx: &DatabaseTransaction,
        group: Option<&str>,
        order: &[&str],
        page: Option<u64>,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let Some(table) = self.open(tx).await? else { return Ok(Vec::new()) };
        let columns: Vec<String> = self.columns.iter().map(|column| table.selected(column)).collect();
        let order: Vec<String> =
            order.iter().filter(|column| table.has(column)).map(|column| table.real(column)).collect();
        let order = if order.is_empty() { "1".to_owned() } else { order.join(", ") };
        let of_group = group.map_or_else(String::new, |_| table.of_group());
        let page = page.map_or_else(String::new, |page| {
            format!(" LIMIT {PAGE_ROWS} OFFSET {}", page * PAGE_ROWS as u64)
        });
        let (columns, name) = (columns.join(", "), quoted(table.backend, &table.name));
        let sql = format!("SELECT {columns} FROM {name}{of_group} ORDER BY {order}{page}");
        let values: Vec<Value> = group.map(Into::into).into_iter().collect();
        tx.query_all_raw(Statement::from_sql_and_values(table.backend, sql, values)).await
    }

    /// The groups that its rows name, each once, with the number of its rows.
    pub(super) async fn named(&self, tx: &DatabaseTransaction) -> Result<Vec<(String, i64)>, DbErr> {
        let Some(table) = self.open(tx).await? else { return Ok(Vec::new()) };
        let (group, text) = (table.selected("groupId"), table.text("groupId"));
        let name = quoted(table.backend, &table.name);
        let sql = format!("SELECT {group}, COUNT(*) AS all_rows FROM {name} GROUP BY {text} ORDER BY 1");
        let rows = tx.query_all_raw(Statement::from_string(table.backend, sql)).await?;
        rows.iter().map(|row| Ok((field(row, "groupId")?, row.try_get("", "all_rows")?))).collect()
    }
}

/// A table that is set aside, as it is.
struct Aside {
    backend: DbBackend,
    name: String,
    columns: Vec<String>,
}

impl Aside {
    fn has(&self, wanted: &str) -> bool {
        self.columns.iter().any(|column| column.eq_ignore_ascii_case(wanted))
    }

    /// A column as it is written here.
    fn real(&self, wanted: &str) -> String {
        let found = self.columns.iter().find(|column| column.eq_ignore_ascii_case(wanted));
        quoted(self.backend, found.map_or(wanted, String::as_str))
    }

    /// Its values as text.
    fn text(&self, wanted: &str) -> String {
        let text = if self.backend == DbBackend::MySql { "CHAR" } else { "TEXT" };
        format!("CAST({} AS {text})", self.real(wanted))
    }

    fn selected(&self, wanted: &str) -> String {
        format!("{} AS {}", self.text(wanted), quoted(self.backend, &format!("t_{wanted}")))
    }

    /// The condition that its index serves, of whatever type the column is. MySQL compares any of them with a text.
    fn of_group(&self) -> String {
        match self.backend {
            DbBackend::MySql => format!(" WHERE {} = ?", self.real("groupId")),
            DbBackend::Postgres => format!(" WHERE {} = $1", self.text("groupId")),
            _ => format!(" WHERE {} = ?", self.text("groupId")),
        }
    }

    /// MySQL indexes long texts only by their beginning, and nothing else so.
    async fn index_prefix(&self, tx: &DatabaseTransaction) -> Result<&'static str, DbErr> {
        let sql = "SELECT COUNT(*) AS is_long FROM information_schema.columns WHERE table_schema = DATABASE() \
                   AND table_name = ? AND LOWER(column_name) = 'groupid' AND character_maximum_length > 64";
        let values = [Value::from(self.name.as_str())];
        let row = tx.query_one_raw(Statement::from_sql_and_values(self.backend, sql, values)).await?;
        let is_long = row.map_or(Ok(0_i64), |row| row.try_get("", "is_long"))?;
        Ok(if is_long > 0 { "(64)" } else { "" })
    }
}

/// Every group.
pub(super) async fn groups(tx: &DatabaseTransaction) -> Result<Vec<GroupRow>, DbErr> {
    let rows = GROUPS.rows(tx, None, &["uid"], None).await?;
    rows.iter()
        .map(|row| {
            Ok(GroupRow {
                id: field(row, "groupId")?,
                name: field(row, "name")?,
                description: field(row, "description")?,
            })
        })
        .collect()
}

/// The members of a group, in the order in which they came.
pub(super) async fn members(tx: &DatabaseTransaction, group: &str) -> Result<Vec<MemberRow>, DbErr> {
    let rows = MEMBERS.rows(tx, Some(group), &["id"], None).await?;
    rows.iter()
        .map(|row| {
            let received = field(row, "isReceived")?.to_lowercase();
            Ok(MemberRow {
                jid: field(row, "userId")?,
                authority: field(row, "authority")?,
                is_received: !["0", "f", "false", "n", "no", "\0"].contains(&received.as_str()),
            })
        })
        .collect()
}

/// A page of the messages of a group, oldest first; the last one has less than [`PAGE_ROWS`].
pub(super) async fn messages(
    tx: &DatabaseTransaction,
    group: &str,
    page: u64,
) -> Result<Vec<MessageRow>, DbErr> {
    // By all that is read, so that pages fit together though ids may be there twice.
    let order = ["timestamp", "msg_id", "sender_jid", "body"];
    let rows = MESSAGES.rows(tx, Some(group), &order, Some(page)).await?;
    rows.iter()
        .map(|row| {
            Ok(MessageRow {
                id: field(row, "msg_id")?,
                time: field(row, "timestamp")?,
                sender: field(row, "sender_jid")?,
                body: field(row, "body")?,
            })
        })
        .collect()
}

/// Everybody who wrote in a group, each once.
pub(super) async fn authors(tx: &DatabaseTransaction, group: &str) -> Result<Vec<String>, DbErr> {
    let Some(table) = MESSAGES.open(tx).await? else { return Ok(Vec::new()) };
    let (sender, name) = (table.selected("sender_jid"), quoted(table.backend, &table.name));
    let sql = format!("SELECT DISTINCT {sender} FROM {name}{}", table.of_group());
    let values = [Value::from(group)];
    let rows = tx.query_all_raw(Statement::from_sql_and_values(table.backend, sql, values)).await?;
    rows.iter().map(|row| field(row, "sender_jid")).collect()
}

fn field(row: &QueryResult, column: &str) -> Result<String, DbErr> {
    Ok(row.try_get::<Option<String>>("", &format!("t_{column}"))?.unwrap_or_default())
}

/// Milliseconds since 1970 of a number of seconds, milliseconds, micro- or nanoseconds, or of a date and time (UTC). `None`:
/// it is nothing of that, or a time before 1970 or after `latest`, which no message can have.
pub(super) fn time(text: &str, latest: i64) -> Option<i64> {
    let ms = match text.trim().parse::<f64>() {
        Ok(number) => number_of_ms(number)?,
        Err(_) => {
            let timestamp = text.parse::<jiff::Timestamp>().ok().or_else(|| {
                let local = text.parse::<jiff::civil::DateTime>().ok()?;
                Some(local.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
            });
            timestamp?.as_millisecond()
        }
    };
    (0..=latest).contains(&ms).then_some(ms)
}

/// Until the year 5138 a number of seconds is below the first of these, and each next unit below the next one.
fn number_of_ms(number: f64) -> Option<i64> {
    let ms = match number {
        _ if !number.is_finite() => return None,
        _ if number < 1e11 => number * 1e3,
        _ if number < 1e14 => number,
        _ if number < 1e17 => number / 1e3,
        _ => number / 1e6,
    };
    // The conversion saturates.
    #[expect(clippy::cast_possible_truncation, reason = "what is beyond is refused")]
    Some(ms.round() as i64)
}

/// The names of a table's columns; none: there is no such table.
async fn columns(db: &impl ConnectionTrait, table: &str) -> Result<Vec<String>, DbErr> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Sqlite => "SELECT name FROM pragma_table_info(?)",
        DbBackend::Postgres => {
            "SELECT column_name::text AS name FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = $1"
        }
        _ => {
            "SELECT CAST(column_name AS CHAR) AS name FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name = ?"
        }
    };
    let rows = db.query_all_raw(Statement::from_sql_and_values(backend, sql, [table.into()])).await?;
    rows.iter().map(|row| row.try_get("", "name")).collect()
}

async fn rename(tx: &DatabaseTransaction, from: &str, to: &str) -> Result<(), DbErr> {
    let backend = tx.get_database_backend();
    let (from, to) = (quoted(backend, from), quoted(backend, to));
    tx.execute_unprepared(&format!("ALTER TABLE {from} RENAME TO {to}")).await.map(drop)
}

fn quoted(backend: DbBackend, name: &str) -> String {
    let mark = if backend == DbBackend::MySql { '`' } else { '"' };
    format!("{mark}{name}{mark}")
}

#[cfg(test)]
mod tests {
    use super::time;

    const LATEST: i64 = 1_800_000_000_000;

    #[test]
    fn times_are_read_in_every_form() {
        for text in [
            "1700000000123",
            "1700000000.123",
            "1700000000123.0",
            "1700000000123456",
            "1700000000123456789",
            "2023-11-14 22:13:20.123",
            "2023-11-14T22:13:20.123",
            "2023-11-14T22:13:20.123Z",
        ] {
            assert_eq!(time(text, LATEST), Some(1_700_000_000_123), "{text}");
        }
        for text in ["1700000000", "1700000000.0", "2023-11-14 22:13:20+00"] {
            assert_eq!(time(text, LATEST), Some(1_700_000_000_000), "{text}");
        }
    }

    #[test]
    fn times_that_no_message_can_have_are_none() {
        for text in [
            "yesterday",
            "",
            "-1",
            "NaN",
            "inf",
            "1e300",
            "9223372036854775807",
            "1800000000001",
            "1800000001",
            "2099-01-01 00:00:00",
            "1969-12-31 23:59:59",
        ] {
            assert_eq!(time(text, LATEST), None, "{text}");
        }
    }
}
