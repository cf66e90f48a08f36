//! Whatever is asked of a group: what is stored is what is in memory, and what is unread can be counted.

use groupchat_core::page::From;
use groupchat_core::reading::ArchiveFilter;
use groupchat_core::{
    Addable, Addition, Archived, BareJid, Change, Command, Group, History, Join, MemberRef, MemberSpec,
    MemberUpdate, MentionsAsked, MessageRef, People, Person, Post, ReadReceipt, Removal, Retraction,
    StanzaId, Storage, Timestamp,
};
use groupchat_store::{ArchiveScope, Store};
use proptest::prelude::*;

use crate::support::*;

fn user() -> impl Strategy<Value = String> {
    (0..5u8).prop_map(|n| format!("user{n}@h"))
}

fn addition() -> impl Strategy<Value = Command> {
    let mid = prop::option::of("m[0-3]");
    let nick = prop::option::of("[nN][0-3]");
    let role = prop::option::of(prop_oneof!["admin", "owner"]);
    let member =
        (user(), mid, nick, role).prop_map(|(jid, mid, nick, role)| MemberSpec { jid, mid, nick, role });
    (prop::collection::vec(member, 1..3), prop::option::of(user())).prop_map(|(members, shy)| {
        let person = Person { groups: 0, addable: Addable::Nobody };
        let people: People = shy.iter().map(|shy| (bare(shy), person)).collect();
        Command::AddMembers(Addition { members, people, reason: None })
    })
}

fn post() -> impl Strategy<Value = Post> {
    let mentioned = prop::collection::vec(user(), 0..3);
    (prop::option::of("c[0-3]"), "[a-z]{0,2}", mentioned, any::<bool>(), 0..5u8).prop_map(
        |(client_id, text, mentioned, all, live)| Post {
            client_id: client_id.map(Into::into),
            storage: if live == 0 { Storage::LiveOnly } else { Storage::Stored },
            mentions: MentionsAsked {
                all,
                members: mentioned.iter().map(|jid| MemberRef::Jid(bare(jid))).collect(),
            },
            ..say(&text)
        },
    )
}

fn retraction() -> impl Strategy<Value = Command> {
    ("c[0-3]", prop::option::of(post()), prop::option::of("why")).prop_map(|(id, post, reason)| {
        let (id, reason) = (id.into(), reason.map(Into::into));
        Command::Retract(Retraction { id, found: None, reason, post })
    })
}

pub(crate) fn command() -> impl Strategy<Value = Command> {
    let removed = (prop::collection::vec(user(), 0..3), any::<bool>()).prop_map(|(who, ban)| {
        Command::RemoveMembers(Removal {
            who: who.iter().map(|who| MemberRef::Jid(bare(who))).collect(),
            ban,
            ..Removal::default()
        })
    });
    let updated = (user(), prop::option::of("[nN][0-3]"), prop::option::of(prop_oneof!["admin", "member"]))
        .prop_map(|(who, nick, role)| {
            Command::UpdateMembers(vec![MemberUpdate { who: MemberRef::Jid(bare(&who)), nick, role }])
        });
    let (by, join) = (prop_oneof!["admins", "members"], prop_oneof!["closed", "open", "approval"]);
    let settings = ("[a-z家🫖]{1,6}", prop_oneof!["public", "private"], by, join).prop_map(
        |(name, visibility, by, join)| {
            Command::Update(properties(&[
                ("name", &name),
                ("visibility", &visibility),
                ("invite", &by),
                ("mention_all", &by),
                ("join", &join),
                ("history", if name.len() > 4 { "since-join" } else { "all" }),
                ("receipts", if name.len() > 3 { "on" } else { "off" }),
                ("retention_days", &name.len().to_string()),
            ]))
        },
    );
    let own = prop_oneof!["all", "mentions", "none"].prop_map(|receive| {
        let until = receive.len().to_string();
        Command::MySettings(properties(&[("receive", &receive), ("mute_until", &until)]))
    });
    let read = prop::option::of("c[0-3]").prop_map(|id| {
        let message = id.map_or(MessageRef::Newest, |id| MessageRef::Id(id.into()));
        Command::Read(ReadReceipt { client_id: None, message, found: None, displayed: true })
    });
    let joined =
        prop::option::of("[nN][0-3]").prop_map(|nick| Command::Join { nick, person: Person::default() });
    prop_oneof![
        200 => addition(),
        150 => removed,
        80 => updated,
        60 => settings,
        60 => own,
        100 => joined,
        300 => post().prop_map(Command::Post),
        200 => read,
        60 => retraction(),
        10 => Just(Command::Subject { client_id: None, subject: "下午茶".into() }),
        3 => Just(Command::Delete(groupchat_core::Farewell::default())),
    ]
}

/// What was said, and since when who is in: what unread is counted from.
struct Log {
    rows: Vec<Archived>,
    /// How many rows there were when a member came.
    came: Vec<(BareJid, usize)>,
}

impl Log {
    fn update(&mut self, old: &Group, twin: &Twin) {
        self.came.retain(|(jid, _)| twin.group.member(jid).is_some());
        for member in twin.group.members().iter().filter(|member| old.member(&member.jid).is_none()) {
            self.came.retain(|(jid, _)| *jid != member.jid);
            self.came.push((member.jid.clone(), self.rows.len()));
        }
        for mut row in twin.rows[self.rows.len()..].iter().cloned() {
            // Who is mentioned with everybody is not told apart.
            row.mentions.members.retain(|_| !row.mentions.all);
            self.rows.push(row);
        }
    }

    /// The messages that a member has not read, and how many of them mention him.
    fn unread(&self, group: &Group, jid: &BareJid) -> (i64, i64) {
        let member = group.member(jid).unwrap();
        let came = self.came.iter().find(|(came, _)| came == jid).unwrap().1;
        let news = self.rows[came..].iter().filter(|row| row.id > member.read && row.mid != member.mid);
        let count = |rows: Vec<&Archived>| rows.len() as i64;
        (
            count(news.clone().filter(|row| row.countable).collect()),
            count(news.filter(|row| row.mentions.include(&member.mid)).collect()),
        )
    }

    fn shown(&self, group: &Group, jid: &BareJid) -> Vec<&Archived> {
        let member = group.member(jid).unwrap();
        let shown = self.rows.iter();
        shown.filter(|row| group.settings.history == History::All || row.at >= member.joined).collect()
    }
}

async fn check(store: &Store, group: &Group, log: &Log) {
    for member in group.members() {
        let inbox = store.inbox(&member.jid, &page(From::Start, 9), Timestamp(0)).await.unwrap();
        let row = &inbox.page.items[0];
        let expected = log.unread(group, &member.jid);
        assert_eq!((row.unread, row.mentions), expected, "{member:?} {:?}", log.rows);
        assert_eq!(row.unread, (group.countable - member.seen).max(0));
        assert_eq!((inbox.total_unread, inbox.total_mentions), expected);
        assert_eq!((row.role, row.receive, row.mute_until), (member.role, member.receive, member.mute_until));
        assert_eq!((row.read, &*row.name), (member.read, &*group.settings.name));
        let shown = log.shown(group, &member.jid);
        let newest = log.rows.iter().rev().find(|row| row.body.is_some());
        let newest = newest.filter(|newest| shown.contains(newest));
        assert_eq!(row.last.as_ref().map(|last| last.id), newest.map(|row| row.id));
        let everything = page(From::End, 100);
        for scope in [
            ArchiveScope::AllOf(member.jid.clone()),
            ArchiveScope::Group { id: group.id.clone(), reader: member.jid.clone() },
        ] {
            let found = store.archive(&scope, &ArchiveFilter::default(), &everything).await.unwrap();
            let found: Vec<_> = found.items.iter().map(|row| &row.archived).collect();
            assert_eq!(found, shown);
        }
    }
}

/// What the archive says of a message that was taken back.
fn forget(log: &mut Log, message: StanzaId) {
    let row = log.rows.iter_mut().find(|row| row.id == message).unwrap();
    row.body = None;
    row.payload = "".into();
    row.mentions = groupchat_core::Mentions::default();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_is_asked_the_store_has_what_is_in_memory(
        steps in prop::collection::vec((0..10usize, command()), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = store().await;
            let mut twin = Twin::create(&store, "tea", &[], &["user1@h"]).await;
            let came = twin.group.members().iter().map(|member| (member.jid.clone(), 0)).collect();
            let mut log = Log { rows: Vec::new(), came };
            for (actor, command) in &steps {
                twin.now += 1;
                // Half of the requests come from the owner, or too many would be refused.
                let actor = if actor % 2 == 0 { "owner@h".to_owned() } else { format!("user{}@h", actor / 2) };
                let old = twin.group.clone();
                let retracted = match command {
                    Command::Retract(retraction) => {
                        store.found(&old.id, &retraction.id).await.unwrap()
                    }
                    _ => None,
                };
                if twin.ask(&actor, command).await.is_err() {
                    continue;
                }
                twin.check().await;
                if twin.group.deleted {
                    break;
                }
                log.update(&old, &twin);
                if let Some(message) = retracted {
                    forget(&mut log, message.id);
                }
                check(&store, &twin.group, &log).await;
            }
        });
    }
}

#[tokio::test]
async fn messages_and_receipts_of_one_batch_add_up() {
    let store = store().await;
    let mut memory = new_group("tea", &[], &["a@h", "b@h"], 5);
    store.commit(&batch_of(&gid("other"), 1, Change::Created(Box::new(memory.clone())))).await.unwrap_err();
    let created = vec![(gid("tea"), Change::Created(Box::new(memory.clone())))];
    store.commit(&groupchat_store::Batch { changes: created, ..Default::default() }).await.unwrap();
    let posted = |author: &str| Change::Posted { author: bare(author) };
    let read = |upto, seen| Change::Read { jid: bare("a@h"), upto: StanzaId(upto), seen };
    let member = memory.member(&bare("b@h")).unwrap().clone();
    let changes = [
        posted("a@h"),
        posted("b@h"),
        read(2, 2),
        posted("a@h"),
        posted("a@h"),
        posted("stranger@h"),
        Change::MembersRemoved { removed: vec![bare("b@h")], banned: vec![], deletes: false },
        posted("a@h"),
        Change::MembersAdded {
            members: vec![groupchat_core::Member { seen: 6, ..member }],
            unbanned: vec![],
        },
        posted("b@h"),
        read(7, 7),
    ];
    changes.iter().for_each(|change| memory.apply(change));
    let changes = changes.into_iter().map(|change| (gid("tea"), change)).collect();
    store.commit(&groupchat_store::Batch { changes, ..Default::default() }).await.unwrap();
    let seen = |jid: &str| memory.member(&bare(jid)).unwrap().seen;
    assert_eq!((memory.countable, seen("a@h"), seen("b@h")), (7, 7, 7));
    assert_eq!(store.load(&gid("tea")).await.unwrap(), Some(memory));
    let unknown = groupchat_store::Batch { changes: vec![(gid("no"), posted("a@h"))], ..Default::default() };
    assert!(store.commit(&unknown).await.is_err());
}

#[tokio::test]
async fn requests_and_invitations_are_kept_as_they_were_asked() {
    let store = store().await;
    let settings = [("visibility", "public"), ("join", "approval"), ("retention_days", "30")];
    let mut twin = Twin::create(&store, "tea", &settings, &[]).await;
    let join = |nick: &str| Command::Join { nick: Some(nick.into()), person: Person::default() };
    twin.ask("z@h", &join("  Zoë  of  Oz ")).await.unwrap();
    twin.ask("a@h", &Command::Join { nick: None, person: Person::default() }).await.unwrap();
    let shy = MemberSpec { mid: Some("m".into()), role: Some("admin".into()), ..spec("Shy@h/phone") };
    let people = People::from([(bare("shy@h"), Person { groups: 3, addable: Addable::Nobody })]);
    twin.ask("owner@h", &Command::AddMembers(Addition { members: vec![shy], people, reason: None }))
        .await
        .unwrap();
    twin.check().await;
    let loaded = twin.loaded().await;
    let waiting: Vec<_> = loaded.pending().iter().map(|pending| pending.jid.as_str()).collect();
    assert_eq!(waiting, ["z@h", "a@h", "shy@h"], "oldest first");
    assert_eq!((loaded.settings.join, loaded.settings.retention_days), (Join::Approval, 30));
    twin.ask("owner@h", &remove("a@h", false)).await.unwrap();
    twin.ask("owner@h", &add(&[spec("z@h")])).await.unwrap();
    twin.ask("shy@h", &Command::Join { nick: None, person: Person::default() }).await.unwrap();
    twin.check().await;
    assert_eq!(twin.loaded().await.pending(), []);
    twin.ask("b@h", &join("b")).await.unwrap();
    twin.ask("owner@h", &Command::Delete(groupchat_core::Farewell::default())).await.unwrap();
    assert_eq!(twin.loaded().await.pending(), []);
}
