//! Looking for a multicast service (XEP-0033 §2, by XEP-0030): the server itself, else, if that is wanted, that one of its
//! items below it which is the first to say that it is one.

use minidom::Element;

use super::{LISTS_NS, Service};
use crate::COMPONENT_NS;
use crate::splice::escape;

const ADDRESS_NS: &str = "http://jabber.org/protocol/address";
const INFO_NS: &str = "http://jabber.org/protocol/disco#info";
const ITEMS_NS: &str = "http://jabber.org/protocol/disco#items";
const DATA_NS: &str = "jabber:x:data";

/// What XEP-0033 §4.2 wants at least, and ejabberd allows a component unless it is told otherwise.
const RECIPIENTS_DEFAULT: usize = 20;
/// More in one stanza saves nothing any more, and takes others' turns.
const RECIPIENTS_MAX: usize = 1_000;
/// Items of the server that are looked at.
const ITEMS_MAX: usize = 32;

/// The questions of one connection.
#[derive(Debug)]
pub(super) struct Discovery {
    id_prefix: String,
    domain: String,
    server: String,
    /// Is one of its items good enough?
    takes_items: bool,
    /// The questions by number, until they are answered.
    asked: Vec<Option<Asked>>,
}

/// A question under way.
#[derive(Debug)]
struct Asked {
    to: String,
    about: &'static str,
}

/// What came of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) found: Option<Service>,
    /// Stanzas to be written.
    pub(super) questions: Vec<String>,
}

impl Discovery {
    /// With it comes the first question.
    pub(super) fn new(domain: &str, server: &str, takes_items: bool, nonce: u64) -> (Self, String) {
        let (domain, server) = (domain.to_owned(), server.to_owned());
        let mut new = Self {
            id_prefix: format!("multicast-{nonce:016x}-"),
            domain,
            server,
            takes_items,
            asked: Vec::new(),
        };
        let first = new.question(new.server.clone(), INFO_NS);
        (new, first)
    }

    /// What this stanza answers; `None`: none of the questions.
    pub(super) fn hear(&mut self, stanza: &Element) -> Option<Answer> {
        if !stanza.is("iq", COMPONENT_NS) {
            return None;
        }
        let number: usize = stanza.attr("id")?.strip_prefix(&self.id_prefix)?.parse().ok()?;
        let question = self.asked.get_mut(number)?;
        // Some servers answer for themselves without a `from`; nobody else can.
        let from = stanza.attr("from").unwrap_or(&self.server);
        let Asked { to, about } = question.take_if(|asked| asked.to == from)?;
        let mut answer = Answer::default();
        if about == ITEMS_NS {
            let items = stanza.get_child("query", ITEMS_NS).into_iter().flat_map(Element::children);
            let below = format!(".{}", self.server);
            let is_other = |jid: &&str| jid.ends_with(&below) && *jid != self.domain && !jid.contains('@');
            let others: Vec<String> =
                items.filter_map(|item| item.attr("jid")).filter(is_other).map(str::to_owned).collect();
            let others = others.into_iter().take(ITEMS_MAX);
            answer.questions = others.map(|jid| self.question(jid, INFO_NS)).collect();
        } else if let Some(info) = stanza.get_child("query", INFO_NS)
            && let Some(recipients_max) = recipients_max(info)
        {
            let has_lists = has_feature(info, LISTS_NS);
            let server = self.server.as_str().into();
            answer.found = Some(Service { address: to.into(), server, recipients_max, has_lists });
        } else if to == self.server && self.takes_items {
            answer.questions = vec![self.question(to, ITEMS_NS)];
        }
        Some(answer)
    }

    /// Is there a question without an answer?
    pub(super) fn is_asking(&self) -> bool {
        self.asked.iter().any(Option::is_some)
    }

    fn question(&mut self, to: String, about: &'static str) -> String {
        let (id, number) = (&self.id_prefix, self.asked.len());
        let (from, receiver) = (escape(&self.domain), escape(&to));
        let stanza = format!(
            "<iq type='get' id='{id}{number}' from='{from}' to='{receiver}'><query xmlns='{about}'/></iq>"
        );
        self.asked.push(Some(Asked { to, about }));
        stanza
    }
}

/// How many it takes at once, as it tells (XEP-0128; the fields are ejabberd's); `None`: it is no such service.
fn recipients_max(info: &Element) -> Option<usize> {
    has_feature(info, ADDRESS_NS).then_some(())?;
    let forms = info.children().filter(|child| child.is("x", DATA_NS));
    let form = forms.into_iter().find(|form| value(form, "FORM_TYPE").as_deref() == Some(ADDRESS_NS));
    let told = |name| form.and_then(|form| value(form, name)).map(|text| text.trim().parse().ok());
    // "infinite", as ejabberd says it, is no number.
    let of = |name| told(name).map_or(RECIPIENTS_DEFAULT, |number| number.unwrap_or(RECIPIENTS_MAX));
    let recipients_max = of("message").min(of("presence")).min(RECIPIENTS_MAX);
    (recipients_max >= 2).then_some(recipients_max)
}

fn has_feature(info: &Element, wanted: &str) -> bool {
    let mut features = info.children().filter(|child| child.name() == "feature");
    features.any(|feature| feature.attr("var") == Some(wanted))
}

fn value(form: &Element, name: &str) -> Option<String> {
    let field = form.children().find(|field| field.attr("var") == Some(name))?;
    field.children().find(|child| child.name() == "value").map(Element::text)
}
