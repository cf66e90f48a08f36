//! Who is what in a room: lists, and changes of them. XEP-0045 §8, §9, §10.

use std::sync::Arc;

use groupchat_core::page::{ALL, Paged};
use groupchat_core::{
    Affiliation, Affiliations, BareJid, Command, Limits, Member, MemberRef, Nick, People, Refusal, Role,
    RoleWish, RoomRole, Settings, Standing,
};
use minidom::Element;

use super::room_role;
use crate::{Paging, Query, paging};

/// Lists and changes of affiliations and roles.
pub(crate) const MUC_ADMIN: &str = "http://jabber.org/protocol/muc#admin";

/// A list that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminList {
    /// The members in this role.
    Affiliated(Role),
    /// Who is kept out.
    Outcasts,
    /// The occupants who may do this.
    InRole(RoomRole),
}

/// The list that a query asks for: a page of it, or all of it at once, as XEP-0045 has it.
pub(crate) fn query(payload: &Element, limits: &Limits) -> Result<Query, Refusal> {
    let mut paging = paging::read(payload, limits).map_err(|why| Refusal::Malformed(why.into()))?;
    if !paging.asked {
        paging.page = ALL;
    }
    let item = payload.get_child("item", MUC_ADMIN);
    let wanted = item.and_then(|item| match (item.attr("affiliation"), item.attr("role")) {
        (Some("outcast"), _) => Some(AdminList::Outcasts),
        (Some(name), _) => Role::parse(name).map(AdminList::Affiliated),
        (None, Some(name)) => RoomRole::parse(name).map(AdminList::InRole),
        (None, None) => None,
    });
    let missing = "name a list: <item affiliation='owner|admin|member|outcast'/> or <item role='…'/>";
    wanted.map(|list| Query::AdminList(list, paging)).ok_or_else(|| Refusal::Malformed(missing.into()))
}

/// The command that a request is: all of its items are about affiliations, or all about roles.
pub(crate) fn command(payload: &Element, domain: &BareJid) -> Result<Command, Refusal> {
    let items: Vec<&Element> = payload.children().filter(|child| child.is("item", MUC_ADMIN)).collect();
    if items.iter().any(|item| item.attr("affiliation").is_some()) {
        let wishes = items.into_iter().map(|item| affiliation(item, domain)).collect::<Result<_, _>>()?;
        return Ok(Command::Affiliate(Affiliations { wishes, people: People::new() }));
    }
    items.into_iter().map(role).collect::<Result<_, _>>().map(Command::Roles)
}

fn affiliation(item: &Element, domain: &BareJid) -> Result<Affiliation, Refusal> {
    let name = item.attr("affiliation").unwrap_or_default();
    let standing = match name {
        "none" => Standing::None,
        "outcast" => Standing::Outcast,
        name => Role::parse(name)
            .map(Standing::In)
            .ok_or_else(|| Refusal::Malformed(format!("there is no affiliation `{name}`")))?,
    };
    let nick = item.attr("nick").filter(|nick| !nick.is_empty());
    let (who, nick) = match (item.attr("jid"), nick) {
        (Some(jid), nick) => (MemberRef::Jid(account(jid, domain)?), nick.map(str::to_owned)),
        (None, Some(nick)) => (MemberRef::Nick(Nick::from_stored(nick)), None),
        (None, None) => return Err(Refusal::Malformed("an <item/> has neither jid nor nick".into())),
    };
    // A nick that goes with a lost affiliation is what he was called.
    let nick = nick.filter(|_| matches!(standing, Standing::In(_)));
    Ok(Affiliation { who, standing, nick, reason: reason(item) })
}

/// An account; a resource is dropped. None of ours: a group in a group would send its messages round for ever.
pub(super) fn account(jid: &str, domain: &BareJid) -> Result<BareJid, Refusal> {
    let account = BareJid::parse(jid).map_err(|invalid| Refusal::Address(invalid.to_string()))?;
    if account.domain() == domain.as_str() {
        return Err(Refusal::OwnAddress(jid.to_owned()));
    }
    Ok(account)
}

fn role(item: &Element) -> Result<RoleWish, Refusal> {
    let missing =
        || Refusal::Malformed("an <item/> needs a nick and a role, or a jid and an affiliation".into());
    let role = item.attr("role").ok_or_else(missing)?;
    let role =
        RoomRole::parse(role).ok_or_else(|| Refusal::Malformed(format!("there is no role `{role}`")))?;
    let nick = item.attr("nick").ok_or_else(missing)?;
    Ok(RoleWish { who: MemberRef::Nick(Nick::from_stored(nick)), role, reason: reason(item) })
}

fn reason(item: &Element) -> Option<Arc<str>> {
    let reason = item.children().find(|child| child.name() == "reason").map(Element::text);
    reason.filter(|text| !text.is_empty()).map(Arc::from)
}

/// Members, by their affiliations; with their roles, and one device each, where they are asked for as occupants.
///
/// # Errors
/// [`Refusal::ListTooLong`]: not asked for by pages, it does not fit into one stanza.
pub fn members(
    settings: &Settings,
    paging: &Paging,
    found: &Paged<(Member, Option<String>)>,
) -> Result<Element, Refusal> {
    list(paging, found, |(member, device)| {
        let role = device.as_ref().map(|_| room_role(member.role, settings));
        let item = item([
            ("affiliation", Some(member.role.as_str())),
            ("jid", Some(device.as_deref().unwrap_or(member.jid.as_str()))),
            ("nick", Some(member.nick.as_str())),
            ("role", role),
        ]);
        (item, member.jid.to_string())
    })
}

/// Who is kept out.
///
/// # Errors
/// As [`members`].
pub fn outcasts(paging: &Paging, found: &Paged<BareJid>) -> Result<Element, Refusal> {
    list(paging, found, |jid| {
        let item = item([("affiliation", Some("outcast")), ("jid", Some(jid.as_str()))]);
        (item, jid.to_string())
    })
}

/// Clients that do not ask by pages take what they get for all of it: they get all, or hear that they cannot.
fn list<T>(
    paging: &Paging,
    found: &Paged<T>,
    write: impl Fn(&T) -> (Element, String),
) -> Result<Element, Refusal> {
    let mut query = Element::bare("query", MUC_ADMIN);
    if paging.asked {
        paging::write(&mut query, paging, found, write);
        return Ok(query);
    }
    paging::append_all(&mut query, found.items.iter().map(|item| write(item).0))?;
    Ok(query)
}

fn item<const N: usize>(attributes: [(&str, Option<&str>); N]) -> Element {
    let mut item = Element::bare("item", MUC_ADMIN);
    for (name, value) in attributes {
        if let Some(value) = value {
            groupchat_payloads::set(&mut item, name, value);
        }
    }
    item
}
