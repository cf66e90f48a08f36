//! Echoes: pings (XEP-0199) to our own domain, which come back as they are. Servers work a link in order, so an echo that
//! is back says that everything written before it was taken in.
//!
//! To our own domain, not the server's: that one is not configured, and may be served elsewhere. Whatever comes back with
//! the id will do: a server that answers in our place, even with an error, has worked its way to it as well.
//! Not here: when one is written.

use std::borrow::Cow;

use minidom::Element;

use crate::COMPONENT_NS;
use crate::splice::escape;

/// The echoes of one connection.
pub(crate) struct Echoes {
    id_prefix: String,
    domain: String,
}

impl Echoes {
    /// `nonce` makes the ids of this connection unguessable, so that no user can answer in the server's stead, and
    /// different from those of other connections of the domain.
    pub(crate) fn new(domain: &str, nonce: u64) -> Self {
        Self { id_prefix: format!("echo-{nonce:016x}-"), domain: escape(domain).into_owned() }
    }

    /// `via`: what else works on our stanzas, beside the server. It answers after all that went to it before, and its
    /// questions come to it after what the server handled itself.
    pub(crate) fn xml(&self, number: u64, via: Option<&str>) -> String {
        let Self { id_prefix, domain } = self;
        let (to, about) = match via {
            Some(service) => (escape(service), "<query xmlns='http://jabber.org/protocol/disco#info'/>"),
            None => (Cow::Borrowed(&**domain), "<ping xmlns='urn:xmpp:ping'/>"),
        };
        format!("<iq type='get' id='{id_prefix}{number}' from='{domain}' to='{to}'>{about}</iq>")
    }

    /// The number of the echo that this stanza is.
    pub(crate) fn number(&self, stanza: &Element) -> Option<u64> {
        if !stanza.is("iq", COMPONENT_NS) {
            return None;
        }
        stanza.attr("id")?.strip_prefix(&self.id_prefix)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_echoes_are_known() {
        let echoes = Echoes::new("groups.localhost", 7);
        let number = |xml: &str| echoes.number(&xml.parse().unwrap());
        let sent = echoes.xml(3, None).replacen("<iq ", "<iq xmlns='jabber:component:accept' ", 1);
        assert_eq!(number(&sent), Some(3));
        assert_eq!(
            number("<iq xmlns='jabber:component:accept' type='error' id='echo-0000000000000007-9'/>"),
            Some(9)
        );
        for other in ["id='echo-0000000000000008-1'", "id='echo-0000000000000007-'", "id='echo-1'", ""] {
            assert_eq!(
                number(&format!("<iq xmlns='jabber:component:accept' type='get' {other}/>")),
                None,
                "{other}"
            );
        }
    }
}
