//! Questions about groups and members, and their answers. PROTOCOL: discovery.

use groupchat_core::page::Paged;
use groupchat_core::{Limits, Member, Mid, Refusal, Role, Settings, Timestamp};
use groupchat_payloads::{self as payloads, ns};
use minidom::Element;

use crate::decode::To;
use crate::encode::{GroupInfo, MyGroup};
use crate::{Paging, Query, date, paging, refusal};

/// The question that a query asks.
pub(crate) fn decode(payload: &Element, to: &To, limits: &Limits) -> Result<Query, Refusal> {
    let read = payloads::Query::read(payload).map_err(|invalid| Refusal::Malformed(invalid.0))?;
    let paging = || paging::read(payload, limits).map_err(|why| Refusal::Malformed(why.into()));
    let misplaced =
        |where_to: &str| Err(Refusal::Malformed(format!("send this to the address of {where_to}")));
    match (read.ok_or(Refusal::Unknown)?, &to.group) {
        (payloads::Query::Items, None) => Ok(Query::MyGroups(paging()?)),
        (payloads::Query::Items, Some(_)) => misplaced("the service"),
        (payloads::Query::GroupInfo { .. }, Some(_)) => Ok(Query::GroupInfo),
        (payloads::Query::GroupInfo { name: Some(name) }, None) => Ok(Query::GroupsNamed(name)),
        (payloads::Query::GroupInfo { name: None }, None) => misplaced("a group, or name one"),
        (payloads::Query::Members, Some(_)) => Ok(Query::Members(paging()?)),
        (payloads::Query::MemberInfo(key), Some(_)) => Ok(Query::MemberInfo(key)),
        (payloads::Query::Receipts { message }, Some(_)) => Ok(Query::Receipts(message)),
        (payloads::Query::Inbox, None) => Ok(Query::Inbox(paging()?)),
        (payloads::Query::Inbox, Some(_)) => misplaced("the service"),
        (
            payloads::Query::Members | payloads::Query::MemberInfo(_) | payloads::Query::Receipts { .. },
            None,
        ) => misplaced("a group"),
    }
}

/// The asker's groups.
pub fn my_groups(domain: &str, paging: &Paging, found: &Paged<MyGroup>) -> Element {
    let mut query = Element::bare("query", ns::ITEMS);
    paging::write(&mut query, paging, found, |group| {
        let mut item = Element::bare("item", ns::ITEMS);
        payloads::set(&mut item, "id", group.id.as_str());
        payloads::set(&mut item, "jid", &group.id.at(domain));
        payloads::set(&mut item, "name", &group.name);
        payloads::set(&mut item, "members", &group.members.to_string());
        payloads::set(&mut item, "role", group.role.as_str());
        (item, group.id.to_string())
    });
    query
}

/// What a group says of itself to this asker: its settings to members only.
pub fn group_info(domain: &str, group: &GroupInfo) -> Element {
    Element::builder("query", ns::GROUPINFO).append(info_item(domain, group)).build()
}

/// The groups of a name; the legacy "not there" when there is none.
pub fn groups_named(domain: &str, found: &[GroupInfo]) -> Element {
    if found.is_empty() {
        return refusal::not_exists(ns::GROUPINFO, domain);
    }
    let mut query = Element::bare("query", ns::GROUPINFO);
    paging::append_fitting(&mut query, found.iter().map(|group| info_item(domain, group)));
    query
}

fn info_item(domain: &str, group: &GroupInfo) -> Element {
    let Settings { name, description, kind, .. } = &group.settings;
    let mut item = Element::bare("item", ns::GROUPINFO);
    let (jid, members) = (group.id.at(domain), group.members.to_string());
    let role = group.role.map(Role::as_str);
    let fields = [
        ("jid", Some(jid.as_str())),
        ("id", Some(group.id.as_str())),
        ("name", Some(name)),
        ("type", Some(kind)),
        ("members", Some(&members)),
        ("description", Some(description)),
        ("role", role),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            payloads::set(&mut item, name, value);
        }
    }
    if role.is_some() {
        for (name, value) in group.settings.properties() {
            item.append_child(payloads::property_attribute(name, &value, ns::GROUPINFO));
        }
    }
    item
}

/// Who is in a group.
pub fn members(paging: &Paging, found: &Paged<Member>) -> Element {
    let mut query = Element::bare("query", ns::MEMBERS);
    paging::write(&mut query, paging, found, |member| (item(member, ns::MEMBERS), member.mid.to_string()));
    query
}

/// One member.
pub fn member_info(member: &Member) -> Element {
    Element::builder("query", ns::MEMBERINFO).append(item(member, ns::MEMBERINFO)).build()
}

/// Who has read a message, for those who may know; how many have, for everybody.
pub fn receipts(readers: Option<&[(Mid, Timestamp)]>, read: usize, unread: usize) -> Element {
    let mut query = Element::bare("query", ns::RECEIPTS);
    let items = readers.into_iter().flatten().map(|(mid, at)| {
        let mut item = Element::bare("item", ns::RECEIPTS);
        payloads::set(&mut item, "mid", mid.as_str());
        payloads::set(&mut item, "stamp", &date::write(*at));
        item
    });
    paging::append_fitting(&mut query, items);
    let mut count = Element::bare("count", ns::RECEIPTS);
    payloads::set(&mut count, "read", &read.to_string());
    payloads::set(&mut count, "unread", &unread.to_string());
    query.append_child(count);
    query
}

/// A member as an item, all fields there.
pub(crate) fn item(member: &Member, namespace: &str) -> Element {
    let item = payloads::Item {
        jid: Some(member.jid.to_string()),
        mid: Some(member.mid.to_string()),
        nick: Some(member.nick.to_string()),
        role: Some(member.role.as_str().into()),
    };
    item.write(namespace)
}
