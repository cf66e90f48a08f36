//! All of one database into another, of whatever kinds: read as it was at one moment, written whole or not at all, then
//! read on both sides and compared.

use std::fmt;

use groupchat_entity::{
    audit, avatar, ban, cursor, group, kept, member, mention, message, native, occupant, pending, session,
    unreachable, user,
};
use sea_orm::{
    AccessMode, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, IdenStatic,
    IntoActiveModel, IsolationLevel, Iterable, ModelTrait, PaginatorTrait, PrimaryKeyToColumn,
    PrimaryKeyTrait, QueryFilter, QueryOrder, QuerySelect, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait, Value,
};
use sha2::{Digest, Sha256};

use crate::error::Doing;
use crate::{Store, StoreError};

/// Rows that are read, and written, at once. MariaDB takes 16 MiB in one packet, and a message may have 240 kB.
const ROWS_PER_PAGE: u64 = 500;
const BYTES_PER_STATEMENT: usize = 4 * 1024 * 1024;

/// What a table came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// SHA-256 over every value of every row, in the order of their keys: equal in both databases.
    pub checksum: String,
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyProgress<'a> {
    /// What is being done.
    pub doing: CopyStep,
    /// With which table.
    pub table: &'a str,
    /// So many of its rows are done.
    pub rows: u64,
    /// It has so many.
    pub total: u64,
}

/// The steps of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyStep {
    /// Rows are read here and written there.
    Copying,
    /// The new rows are read again and compared.
    Comparing,
}

impl fmt::Display for CopyStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Copying => "copying",
            Self::Comparing => "comparing",
        })
    }
}

/// Does the same with every table.
macro_rules! each_table {
    ($job:expr) => {
        [
            $job.table::<group::Entity>().await?,
            $job.table::<member::Entity>().await?,
            $job.table::<message::Entity>().await?,
            $job.table::<mention::Entity>().await?,
            $job.table::<ban::Entity>().await?,
            $job.table::<pending::Entity>().await?,
            $job.table::<session::Entity>().await?,
            $job.table::<user::Entity>().await?,
            $job.table::<cursor::Entity>().await?,
            $job.table::<unreachable::Entity>().await?,
            $job.table::<audit::Entity>().await?,
            $job.table::<occupant::Entity>().await?,
            $job.table::<native::Entity>().await?,
            $job.table::<kept::Entity>().await?,
            $job.table::<avatar::Entity>().await?,
        ]
    };
}

impl Store {
    /// Copies everything into another database, which must be migrated and empty, and compares. What is written here
    /// meanwhile is not copied: the component should not run.
    ///
    /// # Errors
    /// [`StoreError::Behind`]; [`StoreError::NotEmpty`]; [`StoreError::Differs`]; [`StoreError::Database`]. Then the other
    /// database is as before.
    pub async fn copy_to(
        &self,
        other: &Self,
        progress: impl FnMut(CopyProgress<'_>),
    ) -> Result<Vec<CopiedTable>, StoreError> {
        for store in [self, other] {
            store.refuse_behind().await?;
        }
        let from = self.snapshot().await?;
        let to = other.begin().await?;
        each_table!(Emptiness { of: &to });
        let mut job = Job { from: &from, to: &to, progress };
        let tables = each_table!(job).to_vec();
        to.commit().await.doing("committing the copy")?;
        Ok(tables)
    }

    pub(crate) async fn refuse_behind(&self) -> Result<(), StoreError> {
        let missing = self.migrations().await?.into_iter().find(|migration| !migration.applied);
        missing.map_or(Ok(()), |migration| Err(StoreError::Behind { missing: migration.name }))
    }

    /// A transaction that sees all of the database as it is now.
    pub(crate) async fn snapshot(&self) -> Result<DatabaseTransaction, StoreError> {
        // SQLite and its kind take no such words; a transaction there always sees one state.
        let isolation =
            (self.db.get_database_backend() != DbBackend::Sqlite).then_some(IsolationLevel::RepeatableRead);
        let options = TransactionOptions {
            isolation_level: isolation,
            access_mode: isolation.map(|_| AccessMode::ReadOnly),
            sqlite_transaction_mode: Some(SqliteTransactionMode::Deferred),
        };
        self.db.begin_with_options(options).await.doing("beginning to read")
    }
}

/// Makes sure that nothing is overwritten.
struct Emptiness<'a> {
    of: &'a DatabaseTransaction,
}

impl Emptiness<'_> {
    async fn table<E>(&self) -> Result<(), StoreError>
    where
        E: EntityTrait,
        E::Model: Sync,
    {
        match E::find().count(self.of).await.doing("looking whether the other database is empty")? {
            0 => Ok(()),
            rows => Err(StoreError::NotEmpty { table: E::default().table_name().to_owned(), rows }),
        }
    }
}

struct Job<'a, P> {
    from: &'a DatabaseTransaction,
    to: &'a DatabaseTransaction,
    progress: P,
}

impl<P: FnMut(CopyProgress<'_>)> Job<'_, P> {
    async fn table<E>(&mut self) -> Result<CopiedTable, StoreError>
    where
        E: EntityTrait,
        E::Model: IntoActiveModel<E::ActiveModel> + Sync,
        E::ActiveModel: Send,
    {
        let name = E::default().table_name().to_owned();
        let key = key::<E>()?;
        let total = E::find().count(self.from).await.doing("counting rows")?;
        let mut sides = [Sum::default(), Sum::default()];
        for (step, sum) in [CopyStep::Copying, CopyStep::Comparing].into_iter().zip(&mut sides) {
            let db = if step == CopyStep::Copying { self.from } else { self.to };
            let mut last = None;
            loop {
                let rows = page::<E>(db, key, last.take()).await?;
                let sizes: Vec<usize> = rows.iter().map(|row| sum.add(row)).collect();
                last = rows.last().map(|row| row.get(key));
                if step == CopyStep::Copying {
                    write::<E>(self.to, rows, &sizes).await?;
                }
                (self.progress)(CopyProgress { doing: step, table: &name, rows: sum.rows, total });
                if last.is_none() {
                    break;
                }
            }
        }
        if sides[0] != sides[1] {
            return Err(StoreError::Differs { table: name });
        }
        count_on::<E>(self.to, key).await?;
        let [Sum { rows, lanes }, _] = sides;
        let checksum = lanes.iter().map(|lane| format!("{lane:016x}")).collect();
        Ok(CopiedTable { name, rows, checksum })
    }
}

/// The rows behind this key.
async fn page<E: EntityTrait>(
    db: &DatabaseTransaction,
    key: E::Column,
    behind: Option<Value>,
) -> Result<Vec<E::Model>, StoreError> {
    let mut list = E::find().order_by_asc(key).limit(ROWS_PER_PAGE);
    if let Some(last) = behind {
        list = list.filter(key.gt(last));
    }
    list.all(db).await.doing("reading rows to copy")
}

async fn write<E>(to: &DatabaseTransaction, rows: Vec<E::Model>, sizes: &[usize]) -> Result<(), StoreError>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: Send,
{
    let mut rows = rows.into_iter();
    let mut sizes = sizes.iter().copied().peekable();
    while sizes.peek().is_some() {
        let mut bytes = 0;
        let mut chunk = Vec::new();
        while let Some(size) = sizes.next_if(|size| chunk.is_empty() || bytes + size <= BYTES_PER_STATEMENT) {
            bytes += size;
            chunk.extend(rows.next());
        }
        let new = E::insert_many(chunk.into_iter().map(IntoActiveModel::into_active_model));
        new.exec_without_returning(to).await.doing("writing copied rows")?;
    }
    Ok(())
}

/// PostgreSQL goes on counting where it was, whatever keys are written; the others behind the highest.
async fn count_on<E: EntityTrait>(to: &DatabaseTransaction, key: E::Column) -> Result<(), StoreError> {
    let backend = to.get_database_backend();
    if backend != DbBackend::Postgres || !<E::PrimaryKey as PrimaryKeyTrait>::auto_increment() {
        return Ok(());
    }
    let (table, key) = (E::default().table_name().to_owned(), key.as_str().to_owned());
    let sql = format!(
        "SELECT setval(pg_get_serial_sequence('\"{table}\"', '{key}'), \
         (SELECT COALESCE(MAX(\"{key}\"), 0) + 1 FROM \"{table}\"), false)"
    );
    to.query_one_raw(Statement::from_string(backend, sql)).await.doing("setting a counter").map(drop)
}

/// The column by which a table is ordered.
fn key<E: EntityTrait>() -> Result<E::Column, StoreError> {
    let mut keys = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
    keys.next().ok_or_else(|| StoreError::Database {
        doing: "looking for the key of a table",
        cause: format!("`{}` has none", E::default().table_name()),
    })
}

/// A checksum that does not ask for an order: databases differ in that of texts. The SHA-256 of each row, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    lanes: [u64; 4],
}

impl Sum {
    /// Adds a row, and tells its size.
    fn add<M: ModelTrait>(&mut self, row: &M) -> usize {
        let mut bytes = Vec::with_capacity(512);
        for column in <M::Entity as EntityTrait>::Column::iter() {
            encode(&row.get(column), &mut bytes);
        }
        let digest = Sha256::digest(&bytes);
        for (lane, part) in self.lanes.iter_mut().zip(digest.chunks_exact(8)) {
            let part = part.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
            *lane = lane.wrapping_add(part);
        }
        self.rows += 1;
        bytes.len()
    }
}

/// A value with its length before it, so that no two rows look alike.
fn encode(value: &Value, into: &mut Vec<u8>) {
    let mut put = |kind: u8, bytes: &[u8]| {
        into.push(kind);
        into.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        into.extend_from_slice(bytes);
    };
    match value {
        Value::Bool(Some(flag)) => put(b'b', &[u8::from(*flag)]),
        Value::BigInt(Some(number)) => put(b'n', &number.to_be_bytes()),
        Value::String(Some(text)) => put(b't', text.as_bytes()),
        Value::Bool(None) | Value::BigInt(None) | Value::String(None) => put(b'0', &[]),
        other => put(b'?', format!("{other:?}").as_bytes()),
    }
}
