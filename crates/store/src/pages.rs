//! One page of any list that is ordered by one column. XEP-0059.
//!
//! The page and the counts are separate statements, so a list that changes meanwhile may be counted as it was a
//! moment ago; XEP-0059 §2.6 permits that.

use groupchat_core::page::{From, Page, Paged};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Selector,
    SelectorTrait, Value,
};

/// Where a page begins, by a value of the ordering column.
pub(crate) enum Start<K> {
    Head,
    After(K),
    Before(K),
    Tail,
}

impl Start<String> {
    /// For a list whose keys are the values of its ordering column: a key needs not be there.
    pub(crate) fn of(page: &Page) -> Self {
        match &page.from {
            From::Start => Self::Head,
            From::After(key) => Self::After(key.clone()),
            From::Before(key) => Self::Before(key.clone()),
            From::End => Self::Tail,
        }
    }
}

/// Reads a page of `list` in the order of `key`; `columns` says what of each row, `key_of` finds the key in it.
pub(crate) async fn page<E, K, S>(
    db: &impl ConnectionTrait,
    list: Select<E>,
    key: E::Column,
    start: Start<K>,
    items_max: usize,
    columns: impl FnOnce(Select<E>) -> Selector<S>,
    key_of: impl Fn(&S::Item) -> K,
) -> Result<Paged<S::Item>, DbErr>
where
    E: EntityTrait,
    K: Into<Value>,
    S: SelectorTrait,
{
    let total = count(db, list.clone(), key).await?;
    if items_max == 0 || total == 0 {
        return Ok(Paged { items: Vec::new(), first_index: 0, total });
    }
    let from_head = matches!(start, Start::Head);
    let backward = matches!(start, Start::Before(_) | Start::Tail);
    let wanted = match start {
        Start::Head | Start::Tail => list.clone(),
        Start::After(place) => list.clone().filter(key.gt(place)),
        Start::Before(place) => list.clone().filter(key.lt(place)),
    };
    let wanted = if backward { wanted.order_by_desc(key) } else { wanted.order_by_asc(key) };
    let mut items = columns(wanted.limit(items_max as u64)).all(db).await?;
    if backward {
        items.reverse();
    }
    let first_index = match items.first() {
        Some(first) if !from_head => count(db, list.filter(key.lt(key_of(first))), key).await?,
        _ => 0,
    };
    Ok(Paged { items, first_index, total })
}

/// How many rows there are.
pub(crate) async fn count<E: EntityTrait>(
    db: &impl ConnectionTrait,
    list: Select<E>,
    key: E::Column,
) -> Result<usize, DbErr> {
    let count = list.select_only().expr(key.count()).into_tuple::<i64>().one(db).await?;
    Ok(count.unwrap_or_default().try_into().unwrap_or_default())
}
