//! What clients for rooms ask of a group: who is what in it, and how it is configured. XEP-0045 §9, §10.

use std::collections::HashMap;

use groupchat_core::page::{From, Page, Paged};
use groupchat_core::{BareJid, GroupId, Jid, Join, Member, Refusal, Role, RoomRole};
use groupchat_dialect::{AdminList, Paging, encode};
use groupchat_store::{MemberKey, Store, Summary};
use minidom::Element;

use super::refusal;

/// Owners that a group names as its contacts.
const CONTACTS_MAX: usize = 10;

/// Who is what; who is kept out, those who look after the group may know.
pub(super) async fn list(
    store: &Store,
    group: &Summary,
    list: AdminList,
    paging: &Paging,
) -> Result<Element, Refusal> {
    let (id, page) = (&group.id, &paging.page);
    match list {
        AdminList::Affiliated(role) => {
            let found = store.members_of_role(id, role, page).await.map_err(refusal)?;
            encode::admin_members(&group.settings, paging, &super::paged(found, |member| (member, None)))
        }
        AdminList::Outcasts if group.role < Some(Role::Admin) => {
            Err(Refusal::NotAllowed("only owners and admins may see who is banned"))
        }
        AdminList::Outcasts => encode::outcasts(paging, &store.banned(id, page).await.map_err(refusal)?),
        AdminList::InRole(wanted) => {
            let is_so = |member: &Member| RoomRole::of(member.role, group.settings.voice()) == wanted;
            let members: Vec<_> = occupants(store, id).await?.into_iter().filter(|(m, _)| is_so(m)).collect();
            let found = page.of(members, |(member, _)| member.jid.to_string()).ok_or(Refusal::NoSuchItem)?;
            let found = super::paged(found, |(member, device)| (member, Some(device)));
            encode::admin_members(&group.settings, paging, &found)
        }
    }
}

/// Who is present, in the order in which they became members, each with the device that is seen of him.
pub(super) async fn occupants(store: &Store, id: &GroupId) -> Result<Vec<(Member, String)>, Refusal> {
    let present = store.present_in(id).await.map_err(refusal)?;
    // Of several devices of one account the first is seen.
    let mut devices: HashMap<BareJid, String> = HashMap::new();
    for device in present {
        devices.entry(device.bare().clone()).or_insert_with(|| device.to_string());
    }
    let jids: Vec<&BareJid> = devices.keys().collect();
    let members = store.members_with(id, &jids).await.map_err(refusal)?;
    let with_device = |member: Member| devices.get(&member.jid).cloned().map(|device| (member, device));
    Ok(members.into_iter().filter_map(with_device).collect())
}

/// Is this device present?
pub(super) async fn has(store: &Store, id: &GroupId, device: &Jid) -> Result<bool, Refusal> {
    store.is_present(id, device).await.map_err(refusal)
}

/// A page of those who are present.
pub(super) async fn occupants_page(
    store: &Store,
    id: &GroupId,
    paging: &Paging,
) -> Result<Paged<Member>, Refusal> {
    let members: Vec<_> = occupants(store, id).await?.into_iter().map(|(member, _)| member).collect();
    paging.page.of(members, |member| member.mid.to_string()).ok_or(Refusal::NoSuchItem)
}

/// Whom to ask about a group: the first of its owners.
pub(super) async fn contacts(store: &Store, id: &GroupId) -> Result<Vec<BareJid>, Refusal> {
    let first = Page { from: From::Start, items_max: CONTACTS_MAX };
    let owners = store.members_of_role(id, Role::Owner, &first).await.map_err(refusal)?;
    Ok(owners.items.into_iter().map(|owner| owner.jid).collect())
}

/// The form of the configuration, for those who may change it.
pub(super) fn form(group: &Summary) -> Result<Element, Refusal> {
    match group.role {
        Some(role) if group.settings.configure.permits(role) => Ok(encode::room_form(&group.settings)),
        _ => Err(Refusal::NotAllowed("only owners and admins may configure this group")),
    }
}

/// How the asker becomes a member, or by which nick he is one.
pub(super) async fn registration(
    store: &Store,
    group: &Summary,
    asker: &BareJid,
) -> Result<Element, Refusal> {
    let nick = nick_of(store, group, asker).await?;
    if nick.is_none() && group.settings.join == Join::Closed {
        return Err(Refusal::NotAllowed("nobody can join this group on his own: ask a member to add you"));
    }
    Ok(encode::registration(nick.as_deref()))
}

/// The asker's nick, if he is a member.
pub(super) async fn reserved_nick(
    store: &Store,
    group: &Summary,
    asker: &BareJid,
) -> Result<Element, Refusal> {
    Ok(encode::reserved_nick(nick_of(store, group, asker).await?.as_deref()))
}

async fn nick_of(store: &Store, group: &Summary, asker: &BareJid) -> Result<Option<String>, Refusal> {
    let found = store.member(&group.id, &MemberKey::Jid(asker.clone())).await.map_err(refusal)?;
    Ok(found.map(|member| member.nick.to_string()))
}
