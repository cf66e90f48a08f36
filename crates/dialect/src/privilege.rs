//! What the host grants this service beyond other components: XEP-0356 §4.2, in both namespaces that hosts speak.
//!
//! It is read for the operator, who wants to know whether his configuration works. Nothing depends on it: presence that
//! is granted is read like any other. So a server that is not ours cannot gain anything by claiming to grant it.

use groupchat_core::{BareJid, Jid};
use minidom::Element;

/// Prosody says the second; ejabberd 23 the first.
const NAMESPACES: [&str; 2] = ["urn:xmpp:privilege:1", "urn:xmpp:privilege:2"];
/// What can be granted, with the ways of it. Whatever else is claimed is no word for a log.
const KINDS: [(&str, &[&str]); 3] = [
    ("presence", &["managed_entity", "roster"]),
    ("message", &["outgoing"]),
    ("roster", &["get", "set", "both"]),
];

/// What a server grants this service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The server.
    pub by: BareJid,
    /// It tells the presence of its users.
    pub presence: bool,
    /// All of it, as in `presence: managed_entity, roster: get`; empty when it is nothing that is known.
    pub what: String,
}

/// What the host says that it grants; `None` when it is about something else, or said by anybody but the host: the
/// service at `domain` is below it.
pub(crate) fn read(stanza: &Element, from: &Jid, domain: &BareJid) -> Option<Granted> {
    let by = from.bare();
    let is_above = domain.as_str().strip_suffix(by.as_str()).is_some_and(|rest| rest.ends_with('.'));
    if by.local().is_some() || from.resource().is_some() || !is_above {
        return None;
    }
    let privilege = NAMESPACES.into_iter().find_map(|namespace| stanza.get_child("privilege", namespace))?;
    let grants = |access: &str, way: &str| {
        let mut all = privilege.children().filter(|child| child.name() == "perm");
        all.any(|perm| perm.attr("access") == Some(access) && perm.attr("type") == Some(way))
    };
    let known = KINDS.into_iter().flat_map(|(access, ways)| ways.iter().map(move |way| (access, *way)));
    let granted: Vec<_> = known.filter(|(access, way)| grants(access, way)).collect();
    let words: Vec<_> = granted.iter().map(|(access, way)| format!("{access}: {way}")).collect();
    let presence = granted.iter().any(|(access, _)| *access == "presence");
    Some(Granted { by: by.clone(), presence, what: words.join(", ") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decoded, decode};

    fn said(from: &str, to: &str, children: &str) -> Decoded {
        let stanza =
            format!("<message xmlns='jabber:component:accept' from='{from}' to='{to}'>{children}</message>");
        let domain = BareJid::parse("g.s.lit").unwrap();
        decode(&stanza.parse().unwrap(), &domain, &groupchat_core::Limits::default())
    }

    const EJABBERD: &str = "<privilege xmlns='urn:xmpp:privilege:1'><perm type='none' access='message'/>\
         <perm type='none' access='roster'/><perm type='managed_entity' access='presence'/></privilege>";
    const PROSODY: &str = "<privilege xmlns='urn:xmpp:privilege:2'><perm type='both' access='roster'/>\
         <perm type='managed_entity' access='presence'/></privilege>";

    #[test]
    fn the_host_tells_in_both_namespaces() {
        let granted = |what: &str| {
            let by = BareJid::parse("s.lit").unwrap();
            Decoded::Granted(Granted { by, presence: what.contains("presence"), what: what.to_owned() })
        };
        assert_eq!(said("s.lit", "g.s.lit", EJABBERD), granted("presence: managed_entity"));
        assert_eq!(said("s.lit", "g.s.lit", PROSODY), granted("presence: managed_entity, roster: both"));
        let nothing = "<privilege xmlns='urn:xmpp:privilege:2'><perm access='presence' type='none'/>\
             <perm access='presence' type='&#10;forged line'/><perm/></privilege>";
        assert_eq!(said("s.lit", "g.s.lit", nothing), granted(""));
    }

    #[test]
    fn only_the_host_is_believed_and_no_server_is_answered() {
        for from in ["other.lit", "lit.s", "s.lit/admin", "x.s.lit"] {
            assert!(matches!(said(from, "g.s.lit", PROSODY), Decoded::Ignored(_)), "{from}");
        }
        for text in
            ["", "<body>User u1 just registered</body>", "<delegation xmlns='urn:xmpp:delegation:2'/>"]
        {
            assert!(matches!(said("s.lit", "g.s.lit", text), Decoded::Ignored(_)), "{text}");
        }
        for user in ["hag@s.lit", "hag@s.lit/pda"] {
            assert!(matches!(said(user, "g.s.lit", PROSODY), Decoded::Answered(_)), "{user}");
        }
    }
}
