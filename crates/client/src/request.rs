//! Requests: what is asked by an iq, and how its answer is read.

use std::fmt;

use groupchat_payloads::{Invalid, ns};
use minidom::Element;

use crate::xml::{self, RSM, STANZAS, child, element, text};

/// A question or an operation that is answered, with what its answer holds (`A`).
///
/// Nothing is kept of it anywhere: write it with [`Self::iq`] under an id of your choice, and when an iq with that id
/// comes back, have it read by [`Self::answer`].
///
/// ```
/// use groupchat_client::Service;
///
/// let service = Service::new("groupchat.shakespeare.lit");
/// let request = service.group("tea").members(None);
/// let iq = request.iq("q1");
/// assert_eq!(iq.attr("to"), Some("tea@groupchat.shakespeare.lit"));
///
/// let answer = "<iq xmlns='jabber:client' from='tea@groupchat.shakespeare.lit' type='result' id='q1'>
///     <query xmlns='http://jabber.org/protocol/groupchat#members'>
///       <item jid='alice@shakespeare.lit' mid='alice' nick='alice' role='owner'/>
///     </query>
///   </iq>".parse().unwrap();
/// let members = request.answer(&answer).unwrap();
/// assert_eq!(members.items[0].nick.as_deref(), Some("alice"));
/// ```
#[derive(Debug, Clone)]
pub struct Request<A> {
    to: String,
    kind: &'static str,
    payload: Element,
    read: Reader<A>,
}

/// Reads the payload of a result.
pub(crate) type Reader<A> = fn(&Element) -> Result<A, Invalid>;

impl<A> Request<A> {
    pub(crate) fn get(to: &str, payload: Element, read: Reader<A>) -> Self {
        Self { to: to.to_owned(), kind: "get", payload, read }
    }

    pub(crate) fn set(to: &str, payload: Element, read: Reader<A>) -> Self {
        Self { to: to.to_owned(), kind: "set", payload, read }
    }

    /// The address that is asked. Take an answer from there only.
    pub fn to(&self) -> &str {
        &self.to
    }

    /// The iq to send. RFC 6120 §8.2.3: the id is to be unique among one's open requests.
    pub fn iq(&self, id: &str) -> Element {
        let iq = element("iq", ns::CLIENT, &[("to", &self.to), ("type", self.kind), ("id", id)]);
        xml::with(iq, [self.payload.clone()])
    }

    /// The payload alone, for libraries that make the iq themselves.
    pub fn payload(&self) -> &Element {
        &self.payload
    }

    /// What the answer says.
    ///
    /// # Errors
    /// The request was refused, or the answer cannot be read.
    pub fn answer(&self, iq: &Element) -> Result<A, AnswerError> {
        if iq.attr("type") == Some("error") {
            return Err(AnswerError::Refused(Refusal::read(iq)));
        }
        Ok((self.read)(iq)?)
    }
}

/// For requests whose result says nothing beyond that it was done.
pub(crate) fn done(_: &Element) -> Result<(), Invalid> {
    Ok(())
}

/// The payload of this name and namespace in an answer.
pub(crate) fn payload<'a>(iq: &'a Element, name: &str, namespace: &str) -> Result<&'a Element, Invalid> {
    child(iq, name, namespace)
        .ok_or_else(|| Invalid(format!("the answer has no <{name} xmlns='{namespace}'/>")))
}

/// Why there is no answer to go by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It is not as the protocol says.
    #[error(transparent)]
    Unreadable(#[from] Invalid),
}

/// An error as RFC 6120 §8.3 has it: of the service, or of a server on the way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// The defined condition, such as `item-not-found` or `not-allowed`.
    pub condition: String,
    /// `cancel`, `modify`, `auth`, `wait` or `continue`.
    pub kind: String,
    /// What can be done, in English.
    pub text: Option<String>,
    /// Who refuses: the group or the service say so; servers in between mostly do not.
    pub by: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => write!(f, "{}: {text}", self.condition),
            None => f.write_str(&self.condition),
        }
    }
}

impl Refusal {
    /// Reads the error of a stanza of type `error`; one that names no condition is `undefined-condition`.
    pub fn read(stanza: &Element) -> Self {
        let error = xml::plain(stanza, "error");
        let parts = || error.into_iter().flat_map(Element::children).filter(|part| part.has_ns(STANZAS));
        let condition = parts().find(|part| part.name() != "text");
        let text = parts().find(|part| part.name() == "text").map(Element::text);
        Self {
            condition: condition.map_or("undefined-condition", Element::name).to_owned(),
            kind: error.and_then(|error| error.attr("type")).unwrap_or("cancel").to_owned(),
            text: text.filter(|text| !text.is_empty()),
            by: error.and_then(|error| error.attr("by")).map(str::to_owned),
        }
    }

    /// May the same thing work later? So it is where the service is down or busy, which the asker's server may say
    /// in its place.
    pub fn is_temporary(&self) -> bool {
        const OF_SERVERS: &[&str] = &[
            "service-unavailable",
            "remote-server-not-found",
            "remote-server-timeout",
            "recipient-unavailable",
        ];
        // COMPAT: ejabberd without a way to other servers says of a component that is away that the way is forbidden.
        let is_closed_way = self.condition == "forbidden" && self.by.is_none();
        self.kind == "wait" || is_closed_way || OF_SERVERS.contains(&self.condition.as_str())
    }

    /// Is there no such group, member or message, or may one not know of it?
    pub fn is_not_found(&self) -> bool {
        self.condition == "item-not-found"
    }
}

/// Which part of a long list is asked for. XEP-0059.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paging {
    /// How many at most; the service may give fewer.
    pub max: Option<u32>,
    /// Those behind this key ([`Page::last`] of the page before).
    pub after: Option<String>,
    /// Those before this key; an empty one asks for the last page.
    pub before: Option<String>,
}

impl Paging {
    /// At most so many, from the beginning.
    pub fn max(max: u32) -> Self {
        Self { max: Some(max), ..Self::default() }
    }

    pub(crate) fn write(&self) -> Element {
        let max = self.max.map(|max| text("max", RSM, &max.to_string()));
        let after = self.after.as_ref().map(|after| text("after", RSM, after));
        let before = self.before.as_ref().map(|before| text("before", RSM, before));
        xml::with(Element::bare("set", RSM), [max, after, before].into_iter().flatten())
    }
}

/// Part of a list, or all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The key of the last item: what [`Paging::after`] takes for the next page. None: this is all there is.
    pub last: Option<String>,
    /// How many there are on all pages, if the service says so.
    pub count: Option<u32>,
}

impl<T> Page<T> {
    /// Reads the items of a list and its `<set/>`. XEP-0059 §2.
    pub(crate) fn read(list: &Element, item: impl Fn(&Element) -> Option<T>) -> Self {
        let items: Vec<T> = list.children().filter_map(item).collect();
        let set = child(list, "set", RSM);
        let value = |name| set.and_then(|set| child(set, name, RSM)).map(Element::text);
        let count = value("count").and_then(|count| count.parse().ok());
        let first = set.and_then(|set| child(set, "first", RSM));
        let index: Option<usize> = first.and_then(|first| first.attr("index")?.parse().ok());
        // Said to be the end: the rest of the list is on this page.
        let ends = match (index, count) {
            (Some(index), Some(count)) => index + items.len() >= usize::try_from(count).unwrap_or(usize::MAX),
            _ => items.is_empty(),
        };
        Self { last: value("last").filter(|_| !ends), items, count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals() {
        let iq: Element = "<iq xmlns='jabber:client' type='error'>\
            <query xmlns='http://jabber.org/protocol/groupchat#groupinfo'>\
              <error type='cancel'><not-exists xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></query>\
            <error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
              <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>there is no such group</text></error></iq>"
            .parse()
            .unwrap();
        let refusal = Refusal::read(&iq);
        assert!(refusal.is_not_found() && !refusal.is_temporary());
        assert_eq!(refusal.to_string(), "item-not-found: there is no such group");
        let bare: Element = "<iq xmlns='jabber:client' type='error'/>".parse().unwrap();
        assert_eq!(Refusal::read(&bare).condition, "undefined-condition");
    }

    #[test]
    fn what_a_server_forbids_may_work_later() {
        let forbidden = |by: &str| {
            let iq: Element = format!(
                "<iq xmlns='jabber:client' type='error'><error type='auth'{by}>\
                 <forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
            )
            .parse()
            .unwrap();
            Refusal::read(&iq).is_temporary()
        };
        assert!(forbidden("") && !forbidden(" by='tea@groupchat.shakespeare.lit'"));
    }

    #[test]
    fn pages_end_where_the_list_does() {
        let page = |index: u32, count: u32| -> Page<String> {
            let list = format!(
                "<query xmlns='q'><item/><item/><set xmlns='{RSM}'><first index='{index}'>a</first><last>b</last>\
                 <count>{count}</count></set></query>"
            );
            Page::read(&list.parse().unwrap(), |item| (item.name() == "item").then(String::new))
        };
        assert_eq!(page(0, 3).last.as_deref(), Some("b"));
        assert_eq!((page(1, 3).last, page(1, 3).count, page(1, 3).items.len()), (None, Some(3), 2));
        let whole: Element = "<query xmlns='q'><item/></query>".parse().unwrap();
        assert_eq!(Page::read(&whole, |_| Some(())).last, None);
    }
}
