//! The standard questions: service discovery (XEP-0030), ping (0199), version (0092), time (0202), uptime (0012).

use std::sync::Arc;

use groupchat_core::page::Paged;
use groupchat_core::{By, GroupId, Limits, Member, Refusal};
use groupchat_payloads::{self as payloads, ns as groupchat};
use jiff::Timestamp;
use minidom::Element;
use xmpp_parsers::data_forms::{DataForm, DataFormType, Field, FieldType};
use xmpp_parsers::disco::{DiscoInfoResult, Identity};
use xmpp_parsers::ns;
use xmpp_parsers::version::VersionResult;

use crate::encode::GroupInfo;
use crate::{Paging, Query, adhoc, archive, date, muc, paging};

const LAST: &str = "jabber:iq:last";

/// The question that a standard query asks.
pub(crate) fn query(payload: &Element, limits: &Limits) -> Result<Query, Refusal> {
    let is_node = payload.attr("node").is_some_and(|node| !node.is_empty());
    match (payload.name(), payload.ns().as_str()) {
        // No node but those of commands has anything of its own; XEP-0030 §3.2.
        ("query", ns::DISCO_INFO | ns::DISCO_ITEMS) if is_node => Err(Refusal::NoSuchNode),
        ("query", ns::DISCO_INFO) => Ok(Query::DiscoInfo),
        ("query", ns::DISCO_ITEMS) => {
            let mut paging = paging::read(payload, limits).map_err(|why| Refusal::Malformed(why.into()))?;
            // Public lists are for strangers: by pages even when not asked so.
            paging.page.items_max = paging.page.items_max.min(limits.page_items);
            Ok(Query::DiscoItems(Paging { asked: true, ..paging }))
        }
        ("ping", ns::PING) => Ok(Query::Ping),
        ("query", ns::VERSION) => Ok(Query::Version),
        ("time", ns::TIME) => Ok(Query::Time),
        ("query", LAST) => Ok(Query::Uptime),
        _ => Err(Refusal::Unknown),
    }
}

/// What the service says of itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServiceInfo {
    /// Its name.
    pub name: String,
    /// Whom to write to (XEP-0157), as URIs: for abuse, for administration, for support.
    pub contacts: [Vec<String>; 3],
    /// Its limits, by name.
    pub limits: Vec<(&'static str, usize)>,
    /// It says that its groups are rooms (XEP-0045).
    pub has_rooms: bool,
}

/// `disco#info` of the service, with its limits and contact addresses as forms (XEP-0128).
pub fn service_info(service: &ServiceInfo) -> Element {
    let served = groupchat::SERVED.iter().copied();
    let standard = [
        ns::DISCO_INFO,
        ns::DISCO_ITEMS,
        ns::PING,
        ns::VERSION,
        ns::TIME,
        LAST,
        ns::RSM,
        ns::MAM,
        archive::EXTENDED,
        adhoc::COMMANDS,
    ];
    let limits = service.limits.iter().map(|(name, value)| Field::text_single(name, &value.to_string()));
    let mut forms = vec![result_form(groupchat::LIMITS, limits)];
    let names = ["abuse-addresses", "admin-addresses", "support-addresses"];
    let contacts = names.into_iter().zip(&service.contacts).filter(|(_, addresses)| !addresses.is_empty());
    let mut contacts = contacts
        .map(|(name, addresses)| Field {
            values: addresses.clone(),
            ..Field::new(name, FieldType::ListMulti)
        })
        .peekable();
    if contacts.peek().is_some() {
        forms.push(result_form("http://jabber.org/network/serverinfo", contacts));
    }
    let identity = |category: &str| Identity::new(category, "text", "en", service.name.as_str());
    let mut identities = vec![identity("groupchat")];
    identities.extend(service.has_rooms.then(|| identity("conference")));
    let rooms = service.has_rooms.then_some(muc::MUC);
    info(identities, served.chain(standard).chain(rooms), forms)
}

fn result_form(form_type: &str, fields: impl Iterator<Item = Field>) -> DataForm {
    let form_type = Field::new("FORM_TYPE", FieldType::Hidden).with_value(form_type);
    DataForm {
        type_: DataFormType::Result_,
        title: None,
        instructions: None,
        fields: std::iter::once(form_type).chain(fields).collect(),
    }
}

/// `disco#info` of a group, which says how it can be joined as a room, if it can. XEP-0045 §6.4.
pub fn group_info(group: &GroupInfo, is_room: bool) -> Element {
    let features = [
        groupchat::GROUPCHAT,
        groupchat::GROUPINFO,
        groupchat::MEMBERS,
        groupchat::MEMBERINFO,
        groupchat::RECEIPTS,
        groupchat::AVATAR,
    ];
    let standard = [
        ns::DISCO_INFO,
        ns::DISCO_ITEMS,
        ns::PING,
        ns::RSM,
        ns::MAM,
        archive::EXTENDED,
        "urn:xmpp:message-retract:0",
        "urn:xmpp:message-retract:1",
        "urn:xmpp:message-moderate:0",
        "urn:xmpp:message-moderate:1",
    ];
    let rooms = if is_room { muc::features(&group.settings) } else { Vec::new() };
    let identity = Identity::new("conference", "text", "en", group.settings.name.to_string());
    let form = result_form(MUC_ROOMINFO, room_info(group).into_iter());
    info(vec![identity], features.into_iter().chain(standard).chain(rooms), vec![form])
}

const MUC_ROOMINFO: &str = "http://jabber.org/protocol/muc#roominfo";

/// What stock clients show of a group, and what they learn from it of their own rights.
fn room_info(group: &GroupInfo) -> Vec<Field> {
    let settings = &group.settings;
    let yes = |var: &str, by: By| Field {
        type_: FieldType::Boolean,
        ..Field::text_single(var, if by == By::Members { "1" } else { "0" })
    };
    let multi = |var: &str, type_: FieldType, values: Vec<String>| {
        (!values.is_empty()).then(|| Field { values, ..Field::new(var, type_) })
    };
    let contacts = group.contacts.iter().map(ToString::to_string).collect();
    let avatar = Some(settings.avatar.to_string()).filter(|hash| !hash.is_empty()).into_iter().collect();
    let lang = (!settings.lang.is_empty()).then(|| Field::text_single("muc#roominfo_lang", &settings.lang));
    let optional = [
        lang,
        multi("muc#roominfo_contactjid", FieldType::JidMulti, contacts),
        multi("muc#roominfo_avatarhash", FieldType::TextMulti, avatar),
    ];
    let fields = vec![
        Field::text_single("muc#roominfo_description", &settings.description),
        Field::text_single("muc#roominfo_subject", &settings.subject),
        Field::text_single("muc#roominfo_occupants", &group.members.to_string()),
        Field::text_single("muc#roomconfig_roomname", &settings.name),
        Field::text_single("muc#roominfo_creationdate", &date::write(group.created)),
        yes("muc#roominfo_subjectmod", settings.configure),
        yes("muc#roomconfig_changesubject", settings.configure),
        yes("{http://prosody.im/protocol/muc}roomconfig_allowmemberinvites", settings.invite),
        yes("muc#roomconfig_allowinvites", settings.invite),
    ];
    fields.into_iter().chain(optional.into_iter().flatten()).collect()
}

/// The asker's nick in a group; nothing, if he has none. XEP-0045 §7.12.
pub fn reserved_nick(nick: Option<&str>) -> Element {
    let identities = nick.map(|nick| Identity::new("conference", "text", "en", nick)).into_iter().collect();
    let mut answer = info(identities, std::iter::empty(), Vec::new());
    payloads::set(&mut answer, "node", NICK_NODE);
    answer
}

/// What passes through a room: everything does, and this much clients ask for. XEP-0045 §17.
pub fn traffic() -> Element {
    let passed = [
        "eu.siacs.conversations.axolotl",
        "http://jabber.org/protocol/chatstates",
        "http://jabber.org/protocol/xhtml-im",
        "jabber:x:oob",
        "urn:xmpp:chat-markers:0",
        "urn:xmpp:message-correct:0",
        "urn:xmpp:omemo:2",
        "urn:xmpp:reactions:0",
        "urn:xmpp:receipts",
        "urn:xmpp:reply:0",
    ];
    let mut answer = info(Vec::new(), passed.into_iter(), Vec::new());
    payloads::set(&mut answer, "node", TRAFFIC_NODE);
    answer
}

/// The node by which a client asks what passes through a room.
pub(crate) const TRAFFIC_NODE: &str = "http://jabber.org/protocol/muc#traffic";

/// The node by which a client asks for its nick. XEP-0045 §7.12.
pub(crate) const NICK_NODE: &str = "x-roomuser-item";

fn info<'a>(
    identities: Vec<Identity>,
    features: impl Iterator<Item = &'a str>,
    extensions: Vec<DataForm>,
) -> Element {
    let features = features.map(str::to_owned).collect();
    DiscoInfoResult { node: None, identities, features, extensions }.into()
}

/// `disco#items` of the service: the public groups, by id and name.
pub fn service_items(domain: &str, paging: &Paging, found: &Paged<(GroupId, Arc<str>)>) -> Element {
    let mut query = no_items();
    paging::write(&mut query, paging, found, |(id, name)| (item(&id.at(domain), Some(name)), id.to_string()));
    query
}

/// `disco#items` of a group for a member: the members by their addresses in it.
pub fn group_items(domain: &str, group: &GroupId, paging: &Paging, found: &Paged<Member>) -> Element {
    let mut query = no_items();
    paging::write(&mut query, paging, found, |member| {
        let address = format!("{}/{}", group.at(domain), member.mid);
        (item(&address, Some(member.nick.as_str())), member.mid.to_string())
    });
    query
}

/// `disco#items` of a room for who is in it: the occupants by their nicks. XEP-0045 §6.5.
pub fn room_items(domain: &str, group: &GroupId, paging: &Paging, found: &Paged<Member>) -> Element {
    let mut query = no_items();
    paging::write(&mut query, paging, found, |member| {
        let address = format!("{}/{}", group.at(domain), member.room_name());
        (item(&address, Some(member.nick.as_str())), member.mid.to_string())
    });
    query
}

/// `disco#items` that holds nothing.
pub fn no_items() -> Element {
    Element::bare("query", ns::DISCO_ITEMS)
}

fn item(jid: &str, name: Option<&str>) -> Element {
    let mut item = Element::bare("item", ns::DISCO_ITEMS);
    payloads::set(&mut item, "jid", jid);
    if let Some(name) = name {
        payloads::set(&mut item, "name", name);
    }
    item
}

/// XEP-0092.
pub fn version(name: &str, version: &str) -> Element {
    VersionResult { name: name.into(), version: version.into(), os: None }.into()
}

/// XEP-0202 §2, at `now` in milliseconds since 1970.
pub fn time(now: groupchat_core::Timestamp) -> Element {
    let utc =
        Timestamp::from_millisecond(now.0).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let field = |name: &str, text: &str| Element::builder(name, ns::TIME).append(text.to_owned()).build();
    Element::builder("time", ns::TIME).append(field("tzo", "+00:00")).append(field("utc", &utc)).build()
}

/// XEP-0012 §4: seconds since the service started.
pub fn uptime(seconds: u64) -> Element {
    let mut query = Element::bare("query", LAST);
    payloads::set(&mut query, "seconds", &seconds.to_string());
    query
}
