//! The archive as one user sees it, in order: a stream of rows for each group (or for each author in it that he asks
//! for), merged.
//!
//! A user may be in a thousand groups, and they may be a small share of a large archive. So nothing here reads the
//! archive across groups: each stream has an index that is in the order of the ids. One statement looks up where each
//! stream continues, and a page is in those streams alone that continue first; of them a second statement reads no
//! more ids than the page may need.

use std::collections::{BTreeSet, HashMap};

use groupchat_core::reading::With;
use groupchat_core::{BareJid, History, ReadBy, Role, StanzaId, Timestamp};
use groupchat_entity::{group, member, message};
use sea_orm::sea_query::{
    Alias, CaseStatement, Cond, Expr, Func, Order, Query, SelectStatement, SimpleExpr, UnionType,
};
use sea_orm::{ConnectionTrait, DbErr, DeriveIden, ExprTrait, JoinType, QueryResult};

use crate::error::Doing;
use crate::{ArchiveScope, ROWS_PER_STATEMENT, Store, StoreError, rows};

/// How many selects one statement may unite, a power of two: SQLite takes 500.
const STREAMS_PER_STATEMENT: usize = 128;
/// How far ids may be ahead of the time: so far a clock may be put back. Only what is sent in that time is ever
/// missed, and only when somebody asks for messages up to a time.
const CLOCK_BACK_MS: i64 = 3_600_000;

/// The rows of one group, or of one author in it, as far as a user sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stream {
    pub(crate) group: String,
    mid: Option<String>,
    view: View,
    /// The first row of the stream, when it was looked up.
    head: Option<i64>,
}

impl Stream {
    /// One like this, without a row.
    fn emptied(&self) -> Self {
        Self { group: String::new(), ..self.clone() }
    }
}

/// What of a group a user sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct View {
    /// The time of joining, when nothing is shown from before.
    since: Option<i64>,
    is_admin: bool,
}

impl View {
    pub(crate) fn of(authority: &str, joined: i64, history: &str) -> Self {
        let since_join = history == History::SinceJoin.as_str();
        Self { since: since_join.then_some(joined), is_admin: rows::role(authority) >= Role::Admin }
    }

    pub(crate) fn shows(self, at: Timestamp, read_by: ReadBy) -> bool {
        self.since.is_none_or(|since| at.0 >= since) && (self.is_admin || read_by == ReadBy::Members)
    }
}

/// A part of the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    /// Behind this id.
    after: i64,
    /// Before this id.
    before: i64,
    start: Option<i64>,
    end: Option<i64>,
}

impl Range {
    pub(crate) const ALL: Self = Self { after: i64::MIN, before: i64::MAX, start: None, end: None };

    /// The rows of this time. An id is never lower than its row's time says.
    pub(crate) fn of_time(start: Option<Timestamp>, end: Option<Timestamp>) -> Self {
        let after = start.map_or(i64::MIN, first_id);
        let before = end.map_or(i64::MAX, |end| first_id(Timestamp(end.0.saturating_add(CLOCK_BACK_MS + 1))));
        Self { after, before, start: start.map(|t| t.0), end: end.map(|t| t.0) }
    }

    pub(crate) fn after(self, id: StanzaId) -> Self {
        Self { after: Ord::max(self.after, id.0), ..self }
    }

    pub(crate) fn before(self, id: StanzaId) -> Self {
        Self { before: Ord::min(self.before, id.0), ..self }
    }
}

/// Every row of this time, or later, has a higher id than this.
fn first_id(at: Timestamp) -> i64 {
    at.0.saturating_mul(1_000).saturating_sub(1)
}

/// Tables by the names that a statement gives them.
#[derive(DeriveIden, Clone, Copy)]
enum T {
    /// The reader's memberships.
    Own,
    /// Their groups.
    Of,
    /// The memberships, former ones too, of the account whose messages are wanted.
    Author,
    /// The archive.
    Row,
    /// The rows of one stream.
    Part,
    /// The id, or the count, that a part gives.
    Number,
}

impl Store {
    /// The streams that a user sees, with their first (or last) row in this range if that was asked for; streams
    /// without a row are missing then.
    pub(crate) async fn streams(
        &self,
        scope: &ArchiveScope,
        with: &With,
        range: &Range,
        heads: Option<Order>,
    ) -> Result<Vec<Stream>, StoreError> {
        let (only, reader) = match scope {
            ArchiveScope::Group { id, reader } => (Some(id), reader),
            ArchiveScope::AllOf(reader) => (None, reader),
        };
        let mut list = memberships(reader);
        let (group, author) = match with {
            With::Anybody => (None, None),
            With::Group(id) => (Some(id), None),
            With::Member(id, mid) => (Some(id), Some(Expr::value(mid.as_str()))),
            With::Account(jid) => {
                join_author(&mut list, jid);
                (None, Some(Expr::col((T::Author, member::Column::Mid))))
            }
        };
        for id in only.into_iter().chain(group) {
            list.and_where(Expr::col((T::Own, member::Column::GroupId)).eq(id.as_str()));
        }
        if let Some(order) = &heads {
            list.and_where(Expr::col((T::Of, group::Column::LastId)).gt(range.after));
            let head = head(range, author, order.clone());
            list.expr_as(Expr::SubQuery(None, Box::new(head.into())), Alias::new("head"));
        }
        let rows = self.db.query_all(&list).await.doing("listing the archives of a user")?;
        let streams = rows.iter().map(|row| {
            let (group, view) = view(row)?;
            let mid = match with {
                With::Anybody | With::Group(_) => None,
                With::Member(_, mid) => Some(mid.to_string()),
                With::Account(_) => Some(row.try_get("", "mid")?),
            };
            let head = if heads.is_some() { row.try_get("", "head")? } else { None };
            Ok(Stream { group, mid, view, head })
        });
        let streams: Result<Vec<Stream>, DbErr> = streams.collect();
        let mut streams = streams.doing("listing the archives of a user")?;
        streams.retain(|stream| heads.is_none() || stream.head.is_some());
        Ok(streams)
    }

    /// The first (or last) ids of these streams together, in that order, at most so many.
    pub(crate) async fn first_ids(
        &self,
        mut streams: Vec<Stream>,
        range: &Range,
        order: Order,
        ids_max: usize,
    ) -> Result<Vec<i64>, StoreError> {
        let backward = order == Order::Desc;
        let nearest = |id: i64| if backward { -id } else { id };
        let has_heads = streams.iter().all(|stream| stream.head.is_some());
        let mut limit = None;
        if has_heads {
            streams.sort_unstable_by_key(|stream| stream.head.map(nearest));
            streams.truncate(ids_max);
            // Already the heads fill the page: nothing beyond the last of them is in it.
            limit = streams.get(ids_max - 1).and_then(|stream| stream.head);
        }
        let range = match limit {
            Some(last) if backward => range.after(StanzaId(last - 1)),
            Some(last) => range.before(StanzaId(last + 1)),
            None => *range,
        };
        let part = |place: usize, stream: &Stream| {
            // Every head before this stream's takes a place of the page.
            let rows_max = if has_heads { ids_max.saturating_sub(place) } else { ids_max };
            let mut part = select(stream, &range);
            part.expr_as(Expr::col((T::Row, message::Column::MsgId)), T::Number);
            part.order_by((T::Row, message::Column::MsgId), order.clone()).limit(rows_max as u64);
            part
        };
        let mut ids = self.united(&streams, part).await?;
        ids.sort_unstable_by_key(|id| nearest(*id));
        ids.truncate(ids_max);
        Ok(ids)
    }

    /// How many rows these streams have together.
    pub(crate) async fn count_streams(&self, streams: &[Stream], range: &Range) -> Result<usize, StoreError> {
        let part = |_, stream: &Stream| {
            let mut count = select(stream, range);
            count.expr_as(Func::count(Expr::col((T::Row, message::Column::MsgId))), T::Number);
            count
        };
        let counts: i64 = self.united(streams, part).await?.into_iter().sum();
        Ok(counts.try_into().unwrap_or_default())
    }

    /// The numbers that these selects give, in any order. Connections keep statements that were prepared, and databases
    /// plan them once, so users in any number of groups share a few: what is missing to a power of two finds nothing.
    async fn united(
        &self,
        streams: &[Stream],
        part: impl Fn(usize, &Stream) -> SelectStatement,
    ) -> Result<Vec<i64>, StoreError> {
        let mut numbers = Vec::new();
        for (chunk, streams) in streams.chunks(STREAMS_PER_STATEMENT).enumerate() {
            let first = chunk * STREAMS_PER_STATEMENT;
            let empty = streams.first().map(Stream::emptied);
            let missing = streams.len().next_power_of_two() - streams.len();
            let padded = streams.iter().chain(empty.iter().cycle().take(missing)).enumerate();
            let mut parts = padded.map(|(place, stream)| {
                let part = part(first + place, stream);
                Query::select().column(T::Number).from_subquery(part, T::Part).take()
            });
            let Some(mut all) = parts.next() else { continue };
            all.unions(parts.map(|part| (UnionType::All, part)));
            for row in self.db.query_all(&all).await.doing("reading the archive")? {
                numbers.push(row.try_get_by_index::<i64>(0).doing("reading the archive")?);
            }
        }
        Ok(numbers)
    }

    /// What a user sees of those of these groups that he is in.
    pub(crate) async fn views(
        &self,
        reader: &BareJid,
        groups: &BTreeSet<String>,
    ) -> Result<HashMap<String, View>, StoreError> {
        let groups: Vec<&String> = groups.iter().collect();
        let mut views = HashMap::with_capacity(groups.len());
        for chunk in groups.chunks(ROWS_PER_STATEMENT) {
            let mut list = memberships(reader);
            list.and_where(Expr::col((T::Own, member::Column::GroupId)).is_in(chunk.iter().copied()));
            for row in self.db.query_all(&list).await.doing("listing the archives of a user")? {
                let (group, view) = view(&row).doing("listing the archives of a user")?;
                views.insert(group, view);
            }
        }
        Ok(views)
    }
}

fn view(row: &QueryResult) -> Result<(String, View), DbErr> {
    let text = |column: &str| row.try_get::<String>("", column);
    let view = View::of(&text("authority")?, row.try_get("", "joinedAt")?, &text("history")?);
    Ok((text("groupId")?, view))
}

/// The reader's memberships and what they say of his view.
fn memberships(reader: &BareJid) -> SelectStatement {
    Query::select()
        .column((T::Own, member::Column::GroupId))
        .column((T::Own, member::Column::Authority))
        .column((T::Own, member::Column::JoinedAt))
        .column((T::Of, group::Column::History))
        .from_as(member::Entity, T::Own)
        .join_as(
            JoinType::InnerJoin,
            group::Entity,
            T::Of,
            Expr::col((T::Of, group::Column::GroupId)).eq(Expr::col((T::Own, member::Column::GroupId))),
        )
        .and_where(Expr::col((T::Own, member::Column::UserId)).eq(reader.as_str()))
        .and_where(Expr::col((T::Own, member::Column::LeftAt)).is_null())
        .take()
}

fn join_author(list: &mut SelectStatement, author: &BareJid) {
    let of_author = Expr::col((T::Author, member::Column::UserId)).eq(author.as_str());
    let same_group =
        Expr::col((T::Author, member::Column::GroupId)).eq(Expr::col((T::Own, member::Column::GroupId)));
    list.join_as(JoinType::InnerJoin, member::Entity, T::Author, of_author.and(same_group));
    list.column((T::Author, member::Column::Mid));
}

/// The id of the first row of a stream, as a part of the statement that lists the streams.
fn head(range: &Range, author: Option<SimpleExpr>, order: Order) -> SelectStatement {
    let own = |column: member::Column| Expr::col((T::Own, column));
    let row = |column: message::Column| Expr::col((T::Row, column));
    let since_join = || Expr::col((T::Of, group::Column::History)).eq(History::SinceJoin.as_str());
    // One bound, so that the index needs no help to find the better of two.
    let first = own(member::Column::JoinedAt).mul(1_000_i64).sub(1_i64);
    let after = CaseStatement::new()
        .case(Cond::all().add(since_join()).add(first.clone().gt(range.after)), first)
        .finally(range.after);
    let admins = [Role::Admin, Role::Owner].map(Role::as_str);
    let mut head = Query::select()
        .column((T::Row, message::Column::MsgId))
        .from_as(message::Entity, T::Row)
        .and_where(row(message::Column::GroupId).eq(own(member::Column::GroupId)))
        .and_where(row(message::Column::MsgId).gt(Expr::Case(Box::new(after))))
        .and_where(row(message::Column::MsgId).lt(range.before))
        .cond_where(
            Cond::any()
                .add(row(message::Column::ReadBy).eq(rows::read_by(ReadBy::Members)))
                .add(own(member::Column::Authority).is_in(admins)),
        )
        .cond_where(
            Cond::any()
                .add(since_join().not())
                .add(row(message::Column::Timestamp).gte(own(member::Column::JoinedAt))),
        )
        .order_by((T::Row, message::Column::MsgId), order)
        .limit(1)
        .take();
    of_time(&mut head, range);
    if let Some(author) = author {
        head.and_where(row(message::Column::Mid).eq(author));
    }
    head
}

/// The rows of one stream: in the same words whatever of it the user sees.
fn select(stream: &Stream, range: &Range) -> SelectStatement {
    let row = |column: message::Column| Expr::col((T::Row, column));
    let for_all = row(message::Column::ReadBy).eq(rows::read_by(ReadBy::Members));
    let range = match stream.view.since {
        Some(since) => range.after(StanzaId(first_id(Timestamp(since)))),
        None => *range,
    };
    let mut rows = Query::select()
        .from_as(message::Entity, T::Row)
        .and_where(row(message::Column::GroupId).eq(stream.group.as_str()))
        .and_where(row(message::Column::MsgId).gt(range.after))
        .and_where(row(message::Column::MsgId).lt(range.before))
        .cond_where(Cond::any().add(for_all).add(Expr::value(stream.view.is_admin)))
        .and_where(row(message::Column::Timestamp).gte(stream.view.since.unwrap_or(i64::MIN)))
        .take();
    of_time(&mut rows, &range);
    if let Some(mid) = &stream.mid {
        rows.and_where(row(message::Column::Mid).eq(mid.as_str()));
    }
    rows
}

fn of_time(rows: &mut SelectStatement, range: &Range) {
    let at = || Expr::col((T::Row, message::Column::Timestamp));
    rows.and_where_option(range.start.map(|start| at().gte(start)));
    rows.and_where_option(range.end.map(|end| at().lte(end)));
}
