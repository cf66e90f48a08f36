//! What is stored of a group is what is in memory.

use groupchat_core::page::From;
use groupchat_core::{
    Change, Command, GroupId, MemberRef, MemberSpec, Nick, Refusal, Removal, Role, StanzaId, Timestamp,
};
use groupchat_store::MemberKey;

use crate::support::*;

#[tokio::test]
async fn a_group_comes_back_as_it_was() {
    let store = store().await;
    let settings = [
        ("name", "下午茶 🫖 \"quoted\" 'n' so"),
        ("description", "à cinq\nheures"),
        ("visibility", "public"),
    ];
    let mut twin = Twin::create(&store, "测试群", &settings, &["测试五@h", "left@h", "banned@h"]).await;
    twin.check().await;
    twin.ask("owner@h", &remove("left@h", false)).await.unwrap();
    twin.ask("owner@h", &remove("banned@h", true)).await.unwrap();
    twin.ask("owner@h", &remove("stranger@h", true)).await.unwrap();
    let restricted = properties(&[("post", "admins"), ("invite", "members"), ("configure", "members")]);
    twin.ask("owner@h", &Command::Update(restricted)).await.unwrap();
    twin.check().await;
    let loaded = twin.loaded().await;
    assert!(loaded.is_banned(&bare("banned@h")) && loaded.is_banned(&bare("stranger@h")));
    assert_eq!(loaded.mid_owner(&mid("left")), Some(&bare("left@h")), "a member id stays with who had it");
    assert_eq!(store.load(&gid("never")).await.unwrap(), None);
    let summary = store.summary(&twin.group.id, &bare("owner@h")).await.unwrap().unwrap();
    assert_eq!((summary.role, summary.created, summary.members), (Some(Role::Owner), Timestamp(5), 2));
    assert_eq!(summary.settings, twin.group.settings);
}

#[tokio::test]
async fn who_comes_back_stands_at_the_end_under_the_old_or_another_member_id() {
    let store = store().await;
    let mut twin = Twin::create(&store, "tea", &[], &["a@h", "b@h"]).await;
    twin.change(Change::Read { jid: bare("a@h"), upto: StanzaId(9), seen: 0 }).await.unwrap();
    for member in ["a@h", "b@h"] {
        twin.ask("owner@h", &remove(member, false)).await.unwrap();
    }
    let other = MemberSpec { mid: Some("b2".into()), ..spec("b@h") };
    twin.ask("owner@h", &add(&[other, spec("a@h")])).await.unwrap();
    twin.check().await;
    let loaded = twin.loaded().await;
    let mids: Vec<_> = loaded.members().iter().map(|member| member.mid.as_str()).collect();
    assert_eq!(mids, ["owner", "b2", "a"]);
    assert_eq!(loaded.member(&bare("a@h")).unwrap().read, StanzaId(0), "he starts anew");
    assert_eq!(loaded.mid_owner(&mid("b")), Some(&bare("b@h")), "the former member id is still his");
    twin.ask("owner@h", &remove("b@h", false)).await.unwrap();
    twin.ask("owner@h", &add(&[spec("b@h")])).await.unwrap();
    twin.check().await;
}

#[tokio::test]
async fn a_member_id_never_goes_to_somebody_else() {
    let store = store().await;
    let mut twin = Twin::create(&store, "tea", &[], &["a@h"]).await;
    let mut thief = twin.group.member(&bare("a@h")).unwrap().clone();
    thief.jid = bare("thief@h");
    twin.ask("owner@h", &remove("a@h", false)).await.unwrap();
    let change = Change::MembersAdded { members: vec![thief], unbanned: vec![] };
    twin.change(change).await.unwrap_err();
    twin.check().await;
}

#[tokio::test]
async fn a_deleted_group_stays_taken() {
    let store = store().await;
    let mut twin = Twin::create(&store, "tea", &[("visibility", "public")], &["a@h"]).await;
    twin.ask("owner@h", &Command::Delete(groupchat_core::Farewell::default())).await.unwrap();
    twin.check().await;
    let id = twin.group.id.clone();
    assert_eq!(store.summary(&id, &bare("owner@h")).await.unwrap(), None);
    assert_eq!(store.groups_named("tea", &bare("owner@h"), 9).await.unwrap(), []);
    assert_eq!(store.groups_of(&bare("a@h"), &page(From::Start, 9)).await.unwrap().total, 0);
    assert_eq!(store.public_groups(&page(From::Start, 9)).await.unwrap().total, 0);
    assert_eq!(store.members(&id, &page(From::Start, 9)).await.unwrap().total, 0);
    assert_eq!(store.member(&id, &MemberKey::Jid(bare("a@h"))).await.unwrap(), None);
    assert!(matches!(
        twin.ask("owner@h", &Command::Delete(groupchat_core::Farewell::default())).await,
        Err(Refusal::NoSuchGroup)
    ));
    let mut last = Twin::create(&store, "coffee", &[], &[]).await;
    last.ask("owner@h", &Command::RemoveMembers(Removal::default())).await.unwrap();
    assert!(last.group.deleted, "the last one out deletes it");
    last.check().await;
}

#[tokio::test]
async fn a_member_is_found_by_each_key_while_he_is_in() {
    let store = store().await;
    let mut twin = Twin::create(&store, "tea", &[], &[]).await;
    let named = MemberSpec { nick: Some("Rose  Tyler".into()), mid: Some("R".into()), ..spec("a@h") };
    twin.ask("owner@h", &add(&[named])).await.unwrap();
    let keys = [
        MemberKey::Jid(bare("A@h")),
        MemberKey::Mid(mid("R")),
        MemberKey::Nick(Nick::from_stored("ROSE tyler")),
    ];
    for key in &keys {
        let found = store.member(&twin.group.id, key).await.unwrap();
        assert_eq!(found.as_ref(), twin.group.member(&bare("a@h")), "{key:?}");
    }
    assert_eq!(store.member(&twin.group.id, &MemberKey::Mid(mid("r"))).await.unwrap(), None, "case matters");
    twin.ask("owner@h", &remove("a@h", false)).await.unwrap();
    for key in &keys {
        assert_eq!(store.member(&twin.group.id, key).await.unwrap(), None, "{key:?}");
    }
}

#[tokio::test]
async fn ten_thousand_members_are_added_and_listed() {
    let store = store().await;
    let mut twin = Twin::create(&store, "tea", &[], &["a@h"]).await;
    twin.ask("owner@h", &remove("a@h", false)).await.unwrap();
    let many: Vec<_> = (0..9_998).map(|n| spec(&format!("user{n}@h"))).chain([spec("a@h")]).collect();
    for thousand in many.chunks(1_000) {
        twin.ask("owner@h", &add(thousand)).await.unwrap();
    }
    twin.check().await;
    let (mut listed, mut from) = (Vec::new(), From::Start);
    loop {
        let found = store.members(&twin.group.id, &page(from, 1_000)).await.unwrap();
        assert_eq!((found.first_index, found.total), (listed.len(), 10_000));
        listed.extend(found.items);
        if listed.len() == found.total {
            break;
        }
        from = From::After(listed.last().unwrap().mid.to_string());
    }
    assert_eq!(listed, twin.group.members());
    let everybody: Vec<_> = listed.iter().skip(1).map(|member| MemberRef::Jid(member.jid.clone())).collect();
    for thousand in everybody.chunks(1_000) {
        let ban = Command::RemoveMembers(Removal { who: thousand.to_vec(), ban: true, ..Removal::default() });
        twin.ask("owner@h", &ban).await.unwrap();
    }
    twin.check().await;
}

#[tokio::test]
async fn a_name_is_looked_for_among_public_groups_and_ones_own() {
    let store = store().await;
    for (id, visibility, members) in [
        ("c", "private", &["me@h"][..]),
        ("a", "public", &[]),
        ("b", "private", &[]),
        ("d", "public", &["me@h"]),
    ] {
        Twin::create(&store, id, &[("name", "Tea"), ("visibility", visibility)], members).await;
    }
    let found = store.groups_named("Tea", &bare("me@h"), 9).await.unwrap();
    let found: Vec<_> = found.iter().map(|group| (group.id.as_str(), group.role)).collect();
    let member = Some(Role::Member);
    assert_eq!(found, [("a", None), ("c", member), ("d", member)]);
    assert_eq!(store.groups_named("Tea", &bare("me@h"), 1).await.unwrap().len(), 1);
    assert_eq!(store.groups_named("tea", &bare("me@h"), 9).await.unwrap(), [], "exactly this name");
    assert!(store.load(&GroupId::from_stored("c")).await.unwrap().is_some());
}
