//! An export: all that is kept of a group, or of an account, a page of lines at a time, as it is at one moment.

use std::collections::VecDeque;

use groupchat_core::{BareJid, GroupId};
use sea_orm::DatabaseTransaction;

use super::parts::{Part, read};
use super::record::Record;
use crate::{Store, StoreError};

/// An export under way. The service may go on meanwhile: what changes is not seen.
#[derive(Debug)]
pub struct Export {
    tx: DatabaseTransaction,
    parts: VecDeque<Part>,
}

impl Store {
    /// Begins to export a group, a deleted one too; `None`: there never was one. Header and end are for the caller to write.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn export_group(&self, id: &GroupId) -> Result<Option<Export>, StoreError> {
        let tx = self.snapshot().await?;
        let parts = Part::of_group(id.as_str());
        let is_there = !read(&tx, &parts[0]).await?.records.is_empty();
        Ok(is_there.then(|| Export { tx, parts: parts.into() }))
    }

    /// Begins to export what is kept of an account.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn export_user(&self, jid: &BareJid) -> Result<Export, StoreError> {
        let tx = self.snapshot().await?;
        Ok(Export { tx, parts: Part::of_user(jid.as_str()).into() })
    }
}

impl Export {
    /// The next lines; `None` after the last.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn next(&mut self) -> Result<Option<Vec<Record>>, StoreError> {
        while let Some(part) = self.parts.pop_front() {
            let page = read(&self.tx, &part).await?;
            if let Some(rest) = page.rest {
                self.parts.push_front(rest);
            }
            self.parts.extend(page.found);
            if !page.records.is_empty() {
                return Ok(Some(page.records));
            }
        }
        Ok(None)
    }
}
