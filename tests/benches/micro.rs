//! What one message costs in each part of the service: `cargo xtask bench --only micro` runs it. By itself:
//! `cargo bench -p groupchat-tests --bench micro -- decide`.
//!
//! A message of a hundred bytes; a group all of whose members are online with one device. Nothing waits for anything else
//! here; how the parts work together `alone.rs` and `hosts.rs` measure.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use groupchat_core::{
    Archived, ArchivedKind, BareJid, Change, Command, Group, GroupId, Jid, Limits, Member, Mentions, Mid,
    Nick, Presence, ReadBy, Receive, Role, Rooms, Sessions, Settings, StanzaId, StoredGroup, Timestamp,
    decide, delivery,
};
use groupchat_dialect::{Decoded, decode, encode};
use groupchat_link::reader::{Read, StanzaReader};
use groupchat_link::{LinkConfig, Outgoing, ReadLimits, copies};
use groupchat_store::{Batch, Store};
use minidom::Element;
use tokio::runtime::Runtime;

const SERVICE: &str = "groupchat.bench.lit";
const STREAM: &str = "jabber:component:accept";
const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
const BATCHES: [usize; 4] = [1, 8, 64, 256];
const BODY: &str =
    "A hundred bytes of text or so, as people write them to each other in the groups they are members of.";
/// Messages that are read in a row: a stream has many.
const ROW: usize = 100;

fn message() -> String {
    format!(
        "<message type='groupchat' id='m1' from='u0@bench.lit/pda' to='tea@{SERVICE}'><body>{BODY}</body></message>"
    )
}

fn element() -> Element {
    let named = message().replacen("<message ", &format!("<message xmlns='{STREAM}' "), 1);
    named.parse().expect("a stanza")
}

fn account(number: usize) -> BareJid {
    BareJid::from_stored(&format!("u{number}@bench.lit"))
}

fn group(members: usize) -> Group {
    let member = |number: usize| Member {
        jid: account(number),
        mid: Mid::from_stored(&format!("u{number}")),
        nick: Nick::from_stored(&format!("u{number}")),
        role: if number == 0 { Role::Owner } else { Role::Member },
        joined: Timestamp(1),
        read: StanzaId(0),
        seen: 0,
        receive: Receive::All,
        mute_until: None,
    };
    Group::from(StoredGroup {
        id: GroupId::from_stored("tea"),
        version: 1,
        settings: Settings::default(),
        deleted: false,
        locked: false,
        countable: 0,
        members: (0..members).map(member).collect(),
        former: Vec::new(),
        banned: Vec::new(),
        pending: Vec::new(),
    })
}

fn archived(number: usize) -> Archived {
    Archived {
        id: StanzaId(1_000_000 + number as i64),
        group: GroupId::from_stored("tea"),
        at: Timestamp(1_000),
        kind: ArchivedKind::Message,
        sender: Jid::from_stored("u0@bench.lit/pda"),
        mid: Mid::from_stored("u0"),
        client_id: Some(format!("m{number}").into()),
        body: Some(BODY.into()),
        ordinal: number as i64,
        countable: true,
        corrects: None,
        read_by: ReadBy::Members,
        mentions: Mentions::default(),
        payload: format!("<body>{BODY}</body>").into(),
    }
}

/// From bytes to an element, and from an element to a request.
fn reading(bench: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let row = message().repeat(ROW);
    let mut many = bench.benchmark_group("read");
    many.throughput(Throughput::Elements(ROW as u64));
    many.bench_function(format!("{ROW} messages"), |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let mut reader = StanzaReader::new(row.as_bytes(), STREAM, ReadLimits::default());
                while let Ok(Read::Stanza(element)) = reader.next().await {
                    black_box(element);
                }
            });
        });
    });
    many.finish();
    let element = element();
    let (domain, limits) = (BareJid::from_stored(SERVICE), Limits::default());
    assert!(matches!(decode(&element, &domain, &limits), Decoded::Command(_)), "it is understood");
    bench.bench_function("decode/1 message", |bencher| {
        bencher.iter(|| decode(black_box(&element), &domain, &limits));
    });
}

/// What the rules say to a message, and which devices get it.
fn deciding(bench: &mut Criterion) {
    let (domain, limits) = (BareJid::from_stored(SERVICE), Limits::default());
    let Decoded::Command(request) = decode(&element(), &domain, &limits) else { panic!("no request") };
    let command: &Command = &request.command;
    let mut sizes = bench.benchmark_group("decide");
    for size in SIZES {
        let group = group(size);
        let devices = (0..size).map(|number| {
            let device = Jid::from_stored(&format!("u{number}@bench.lit/pda"));
            (device, Some(Jid::from_stored(SERVICE)), StanzaId(1))
        });
        let sessions = Sessions::restore(devices, Vec::new());
        let rooms = Rooms::default();
        let presence = Presence { sessions: &sessions, rooms: &rooms };
        let (actor, row) = (account(0), archived(1));
        sizes.throughput(Throughput::Elements(size as u64));
        sizes.bench_with_input(BenchmarkId::from_parameter(size), &size, |bencher, _| {
            bencher.iter(|| {
                let decision = decide(&group, &actor, command, &limits, Timestamp(2_000)).expect("granted");
                let said = (row.id, row.at);
                let to = delivery::message(&group, presence, &row.mid, &row.mentions, said, Timestamp(2_000));
                assert_eq!(to.live.native.len(), size, "everybody gets it");
                (decision, to)
            });
        });
    }
}

/// From a stored message to the bytes of all copies.
fn writing(bench: &mut Criterion) {
    let mut sizes = bench.benchmark_group("encode and splice");
    let config = LinkConfig::new(SERVICE, "localhost:5347", String::new().into());
    for size in SIZES {
        let to: Vec<Arc<str>> = (0..size).map(|number| format!("u{number}@bench.lit/pda").into()).collect();
        let row = archived(1);
        sizes.throughput(Throughput::Elements(size as u64));
        sizes.bench_with_input(BenchmarkId::from_parameter(size), &size, |bencher, _| {
            bencher.iter(|| {
                let stanza = encode::copy(SERVICE, &row, to.clone(), false);
                let outgoing = Outgoing { head: stanza.head, to: stanza.to, tail: stanza.tail, lane: None };
                copies(outgoing, config.write_bytes_max, |bytes| {
                    black_box(bytes);
                });
            });
        });
    }
}

/// A batch of messages into SQLite, on the disk when it is done (`synchronous=FULL`).
fn storing(bench: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("groupchat.db").display());
    let group = group(10);
    let store = runtime.block_on(async {
        let store = Store::open(&url).await.expect("a database");
        store.migrate().await.expect("its tables");
        let made = (group.id.clone(), Change::Created(Box::new(group.clone())));
        let batch = Batch { now: Timestamp(1), changes: vec![made], ..Batch::default() };
        store.commit(&batch).await.expect("a group");
        store
    });
    let mut number = 0;
    let mut sizes = bench.benchmark_group("commit");
    for size in BATCHES {
        sizes.throughput(Throughput::Elements(size as u64));
        sizes.bench_with_input(BenchmarkId::from_parameter(size), &size, |bencher, _| {
            bencher.iter_custom(|times| {
                let mut taken = Duration::ZERO;
                for _ in 0..times {
                    let archive: Vec<_> = (number..number + size).map(archived).collect();
                    number += size;
                    let posted = (group.id.clone(), Change::Posted { author: account(0) });
                    let batch = Batch {
                        now: Timestamp(2_000),
                        versions: vec![(group.id.clone(), group.version)],
                        changes: vec![posted; size],
                        archive,
                        ..Batch::default()
                    };
                    let since = Instant::now();
                    runtime.block_on(store.commit(&batch)).expect("stored");
                    taken += since.elapsed();
                }
                taken
            });
        });
    }
    sizes.finish();
    runtime.block_on(store.close()).expect("closed");
}

criterion_group! {
    name = parts;
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = reading, deciding, writing, storing
}
criterion_main!(parts);
