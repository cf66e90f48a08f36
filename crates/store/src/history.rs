//! Pages of the archive, of one group or of all groups of a user. XEP-0313.
//!
//! Not here: which rows a user sees, and how they are found (`streams`).

use std::collections::BTreeSet;

use groupchat_core::page::{From, Page};
use groupchat_core::reading::{ArchiveFilter, Shown, With};
use groupchat_core::{BareJid, GroupId, StanzaId, Timestamp};
use sea_orm::Order;

use crate::streams::Range;
use crate::{Store, StoreError};

/// Bytes of content after which a page is long enough, however few rows it has.
const PAGE_BYTES: usize = 1_000_000;
/// Rows that are read before the bytes are looked at.
const ROWS_AT_ONCE: usize = 16;

/// Whose archive is asked for, and who asks. Nobody sees anything of a group that he is not in now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveScope {
    /// One group's.
    Group {
        /// Which group.
        id: GroupId,
        /// Who asks.
        reader: BareJid,
    },
    /// That of all groups that this user is in, as one.
    AllOf(BareJid),
}

impl ArchiveScope {
    fn reader(&self) -> &BareJid {
        match self {
            Self::Group { reader, .. } | Self::AllOf(reader) => reader,
        }
    }
}

/// A part of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivePage {
    /// The rows, oldest first, whichever way they were asked for. The key of a page is a stanza-id.
    pub items: Vec<Shown>,
    /// In the direction of the paging nothing more follows.
    pub complete: bool,
    /// How many rows there are; only when the count alone was asked for.
    pub total: Option<usize>,
}

impl Store {
    /// A page of an archive.
    ///
    /// # Errors
    /// [`StoreError::NoSuchItem`]: an id that is asked for by the filter or the page is of no row that the reader
    /// sees; [`StoreError::Database`].
    pub async fn archive(
        &self,
        scope: &ArchiveScope,
        filter: &ArchiveFilter,
        page: &Page,
    ) -> Result<ArchivePage, StoreError> {
        if !filter.ids.is_empty() {
            return self.exactly(scope, &filter.ids, page).await;
        }
        let mut named: Vec<StanzaId> = filter.after_id.into_iter().chain(filter.before_id).collect();
        let mut wanted = Range::of_time(filter.start, filter.end);
        wanted = filter.after_id.map_or(wanted, |id| wanted.after(id));
        wanted = filter.before_id.map_or(wanted, |id| wanted.before(id));
        let (on_page, order) = match &page.from {
            From::Start => (wanted, Order::Asc),
            From::End => (wanted, Order::Desc),
            From::After(key) => {
                let id = parse(key)?;
                named.push(id);
                (wanted.after(id), Order::Asc)
            }
            From::Before(key) => {
                let id = parse(key)?;
                named.push(id);
                (wanted.before(id), Order::Desc)
            }
        };
        self.seen(scope, &named).await?;
        if page.items_max == 0 {
            let streams = self.streams(scope, &filter.with, &wanted, None).await?;
            let total = self.count_streams(&streams, &wanted).await?;
            return Ok(ArchivePage { items: Vec::new(), complete: total == 0, total: Some(total) });
        }
        let mut ids =
            self.ids(scope, &filter.with, &on_page, order, page.items_max.saturating_add(1)).await?;
        let complete = ids.len() <= page.items_max;
        ids.truncate(page.items_max);
        let (items, all) = self.rows_within(&ids).await?;
        Ok(ArchivePage { items, complete: complete && all, total: None })
    }

    /// The rows with these ids, oldest first: from the front as many as make a page of bearable size, and whether that is
    /// all of them.
    async fn rows_within(&self, ids: &[i64]) -> Result<(Vec<Shown>, bool), StoreError> {
        let (mut rows, mut bytes, mut left) = (Vec::with_capacity(ids.len()), 0, ids);
        while !left.is_empty() && bytes < PAGE_BYTES {
            let (some, more) = left.split_at(left.len().min(ROWS_AT_ONCE));
            let read = self.rows(some).await?;
            bytes += read.iter().map(|row| row.archived.payload.len()).sum::<usize>();
            rows.extend(read);
            left = more;
        }
        rows.sort_unstable_by_key(|row| row.archived.id);
        Ok((rows, left.is_empty()))
    }

    /// The ends of what a user sees of an archive, with their times; `None`: it is empty.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn archive_bounds(
        &self,
        scope: &ArchiveScope,
    ) -> Result<Option<((StanzaId, Timestamp), (StanzaId, Timestamp))>, StoreError> {
        let mut ids = self.ids(scope, &With::Anybody, &Range::ALL, Order::Asc, 1).await?;
        ids.extend(self.ids(scope, &With::Anybody, &Range::ALL, Order::Desc, 1).await?);
        ids.dedup();
        let rows = self.rows(&ids).await?;
        let end = |row: &Shown| (row.archived.id, row.archived.at);
        Ok(rows.first().map(end).zip(rows.last().map(end)))
    }

    async fn ids(
        &self,
        scope: &ArchiveScope,
        with: &With,
        range: &Range,
        order: Order,
        ids_max: usize,
    ) -> Result<Vec<i64>, StoreError> {
        // One stream needs nobody to say where it continues.
        let heads = matches!(scope, ArchiveScope::AllOf(_)).then(|| order.clone());
        let streams = self.streams(scope, with, range, heads).await?;
        self.first_ids(streams, range, order, ids_max).await
    }

    async fn exactly(
        &self,
        scope: &ArchiveScope,
        ids: &[StanzaId],
        page: &Page,
    ) -> Result<ArchivePage, StoreError> {
        let items = self.seen(scope, ids).await?;
        Ok(match page.items_max {
            0 => ArchivePage { total: Some(items.len()), items: Vec::new(), complete: false },
            _ => ArchivePage { items, complete: true, total: None },
        })
    }

    /// The rows with these ids, all of which the reader must see.
    async fn seen(&self, scope: &ArchiveScope, ids: &[StanzaId]) -> Result<Vec<Shown>, StoreError> {
        let ids: BTreeSet<i64> = ids.iter().map(|id| id.0).collect();
        let wanted: Vec<i64> = ids.iter().copied().collect();
        let mut rows = self.rows(&wanted).await?;
        if let ArchiveScope::Group { id, .. } = scope {
            rows.retain(|row| row.archived.group == *id);
        }
        let groups = rows.iter().map(|row| row.archived.group.to_string()).collect();
        let views = self.views(scope.reader(), &groups).await?;
        rows.retain(|row| {
            let view = views.get(row.archived.group.as_str());
            view.is_some_and(|view| view.shows(row.archived.at, row.archived.read_by))
        });
        let mut found = rows.iter().map(|row| row.archived.id.0);
        // Both are in order, so the first that differs is missing.
        match wanted.iter().find(|id| found.next() != Some(**id)) {
            Some(missing) => Err(StoreError::NoSuchItem(StanzaId(*missing).to_string())),
            None => Ok(rows),
        }
    }
}

fn parse(key: &str) -> Result<StanzaId, StoreError> {
    StanzaId::parse(key).ok_or_else(|| StoreError::NoSuchItem(key.to_owned()))
}
