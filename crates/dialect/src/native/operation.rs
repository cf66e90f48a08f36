//! Operations on groups, in a presence or in an iq: one reading for both.

use groupchat_core::{
    Addable, Addition, BareJid, Command, Farewell, GroupId, MemberRef, MemberSpec, MemberUpdate, Mid,
    NewGroup, Person, Refusal, Removal,
};
use groupchat_payloads::{Item, Operation, ns};
use minidom::Element;

use crate::date;
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
            Command::Create(NewGroup { properties, members: specs(members)?, ..NewGroup::default() })
        }
        Operation::UpdateGroup { properties } => Command::Update(properties),
        Operation::DeleteGroup => Command::Delete(Farewell::default()),
        Operation::AddMember { items } => {
            Command::AddMembers(Addition { members: specs(items)?, ..Addition::default() })
        }
        Operation::RemoveMember { items, ban } => {
            let who = items.into_iter().map(member).collect::<Result<Vec<_>, _>>()?;
            Command::RemoveMembers(Removal { who, ban, ..Removal::default() })
        }
        Operation::UpdateMember { items } => {
            Command::UpdateMembers(items.into_iter().map(update).collect::<Result<_, _>>()?)
        }
        Operation::Join { nick } => Command::Join { nick, person: Person::default() },
        Operation::MySettings { properties } => {
            Command::MySettings(properties.into_iter().map(my_setting).collect::<Result<_, _>>()?)
        }
    })
}

/// Who may add the asker to groups, as he says to the service.
pub(crate) fn consent(payload: &Element) -> Result<Addable, Refusal> {
    let read = Operation::read(ns::MYSETTINGS, payload, payload.children());
    let properties = match read.map_err(|invalid| Refusal::Malformed(invalid.0))? {
        Some(Operation::MySettings { properties }) => properties,
        _ => Vec::new(),
    };
    match properties.as_slice() {
        [(name, value)] if name == "addable" => Addable::parse(value)
            .ok_or_else(|| Refusal::Property { name: name.clone(), value: value.clone() }),
        [(name, _), ..] => Err(Refusal::UnknownProperty(name.clone())),
        [] => Err(Refusal::Malformed("name the property addable: everyone, domain or nobody".into())),
    }
}

fn update(item: Item) -> Result<MemberUpdate, Refusal> {
    let (nick, role) = (item.nick.clone(), item.role.clone());
    if nick.is_none() && role.is_none() {
        return Err(Refusal::Malformed("an <item/> says neither nick nor role".into()));
    }
    Ok(MemberUpdate { who: member(item)?, nick, role })
}

/// The rules know no dates: a time becomes its milliseconds.
fn my_setting((name, value): (String, String)) -> Result<(String, String), Refusal> {
    if name != "mute_until" || value.is_empty() {
        return Ok((name, value));
    }
    match date::read(&value) {
        Some(until) => Ok((name, until.0.to_string())),
        None => Err(Refusal::Property { name, value }),
    }
}

fn spec(item: Item, domain: &BareJid) -> Result<MemberSpec, Refusal> {
    let jid = item.jid.ok_or_else(|| Refusal::Malformed("an <item/> has no jid".into()))?;
    // A group in a group would send its messages round for ever.
    if BareJid::parse(&jid).is_ok_and(|jid| jid.domain() == domain.as_str()) {
        return Err(Refusal::OwnAddress(jid));
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
