//! What administrators want changed in a group, as the commands that the rules know.

use groupchat_core::{
    Addition, Affiliation, Affiliations, BareJid, Command, Group, GroupId, MemberRef, MemberSpec,
    MemberUpdate, People, Removal, Role, Standing,
};
use groupchat_store::Store;

/// Lets this account in.
pub(super) fn add(jid: &BareJid, role: Role) -> Command {
    let spec =
        MemberSpec { jid: jid.to_string(), role: Some(role.as_str().to_owned()), ..MemberSpec::default() };
    Command::AddMembers(Addition { members: vec![spec], people: People::new(), reason: None })
}

/// Lets this account out, and keeps it out if it is banned.
pub(super) fn remove(jid: &BareJid, ban: bool) -> Command {
    Command::RemoveMembers(Removal { who: vec![MemberRef::Jid(jid.clone())], ban, ..Removal::default() })
}

/// Keeps this account out no longer.
///
/// # Errors
/// It is not kept out.
pub(super) async fn unban(store: &Store, id: &GroupId, jid: &BareJid) -> Result<Command, String> {
    if !there(store, id).await?.is_banned(jid) {
        return Err(format!("{jid} is not banned from this group"));
    }
    let who = MemberRef::Jid(jid.clone());
    let wish = Affiliation { who, standing: Standing::None, nick: None, reason: None };
    Ok(Command::Affiliate(Affiliations { wishes: vec![wish], people: People::new() }))
}

async fn there(store: &Store, id: &GroupId) -> Result<Group, String> {
    let group = store.load(id).await.map_err(|problem| problem.to_string())?;
    Ok(group.filter(|group| !group.deleted).ok_or("there is no such group")?)
}

/// Gives this member this role.
pub(super) fn gets(jid: &BareJid, role: Role) -> MemberUpdate {
    MemberUpdate { who: MemberRef::Jid(jid.clone()), nick: None, role: Some(role.as_str().to_owned()) }
}

/// Makes `to` owner instead of `from`, who has another role then; both or none.
///
/// # Errors
/// There are several owners and none is named, or what is named is none.
pub(super) async fn transfer(
    store: &Store,
    id: &GroupId,
    to: &BareJid,
    from: Option<&BareJid>,
    leaves: Role,
) -> Result<Command, String> {
    let group = there(store, id).await?;
    let others = group.members().iter().filter(|member| member.role == Role::Owner && member.jid != *to);
    let owners: Vec<_> = others.map(|owner| &owner.jid).collect();
    let from = match (from, owners.as_slice()) {
        (Some(named), owners) if owners.contains(&named) => named,
        (Some(named), _) => return Err(format!("{named} is no other owner of this group")),
        (None, [only]) => *only,
        (None, []) => return Err(format!("{to} is its only owner already")),
        (None, _) => return Err("there are several owners: say which one hands over".into()),
    };
    Ok(Command::UpdateMembers(vec![gets(to, Role::Owner), gets(from, leaves)]))
}
