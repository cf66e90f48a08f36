//! Whom a message mentions: the legacy `<x type='at'/>` and XEP-0372 references.

use std::borrow::Cow;

use groupchat_core::{BareJid, Jid, MemberRef, MentionsAsked, Mid};
use minidom::Element;
use percent_encoding::percent_decode_str;

const REFERENCE: &str = "urn:xmpp:reference:0";

/// The mentions among the children of a message; what is no address is no mention.
pub(crate) fn decode(children: &[&Element], group: &str, domain: &BareJid) -> MentionsAsked {
    let mut mentions = MentionsAsked::default();
    for child in children {
        if child.is("x", "jabber:x:data") && child.attr("type") == Some("at") {
            match child.attr("id") {
                Some("all") => mentions.all = true,
                Some(address) => mentions.members.extend(member(address, group, domain)),
                None => {}
            }
        } else if child.is("reference", REFERENCE) && child.attr("type") == Some("mention") {
            let address = child.attr("uri").and_then(address);
            mentions.members.extend(address.and_then(|address| member(&address, group, domain)));
        }
    }
    mentions
}

/// The address in an XMPP URI. RFC 5122 §2.
fn address(uri: &str) -> Option<String> {
    let path = uri.strip_prefix("xmpp:")?.split(['?', '#']).next()?;
    percent_decode_str(path).decode_utf8().ok().map(Cow::into_owned)
}

/// A member by his JID, or by his address in this group.
fn member(address: &str, group: &str, domain: &BareJid) -> Option<MemberRef> {
    let jid = Jid::parse(address).ok()?;
    if jid.bare().domain() == domain.as_str() {
        return jid
            .resource()
            .filter(|_| jid.bare().as_str() == group)
            .map(|mid| MemberRef::Mid(Mid::from_stored(mid)));
    }
    Some(MemberRef::Jid(jid.into_bare()))
}
