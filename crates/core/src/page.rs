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
