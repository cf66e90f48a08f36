//! What administrators look at, and what they did.

use groupchat_core::{GroupId, Timestamp};
use groupchat_entity::{audit, group};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};

use crate::error::Doing;
use crate::{Store, StoreError};

/// Groups that are read at once when a text is looked for.
const SEARCHED_AT_ONCE: u64 = 1_000;

/// A group in a list for administrators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedGroup {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// `private` or `public`.
    pub visibility: String,
    /// How many are in.
    pub members: i64,
}

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// Its number: later lines have higher ones.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// Who asked for it.
    pub by: String,
    /// What was asked for.
    pub act: String,
    /// `asked`, `done`, or why not.
    pub outcome: String,
}

impl Store {
    /// Groups by id, behind one if it is named: all, or those whose id or name holds a text, whatever its case. Reads the row of
    /// every group when a text is looked for: what a capital letter is, databases know of ASCII alone, or do not agree.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_groups(
        &self,
        search: Option<&str>,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Vec<ListedGroup>, StoreError> {
        let Some(text) = search.map(folded) else { return self.groups_after(after, limit).await };
        let holds = |field: &str| folded(field).contains(&text);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (mut found, mut after) = (Vec::new(), after.map(str::to_owned));
        while found.len() < limit {
            let some = self.groups_after(after.as_deref(), SEARCHED_AT_ONCE).await?;
            let Some(last) = some.last() else { break };
            after = Some(last.id.to_string());
            found.extend(some.into_iter().filter(|group| holds(&group.name) || holds(group.id.as_str())));
        }
        found.truncate(limit);
        Ok(found)
    }

    async fn groups_after(&self, after: Option<&str>, limit: u64) -> Result<Vec<ListedGroup>, StoreError> {
        let mut list = group::Entity::find()
            .select_only()
            .columns([
                group::Column::GroupId,
                group::Column::Name,
                group::Column::Visibility,
                group::Column::Members,
            ])
            .filter(group::Column::DeletedAt.is_null())
            .order_by_asc(group::Column::GroupId)
            .limit(limit);
        if let Some(after) = after {
            list = list.filter(group::Column::GroupId.gt(after));
        }
        let rows = list.into_tuple::<(String, String, String, i64)>().all(&self.db).await;
        let listed = |(id, name, visibility, members): (String, String, String, i64)| ListedGroup {
            id: GroupId::from_stored(&id),
            name,
            visibility,
            members,
        };
        Ok(rows.doing("listing groups")?.into_iter().map(listed).collect())
    }

    /// Adds a line to the audit log.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn audit(&self, at: Timestamp, by: &str, act: &str, outcome: &str) -> Result<(), StoreError> {
        let line = audit::ActiveModel {
            at: Set(at.0),
            by: Set(by.into()),
            act: Set(act.into()),
            outcome: Set(outcome.into()),
            ..Default::default()
        };
        audit::Entity::insert(line)
            .exec_without_returning(&self.db)
            .await
            .doing("writing the audit log")
            .map(drop)
    }

    /// The newest lines of the audit log, oldest first; of those before one, if its number is given.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn audited(&self, before: Option<i64>, limit: u64) -> Result<Vec<Audited>, StoreError> {
        let mut newest = audit::Entity::find().order_by_desc(audit::Column::Id).limit(limit);
        if let Some(before) = before {
            newest = newest.filter(audit::Column::Id.lt(before));
        }
        let rows = newest.all(&self.db).await.doing("reading the audit log")?;
        let read = |row: audit::Model| Audited {
            number: row.id,
            at: Timestamp(row.at),
            by: row.by,
            act: row.act,
            outcome: row.outcome,
        };
        Ok(rows.into_iter().rev().map(read).collect())
    }
}

/// For looking without regard to case: letter by letter, so that a part of a word is what it is in the whole (`Σ` at the end of one is
/// another small letter).
fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c }).collect()
}
