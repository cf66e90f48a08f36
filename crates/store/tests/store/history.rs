//! Pages of the archive, of one group and of all groups of a user.

use groupchat_core::page::From;
use groupchat_core::reading::{ArchiveFilter, Tombstone, With};
use groupchat_core::{Archived, ArchivedKind, Change, Command, Mentions, ReadBy, Role, StanzaId, Timestamp};
use groupchat_store::{ArchivePage, ArchiveScope, Batch, Store, StoreError};
use proptest::prelude::*;

use crate::support::*;

async fn archive(store: &Store, rows: Vec<Archived>) {
    store.commit(&Batch { archive: rows, ..Batch::default() }).await.unwrap();
}

fn of(group: &str, reader: &str) -> ArchiveScope {
    ArchiveScope::Group { id: gid(group), reader: bare(reader) }
}

fn all_of(reader: &str) -> ArchiveScope {
    ArchiveScope::AllOf(bare(reader))
}

fn key(id: i64) -> String {
    StanzaId(id).to_string()
}

async fn read(store: &Store, scope: &ArchiveScope, filter: &ArchiveFilter) -> ArchivePage {
    store.archive(scope, filter, &page(From::Start, 1_000)).await.unwrap()
}

fn ids(page: &ArchivePage) -> Vec<i64> {
    page.items.iter().map(|row| row.archived.id.0).collect()
}

/// Two groups of `me@h`, one that he is not in; ten rows each, in turn.
async fn three_groups() -> Store {
    let store = store().await;
    for (group, members) in [("a", &["me@h", "x@h"][..]), ("b", &["me@h"]), ("c", &["x@h"])] {
        Twin::create(&store, group, &[], members).await;
    }
    let row = |id: i64| {
        let group = ["a", "b", "c"][id as usize % 3];
        message(group, id * 1_000, if id % 2 == 0 { "x" } else { "owner" }, None)
    };
    archive(&store, (10..40).map(row).collect()).await;
    store
}

#[tokio::test]
async fn pages_forwards_and_backwards() {
    let store = three_groups().await;
    for (scope, expected) in [
        (of("a", "me@h"), (10..40).filter(|id| id % 3 == 0).map(|id| id * 1_000).collect::<Vec<i64>>()),
        (all_of("me@h"), (10..40).filter(|id| id % 3 != 2).map(|id| id * 1_000).collect()),
    ] {
        for size in [1, 3, expected.len() - 1, expected.len(), 100] {
            let (mut forwards, mut from) = (Vec::new(), From::Start);
            loop {
                let found =
                    store.archive(&scope, &ArchiveFilter::default(), &page(from, size)).await.unwrap();
                forwards.extend(ids(&found));
                assert_eq!((found.complete, found.total), (forwards.len() == expected.len(), None));
                if found.complete {
                    break;
                }
                assert_eq!(found.items.len(), size);
                from = From::After(key(*forwards.last().unwrap()));
            }
            assert_eq!(forwards, expected);
            let (mut backwards, mut from) = (Vec::new(), From::End);
            loop {
                let found =
                    store.archive(&scope, &ArchiveFilter::default(), &page(from, size)).await.unwrap();
                let mut more = ids(&found);
                from = From::Before(key(more[0]));
                more.append(&mut backwards);
                backwards = more;
                assert_eq!(found.complete, backwards.len() == expected.len());
                if found.complete {
                    break;
                }
            }
            assert_eq!(backwards, expected);
        }
        let count = store.archive(&scope, &ArchiveFilter::default(), &page(From::Start, 0)).await.unwrap();
        assert_eq!((count.items.len(), count.total), (0, Some(expected.len())));
        let ends = store.archive_bounds(&scope).await.unwrap().unwrap();
        let end = |id: i64| (StanzaId(id), Timestamp(id / 1_000));
        assert_eq!(ends, (end(expected[0]), end(*expected.last().unwrap())));
    }
    for nobody in [of("c", "me@h"), of("a", "stranger@h"), of("no", "me@h"), all_of("stranger@h")] {
        let found = store.archive(&nobody, &ArchiveFilter::default(), &page(From::End, 9)).await.unwrap();
        assert_eq!((found.items, found.complete), (vec![], true));
        assert_eq!(store.archive_bounds(&nobody).await.unwrap(), None);
    }
}

#[tokio::test]
async fn what_is_filtered() {
    let store = three_groups().await;
    let filter = ArchiveFilter::default;
    let at = |ms| Some(Timestamp(ms));
    let found = async |scope, filter: ArchiveFilter| {
        let page = read(&store, &scope, &filter).await;
        let count = store.archive(&scope, &filter, &crate::support::page(From::End, 0)).await.unwrap();
        assert_eq!(count.total, Some(page.items.len()));
        ids(&page).iter().map(|id| id / 1_000).collect::<Vec<_>>()
    };
    let times = ArchiveFilter { start: at(12), end: at(18), ..filter() };
    assert_eq!(found(of("a", "me@h"), times.clone()).await, [12, 15, 18], "both ends belong to it");
    assert_eq!(found(all_of("me@h"), times.clone()).await, [12, 13, 15, 16, 18]);
    let last = store.archive(&all_of("me@h"), &times, &page(From::End, 2)).await.unwrap();
    assert_eq!((ids(&last), last.complete), (vec![16_000, 18_000], false));
    let between =
        ArchiveFilter { after_id: Some(StanzaId(12_000)), before_id: Some(StanzaId(18_000)), ..filter() };
    assert_eq!(found(of("a", "me@h"), between.clone()).await, [15]);
    assert_eq!(found(all_of("me@h"), between.clone()).await, [13, 15, 16]);
    let until = |with| ArchiveFilter { end: at(20), with, ..filter() };
    assert_eq!(found(all_of("me@h"), until(With::Group(gid("b")))).await, [10, 13, 16, 19]);
    assert_eq!(found(all_of("me@h"), until(With::Group(gid("c")))).await, [0; 0], "he is not in");
    assert_eq!(found(of("a", "me@h"), until(With::Group(gid("b")))).await, [0; 0]);
    assert_eq!(found(all_of("me@h"), until(With::Member(gid("a"), mid("x")))).await, [12, 18]);
    assert_eq!(found(of("a", "me@h"), until(With::Member(gid("a"), mid("owner")))).await, [15]);
    assert_eq!(found(all_of("me@h"), until(With::Account(bare("owner@h")))).await, [13, 15, 19]);
    assert_eq!(found(of("a", "me@h"), until(With::Account(bare("x@h")))).await, [12, 18]);
    assert_eq!(found(all_of("me@h"), until(With::Account(bare("nobody@h")))).await, [0; 0]);
    let these = |ids: &[i64]| ArchiveFilter { ids: ids.iter().map(|id| StanzaId(*id)).collect(), ..filter() };
    assert_eq!(found(all_of("me@h"), these(&[16_000, 12_000, 12_000])).await, [12, 16]);
    assert_eq!(found(of("a", "me@h"), these(&[15_000])).await, [15]);
    // Of a group that he is not in, of another one, nothing at all.
    for (scope, missing) in [(all_of("me@h"), 11_000), (of("a", "me@h"), 10_000), (all_of("me@h"), 10_001)] {
        let id = Some(StanzaId(missing));
        for filter in [
            ArchiveFilter { after_id: id, ..filter() },
            ArchiveFilter { before_id: id, ..filter() },
            these(&[15_000, missing]),
        ] {
            let refused = store.archive(&scope, &filter, &page(From::Start, 9)).await;
            assert_eq!(refused, Err(StoreError::NoSuchItem(key(missing))));
        }
        for from in [From::After(key(missing)), From::Before(key(missing))] {
            let refused = store.archive(&scope, &filter(), &page(from, 9)).await;
            assert_eq!(refused, Err(StoreError::NoSuchItem(key(missing))));
        }
    }
    let refused = store.archive(&all_of("me@h"), &filter(), &page(From::After("x".into()), 9)).await;
    assert_eq!(refused, Err(StoreError::NoSuchItem("x".into())));
}

#[tokio::test]
async fn a_clock_that_was_put_back_hides_nothing() {
    let store = three_groups().await;
    let late = Archived { at: Timestamp(25), ..message("a", 1_800_000_000, "owner", None) };
    archive(&store, vec![late]).await;
    let (start, end) = (Some(Timestamp(24)), Some(Timestamp(26)));
    let filter = ArchiveFilter { start, end, ..ArchiveFilter::default() };
    for scope in [of("a", "me@h"), all_of("me@h")] {
        assert_eq!(ids(&read(&store, &scope, &filter).await).last(), Some(&1_800_000_000));
    }
}

#[tokio::test]
async fn somebody_who_came_later_and_under_several_ids() {
    let store = store().await;
    let mut twin = Twin::create(&store, "tea", &[("history", "since-join")], &["me@h"]).await;
    twin.now = 20;
    twin.ask("owner@h", &remove("me@h", false)).await.unwrap();
    let back = groupchat_core::MemberSpec { mid: Some("me2".into()), ..spec("me@h") };
    twin.now = 30;
    twin.ask("owner@h", &add(&[back])).await.unwrap();
    let rows = [(10, "me"), (15, "owner"), (30, "owner"), (31, "me2"), (32, "me")];
    archive(&store, rows.map(|(at, author)| message("tea", at * 1_000, author, None)).to_vec()).await;
    let by_me = ArchiveFilter { with: With::Account(bare("me@h")), ..ArchiveFilter::default() };
    for (reader, shown, own) in [
        ("me@h", &[30_000, 31_000, 32_000][..], &[31_000, 32_000][..]),
        ("owner@h", &[10_000, 15_000, 30_000, 31_000, 32_000], &[10_000, 31_000, 32_000]),
    ] {
        for scope in [of("tea", reader), all_of(reader)] {
            assert_eq!(ids(&read(&store, &scope, &ArchiveFilter::default()).await), shown, "{scope:?}");
            assert_eq!(ids(&read(&store, &scope, &by_me).await), own, "{scope:?}");
            let ((oldest, _), _) = store.archive_bounds(&scope).await.unwrap().unwrap();
            assert_eq!(oldest.0, shown[0]);
        }
    }
    let hidden = ArchiveFilter { after_id: Some(StanzaId(15_000)), ..ArchiveFilter::default() };
    let refused = store.archive(&all_of("me@h"), &hidden, &page(From::Start, 9)).await;
    assert_eq!(refused, Err(StoreError::NoSuchItem(key(15_000))));
    let everything = Command::Update(properties(&[("history", "all")]));
    twin.ask("owner@h", &everything).await.unwrap();
    assert_eq!(read(&store, &all_of("me@h"), &hidden).await.items.len(), 3);
}

#[tokio::test]
async fn requests_are_for_owners_and_admins() {
    let store = store().await;
    let mut twin = Twin::create(&store, "tea", &[], &["me@h", "admin@h"]).await;
    let admin =
        groupchat_core::Member { role: Role::Admin, ..twin.group.member(&bare("admin@h")).unwrap().clone() };
    twin.change(Change::MembersUpdated(vec![admin])).await.unwrap();
    let request = Archived {
        kind: ArchivedKind::Event,
        read_by: ReadBy::Admins,
        body: None,
        ..message("tea", 2, "x", None)
    };
    archive(&store, vec![message("tea", 1, "me", None), request, message("tea", 3, "me", None)]).await;
    for (reader, shown) in [("me@h", &[1, 3][..]), ("admin@h", &[1, 2, 3]), ("owner@h", &[1, 2, 3])] {
        for scope in [of("tea", reader), all_of(reader)] {
            assert_eq!(ids(&read(&store, &scope, &ArchiveFilter::default()).await), shown);
        }
    }
    let these = ArchiveFilter { ids: vec![StanzaId(2)], ..ArchiveFilter::default() };
    assert_eq!(ids(&read(&store, &all_of("admin@h"), &these).await), [2]);
    let refused = store.archive(&all_of("me@h"), &these, &page(From::Start, 9)).await;
    assert_eq!(refused, Err(StoreError::NoSuchItem(key(2))));
}

#[tokio::test]
async fn what_is_taken_back_says_nothing_anywhere() {
    let store = store().await;
    let twin = Twin::create(&store, "tea", &[], &["me@h"]).await;
    let tea = twin.group.id.clone();
    let secret = |id| Archived {
        mentions: Mentions { all: false, members: vec![mid("me"), mid("x")] },
        ..message("tea", id, "owner", Some("m"))
    };
    let retract = |message, moderated, reason: Option<&str>| {
        let (by, reason) = (mid("owner"), reason.map(Into::into));
        (tea.clone(), Change::Retracted { message: StanzaId(message), by, moderated, reason })
    };
    archive(&store, vec![message("tea", 1_000_000, "owner", Some("m")), secret(2_000_000)]).await;
    let inbox = async || {
        let inbox = store.inbox(&bare("me@h"), &page(From::Start, 9), Timestamp(0)).await.unwrap();
        let row = inbox.page.items.into_iter().next().unwrap();
        (row.mentions, row.last.map(|last| last.id.0))
    };
    assert_eq!(inbox().await, (1, Some(2_000_000)));
    // The second one is taken back in the very batch that brings it.
    let batch = Batch {
        now: Timestamp(9),
        changes: vec![
            retract(2_000_000, true, Some("rude")),
            retract(3_000_000, false, None),
            retract(2_000_000, false, Some("again")),
            (tea.clone(), Change::Posted { author: bare("owner@h") }),
        ],
        archive: vec![secret(3_000_000)],
        ..Batch::default()
    };
    store.commit(&batch).await.unwrap();
    assert_eq!(inbox().await, (0, Some(1_000_000)));
    let found = read(&store, &all_of("me@h"), &ArchiveFilter::default()).await;
    for (row, moderated, reason) in [(&found.items[1], true, Some("rude")), (&found.items[2], false, None)] {
        let expected =
            Tombstone { at: Timestamp(9), by: mid("owner"), moderated, reason: reason.map(Into::into) };
        assert_eq!(row.retracted, Some(expected));
        let said = (row.archived.body.as_deref(), &*row.archived.payload, &row.archived.mentions);
        assert_eq!(said, (None, "", &Mentions::default()));
        assert_eq!(row.archived.client_id.as_deref(), Some("m"));
    }
    assert_eq!(found.items[0].retracted, None);
    assert_eq!(store.message(&tea, "m").await.unwrap(), None, "nothing to deliver again");
    assert_eq!(store.message(&tea, &key(2_000_000)).await.unwrap(), None);
    let again = store.found(&tea, "m").await.unwrap().unwrap();
    assert_eq!(again.id, StanzaId(3_000_000), "the rules find it all the same");
    store
        .commit(&Batch { changes: vec![retract(1_000_000, false, None)], ..Batch::default() })
        .await
        .unwrap();
    assert_eq!(inbox().await, (0, None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_page_of_many_groups_is_the_part_of_the_whole_that_it_says(
        rows in prop::collection::vec((0..8usize, 0..3usize, any::<bool>()), 1..60),
        asked in prop::collection::vec((0..60usize, 0..60usize, 1..12usize, 0..4u8, 0..6u8), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = store().await;
            for group in 0..8 {
                let history = if group % 3 == 0 { "since-join" } else { "all" };
                // The last one is not his.
                let members: &[&str] = if group < 7 { &["me@h", "b@h"] } else { &["b@h"] };
                let new = new_group(&format!("g{group}"), &[("history", history)], members, 5 + group);
                let changes = vec![(new.id.clone(), Change::Created(Box::new(new)))];
                store.commit(&Batch { now: Timestamp(1), changes, ..Batch::default() }).await.unwrap();
            }
            let rows: Vec<Archived> = rows
                .iter()
                .enumerate()
                .map(|(place, (group, author, admins))| Archived {
                    read_by: if *admins && *author == 0 { ReadBy::Admins } else { ReadBy::Members },
                    ..message(&format!("g{group}"), 2_000 + place as i64 * 300, ["owner", "b", "me"][*author], None)
                })
                .collect();
            archive(&store, rows.clone()).await;
            let shown = |row: &&Archived| {
                let group: i64 = row.group.as_str()[1..].parse().unwrap();
                group < 7 && row.read_by == ReadBy::Members && (group % 3 != 0 || row.at.0 >= 5 + group)
            };
            let shown: Vec<&Archived> = rows.iter().filter(shown).collect();
            for (low, high, size, direction, with) in asked {
                let time = |place: usize| rows.get(place).map(|row| row.at);
                let (start, end) = (time(low).filter(|_| low % 2 == 0), time(high).filter(|_| high % 2 == 0));
                let with = match with {
                    0 => With::Account(bare("b@h")),
                    1 => With::Member(gid("g1"), mid("owner")),
                    2 => With::Group(gid("g3")),
                    _ => With::Anybody,
                };
                let wanted = |row: &&&Archived| {
                    start.is_none_or(|start| row.at >= start)
                        && end.is_none_or(|end| row.at <= end)
                        && match &with {
                            With::Anybody => true,
                            With::Group(group) => row.group == *group,
                            With::Member(group, mid) => row.group == *group && row.mid == *mid,
                            With::Account(_) => row.mid == mid("b"),
                        }
                };
                let whole: Vec<i64> = shown.iter().filter(wanted).map(|row| row.id.0).collect();
                let beside = shown.get(low % shown.len().max(1)).map(|row| row.id.0);
                let (from, expected): (_, Vec<i64>) = match (direction, beside) {
                    (1, Some(id)) => (From::After(key(id)), whole.iter().copied().filter(|at| *at > id).collect()),
                    (2, Some(id)) => (From::Before(key(id)), whole.iter().copied().filter(|at| *at < id).collect()),
                    (3, _) => (From::End, whole.clone()),
                    _ => (From::Start, whole.clone()),
                };
                let cut = expected.len().saturating_sub(size);
                let backward = matches!(from, From::Before(_) | From::End);
                let part = if backward { &expected[cut..] } else { &expected[..expected.len() - cut] };
                let filter = ArchiveFilter { start, end, with: with.clone(), ..ArchiveFilter::default() };
                let found = store.archive(&all_of("me@h"), &filter, &page(from, size)).await.unwrap();
                assert_eq!((ids(&found).as_slice(), found.complete), (part, cut == 0));
            }
        });
    }
}

#[tokio::test]
async fn what_is_taken_back_takes_its_corrections_along() {
    let store = store().await;
    Twin::create(&store, "tea", &[], &["me@h"]).await;
    let correction =
        Archived { corrects: Some(StanzaId(1_000_000)), ..message("tea", 2_000_000, "owner", Some("m2")) };
    archive(&store, vec![message("tea", 1_000_000, "owner", Some("m1")), correction]).await;
    let retracted =
        Change::Retracted { message: StanzaId(1_000_000), by: mid("owner"), moderated: false, reason: None };
    store.commit(&Batch { changes: vec![(gid("tea"), retracted)], ..Batch::default() }).await.unwrap();
    let found = read(&store, &all_of("me@h"), &ArchiveFilter::default()).await;
    assert_eq!(found.items.len(), 2);
    assert!(found.items.iter().all(|row| row.retracted.is_some() && row.archived.payload.is_empty()));
}

#[tokio::test]
async fn a_page_of_long_messages_is_cut_and_goes_on() {
    let store = store().await;
    Twin::create(&store, "tea", &[], &["me@h"]).await;
    let long =
        |n: i64| Archived { payload: "x".repeat(100_000).into(), ..message("tea", n * 1_000, "owner", None) };
    archive(&store, (1..=50).map(long).collect()).await;
    let (mut count, mut pages, mut from) = (0, 0, From::Start);
    loop {
        let found =
            store.archive(&all_of("me@h"), &ArchiveFilter::default(), &page(from, 100)).await.unwrap();
        (count, pages) = (count + found.items.len(), pages + 1);
        if found.complete {
            break;
        }
        from = From::After(found.items.last().unwrap().archived.id.to_string());
    }
    assert_eq!(count, 50);
    assert!((3..10).contains(&pages), "{pages} pages");
}
