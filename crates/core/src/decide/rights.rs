//! The table of rights, cell by cell: every role, every operation, every setting that it depends on. The table stands
//! here once, as the protocol has it; what is tried is generated from it.

use super::*;
use crate::{
    Addition, By, Farewell, GroupId, Join, MemberRef, MemberSpec, MemberUpdate, MentionsAsked, Nick, People,
    Person, Receive, Removal, Role, Storage, Visibility,
};

/// Who tries: a role, or (`None`) somebody who is not in.
const ACTORS: [Option<Role>; 4] = [Some(Role::Owner), Some(Role::Admin), Some(Role::Member), None];

/// What a cell of the table says.
#[derive(Debug, Clone, Copy)]
enum May {
    Yes,
    No,
    /// If this setting of the group permits members.
    If(fn(&Settings) -> By),
}

/// One row of the table: what it is, how it is asked for, and who may: owner, admin, member, not a member.
struct Row {
    what: &'static str,
    ask: fn() -> Command,
    may: [May; 4],
}

fn account(role: Option<Role>) -> BareJid {
    BareJid::parse(&format!("{}@h", role.map_or("stranger", Role::as_str))).unwrap()
}

fn other(role: Role) -> MemberRef {
    MemberRef::Jid(BareJid::parse(&format!("other-{}@h", role.as_str())).unwrap())
}

fn add(role: &str) -> Command {
    let spec = MemberSpec { jid: "new@h".into(), role: Some(role.into()), ..MemberSpec::default() };
    Command::AddMembers(Addition { members: vec![spec], people: People::new(), reason: None })
}

fn remove(role: Role, ban: bool) -> Command {
    Command::RemoveMembers(Removal { who: vec![other(role)], ban, ..Removal::default() })
}

fn update(role: Role, nick: Option<&str>, new: Option<&str>) -> Command {
    let (nick, role_text) = (nick.map(str::to_owned), new.map(str::to_owned));
    Command::UpdateMembers(vec![MemberUpdate { who: other(role), nick, role: role_text }])
}

fn property(name: &str, value: &str) -> Command {
    Command::Update(vec![(name.into(), value.into())])
}

fn say(all: bool) -> Command {
    Command::Post(Post {
        client_id: None,
        body: Some("x".into()),
        payload: "<body>x</body>".into(),
        storage: Storage::Stored,
        mentions: MentionsAsked { all, members: Vec::new() },
        corrects: None,
    })
}

fn moderate() -> Command {
    let found =
        crate::Found { id: StanzaId(1), mid: Mid::from_stored("other-member"), named: "1".into(), seen: 1 };
    Command::Retract(crate::Retraction { id: "1".into(), found: Some(found), reason: None, post: None })
}

fn table() -> Vec<Row> {
    use May::{If, No, Yes};
    let row = |what, ask, may| Row { what, ask, may };
    vec![
        row("post", || say(false), [Yes, Yes, If(|s| s.post), No]),
        row(
            "mention everybody",
            || say(true),
            [Yes, Yes, If(|s| if s.post == By::Members { s.mention_all } else { s.post }), No],
        ),
        row(
            "change the subject",
            || Command::Subject { client_id: None, subject: "s".into() },
            [Yes, Yes, If(|s| s.configure), No],
        ),
        row("add a member", || add("member"), [Yes, Yes, If(|s| s.invite), No]),
        row("add an admin", || add("admin"), [Yes, No, No, No]),
        row("add an owner", || add("owner"), [Yes, No, No, No]),
        row("rename", || property("name", "New"), [Yes, Yes, If(|s| s.configure), No]),
        row("change a setting", || property("retention_days", "7"), [Yes, Yes, If(|s| s.configure), No]),
        row("take the picture away", || Command::Avatar(None), [Yes, Yes, If(|s| s.configure), No]),
        row("remove a member", || remove(Role::Member, false), [Yes, Yes, No, No]),
        row("remove an admin", || remove(Role::Admin, false), [Yes, No, No, No]),
        row("remove an owner", || remove(Role::Owner, false), [Yes, No, No, No]),
        row("ban a member", || remove(Role::Member, true), [Yes, Yes, No, No]),
        row("ban an admin", || remove(Role::Admin, true), [Yes, No, No, No]),
        row("ban an owner", || remove(Role::Owner, true), [Yes, No, No, No]),
        row("change a member's nick", || update(Role::Member, Some("N"), None), [Yes, Yes, No, No]),
        row("change an admin's nick", || update(Role::Admin, Some("N"), None), [Yes, No, No, No]),
        row("change an owner's nick", || update(Role::Owner, Some("N"), None), [Yes, No, No, No]),
        row("make an admin", || update(Role::Member, None, Some("admin")), [Yes, No, No, No]),
        row("hand over", || update(Role::Member, None, Some("owner")), [Yes, No, No, No]),
        row("demote an admin", || update(Role::Admin, None, Some("member")), [Yes, No, No, No]),
        row("take back a message of others", moderate, [Yes, Yes, No, No]),
        row("delete the group", || Command::Delete(Farewell::default()), [Yes, No, No, No]),
        row("leave", || Command::RemoveMembers(Removal::default()), [Yes, Yes, Yes, No]),
        row(
            "set what reaches me",
            || Command::MySettings(vec![("receive".into(), "none".into())]),
            [Yes, Yes, Yes, No],
        ),
    ]
}

/// A group with everybody of the table, one more of each role, and these settings.
fn group(settings: Settings) -> Group {
    let member = |name: &str, role| Member {
        jid: BareJid::parse(&format!("{name}@h")).unwrap(),
        mid: Mid::from_stored(name),
        nick: Nick::from_stored(name),
        role,
        joined: Timestamp(0),
        read: StanzaId::default(),
        seen: 0,
        receive: Receive::All,
        mute_until: None,
    };
    let roles = [Role::Owner, Role::Admin, Role::Member];
    let members = roles
        .into_iter()
        .flat_map(|role| [member(role.as_str(), role), member(&format!("other-{}", role.as_str()), role)]);
    Group::new(GroupId::parse("tea").unwrap(), settings, members.collect())
}

fn all_settings() -> Vec<Settings> {
    let mut all = vec![Settings::default()];
    let choices: [fn(&mut Settings, bool); 6] = [
        |s, yes| s.post = if yes { By::Members } else { By::Admins },
        |s, yes| s.invite = if yes { By::Members } else { By::Admins },
        |s, yes| s.configure = if yes { By::Members } else { By::Admins },
        |s, yes| s.mention_all = if yes { By::Members } else { By::Admins },
        |s, yes| s.visibility = if yes { Visibility::Public } else { Visibility::Private },
        |s, yes| s.join = if yes { Join::Open } else { Join::Closed },
    ];
    for choose in choices {
        all = all
            .into_iter()
            .flat_map(|settings| {
                [true, false].map(|yes| {
                    let mut settings = settings.clone();
                    choose(&mut settings, yes);
                    settings
                })
            })
            .collect();
    }
    all
}

#[test]
fn every_cell_of_the_table_holds_under_every_setting() {
    let (limits, now) = (Limits::default(), Timestamp(1));
    let mut cells = 0;
    for settings in all_settings() {
        let group = group(settings.clone());
        for Row { what, ask, may } in table() {
            for (actor, may) in ACTORS.into_iter().zip(may) {
                let expected = match may {
                    May::Yes => true,
                    May::No => false,
                    May::If(setting) => setting(&settings).permits(Role::Member),
                };
                let decided = decide(&group, &account(actor), &ask(), &limits, now);
                assert_eq!(
                    decided.is_ok(),
                    expected,
                    "{actor:?} wants to {what} with {settings:?}: {decided:?}"
                );
                if actor.is_none() && settings.visibility == Visibility::Private {
                    assert_eq!(
                        decided,
                        Err(Refusal::NoSuchGroup),
                        "a stranger learns of a private group by: {what}"
                    );
                }
                cells += 1;
            }
        }
    }
    assert_eq!(cells, 64 * 4 * table().len());
}

#[test]
fn who_is_not_in_may_join_where_it_is_open_and_ask_where_it_takes_approval() {
    let join = Command::Join { nick: None, person: Person::default() };
    let outcome = |visibility, join_setting| {
        let group = group(Settings { visibility, join: join_setting, ..Settings::default() });
        let decided = decide(&group, &account(None), &join, &Limits::default(), Timestamp(1));
        decided.map(|decision| matches!(decision.changes.first(), Some(Change::MembersAdded { .. })))
    };
    assert_eq!(outcome(Visibility::Public, Join::Open), Ok(true));
    assert_eq!(outcome(Visibility::Public, Join::Approval), Ok(false));
    assert!(matches!(outcome(Visibility::Public, Join::Closed), Err(Refusal::NotAllowed(_))));
    for join_setting in [Join::Open, Join::Approval, Join::Closed] {
        assert_eq!(outcome(Visibility::Private, join_setting), Err(Refusal::NoSuchGroup));
    }
}

#[test]
fn in_a_frozen_group_members_only_read() {
    let (limits, now) = (Limits::default(), Timestamp(1));
    for settings in all_settings() {
        let (warm, frozen) = (group(settings.clone()), group(Settings { frozen: true, ..settings }));
        for Row { what, ask, .. } in table() {
            for actor in ACTORS {
                let [before, now_frozen] =
                    [&warm, &frozen].map(|group| decide(group, &account(actor), &ask(), &limits, now));
                let expected = match before {
                    Ok(_) if what == "set what reaches me" => Ok(()),
                    Ok(_) => Err(Refusal::Frozen),
                    // Nobody learns more of a group because it is frozen.
                    Err(why) => Err(why),
                };
                assert_eq!(now_frozen.map(drop), expected, "{actor:?} wants to {what}");
                let governed = govern(&frozen, &account(actor), &ask(), &limits, now);
                let as_ever = govern(&warm, &account(actor), &ask(), &limits, now);
                assert_eq!(governed.is_ok(), as_ever.is_ok(), "operators want to {what} for {actor:?}");
            }
        }
    }
}

#[test]
fn operators_alone_freeze_and_thaw() {
    let (limits, now) = (Limits::default(), Timestamp(1));
    let mut group = group(Settings::default());
    let owner = account(Some(Role::Owner));
    let refused = decide(&group, &owner, &Command::Freeze(true), &limits, now);
    assert!(matches!(refused, Err(Refusal::NotAllowed(_))));
    for (frozen, changes) in [(false, 0), (true, 1), (true, 0), (false, 1)] {
        let decision = govern(&group, &owner, &Command::Freeze(frozen), &limits, now).unwrap();
        assert_eq!((decision.changes.len(), decision.notices.len()), (changes, changes));
        decision.changes.iter().for_each(|change| group.apply(change));
        assert_eq!(group.settings.frozen, frozen);
    }
    assert!(decide(&group, &owner, &property("frozen", "on"), &limits, now).is_err());
}

#[test]
fn an_invitation_is_worth_what_its_maker_may_still() {
    let (limits, now) = (Limits::default(), Timestamp(1));
    let shy = BareJid::parse("new@h").unwrap();
    let person = Person { groups: 0, addable: crate::Addable::Nobody };
    let outcome = |role: &str, then: &[Command]| {
        let mut group = group(Settings::default());
        let spec = MemberSpec { jid: shy.to_string(), role: Some(role.into()), ..MemberSpec::default() };
        let addition =
            Addition { members: vec![spec], people: People::from([(shy.clone(), person)]), reason: None };
        let inviter = account(Some(if role == "member" { Role::Admin } else { Role::Owner }));
        let apply = |group: &mut Group, actor: &BareJid, command: &Command| {
            let decision = decide(group, actor, command, &limits, now).unwrap();
            decision.changes.iter().for_each(|change| group.apply(change));
        };
        apply(&mut group, &inviter, &Command::AddMembers(addition));
        assert!(group.member(&shy).is_none() && group.pending_of(&shy).is_some());
        for command in then {
            apply(&mut group, &BareJid::parse("other-owner@h").unwrap(), command);
        }
        let join = Command::Join { nick: None, person };
        decide(&group, &shy, &join, &limits, now).is_ok()
    };
    let demote = |who: &str, role: &str| {
        let who = MemberRef::Jid(BareJid::parse(who).unwrap());
        Command::UpdateMembers(vec![MemberUpdate { who, nick: None, role: Some(role.into()) }])
    };
    let removed = |who: &str| {
        let who = vec![MemberRef::Jid(BareJid::parse(who).unwrap())];
        Command::RemoveMembers(Removal { who, ban: false, ..Removal::default() })
    };
    assert!(outcome("member", &[]) && outcome("owner", &[]));
    assert!(!outcome("owner", &[demote("owner@h", "admin")]), "only an owner makes owners");
    assert!(!outcome("member", &[demote("admin@h", "member")]), "members may not invite here");
    assert!(!outcome("member", &[removed("admin@h")]));
}
