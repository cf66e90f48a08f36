//! A page of a list, as XEP-0059 asks for it. What it is a page of, the store knows.

/// Which part of a list is wanted. Positions are keys of items, opaque to whoever asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Where it begins.
    pub from: From,
    /// How many items at most; 0 asks for the count alone (XEP-0059 §2.7).
    pub items_max: usize,
}

/// Where a page begins. XEP-0059 §2.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum From {
    /// At the head of the list.
    #[default]
    Start,
    /// Behind this item.
    After(String),
    /// So that it ends before this item.
    Before(String),
    /// So that it ends with the last item.
    End,
}

/// Every item of a list that has a limit of its own.
pub const ALL: Page = Page { from: From::Start, items_max: i32::MAX as usize };

impl Page {
    /// This page of a list that is in memory as a whole; `None`: it begins or ends at an item that is not in the list.
    pub fn of<T>(&self, mut all: Vec<T>, key: impl Fn(&T) -> String) -> Option<Paged<T>> {
        let total = all.len();
        let at = |wanted: &String| all.iter().position(|item| key(item) == *wanted);
        let (first_index, end) = match &self.from {
            From::Start => (0, self.items_max),
            From::After(wanted) => at(wanted).map(|at| (at + 1, (at + 1).saturating_add(self.items_max)))?,
            From::Before(wanted) => at(wanted).map(|at| (at.saturating_sub(self.items_max), at))?,
            From::End => (total.saturating_sub(self.items_max), total),
        };
        let items = all.drain(first_index..end.min(total)).collect();
        Some(Paged { items, first_index, total })
    }
}

/// A page as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paged<T> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// Where the first of them stands in the whole list, from 0.
    pub first_index: usize,
    /// How long the whole list is.
    pub total: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_cut_where_it_is_asked_for() {
        let page = |from, items_max| {
            let all = (1..=5).collect();
            let paged = Page { from, items_max }.of(all, |n: &i32| n.to_string())?;
            assert_eq!(paged.total, 5);
            Some((paged.items, paged.first_index))
        };
        assert_eq!(page(From::Start, 2), Some((vec![1, 2], 0)));
        assert_eq!(page(From::Start, 9), Some((vec![1, 2, 3, 4, 5], 0)));
        assert_eq!(page(From::After("4".into()), 9), Some((vec![5], 4)));
        assert_eq!(page(From::After("5".into()), 9), Some((vec![], 5)));
        assert_eq!(page(From::Before("3".into()), 9), Some((vec![1, 2], 0)));
        assert_eq!(page(From::Before("3".into()), 1), Some((vec![2], 1)));
        assert_eq!(page(From::End, 2), Some((vec![4, 5], 3)));
        assert_eq!(page(From::After("7".into()), 2), None);
    }
}
