//! Lines that are not taken over: what is wrong with each, and that nothing is kept then.

use groupchat_store::portable::{Moment, Record};

use crate::portable::*;
use crate::support::*;

#[tokio::test]
async fn a_group_with_a_false_picture_or_hold_is_refused_and_a_foreign_preview_is_not_shown() {
    let store = store().await;
    let twin = lively(&store, "tea").await;
    let good = exported(&store, &twin.group.id).await;
    let (_place, other) = another().await;
    let group = |change: &dyn Fn(&mut groupchat_store::portable::GroupRecord)| {
        let mut all = good.clone();
        if let Record::Group(group) = &mut all[0] {
            change(group);
        }
        all
    };
    let held = groupchat_store::portable::HeldRecord { since: Moment(1), why: "x".into() };
    let mut original = group(&|_| {});
    for record in &mut original {
        if let Record::Message(message) = record
            && let Some(retracted) = &mut message.retracted
        {
            let (body, payload) = (None, "<body>x</body>".into());
            retracted.original = Some(groupchat_store::portable::OriginalRecord { body, payload });
        }
    }
    for (wanted, all) in [
        ("no picture", group(&|group| group.avatar.as_mut().unwrap().media_type = "text/html".into())),
        ("SHA-1", group(&|group| group.avatar.as_mut().unwrap().data = "AAED".into())),
        ("base64", group(&|group| group.avatar.as_mut().unwrap().data = "=".into())),
        ("more than 180000", group(&|group| group.avatar.as_mut().unwrap().data = "AAEC".repeat(60_001))),
        ("more than 10000", group(&|group| group.settings.description = "x".repeat(10_001))),
        (
            "cannot be held",
            group(&|group| (group.locked, group.held) = (Some(Moment(1)), Some(held.clone()))),
        ),
        ("held alone", original),
    ] {
        let refused = import(&other, &all, true).await.unwrap_err().to_string();
        assert!(refused.contains(wanted), "{wanted}: {refused}");
    }
    let preview = group(&|group| group.preview = Some(groupchat_store::portable::Id(7)));
    import(&other, &preview, true).await.unwrap();
    assert_eq!(lines(&exported(&other, &twin.group.id).await), lines(&good));
}

#[tokio::test]
async fn what_is_wrong_is_refused_and_nothing_is_kept() {
    let store = store().await;
    let twin = lively(&store, "tea").await;
    let good = exported(&store, &twin.group.id).await;
    let (_place, other) = another().await;
    let of = |kind: &str| {
        let is = |record: &Record| serde_json::to_value(record).unwrap()["type"] == kind;
        good.iter().position(is).unwrap()
    };
    type Spoil<'a> = Box<dyn Fn(&mut Vec<Record>) + 'a>;
    let spoiled: Vec<(&str, Spoil<'_>)> = vec![
        (
            "is written",
            Box::new(|all| {
                if let Record::Group(group) = &mut all[0] {
                    group.id = "TEA".into();
                }
            }),
        ),
        (
            "`join` cannot be",
            Box::new(|all| {
                if let Record::Group(group) = &mut all[0] {
                    group.settings.join = "maybe".into();
                }
            }),
        ),
        (
            "nobody is its owner",
            Box::new(|all| {
                all.retain(|record| !matches!(record, Record::Member(member) if member.role == "owner"));
            }),
        ),
        (
            "twice",
            Box::new(|all| {
                let again = all[of("member")].clone();
                all.insert(of("member"), again);
            }),
        ),
        (
            "is written `bob@h`",
            Box::new(|all| {
                if let Record::Member(member) = &mut all[of("member") + 1] {
                    member.jid = "BOB@h".into();
                }
            }),
        ),
        (
            "not behind",
            Box::new(|all| {
                let again = all[of("message")].clone();
                all.push(again);
            }),
        ),
        (
            "later than now",
            Box::new(|all| {
                if let Record::Message(message) = &mut all[of("message") + 1] {
                    message.id.0 = 100_000_000_000_000;
                }
            }),
        ),
        (
            "a character",
            Box::new(|all| {
                if let Record::Message(message) = &mut all[of("message")] {
                    message.body = Some("\u{1}".into());
                }
            }),
        ),
        (
            "a line is of `wine`",
            Box::new(|all| {
                if let Record::Message(message) = &mut all[of("message")] {
                    message.group = "wine".into();
                }
            }),
        ),
        (
            "not in their order",
            Box::new(|all| {
                let first = all.remove(of("member"));
                all.push(first);
            }),
        ),
        (
            "not of a group",
            Box::new(|all| all.push(Record::End(groupchat_store::portable::End { records: 1 }))),
        ),
        (
            "does not read as it came",
            Box::new(|all| {
                if let Record::Message(message) = &mut all[of("message") + 1] {
                    message.mentions_all = true;
                    message.mentions = vec![String::new()];
                }
            }),
        ),
    ];
    for (why, spoil) in spoiled {
        let mut all = good.clone();
        spoil(&mut all);
        let refused = import(&other, &all, true).await.map(|done| format!("{done:?}"));
        let said = refused.unwrap_or_else(|refused| refused.to_string());
        assert!(said.contains(why), "{why}: {said}");
        assert!(other.load(&gid("tea")).await.unwrap().is_none(), "{why}");
    }
    import(&other, &good, true).await.unwrap();
    let mut other_name = good.clone();
    for record in &mut other_name {
        match record {
            Record::Group(group) => group.id = "wine".into(),
            Record::Member(member) => member.group = "wine".into(),
            Record::Ban(ban) => ban.group = "wine".into(),
            Record::Message(message) => message.group = "wine".into(),
            _ => {}
        }
    }
    let refused = import(&other, &other_name, true).await.unwrap_err().to_string();
    assert!(refused.contains("a message of another group has the id"), "{refused}");
}
