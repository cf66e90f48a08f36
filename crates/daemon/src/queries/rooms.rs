//! What clients for rooms ask of a group: who is what in it, and how it is configured. XEP-0045 §9, §10.

use std::collections::HashMap;

use groupchat_core::{BareJid, Join, Member, Refusal, Role, RoomRole};
use groupchat_dialect::{AdminList, encode};
use groupchat_store::{MemberKey, Store, Summary};
use minidom::Element;

use super::refusal;

/// Who is what; who is kept out, those who look after the group may know.
pub(super) async fn list(store: &Store, group: &Summary, list: AdminList) -> Result<Element, Refusal> {
    let id = &group.id;
    match list {
        AdminList::Affiliated(role) => {
            let members = store.members_of_role(id, role).await.map_err(refusal)?;
            let members: Vec<_> = members.into_iter().map(|member| (member, None)).collect();
            Ok(encode::admin_members(&group.settings, &members))
        }
        AdminList::Outcasts if group.role < Some(Role::Admin) => {
            Err(Refusal::NotAllowed("only owners and admins may see who is banned"))
        }
        AdminList::Outcasts => Ok(encode::outcasts(&store.banned(id).await.map_err(refusal)?)),
        AdminList::InRole(wanted) => {
            let present = store.present_in(id).await.map_err(refusal)?;
            // Of several devices of one account the first is seen.
            let mut devices: HashMap<BareJid, String> = HashMap::new();
            for device in present {
                devices.entry(device.bare().clone()).or_insert_with(|| device.to_string());
            }
            let jids: Vec<&BareJid> = devices.keys().collect();
            let members = store.members_with(id, &jids).await.map_err(refusal)?;
            let is_so = |member: &Member| RoomRole::of(member.role, group.settings.post) == wanted;
            let members = members.into_iter().filter(is_so);
            let members: Vec<_> = members
                .map(|member| {
                    let device = devices.get(&member.jid).cloned();
                    (member, device)
                })
                .collect();
            Ok(encode::admin_members(&group.settings, &members))
        }
    }
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
