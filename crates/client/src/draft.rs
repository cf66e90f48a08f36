//! What is to be said: the content of a message before it is sent.

use groupchat_payloads::{ns, set};
use minidom::Element;

use crate::address;
use crate::xml::{CORRECTION, DATA, FALLBACK, REFERENCE, REPLY, RETRACT, element, text};

/// A message to be sent with [`Group::message`](crate::Group::message).
///
/// ```
/// use groupchat_client::{Draft, Service};
///
/// let tea = Service::new("groupchat.shakespeare.lit").group("tea");
/// let draft = Draft::text("@Robert milk?").mention("bob", "Robert");
/// let message = tea.message("m1", &draft);
/// let reference = message.get_child("reference", "urn:xmpp:reference:0").unwrap();
/// assert_eq!(reference.attr("uri"), Some("xmpp:tea@groupchat.shakespeare.lit/bob"));
/// assert_eq!((reference.attr("begin"), reference.attr("end")), (Some("0"), Some("7")));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    body: Option<String>,
    mentions: Vec<(String, String)>,
    everybody: bool,
    payloads: Vec<Element>,
}

impl Draft {
    /// A text.
    pub fn text(body: &str) -> Self {
        Self { body: Some(body.to_owned()), ..Self::default() }
    }

    /// No text of its own, but a payload: a reaction, something encrypted, ….
    pub fn payload(payload: Element) -> Self {
        Self { payloads: vec![payload], ..Self::default() }
    }

    /// Takes back the message with this stanza-id (XEP-0424), one's own.
    pub fn retraction(stanza_id: &str) -> Self {
        let retract = element("retract", RETRACT, &[("id", stanza_id)]);
        let fallback = element("fallback", FALLBACK, &[("for", RETRACT)]);
        let body = "A message was taken back, which your client does not support.".to_owned();
        Self { body: Some(body), payloads: vec![retract, fallback], ..Self::default() }
    }

    /// Mentions the member with this id, whose nick stands in the text as `@nick` (XEP-0372). Where it does not, he
    /// is mentioned all the same.
    #[must_use]
    pub fn mention(mut self, mid: &str, nick: &str) -> Self {
        self.mentions.push((mid.to_owned(), nick.to_owned()));
        self
    }

    /// Mentions everybody. From those who may not, the message is refused with `forbidden`.
    #[must_use]
    pub fn mention_all(mut self) -> Self {
        self.everybody = true;
        self
    }

    /// Answers a message (XEP-0461): its stanza-id, and its author's address in the group.
    #[must_use]
    pub fn reply_to(mut self, stanza_id: &str, author: &str) -> Self {
        self.payloads.push(element("reply", REPLY, &[("id", stanza_id), ("to", author)]));
        self
    }

    /// Takes the place of one's own message with this `id` (XEP-0308: the `id` that it was sent under).
    #[must_use]
    pub fn correct(mut self, id: &str) -> Self {
        self.payloads.push(element("replace", CORRECTION, &[("id", id)]));
        self
    }

    /// With a payload more.
    #[must_use]
    pub fn with(mut self, payload: Element) -> Self {
        self.payloads.push(payload);
        self
    }

    /// The message's children.
    pub(crate) fn write(&self, group: &str) -> Vec<Element> {
        let body = self.body.as_deref();
        let mut children: Vec<Element> =
            body.map(|body| text("body", ns::CLIENT, body)).into_iter().collect();
        for (mid, nick) in &self.mentions {
            let uri = address::uri(&format!("{group}/{mid}"));
            let mut reference = element("reference", REFERENCE, &[("type", "mention"), ("uri", &uri)]);
            if let Some((begin, end)) = place(body.unwrap_or_default(), nick) {
                set(&mut reference, "begin", &begin.to_string());
                set(&mut reference, "end", &end.to_string());
            }
            children.push(reference);
        }
        if self.everybody {
            children.push(element("x", DATA, &[("type", "at"), ("id", "all")]));
        }
        children.extend(self.payloads.iter().cloned());
        children
    }
}

/// Where `@nick` stands in a text, counted in code points as XEP-0372 §3.2 asks.
fn place(body: &str, nick: &str) -> Option<(usize, usize)> {
    let at = format!("@{nick}");
    let begin = body.split(&at).next().filter(|before| before.len() < body.len())?.chars().count();
    Some((begin, begin + at.chars().count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_code_points() {
        assert_eq!(place("喂，@小红 茶？", "小红"), Some((2, 5)));
        assert_eq!(place("nobody here", "小红"), None);
    }

    #[test]
    fn everything_at_once() {
        let draft = Draft::text("@all no").mention_all().correct("m1").reply_to("0001", "tea@g/bob");
        let names: Vec<String> = draft.write("tea@g").iter().map(|child| child.name().to_owned()).collect();
        assert_eq!(names, ["body", "x", "replace", "reply"]);
        assert_eq!(Draft::retraction("0001").write("tea@g")[1].attr("id"), Some("0001"));
    }
}
