//! Somebody goes for good, because an operator erases him: he leaves whatever he is in it, and what he waits for, or invited to, ends.

use crate::{
    BareJid, Change, Decision, Event, Group, Member, Notice, Pending, PendingKind, Refusal, Removed, Role,
};

/// Lets the actor go. The last owner hands over: to the admin who is in longest, else to the member.
pub(crate) fn depart(group: &Group, actor: &BareJid) -> Result<Decision, Refusal> {
    let mut decision = Decision::default();
    let is_his = |pending: &&Pending| {
        pending.jid == *actor || matches!(&pending.kind, PendingKind::Invitation { by } if by == actor)
    };
    let waiting: Vec<BareJid> =
        group.pending().iter().filter(is_his).map(|pending| pending.jid.clone()).collect();
    if !waiting.is_empty() {
        decision.changes.push(Change::Answered(waiting));
    }
    let Some(member) = group.member(actor) else { return Ok(decision) };
    if let Some(heir) = heir(group, actor) {
        let now = Member { role: Role::Owner, ..heir.clone() };
        decision.changes.push(Change::MembersUpdated(vec![now.clone()]));
        let event = Event::MembersUpdated { before: vec![heir.clone()], now: vec![now] };
        decision.notices.push(Notice::Announce(event));
    }
    let deletes = group.members().len() == 1;
    decision.changes.push(Change::MembersRemoved {
        removed: vec![actor.clone()],
        banned: Vec::new(),
        deletes,
    });
    decision.notices.push(Notice::Announce(Event::Removed {
        who: vec![Removed { jid: actor.clone(), member: Some(member.clone()) }],
        banned: false,
        left: true,
        reason: None,
    }));
    Ok(decision)
}

/// Who becomes owner because nobody else is.
fn heir<'a>(group: &'a Group, gone: &BareJid) -> Option<&'a Member> {
    let others = || group.members().iter().filter(|member| member.jid != *gone);
    if others().any(|member| member.role == Role::Owner) {
        return None;
    }
    others().find(|member| member.role == Role::Admin).or_else(|| others().next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Command, GroupId, Limits, MemberSpec, NewGroup, Settings, Timestamp, create, decide};

    fn bare(text: &str) -> BareJid {
        BareJid::parse(text).unwrap()
    }

    fn group(members: &[(&str, &str)]) -> Group {
        let spec = |(jid, role): &(&str, &str)| MemberSpec {
            jid: (*jid).into(),
            role: Some((*role).into()),
            ..MemberSpec::default()
        };
        let new = NewGroup { members: members.iter().map(spec).collect(), ..NewGroup::default() };
        let id = GroupId::parse("tea").unwrap();
        let made = create(id, &bare("a@h"), &new, &Settings::default(), &Limits::default(), Timestamp(1));
        match made.unwrap().changes.remove(0) {
            Change::Created(group) => *group,
            other => panic!("{other:?}"),
        }
    }

    fn without(mut group: Group, who: &str) -> Group {
        let decision =
            decide(&group, &bare(who), &Command::Depart, &Limits::default(), Timestamp(2)).unwrap();
        decision.changes.iter().for_each(|change| group.apply(change));
        group
    }

    fn owners(group: &Group) -> Vec<&str> {
        let owners = group.members().iter().filter(|member| member.role == Role::Owner);
        owners.map(|member| member.jid.as_str()).collect()
    }

    #[test]
    fn the_last_owner_hands_over_to_who_is_in_longest() {
        let admins = group(&[("b@h", "member"), ("c@h", "admin"), ("d@h", "admin")]);
        assert_eq!(owners(&without(admins, "a@h")), ["c@h"]);
        let members = group(&[("b@h", "member"), ("c@h", "member")]);
        assert_eq!(owners(&without(members, "a@h")), ["b@h"]);
        let two = group(&[("b@h", "member"), ("c@h", "owner")]);
        assert_eq!(owners(&without(two.clone(), "a@h")), ["c@h"]);
        assert_eq!(owners(&without(two, "b@h")), ["a@h", "c@h"]);
        assert!(without(group(&[]), "a@h").deleted, "the last one out deletes it");
    }

    #[test]
    fn what_he_waits_for_ends_and_who_is_not_in_stays_out() {
        let mut group = group(&[("b@h", "member")]);
        let pending = |jid: &str, by: &str| Pending {
            jid: bare(jid),
            kind: PendingKind::Invitation { by: bare(by) },
            spec: MemberSpec { jid: jid.into(), ..MemberSpec::default() },
            since: Timestamp(1),
        };
        group.apply(&Change::Waiting(vec![
            pending("x@h", "a@h"),
            pending("y@h", "b@h"),
            pending("b2@h", "b@h"),
        ]));
        let left = without(without(group, "b@h"), "stranger@h");
        assert_eq!(left.pending().iter().map(|pending| pending.jid.as_str()).collect::<Vec<_>>(), ["x@h"]);
        assert_eq!(left.members().len(), 1);
    }
}
