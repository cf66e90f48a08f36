//! What was in a database before us: for whoever wants to know it before anything is done.

use super::original::{GROUPS, MEMBERS, MESSAGES, Shape};
use crate::error::Doing;
use crate::{Store, StoreError};

/// What a database that no migration of ours has seen holds under our names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predecessor {
    /// Nothing.
    None,
    /// Tables of the original shape, which are taken over.
    Original,
    /// Tables that somebody else made for something else; we cannot work beside them.
    Foreign(Vec<String>),
}

impl Store {
    /// Looks what was here before us. Changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn predecessor(&self) -> Result<Predecessor, StoreError> {
        const DOING: &str = "looking for tables of our names";
        let (mut is_original, mut foreign) = (false, Vec::new());
        for table in [GROUPS, MEMBERS, MESSAGES] {
            match table.shape(&self.db).await.doing(DOING)? {
                Shape::Original => is_original = true,
                Shape::Foreign => foreign.push(table.name.to_owned()),
                Shape::Absent | Shape::Ours => {}
            }
            // One that was interrupted goes on.
            is_original |= table.is_aside(&self.db).await.doing(DOING)?;
        }
        Ok(match (foreign.is_empty(), is_original) {
            (false, _) => Predecessor::Foreign(foreign),
            (true, true) => Predecessor::Original,
            (true, false) => Predecessor::None,
        })
    }
}
