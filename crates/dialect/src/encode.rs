//! The door for what goes out: answers to one, and stanzas for many.

use std::sync::Arc;

use groupchat_core::page::Paged;
use groupchat_core::{
    Archived, BareJid, Event, GroupId, Member, Mid, Post, Refusal, Role, Settings, StanzaId,
};
use groupchat_payloads::ns;
use minidom::Element;

use crate::{Carrier, Origin, Outbound, Paging, disco, native, refusal, xml};

/// A group as a stanza names it.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    /// The service's domain.
    pub domain: &'a str,
    /// The group's id.
    pub id: &'a GroupId,
    /// Its name.
    pub name: &'a str,
}

/// One of the asker's groups.
#[derive(Debug, Clone, PartialEq)]
pub struct MyGroup {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub name: Arc<str>,
    /// How many are in it.
    pub members: u64,
    /// What the asker is in it.
    pub role: Role,
}

/// What a group says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupInfo {
    /// Its id.
    pub id: GroupId,
    /// Its settings.
    pub settings: Settings,
    /// How many are in it.
    pub members: u64,
    /// What the asker is in it; `None`: nothing.
    pub role: Option<Role>,
}

/// The refusal of a request, to the asker alone.
pub fn refused(origin: &Origin, why: &Refusal) -> Outbound {
    refusal::answer(origin, why)
}

/// The answer to an operation that was granted; `None` when its carrier is answered by the announcement alone.
/// A new group's id is learnt from it.
pub fn granted(origin: &Origin, group: &Group<'_>, created: bool) -> Option<Outbound> {
    if !matches!(origin.carrier, Carrier::Iq { .. }) {
        return None;
    }
    let payload = created.then(|| {
        let mut item = Element::bare("item", ns::CREATEGROUP);
        groupchat_payloads::set(&mut item, "id", group.id.as_str());
        groupchat_payloads::set(&mut item, "jid", &group.id.at(group.domain));
        Element::builder("query", ns::CREATEGROUP).append(item).build()
    });
    Some(result(origin, payload.as_ref()))
}

/// The result of an iq.
pub fn result(origin: &Origin, payload: Option<&Element>) -> Outbound {
    let id = origin.carrier.id().map(|id| &**id);
    let head = xml::open("iq", &[("from", Some(&origin.at)), ("id", id), ("type", Some("result"))]);
    xml::stanza(head, vec![origin.from.to_string().into()], &xml::content(payload), "iq")
}

/// A stored message as `groupchat` for devices that are there, or (`absent`) as `chat` for members who are away.
pub fn copy(domain: &str, message: &Archived, to: Vec<Arc<str>>, absent: bool) -> Outbound {
    native::copy(domain, message, to, absent)
}

/// A message that is not kept, for devices that are there.
pub fn ephemeral(domain: &str, group: &GroupId, author: &Mid, post: &Post, to: Vec<Arc<str>>) -> Outbound {
    native::ephemeral(domain, group, author, post, to)
}

/// A read receipt for the author's devices, and the reader's other ones.
pub fn receipt(
    domain: &str,
    group: &GroupId,
    reader: &Mid,
    message_id: &str,
    client_id: Option<&str>,
    displayed: bool,
    to: Vec<Arc<str>>,
) -> Outbound {
    native::receipt(domain, group, reader, message_id, client_id, displayed, to)
}

/// An event's content for the archive: an announcement's children, as XML text.
pub fn event_content(group: &Group<'_>, event: &Event) -> String {
    native::event_content(group, event)
}

/// An announcement by presence, to the actor's own devices (`own`) or to everybody else.
pub fn announcement(
    group: &Group<'_>,
    event: &Event,
    own: bool,
    id: Option<&str>,
    to: Vec<Arc<str>>,
) -> Outbound {
    native::announcement(group, event, own, id, to)
}

/// The message to a member who was added while away.
pub fn welcome(group: &Group<'_>, member: &Member, adder: &BareJid, id: StanzaId) -> Outbound {
    native::welcome(group, member, adder, id)
}

/// `#items`: the asker's groups.
pub fn my_groups(domain: &str, paging: &Paging, found: &Paged<MyGroup>) -> Element {
    native::my_groups(domain, paging, found)
}

/// `#groupinfo` of one group.
pub fn group_info(domain: &str, group: &GroupInfo) -> Element {
    native::group_info(domain, group)
}

/// `#groupinfo` by name.
pub fn groups_named(domain: &str, found: &[GroupInfo]) -> Element {
    native::groups_named(domain, found)
}

/// `#members`.
pub fn members(paging: &Paging, found: &Paged<Member>) -> Element {
    native::members(paging, found)
}

/// `#memberinfo`.
pub fn member_info(member: &Member) -> Element {
    native::member_info(member)
}

pub use disco::{
    group_info as disco_group_info, group_items as disco_group_items, no_items as disco_no_items,
    service_info as disco_service_info, service_items as disco_service_items, time, uptime, version,
};
