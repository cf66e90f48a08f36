//! Accounts beyond one group: how many groups they are in, and who may add them.

use std::collections::HashMap;

use groupchat_core::{Addable, BareJid, People};
use groupchat_entity::{member, user};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, Set};

use crate::error::Doing;
use crate::{ROWS_PER_STATEMENT, Store, StoreError};

impl Store {
    /// What is known of these accounts; of those who are missing in it, nothing.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn people(&self, jids: &[BareJid]) -> Result<People, StoreError> {
        let mut people = People::new();
        for chunk in jids.chunks(ROWS_PER_STATEMENT) {
            let texts = || chunk.iter().map(BareJid::as_str);
            let counts = member::Entity::find()
                .select_only()
                .column(member::Column::UserId)
                .expr(member::Column::Id.count())
                .filter(member::Column::UserId.is_in(texts()))
                .filter(member::Column::LeftAt.is_null())
                .group_by(member::Column::UserId)
                .into_tuple::<(String, i64)>();
            for (jid, groups) in counts.all(&self.db).await.doing("counting the groups of users")? {
                let groups = groups.try_into().unwrap_or_default();
                people.entry(BareJid::from_stored(&jid)).or_default().groups = groups;
            }
            let wishes = user::Entity::find().filter(user::Column::UserId.is_in(texts()));
            for row in wishes.all(&self.db).await.doing("reading the wishes of users")? {
                // A value of a later version is more careful than those of this one.
                let addable = Addable::parse(&row.addable).unwrap_or(Addable::Nobody);
                people.entry(BareJid::from_stored(&row.user_id)).or_default().addable = addable;
            }
        }
        Ok(people)
    }
}

/// Writes who may add whom; of several wishes of one account, the last.
pub(crate) async fn store(tx: &DatabaseTransaction, people: &[(BareJid, Addable)]) -> Result<(), StoreError> {
    let last: HashMap<&BareJid, Addable> = people.iter().map(|(jid, addable)| (jid, *addable)).collect();
    let mut rows: Vec<_> = last.into_iter().collect();
    rows.sort_unstable_by_key(|(jid, _)| *jid);
    for chunk in rows.chunks(ROWS_PER_STATEMENT) {
        let rows = chunk.iter().map(|(jid, addable)| user::ActiveModel {
            user_id: Set(jid.to_string()),
            addable: Set(addable.as_str().to_owned()),
        });
        let newest = OnConflict::column(user::Column::UserId).update_column(user::Column::Addable).to_owned();
        let upsert = user::Entity::insert_many(rows).on_conflict(newest);
        upsert.exec_without_returning(tx).await.doing("storing the wishes of users")?;
    }
    Ok(())
}
