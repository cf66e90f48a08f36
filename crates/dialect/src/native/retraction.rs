//! Messages are taken back: by a message of their author (XEP-0424), or by an iq of a moderator (XEP-0425), each in the
//! version that clients have long had and in the newest one.

use std::sync::Arc;

use groupchat_core::{Command, GroupId, Mid, Refusal, Retraction, StanzaId};
use minidom::Element;

use crate::decode::To;
use crate::{Outbound, xml};

const RETRACT: &str = "urn:xmpp:message-retract:1";
const RETRACT_0: &str = "urn:xmpp:message-retract:0";
const MODERATE: &str = "urn:xmpp:message-moderate:1";
const MODERATE_0: &str = "urn:xmpp:message-moderate:0";
const FASTEN: &str = "urn:xmpp:fasten:0";

/// The message that a retracting message names.
pub(crate) fn named(children: &[&Element]) -> Option<Arc<str>> {
    children.iter().find_map(|child| {
        let retracts = child.is("retract", RETRACT)
            || (child.is("apply-to", FASTEN) && child.has_child("retract", RETRACT_0));
        child.attr("id").filter(|_| retracts).map(Arc::from)
    })
}

/// The command of a moderator's iq, if it is one.
pub(crate) fn moderation(payload: &Element, to: &To) -> Option<Result<(Option<GroupId>, Command), Refusal>> {
    let moderate = if payload.is("moderate", MODERATE) {
        payload
    } else {
        payload.get_child("moderate", MODERATE_0).filter(|_| payload.is("apply-to", FASTEN))?
    };
    Some(read(payload, moderate, to))
}

fn read(payload: &Element, moderate: &Element, to: &To) -> Result<(Option<GroupId>, Command), Refusal> {
    let id = payload.attr("id").ok_or_else(|| Refusal::Malformed("name a message by its id".into()))?;
    if !moderate.has_child("retract", RETRACT) && !moderate.has_child("retract", RETRACT_0) {
        return Err(Refusal::Malformed("the only moderation here is to retract".into()));
    }
    if to.group.is_none() {
        return Err(Refusal::Malformed("send this to the address of the group".into()));
    }
    let reason =
        moderate.children().find(|child| child.name() == "reason").map(|reason| reason.text().into());
    Ok((to.group.clone(), Command::Retract(Retraction { id: id.into(), found: None, reason, post: None })))
}

/// What the group says when a moderator took a message back, for clients of both versions.
pub(crate) fn moderated_content(group: &str, message: StanzaId, by: &Mid, reason: Option<&str>) -> String {
    let (by, id) = (format!("{group}/{by}"), message.to_string());
    let reason =
        |namespace: &str| reason.map(|text| Element::builder("reason", namespace).append(text).build());
    let mut new = Element::builder("retract", RETRACT)
        .append(by_whom(MODERATE, &by))
        .append_all(reason(RETRACT))
        .build();
    groupchat_payloads::set(&mut new, "id", &id);
    let mut moderated = by_whom(MODERATE_0, &by);
    moderated.append_child(Element::bare("retract", RETRACT_0));
    reason(MODERATE_0).into_iter().for_each(|reason| {
        moderated.append_child(reason);
    });
    let mut old = Element::builder("apply-to", FASTEN).append(moderated).build();
    groupchat_payloads::set(&mut old, "id", &id);
    xml::content([&new, &old])
}

fn by_whom(namespace: &str, by: &str) -> Element {
    let mut moderated = Element::bare("moderated", namespace);
    groupchat_payloads::set(&mut moderated, "by", by);
    moderated
}

/// The copies of that, for everybody's devices.
pub(crate) fn moderated(group: &str, id: StanzaId, content: &str, to: Vec<Arc<str>>) -> Outbound {
    let id = id.to_string();
    let content = format!("{content}{}", super::stanza_id(group, &id));
    super::message::message_from(group, None, Some(&id), Some("groupchat"), to, &content)
}
