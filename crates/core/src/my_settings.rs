//! A member says what reaches his own devices. Nobody else hears of it.

use crate::{BareJid, Change, Decision, Group, Notice, Receive, Refusal, Timestamp};

/// Changes the member's own settings: all that are named, or none. Values are texts; `mute_until` is the number of
/// milliseconds since 1970 here (the dialect reads dates), empty for not muted.
pub(crate) fn change(
    group: &Group,
    actor: &BareJid,
    properties: &[(String, String)],
) -> Result<Decision, Refusal> {
    let member = group.actor(actor)?;
    if properties.is_empty() {
        return Err(Refusal::Malformed("name at least one property: receive or mute_until".into()));
    }
    let (mut receive, mut mute_until) = (member.receive, member.mute_until);
    for (name, value) in properties {
        let refused = || Refusal::Property { name: name.clone(), value: value.clone() };
        match name.as_str() {
            "receive" => receive = Receive::parse(value).ok_or_else(refused)?,
            "mute_until" if value.is_empty() => mute_until = None,
            "mute_until" => mute_until = Some(Timestamp(value.parse().map_err(|_| refused())?)),
            _ => return Err(Refusal::UnknownProperty(name.clone())),
        }
    }
    let change = Change::MemberSettings { jid: member.jid.clone(), receive, mute_until };
    Ok(Decision { changes: vec![change], notices: vec![Notice::MySettings { receive, mute_until }] })
}
