//! What the service says, held against what real hosts close the link for. One such stanza takes the groups of all
//! users down, so here it fails the conversation.

use groupchat_link::{COMPONENT_NS, Outgoing};
use minidom::Element;

use super::state::State;
use crate::script::SERVICE;
use crate::xml::{CLIENT_NS, change_namespace, escape};

/// Prosody closes the link at 512 KiB.
const STANZA_BYTES_MAX: usize = 500 * 1024;

impl State {
    /// Handles what the service handed to its link.
    pub(crate) fn hear_service(&mut self, outgoing: &Outgoing) {
        if outgoing.to.is_empty() {
            self.fail(format!("the service sent a stanza to nobody: {}…", outgoing.head));
        }
        for to in &outgoing.to {
            let text = format!("{} to='{}'{}", outgoing.head, escape(to), outgoing.tail);
            match accept(&text) {
                Ok(stanza) => self.route(change_namespace(&stanza, COMPONENT_NS, CLIENT_NS)),
                Err(why) => self.fail(format!("the service sent what ends a real link: {why}\n{text}")),
            }
        }
    }
}

/// The stanza, if a real host would take it.
pub(crate) fn accept(text: &str) -> Result<Element, String> {
    if text.len() > STANZA_BYTES_MAX {
        return Err(format!("{} bytes, and {STANZA_BYTES_MAX} are the limit", text.len()));
    }
    if start_tag(text).contains(" xmlns") {
        return Err("a stanza with a namespace of its own, which Prosody refuses".to_owned());
    }
    if text.contains("<!--") || text.contains("<?") {
        return Err("a comment or processing instruction".to_owned());
    }
    let wrapped = format!("<stream xmlns='{COMPONENT_NS}'>{text}</stream>");
    let stream: Element = wrapped.parse().map_err(|error| format!("not well-formed: {error}"))?;
    let mut children = stream.children();
    let (Some(stanza), None) = (children.next(), children.next()) else {
        return Err("not exactly one element".to_owned());
    };
    if !matches!(stanza.name(), "message" | "presence" | "iq") {
        return Err(format!("<{}> is no stanza", stanza.name()));
    }
    let from = stanza.attr("from").ok_or("no `from`, which ejabberd closes the link for")?;
    if domain(from) != SERVICE {
        return Err(format!("`from` is not of the service's domain: {from}"));
    }
    if domain(stanza.attr("to").unwrap_or_default()).is_empty() {
        return Err("no usable `to`".to_owned());
    }
    Ok(stanza.clone())
}

/// The text of the first tag; a `>` inside an attribute value does not end it.
fn start_tag(text: &str) -> &str {
    let mut quote = None;
    for (index, character) in text.char_indices() {
        match (quote, character) {
            (None, '>') => return &text[..index],
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
    }
    text
}

fn domain(jid: &str) -> &str {
    let bare = jid.split_once('/').map_or(jid, |(bare, _)| bare);
    bare.split_once('@').map_or(bare, |(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_link_is_not_accepted() {
        let from = "from='g@groupchat.shakespeare.lit/m' to='a@shakespeare.lit'";
        assert!(accept(&format!("<message {from}><body>x > y</body></message>")).is_ok());
        assert!(
            accept(&format!("<message id='a xmlns b' {from}/>")).is_err(),
            "better too strict than too lax"
        );
        for bad in [
            format!("<message xmlns='jabber:client' {from}/>"),
            format!("<message xmlns='jabber:component:accept' {from}/>"),
            format!("<message {from}><body>{}</body></message>", "x".repeat(STANZA_BYTES_MAX)),
            format!("<message {from}><body>\u{1}</body></message>"),
            format!("<message {from}><body>&#1;</body></message>"),
            format!("<message {from}><q:x/></message>"),
            format!("<message {from}><!-- hm --></message>"),
            format!("<message {from}><body></message>"),
            format!("<message {from}/><message {from}/>"),
            format!("<hello {from}/>"),
            "<message to='a@shakespeare.lit'/>".to_owned(),
            "<message from='g@groupchat.shakespeare.lit'/>".to_owned(),
            "<message from='g@groupchat.shakespeare.lit' to=''/>".to_owned(),
            "<message from='shakespeare.lit' to='a@shakespeare.lit'/>".to_owned(),
            "<message from='g@x.groupchat.shakespeare.lit' to='a@shakespeare.lit'/>".to_owned(),
        ] {
            assert!(accept(&bad).is_err(), "{}", bad.chars().take(100).collect::<String>());
        }
    }
}
