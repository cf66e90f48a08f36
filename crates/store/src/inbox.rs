//! What a client wants to know after login: its groups by their last activity, and what is unread in them.
//!
//! Everything is kept with the group and the member, but for mentions, which have an index of their own; so nothing
//! here reads the archive, except for the messages that are shown.

use std::collections::HashMap;

use groupchat_core::page::{From, Page, Paged};
use groupchat_core::reading::{Inbox, InboxItem, PREVIEW_CHARS, Preview};
use groupchat_core::{BareJid, GroupId, Mid, ReadBy, StanzaId, Timestamp};
use groupchat_entity::{group, member, mention, message};
use sea_orm::sea_query::{Alias, Expr, Func, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, FromQueryResult, JoinType, QueryFilter,
    QuerySelect, RelationDef,
};

use crate::error::Doing;
use crate::streams::View;
use crate::{ROWS_PER_STATEMENT, Store, StoreError, rows};

/// A membership with its group.
#[derive(FromQueryResult)]
struct Row {
    #[sea_orm(from_alias = "groupId")]
    group_id: String,
    authority: String,
    #[sea_orm(from_alias = "joinedAt")]
    joined_at: i64,
    #[sea_orm(from_alias = "readId")]
    read_id: i64,
    seen: i64,
    receive: String,
    #[sea_orm(from_alias = "muteUntil")]
    mute_until: Option<i64>,
    name: String,
    history: String,
    countable: i64,
    #[sea_orm(from_alias = "lastId")]
    last_id: i64,
    #[sea_orm(from_alias = "previewId")]
    preview_id: i64,
}

impl Row {
    fn unread(&self) -> i64 {
        Ord::max(self.countable - self.seen, 0)
    }
}

impl Store {
    /// The groups of a user by their last activity, and what is unread in them.
    ///
    /// # Errors
    /// [`StoreError::NoSuchItem`]: the page begins or ends at a group that the user is not in;
    /// [`StoreError::Database`].
    pub async fn inbox(&self, user: &BareJid, page: &Page, now: Timestamp) -> Result<Inbox, StoreError> {
        let to_group: RelationDef = member::Entity::belongs_to(group::Entity)
            .from(member::Column::GroupId)
            .to(group::Column::GroupId)
            .into();
        let list = member::Entity::find()
            .select_only()
            .columns([member::Column::GroupId, member::Column::Authority, member::Column::JoinedAt])
            .columns([member::Column::ReadId, member::Column::Seen, member::Column::Receive])
            .columns([member::Column::MuteUntil])
            .columns([group::Column::Name, group::Column::History, group::Column::Countable])
            .columns([group::Column::LastId, group::Column::PreviewId])
            .join(JoinType::InnerJoin, to_group)
            .filter(member::Column::UserId.eq(user.as_str()))
            .filter(member::Column::LeftAt.is_null())
            .into_model::<Row>();
        let mut all = list.all(&self.db).await.doing("listing the groups of a user")?;
        all.sort_unstable_by(|a, b| b.last_id.cmp(&a.last_id).then_with(|| a.group_id.cmp(&b.group_id)));
        let mentions = self.unread_mentions(user).await?;
        let place = |key: &String| {
            let place = all.iter().position(|row| row.group_id == *key);
            place.ok_or_else(|| StoreError::NoSuchItem(key.clone()))
        };
        let (from, to) = match &page.from {
            From::Start => (0, page.items_max),
            From::After(key) => (place(key)? + 1, (place(key)? + 1).saturating_add(page.items_max)),
            From::Before(key) => (place(key)?.saturating_sub(page.items_max), place(key)?),
            From::End => (all.len().saturating_sub(page.items_max), all.len()),
        };
        let shown = all.iter().take(to).skip(from);
        let shown: Vec<&Row> = shown.collect();
        let previews: Vec<i64> = shown.iter().map(|row| row.preview_id).filter(|id| *id > 0).collect();
        let mut previews = self.previews(&previews).await?;
        let items = shown.iter().map(|row| InboxItem {
            id: GroupId::from_stored(&row.group_id),
            name: row.name.clone(),
            role: rows::role(&row.authority),
            unread: row.unread(),
            mentions: mentions.get(&row.group_id).copied().unwrap_or_default(),
            read: StanzaId(row.read_id),
            receive: rows::receive(&row.receive),
            mute_until: row.mute_until.map(Timestamp).filter(|until| *until > now),
            last: previews.remove(&row.preview_id).and_then(|(last, read_by)| {
                let view = View::of(&row.authority, row.joined_at, &row.history);
                view.shows(last.at, read_by).then_some(last)
            }),
        });
        let items: Vec<InboxItem> = items.collect();
        let first_index = if items.is_empty() { 0 } else { from };
        Ok(Inbox {
            total_unread: all.iter().map(Row::unread).sum(),
            total_mentions: mentions.values().sum(),
            unread_groups: all.iter().filter(|row| row.unread() > 0).count(),
            page: Paged { items, first_index, total: all.len() },
        })
    }

    /// The beginnings of these messages, by their ids: not the whole of them, for there may be a thousand.
    async fn previews(&self, ids: &[i64]) -> Result<HashMap<i64, (Preview, ReadBy)>, StoreError> {
        type Row = (i64, i64, String, String, Option<String>);
        let mut previews = HashMap::with_capacity(ids.len());
        for chunk in ids.chunks(ROWS_PER_STATEMENT) {
            // PostgreSQL knows no SUBSTR by 64-bit numbers, which it gets for unsigned ones.
            let chars = i32::try_from(PREVIEW_CHARS).unwrap_or(i32::MAX);
            let start = Func::cust("SUBSTR").arg(Expr::col(message::Column::Body)).arg(1).arg(chars);
            let found = message::Entity::find()
                .select_only()
                .columns([
                    message::Column::MsgId,
                    message::Column::Timestamp,
                    message::Column::Mid,
                    message::Column::ReadBy,
                ])
                .expr(start)
                .filter(message::Column::MsgId.is_in(chunk.iter().copied()))
                .into_tuple::<Row>();
            let found = found.all(&self.db).await.doing("reading the newest messages")?;
            previews.extend(found.into_iter().map(|(id, at, mid, read_by, text)| {
                let (mid, text) = (Mid::from_stored(&mid), text.unwrap_or_default());
                let preview = Preview { id: StanzaId(id), at: Timestamp(at), mid, text };
                (id, (preview, rows::read_by_of(&read_by)))
            }));
        }
        Ok(previews)
    }

    /// How many messages that he has not read mention a user or everybody, by group.
    async fn unread_mentions(&self, user: &BareJid) -> Result<HashMap<String, i64>, StoreError> {
        let own = |column: member::Column| Expr::col((member::Entity, column));
        let of = |column: mention::Column| Expr::col((mention::Entity, column));
        // Joined like this, the memberships are read first, and of each the mentions behind its position.
        let his = of(mention::Column::GroupId)
            .eq(own(member::Column::GroupId))
            .and(of(mention::Column::Mid).is_in([own(member::Column::Mid), Expr::value(rows::EVERYBODY)]))
            .and(of(mention::Column::MsgId).gt(own(member::Column::ReadId)));
        let counts = Query::select()
            .column((member::Entity, member::Column::GroupId))
            .expr_as(Func::count(of(mention::Column::Id)), Alias::new("unread"))
            .from(member::Entity)
            .join(JoinType::InnerJoin, mention::Entity, his)
            .and_where(own(member::Column::UserId).eq(user.as_str()))
            .and_where(own(member::Column::LeftAt).is_null())
            .and_where(of(mention::Column::MsgId).gte(own(member::Column::JoinedAt).mul(1_000_i64)))
            .and_where(of(mention::Column::Author).ne(own(member::Column::Mid)))
            .group_by_col((member::Entity, member::Column::GroupId))
            .take();
        let counts = self.db.query_all(&counts).await.doing("counting mentions")?;
        let counts = counts.iter().map(|row| Ok((row.try_get("", "groupId")?, row.try_get("", "unread")?)));
        counts.collect::<Result<_, DbErr>>().doing("counting mentions")
    }
}
