//! The archive: what is asked of it, and what its pages are (XEP-0313).

use groupchat_payloads::{Invalid, set};
use minidom::Element;

use crate::request::{Paging, payload};
use crate::xml::{DATA, MAM, RSM, attribute, child, element, text, with};

/// Which part of an archive is asked for.
///
/// The messages come first, each as an [`Event::Archived`](crate::Event::Archived) with the query's id, and then the
/// answer, an [`ArchivePage`].
///
/// ```
/// use groupchat_client::{ArchiveQuery, Service};
///
/// let service = Service::new("groupchat.shakespeare.lit");
/// // Everything of all my groups behind what I have, fifty at a time:
/// let query = ArchiveQuery::after("q1", "000660b82cac4400").max(50);
/// let iq = service.archive(&query).iq("q1");
/// assert_eq!(iq.attr("type"), Some("set"));
/// // The last twenty of one group:
/// let latest = service.group("tea").archive(&ArchiveQuery::latest("q2").max(20)).iq("q2");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArchiveQuery {
    query_id: String,
    fields: Vec<(&'static str, Vec<String>)>,
    paging: Paging,
}

impl ArchiveQuery {
    /// From the beginning. `query_id` comes back with each message.
    pub fn all(query_id: &str) -> Self {
        Self { query_id: query_id.to_owned(), ..Self::default() }
    }

    /// Behind the message with this stanza-id.
    pub fn after(query_id: &str, stanza_id: &str) -> Self {
        Self { paging: Paging { after: Some(stanza_id.into()), ..Paging::default() }, ..Self::all(query_id) }
    }

    /// The newest; of those before the message with this stanza-id.
    pub fn before(query_id: &str, stanza_id: &str) -> Self {
        Self { paging: Paging { before: Some(stanza_id.into()), ..Paging::default() }, ..Self::all(query_id) }
    }

    /// The newest of all.
    pub fn latest(query_id: &str) -> Self {
        Self::before(query_id, "")
    }

    /// Just these messages, by stanza-id.
    pub fn ids(query_id: &str, stanza_ids: Vec<String>) -> Self {
        Self { fields: vec![("ids", stanza_ids)], ..Self::all(query_id) }
    }

    /// From this time on (XEP-0082).
    #[must_use]
    pub fn start(mut self, stamp: &str) -> Self {
        self.fields.push(("start", vec![stamp.to_owned()]));
        self
    }

    /// What a member said; asked of the service, also what was said in a group.
    #[must_use]
    pub fn with(mut self, address: &str) -> Self {
        self.fields.push(("with", vec![address.to_owned()]));
        self
    }

    /// At most so many. The service gives fewer if it is too many.
    #[must_use]
    pub fn max(mut self, max: u32) -> Self {
        self.paging.max = Some(max);
        self
    }

    pub(crate) fn write(&self) -> Element {
        let query = element("query", MAM, &[("queryid", &self.query_id)]);
        let form = (!self.fields.is_empty()).then(|| {
            let kind = [("FORM_TYPE", vec![MAM.to_owned()])];
            let fields = kind.iter().chain(&self.fields).map(|(name, values)| field(name, values));
            with(element("x", DATA, &[("type", "submit")]), fields)
        });
        with(query, form.into_iter().chain([self.paging.write()]))
    }
}

fn field(name: &str, values: &[String]) -> Element {
    let mut field = element("field", DATA, &[("var", name)]);
    if name == "FORM_TYPE" {
        set(&mut field, "type", "hidden");
    }
    with(field, values.iter().map(|value| text("value", DATA, value)))
}

/// The end of a page of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArchivePage {
    /// There is nothing more in this direction.
    pub complete: bool,
    /// The first stanza-id on the page: what [`ArchiveQuery::before`] takes for the page before.
    pub first: Option<String>,
    /// The last one: what [`ArchiveQuery::after`] takes for the next.
    pub last: Option<String>,
}

impl ArchivePage {
    pub(crate) fn read(iq: &Element) -> Result<Self, Invalid> {
        let fin = payload(iq, "fin", MAM)?;
        let value = |name| {
            let value = child(fin, "set", RSM).and_then(|set| child(set, name, RSM)).map(Element::text);
            value.filter(|value| !value.is_empty())
        };
        let complete =
            attribute(fin, "complete").is_some_and(|complete| complete == "true" || complete == "1");
        Ok(Self { complete, first: value("first"), last: value("last") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_there_only_where_it_says_something() {
        let plain = ArchiveQuery::after("q", "0001").max(5).write();
        assert!(child(&plain, "x", DATA).is_none());
        let named = ArchiveQuery::ids("q", vec!["0001".into(), "0002".into()]).write();
        let form = child(&named, "x", DATA).unwrap();
        let ids = form.children().find(|field| field.attr("var") == Some("ids")).unwrap();
        assert_eq!(ids.children().count(), 2);
    }

    #[test]
    fn the_end_of_a_page() {
        let iq: Element =
            "<iq xmlns='jabber:client' type='result'><fin xmlns='urn:xmpp:mam:2' complete='true'>\
            <set xmlns='http://jabber.org/protocol/rsm'><first>1</first><last>2</last></set></fin></iq>"
                .parse()
                .unwrap();
        let page = ArchivePage { complete: true, first: Some("1".into()), last: Some("2".into()) };
        assert_eq!(ArchivePage::read(&iq), Ok(page));
    }
}
