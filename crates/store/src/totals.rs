//! How much there is in all, for operators; and whether the database answers.

use groupchat_entity::session;
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, Set, Statement};

use crate::error::Doing;
use crate::{Store, StoreError};

impl Store {
    /// Asks the database for nothing in particular.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        let asked = Statement::from_string(self.db.get_database_backend(), "SELECT 1");
        self.db.query_one_raw(asked).await.doing("asking the database whether it is there").map(drop)
    }

    /// Writes, and takes it back: whether this user may, and whether there is room.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn try_writing(&self) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        let session = session::ActiveModel {
            jid: Set("doctor@invalid/1".into()),
            address: Set(String::new()),
            seen_at: Set(0),
            since: Set(0),
            ..Default::default()
        };
        let written = session::Entity::insert(session).exec_without_returning(&tx).await;
        tx.rollback().await.doing("taking a test back")?;
        written.doing("writing to the database").map(drop)
    }

    /// How many groups there are, and how many members they have together. Reads the row of every group.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn totals(&self) -> Result<(i64, i64), StoreError> {
        const DOING: &str = "counting groups";
        let backend = self.db.get_database_backend();
        let (number, mark) = if backend == DbBackend::MySql { ("SIGNED", '`') } else { ("BIGINT", '"') };
        let sql = format!(
            "SELECT COUNT(*) AS all_groups, CAST(COALESCE(SUM(members), 0) AS {number}) AS all_members \
             FROM tig_group WHERE {mark}deletedAt{mark} IS NULL"
        );
        let row = self.db.query_one_raw(Statement::from_string(backend, sql)).await.doing(DOING)?;
        let Some(row) = row else { return Ok((0, 0)) };
        Ok((row.try_get("", "all_groups").doing(DOING)?, row.try_get("", "all_members").doing(DOING)?))
    }
}
