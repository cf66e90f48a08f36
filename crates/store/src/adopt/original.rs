//! The tables of the original shape: how they are recognised, set aside, and read. Everything is read as text, because
//! nobody knows of which types their columns are.

use groupchat_migration::SchemaManager;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, QueryResult, Statement};

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
    pub(super) at_ms: Option<i64>,
    pub(super) sender: String,
    pub(super) body: String,
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

    /// Renames it, if it is there and of the original shape.
    pub(super) async fn set_aside(&self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        let columns = columns(tx, self.name).await?;
        let has = |wanted: &&str| columns.iter().any(|column| column.eq_ignore_ascii_case(wanted));
        if columns.is_empty() || has(&self.ours) || !self.columns.iter().all(has) {
            return Ok(());
        }
        rename(tx, self.name, &self.aside()).await?;
        // It is read group by group.
        let index = format!("idx_{}_group", self.aside());
        if !SchemaManager::new(tx).has_index(self.aside(), &index).await? {
            let backend = tx.get_database_backend();
            let group = columns.iter().find(|column| column.eq_ignore_ascii_case("groupId"));
            let group = quoted(backend, group.map_or("groupId", String::as_str));
            // MySQL indexes a text of unknown length only by its beginning.
            let length = if backend == DbBackend::MySql { "(64)" } else { "" };
            let (index, table) = (quoted(backend, &index), quoted(backend, &self.aside()));
            tx.execute_unprepared(&format!("CREATE INDEX {index} ON {table} ({group}{length})")).await?;
        }
        Ok(())
    }

    /// Is it set aside, and not done yet?
    pub(super) async fn is_aside(&self, tx: &DatabaseTransaction) -> Result<bool, DbErr> {
        SchemaManager::new(tx).has_table(self.aside()).await
    }

    /// Says that everything in it was taken over.
    pub(super) async fn finish(&self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        if self.is_aside(tx).await? { rename(tx, &self.aside(), &self.done()).await } else { Ok(()) }
    }

    /// Its rows, of one group if one is named, with its columns as text.
    async fn rows(
        &self,
        tx: &DatabaseTransaction,
        group: Option<&str>,
        order: &[&str],
    ) -> Result<Vec<QueryResult>, DbErr> {
        if !self.is_aside(tx).await? {
            return Ok(Vec::new());
        }
        let backend = tx.get_database_backend();
        let there = columns(tx, &self.aside()).await?;
        let real = |wanted: &str| {
            let column = there.iter().find(|column| column.eq_ignore_ascii_case(wanted));
            column.map(|column| quoted(backend, column))
        };
        let text = if backend == DbBackend::MySql { "CHAR" } else { "TEXT" };
        let selected = self.columns.iter().filter_map(|column| {
            Some(format!("CAST({} AS {text}) AS {}", real(column)?, quoted(backend, &format!("t_{column}"))))
        });
        let selected: Vec<String> = selected.collect();
        let order: Vec<String> = order.iter().filter_map(|column| real(column)).collect();
        let mark = if backend == DbBackend::Postgres { "$1" } else { "?" };
        let of_group =
            group.and(real("groupId")).map_or_else(String::new, |column| format!(" WHERE {column} = {mark}"));
        let sql = format!(
            "SELECT {} FROM {}{of_group} ORDER BY {}",
            selected.join(", "),
            quoted(backend, &self.aside()),
            if order.is_empty() { "1".to_owned() } else { order.join(", ") }
        );
        let values: Vec<sea_orm::Value> = group.map(Into::into).into_iter().collect();
        tx.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await
    }
}

/// Every group.
pub(super) async fn groups(tx: &DatabaseTransaction) -> Result<Vec<GroupRow>, DbErr> {
    let rows = GROUPS.rows(tx, None, &["uid"]).await?;
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
    let rows = MEMBERS.rows(tx, Some(group), &["id"]).await?;
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

/// The messages of a group, oldest first.
pub(super) async fn messages(tx: &DatabaseTransaction, group: &str) -> Result<Vec<MessageRow>, DbErr> {
    let rows = MESSAGES.rows(tx, Some(group), &["timestamp", "msg_id"]).await?;
    rows.iter()
        .map(|row| {
            Ok(MessageRow {
                id: field(row, "msg_id")?,
                at_ms: time(&field(row, "timestamp")?),
                sender: field(row, "sender_jid")?,
                body: field(row, "body")?,
            })
        })
        .collect()
}

fn field(row: &QueryResult, column: &str) -> Result<String, DbErr> {
    Ok(row.try_get::<Option<String>>("", &format!("t_{column}"))?.unwrap_or_default())
}

/// Milliseconds or seconds since 1970, or a date and time (UTC).
fn time(text: &str) -> Option<i64> {
    // A number of seconds has at most eleven digits until the year 5138, one of milliseconds more since 1973.
    const SECONDS_MAX: i64 = 99_999_999_999;
    if let Ok(number) = text.parse::<i64>() {
        return Some(if number.abs() > SECONDS_MAX { number } else { number * 1_000 });
    }
    let timestamp = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let local = text.parse::<jiff::civil::DateTime>().ok()?;
        Some(local.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    });
    timestamp.map(jiff::Timestamp::as_millisecond)
}

/// The names of a table's columns; none: there is no such table.
async fn columns(tx: &DatabaseTransaction, table: &str) -> Result<Vec<String>, DbErr> {
    let backend = tx.get_database_backend();
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
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, [table.into()])).await?;
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

    #[test]
    fn times_are_read_in_every_form() {
        for text in [
            "1700000000123",
            "2023-11-14 22:13:20.123",
            "2023-11-14T22:13:20.123",
            "2023-11-14T22:13:20.123Z",
        ] {
            assert_eq!(time(text), Some(1_700_000_000_123), "{text}");
        }
        assert_eq!(time("1700000000"), Some(1_700_000_000_000));
        assert_eq!(time("2023-11-14 22:13:20+00"), Some(1_700_000_000_000));
        assert_eq!(time("yesterday"), None);
    }
}
