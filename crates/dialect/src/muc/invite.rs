//! Invitations through the room, and answers to them. XEP-0045 §7.8.2. (Direct ones, XEP-0249, go from user to user.)

use std::sync::Arc;

use groupchat_core::{Addition, BareJid, Command, MemberSpec, Refusal, Removal};
use minidom::Element;

use super::{MUC_USER, admin, user};
use crate::decode::is_plain;
use crate::encode;
use crate::{Outbound, xml};

/// The command of a message that invites somebody, or says no to an invitation; `None`: it is something else.
pub(crate) fn decode(stanza: &Element, domain: &BareJid) -> Option<Result<Command, Refusal>> {
    let x = stanza.get_child("x", MUC_USER)?;
    let is_said = stanza.children().any(|child| is_plain(child, "body"));
    if is_said || !matches!(stanza.attr("type"), None | Some("normal")) {
        // Something to the whole group, whatever it holds.
        return None;
    }
    if x.has_child("decline", MUC_USER) {
        // Who was added already leaves by it.
        return Some(Ok(Command::RemoveMembers(Removal::default())));
    }
    let invites: Vec<&Element> = x.children().filter(|child| child.is("invite", MUC_USER)).collect();
    (!invites.is_empty()).then(|| addition(&invites, domain).map(Command::Invite))
}

fn addition(invites: &[&Element], domain: &BareJid) -> Result<Addition, Refusal> {
    let spec = |invite: &&Element| {
        let jid = invite.attr("to").ok_or_else(|| Refusal::Malformed("an <invite/> says not whom".into()))?;
        let jid = admin::account(jid, domain)?.to_string();
        Ok(MemberSpec { jid, ..MemberSpec::default() })
    };
    let members = invites.iter().map(spec).collect::<Result<_, Refusal>>()?;
    let reason = invites.first().and_then(|invite| invite.get_child("reason", MUC_USER)).map(Element::text);
    let reason = reason.filter(|text| !text.is_empty()).map(Into::into);
    Ok(Addition { members, reason, ..Addition::default() })
}

/// Somebody said no, for whoever invited him.
pub fn declined(group: &encode::Group<'_>, jid: &BareJid, to: Vec<Arc<str>>) -> Outbound {
    let mut decline = Element::bare("decline", MUC_USER);
    groupchat_payloads::set(&mut decline, "from", jid.as_str());
    let from = group.id.at(group.domain);
    let head = xml::open("message", &[("from", Some(&from))]);
    xml::stanza(head, to, &xml::content([&user([decline])]), "message")
}
