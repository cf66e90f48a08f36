//! Pages of long lists: XEP-0059 `<set/>` read and written.

use groupchat_core::page::{From, Page, Paged};
use groupchat_core::{Limits, Refusal};
use minidom::Element;
use xmpp_parsers::ns::RSM;
use xmpp_parsers::rsm::{First, SetQuery, SetResult};

use crate::Paging;

/// How many pages a list may fill that was not asked for by pages: small groups in one piece, as simple clients
/// expect, and the stanza still far from what a host takes.
const UNPAGED_PAGES: usize = 10;
/// Items beyond this many bytes wait for the next page: hosts cut the link over one stanza that is too long.
const CONTENT_BYTES_MAX: usize = 200_000;
/// A list that cannot be paged may have so many: the largest stanza that every host takes has 512 KiB.
const STANZA_BYTES_MAX: usize = 480_000;

/// The page that a query asks for.
///
/// # Errors
/// The `<set/>` is none, or asks by index, which is not offered (XEP-0059 §2.6 is optional).
pub(crate) fn read(query: &Element, limits: &Limits) -> Result<Paging, &'static str> {
    let Some(set) = query.get_child("set", RSM) else {
        let page = Page { from: From::Start, items_max: limits.page_items * UNPAGED_PAGES };
        return Ok(Paging { page, asked: false });
    };
    let set = SetQuery::try_from(set.clone()).map_err(|_| "the <set/> of the query cannot be read")?;
    let from = match (set.after, set.before, set.index) {
        (_, _, Some(_)) => return Err("pages are found by <after/> and <before/>, not by <index/>"),
        (Some(after), _, _) if !after.is_empty() => From::After(after),
        (_, Some(before), _) if before.is_empty() => From::End,
        (_, Some(before), _) => From::Before(before),
        _ => From::Start,
    };
    let items_max = set.max.map_or(limits.page_items, |max| max.min(limits.page_items));
    Ok(Paging { page: Page { from, items_max }, asked: true })
}

/// Puts the items of a page into a query, and the `<set/>` where it is due: asked for, or the list goes on.
/// `write` gives an item's element and its key.
pub(crate) fn write<T>(
    query: &mut Element,
    paging: &Paging,
    found: &Paged<T>,
    write: impl Fn(&T) -> (Element, String),
) {
    let written: Vec<_> = found.items.iter().map(write).collect();
    let backwards = matches!(paging.page.from, From::Before(_) | From::End);
    let fitting = fitting(&written, backwards);
    let first_index = found.first_index + fitting.start;
    let complete = fitting.len() == found.total;
    let keys: Vec<_> = written[fitting.clone()].iter().map(|(_, key)| key.clone()).collect();
    for (element, _) in &written[fitting] {
        query.append_child(element.clone());
    }
    if paging.asked || !complete {
        let set = SetResult {
            first: keys.first().map(|key| First { index: Some(first_index), item: key.clone() }),
            last: keys.last().cloned(),
            count: Some(found.total),
        };
        query.append_child(set.into());
    }
}

/// All of these.
///
/// # Errors
/// [`Refusal::ListTooLong`]: one stanza cannot hold them.
pub(crate) fn append_all(query: &mut Element, items: impl Iterator<Item = Element>) -> Result<(), Refusal> {
    let mut bytes = 0;
    for item in items {
        bytes += crate::xml::content([&item]).len();
        if bytes > STANZA_BYTES_MAX {
            return Err(Refusal::ListTooLong);
        }
        query.append_child(item);
    }
    Ok(())
}

/// As many of these as fit into one stanza, from the first.
pub(crate) fn append_fitting(query: &mut Element, items: impl Iterator<Item = Element>) {
    let mut bytes = 0;
    let fits = items.take_while(|item| {
        bytes += crate::xml::content([item]).len();
        bytes <= CONTENT_BYTES_MAX
    });
    for item in fits {
        query.append_child(item);
    }
}

/// Which of the items fit into one stanza: from the end that the asker comes from.
fn fitting(written: &[(Element, String)], backwards: bool) -> std::ops::Range<usize> {
    let mut bytes = 0;
    let mut fits = |(element, _): &&(Element, String)| {
        bytes += crate::xml::content([element]).len();
        bytes <= CONTENT_BYTES_MAX
    };
    if backwards {
        let count = written.iter().rev().take_while(&mut fits).count();
        written.len() - count..written.len()
    } else {
        0..written.iter().take_while(fits).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_set(set: &str) -> Result<Paging, &'static str> {
        let query: Element = format!("<query xmlns='q'>{set}</query>").parse().unwrap();
        read(&query, &Limits::default())
    }

    #[test]
    fn every_kind_of_page_is_understood() {
        let rsm =
            |inner: &str| read_set(&format!("<set xmlns='{RSM}'>{inner}</set>")).map(|paging| paging.page);
        let page = |from, items_max| Ok(Page { from, items_max });
        assert_eq!(rsm("<max>10</max>"), page(From::Start, 10));
        assert_eq!(rsm("<max>0</max>"), page(From::Start, 0));
        assert_eq!(rsm("<max>5</max><after>x</after>"), page(From::After("x".into()), 5));
        assert_eq!(rsm("<max>999999</max><before/>"), page(From::End, 100));
        assert_eq!(rsm("<before>y</before>"), page(From::Before("y".into()), 100));
        assert!(rsm("<max>3</max><index>7</index>").is_err());
        assert!(rsm("<max>many</max>").is_err());
        assert!(!read_set("").unwrap().asked);
    }

    #[test]
    fn a_page_never_outgrows_a_stanza() {
        let items: Vec<usize> = (0..1_000).collect();
        let found = Paged { items, first_index: 0, total: 5_000 };
        let fat =
            |n: &usize| (Element::builder("item", "q").append("x".repeat(1_000)).build(), n.to_string());
        let paging = read_set("").unwrap();
        let mut query = Element::bare("query", "q");
        write(&mut query, &paging, &found, fat);
        let set = SetResult::try_from(query.get_child("set", RSM).unwrap().clone()).unwrap();
        let items = query.children().count() - 1;
        assert!(items > 100 && items < 200, "{items}");
        assert_eq!((set.last, set.count), (Some((items - 1).to_string()), Some(5_000)));
    }
}
