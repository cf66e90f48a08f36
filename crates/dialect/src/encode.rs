//! The door for what goes out: answers to one, and stanzas for many. Most of it is made beside where its counterpart
//! is read, and only named here.

use std::sync::Arc;

use groupchat_core::{BareJid, GroupId, Mid, Role, Settings, StanzaId, Timestamp};
use groupchat_payloads::ns;
use minidom::Element;

use crate::{Carrier, Origin, Outbound, native, xml};

pub use crate::adhoc::{
    asks as adhoc_asks, canceled as adhoc_canceled, command_info as adhoc_info, done as adhoc_done,
    failed as adhoc_failed, list as adhoc_list, list_info as adhoc_list_info,
};
pub use crate::archive::{
    RoomName, RoomNames, form as archive_form, metadata as archive_metadata, page as archive_page,
    preferences as archive_preferences,
};
pub use crate::avatar::{presence as room_avatar, query as avatar, vcard};
pub use crate::disco::{
    ServiceInfo, group_info as disco_group_info, group_items as disco_group_items,
    no_items as disco_no_items, reserved_nick, room_items as disco_room_items,
    service_info as disco_service_info, service_items as disco_service_items, time, traffic, uptime, version,
};
pub use crate::inbox::answer as inbox;
pub use crate::muc::{
    Absence, Occupant, absent as room_absent, admin_members, copy as room_copy, declined as room_declined,
    ephemeral as room_ephemeral, form as room_form, item_message as room_item_message,
    moderated as room_moderated, outcasts, past as room_past, present as room_present,
    private as room_private, receipt as room_receipt, registration, request as room_request,
    status as room_status, subject as room_subject, unique,
};
pub use crate::native::{
    Came, Spoken, Went, Words, announcement, copy, declined, ephemeral, event_content, group_info,
    groups_named, invite, late_copy, member_info, members, my_groups, my_settings, news, receipt, receipts,
    request_content, spoken, welcome,
};
pub use crate::private::{failed as private_failed, passed_on};
pub use crate::refusal::answer as refused;

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
    /// When it was made.
    pub created: Timestamp,
    /// Whom to ask about it, as far as the asker may know.
    pub contacts: Vec<BareJid>,
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

/// What the group says when a moderator took a message back, as it is archived.
pub fn moderated_content(group: &Group<'_>, message: StanzaId, by: &Mid, reason: Option<&str>) -> String {
    native::moderated_content(&group.id.at(group.domain), message, by, reason)
}

/// That for everybody's devices; `id` is its own in the archive.
pub fn moderated(group: &Group<'_>, id: StanzaId, content: &str, to: Vec<Arc<str>>) -> Outbound {
    native::moderated(&group.id.at(group.domain), id, content, to)
}
