//! Operations on groups, in a presence or in an iq: one reading for both.

use groupchat_core::{BareJid, Command, GroupId, MemberRef, MemberSpec, Mid, NewGroup, Refusal, Removal};
use groupchat_payloads::{Item, Operation, ns};
use minidom::Element;

use crate::decode::To;

/// Is this a namespace of ours?
pub(crate) fn is_operation(namespace: &str) -> bool {
    namespace.strip_prefix(ns::GROUPCHAT).is_some_and(|rest| rest.starts_with('#'))
}

/// The command that an operation asks for, and its group.
pub(crate) fn decode<'a>(
    namespace: &str,
    head: &Element,
    children: impl Iterator<Item = &'a Element>,
    to: &To,
    domain: &BareJid,
) -> Result<(Option<GroupId>, Command), Refusal> {
    let operation =
        Operation::read(namespace, head, children).map_err(|invalid| Refusal::Malformed(invalid.0))?;
    let operation = operation.ok_or(Refusal::Unknown)?;
    if to.group.is_none() && !matches!(operation, Operation::CreateGroup { .. }) {
        return Err(Refusal::Malformed("send this to the address of the group".into()));
    }
    Ok((to.group.clone(), command(operation, domain)?))
}

fn command(operation: Operation, domain: &BareJid) -> Result<Command, Refusal> {
    let specs =
        |items: Vec<Item>| items.into_iter().map(|item| spec(item, domain)).collect::<Result<Vec<_>, _>>();
    Ok(match operation {
        Operation::CreateGroup { properties, members } => {
            Command::Create(NewGroup { properties, members: specs(members)? })
        }
        Operation::UpdateGroup { properties } => Command::Update(properties),
        Operation::DeleteGroup => Command::Delete,
        Operation::AddMember { items } => Command::AddMembers(specs(items)?),
        Operation::RemoveMember { items, ban } => {
            let who = items.into_iter().map(member).collect::<Result<Vec<_>, _>>()?;
            Command::RemoveMembers(Removal { who, ban })
        }
    })
}

fn spec(item: Item, domain: &BareJid) -> Result<MemberSpec, Refusal> {
    let jid = item.jid.ok_or_else(|| Refusal::Malformed("an <item/> has no jid".into()))?;
    // A group in a group would send its messages round for ever.
    if BareJid::parse(&jid).is_ok_and(|jid| jid.domain() == domain.as_str()) {
        return Err(Refusal::Address(format!(
            "`{jid}` is an address of this service and cannot be a member"
        )));
    }
    Ok(MemberSpec { jid, mid: item.mid, nick: item.nick, role: item.role })
}

fn member(item: Item) -> Result<MemberRef, Refusal> {
    match (item.jid, item.mid) {
        (Some(jid), _) => {
            let jid = BareJid::parse(&jid).map_err(|invalid| Refusal::Address(invalid.to_string()))?;
            Ok(MemberRef::Jid(jid))
        }
        (None, Some(mid)) => Ok(MemberRef::Mid(Mid::from_stored(&mid))),
        (None, None) => Err(Refusal::Malformed("an <item/> has neither jid nor mid".into())),
    }
}
