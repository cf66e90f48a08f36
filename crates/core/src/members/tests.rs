//! The membership algebra by properties: whatever is asked by whomever, what must hold holds.

use proptest::prelude::*;

use super::*;
use crate::{Addable, By, Command, GroupId, NewGroup, People, Person, Settings, StoredGroup, create, decide};

fn user(n: u8) -> BareJid {
    BareJid::parse(&format!("user{n}@shakespeare.lit")).unwrap()
}

fn spec(n: u8, role: Option<Role>) -> MemberSpec {
    MemberSpec { jid: user(n).to_string(), role: role.map(|r| r.as_str().into()), ..MemberSpec::default() }
}

fn addition(members: Vec<MemberSpec>) -> Addition {
    // User 7 wants to be asked.
    let shy = Person { groups: 0, addable: Addable::Nobody };
    Addition { members, people: People::from([(user(7), shy)]), reason: None }
}

fn role() -> impl Strategy<Value = Option<Role>> {
    prop_oneof![Just(None), Just(Some(Role::Admin)), Just(Some(Role::Owner))]
}

fn command() -> impl Strategy<Value = Command> {
    let add = prop::collection::vec((0..8u8, role()), 1..4).prop_map(|list| {
        Command::AddMembers(addition(list.into_iter().map(|(n, role)| spec(n, role)).collect()))
    });
    let remove = (prop::collection::vec(0..8u8, 0..3), any::<bool>()).prop_map(|(list, ban)| {
        let who = list.into_iter().map(|n| MemberRef::Jid(user(n))).collect();
        Command::RemoveMembers(Removal { who, ban, ..Removal::default() })
    });
    let settings = (any::<bool>(), any::<bool>()).prop_map(|(members, open)| {
        let invite = if members { "members" } else { "admins" };
        let join = if open { "open" } else { "approval" };
        let properties = [("invite", invite), ("join", join), ("visibility", "public")];
        Command::Update(properties.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec())
    });
    let join = Just(Command::Join { nick: None, person: Person::default() });
    let update = (0..8u8, role(), prop::option::of(0..3u8)).prop_map(|(who, role, nick)| {
        let role = role.map(|role| role.as_str().to_owned());
        let nick = nick.map(|nick| format!("nick{nick}"));
        Command::UpdateMembers(vec![MemberUpdate { who: MemberRef::Jid(user(who)), nick, role }])
    });
    prop_oneof![4 => add, 4 => remove, 1 => settings, 2 => join, 3 => update]
}

fn founded() -> Group {
    let decision = create(
        GroupId::parse("tea").unwrap(),
        &user(0),
        &NewGroup { members: vec![spec(1, Some(Role::Admin)), spec(2, None)], ..NewGroup::default() },
        &Settings::default(),
        &Limits::default(),
        Timestamp(1),
    );
    match decision.unwrap().changes.remove(0) {
        Change::Created(group) => *group,
        other => panic!("{other:?}"),
    }
}

fn check_names(group: &Group) {
    let unique = |mut names: Vec<String>| {
        let count = names.len();
        names.sort();
        names.dedup();
        names.len() == count
    };
    assert!(unique(group.members().iter().map(|m| m.mid.to_string()).collect()));
    assert!(unique(group.members().iter().map(|m| m.nick.key()).collect()));
    assert!(unique(group.members().iter().map(|m| m.jid.to_string()).collect()));
}

proptest! {
    #[test]
    fn whatever_is_asked_the_group_stays_sound(steps in prop::collection::vec((0..8u8, command()), 1..40)) {
        let limits = Limits { members_per_group: 6, ..Limits::default() };
        let mut group = founded();
        let mut mids = HashMap::new();
        for (actor, command) in steps {
            let before = group.clone();
            let Ok(decision) = decide(&group, &user(actor), &command, &limits, Timestamp(2)) else {
                prop_assert_eq!(&group, &before, "what is refused changes nothing");
                continue;
            };
            let asks = matches!(command, Command::Join { .. }) || before.pending_of(&user(actor)).is_some();
            prop_assert!(before.member(&user(actor)).is_some() || asks, "only a member may");
            prop_assert!(!before.deleted);
            decision.changes.iter().for_each(|change| group.apply(change));
            prop_assert!(group.members().len() <= limits.members_per_group);
            let owners = group.members().iter().filter(|m| m.role == Role::Owner).count();
            prop_assert!(group.deleted == group.members().is_empty() && (group.deleted || owners > 0));
            for member in group.members() {
                prop_assert!(!group.is_banned(&member.jid), "nobody is in and kept out");
                prop_assert!(group.pending_of(&member.jid).is_none(), "nobody is in and waits");
                let owner = mids.entry(member.mid.clone()).or_insert_with(|| member.jid.clone());
                prop_assert_eq!(owner, &member.jid, "a member id is never given to anybody else");
            }
            check_names(&group);
            if let Some(Notice::Announce(Event::Removed { who, .. })) = decision.notices.first() {
                let stay = before.members().len() - who.iter().filter(|w| w.member.is_some()).count();
                prop_assert_eq!(group.members().len(), stay, "what is announced is what happened");
            }
        }
    }

    #[test]
    fn a_restored_group_is_the_same(steps in prop::collection::vec((0..4u8, command()), 1..20)) {
        let mut group = founded();
        for (actor, command) in steps {
            if let Ok(decision) = decide(&group, &user(actor), &command, &Limits::default(), Timestamp(2)) {
                decision.changes.iter().for_each(|change| group.apply(change));
            }
        }
        let restored = Group::from(StoredGroup {
            id: group.id.clone(),
            version: group.version,
            settings: group.settings.clone(),
            locked: false,
            deleted: group.deleted,
            countable: group.countable,
            members: group.members().to_vec(),
            former: group.mids.clone().into_iter().collect(),
            banned: group.banned.iter().cloned().collect(),
            pending: group.pending().to_vec(),
        });
        prop_assert_eq!(restored, group);
    }
}

#[test]
fn namesakes_get_numbers_and_quickly() {
    let group = founded();
    let specs: Vec<_> = (0..1_000)
        .map(|n| MemberSpec { jid: format!("rose@host{n}.lit"), ..MemberSpec::default() })
        .collect();
    let members = new_members(&group, &addition(specs), &Limits::default(), Timestamp(1)).unwrap();
    assert_eq!((members[0].mid.as_str(), members[0].nick.as_str()), ("rose", "rose"));
    assert_eq!((members[1].mid.as_str(), members[1].nick.as_str()), ("rose-2", "rose 2"));
    let mut all: Vec<_> = members.iter().map(|m| m.mid.as_str()).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 1_000);
}

#[test]
fn members_may_add_where_the_group_says_so() {
    let mut group = founded();
    let add = |role| Command::AddMembers(addition(vec![spec(5, role)]));
    let ask = |group: &Group, role| decide(group, &user(2), &add(role), &Limits::default(), Timestamp(2));
    assert!(matches!(ask(&group, None), Err(Refusal::NotAllowed(_))));
    group.apply(&Change::Updated(Settings { invite: By::Members, ..group.settings.clone() }));
    assert!(ask(&group, None).is_ok());
    assert!(matches!(ask(&group, Some(Role::Admin)), Err(Refusal::NotAllowed(_))));
}
