//! Sessions after a restart are the sessions before it.

use groupchat_core::{SessionChange, Sessions, StanzaId, Timestamp};
use groupchat_store::{Batch, Store};
use proptest::prelude::*;

use crate::support::*;

/// One thing that a device does.
#[derive(Debug, Clone)]
enum Step {
    Learn(u8, u8, Option<u8>, u8),
    Leave(u8, u8, u8),
    End(u8, u8),
    Refuse(u8),
    Commit,
}

fn step() -> impl Strategy<Value = Step> {
    let address = || prop_oneof![1 => Just(None), 2 => (0..3u8).prop_map(Some)];
    prop_oneof![
        6 => (0..2u8, 0..3u8, address(), 0..5u8).prop_map(|(user, device, at, since)| Step::Learn(user, device, at, since)),
        4 => (0..2u8, 0..3u8, 0..3u8).prop_map(|(user, device, address)| Step::Leave(user, device, address)),
        1 => (0..2u8, 0..3u8).prop_map(|(user, device)| Step::End(user, device)),
        2 => (0..2u8).prop_map(Step::Refuse),
        3 => Just(Step::Commit),
    ]
}

fn device(user: u8, device: u8) -> groupchat_core::Jid {
    jid(&format!("user{user}@h/device {device} 🐎"))
}

fn address(n: u8) -> groupchat_core::Jid {
    jid(&format!("g{n}@groups.h/nick"))
}

async fn commit(store: &Store, sessions: &mut Vec<SessionChange>) {
    let sessions = std::mem::take(sessions);
    store.commit(&Batch { now: Timestamp(1), sessions, ..Batch::default() }).await.unwrap();
}

/// Sessions, and through which addresses each of them can be left: all that can be seen of them.
fn shown(mut sessions: Sessions) -> Vec<String> {
    let mut shown = Vec::new();
    for user in 0..2 {
        for session in sessions.of(&bare(&format!("user{user}@h"))) {
            shown.push(format!("{session:?}"));
        }
        shown.push(format!("takes copies: {}", sessions.takes_copies(&bare(&format!("user{user}@h")))));
    }
    // The order of the addresses is not kept and means nothing.
    for n in 0..12u8 {
        let left = sessions.leave(&device(n % 2, n / 2 % 3), &address(n / 6));
        shown.push(format!("{left:?}"));
    }
    shown
}

/// What is seen of a session without the order of its addresses.
fn normal(sessions: Sessions) -> Vec<String> {
    let sorted = |text: String| match text.split_once("announced_to: [") {
        Some((head, addresses)) => {
            let mut addresses: Vec<_> = addresses.trim_end_matches("] }").split(", ").collect();
            addresses.sort_unstable();
            format!("{head}{addresses:?}")
        }
        None => text,
    };
    shown(sessions).into_iter().map(sorted).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_restart_forgets_nobody(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = store().await;
            let (mut sessions, mut changes) = (Sessions::default(), Vec::new());
            for step in &steps {
                match *step {
                    Step::Learn(user, n, at, since) => {
                        let since = StanzaId(since.into());
                        changes.extend(sessions.learn(&device(user, n), at.map(address).as_ref(), since, 2));
                    }
                    Step::Leave(user, n, at) => changes.extend(sessions.leave(&device(user, n), &address(at))),
                    Step::End(user, n) => changes.extend(sessions.end(&device(user, n))),
                    Step::Refuse(user) => {
                        changes.extend(sessions.refused(&bare(&format!("user{user}@h")), "resource-constraint"));
                    }
                    Step::Commit => commit(&store, &mut changes).await,
                }
            }
            commit(&store, &mut changes).await;
            let restored = Sessions::restore(store.sessions().await.unwrap(), store.unreachable().await.unwrap());
            assert_eq!(restored.count(), sessions.count());
            assert_eq!(normal(restored), normal(sessions));
        });
    }
}

#[tokio::test]
async fn learning_twice_is_no_error() {
    let store = store().await;
    let (phone, tea) = (jid("a@h/phone"), jid("tea@g.h"));
    let learnt = |address| SessionChange::Learnt(phone.clone(), address, StanzaId(7));
    let twice = vec![learnt(None), learnt(None), learnt(Some(tea.clone())), learnt(Some(tea.clone()))];
    for _ in 0..2 {
        store.commit(&Batch { sessions: twice.clone(), ..Batch::default() }).await.unwrap();
    }
    let now = StanzaId(7);
    assert_eq!(
        store.sessions().await.unwrap(),
        [(phone.clone(), None, now), (phone.clone(), Some(tea), now)]
    );
    store.commit(&Batch { sessions: vec![SessionChange::Ended(phone)], ..Batch::default() }).await.unwrap();
    assert_eq!(store.sessions().await.unwrap(), []);
}

#[tokio::test]
async fn thousands_log_in_and_out_at_once() {
    let store = store().await;
    let devices: Vec<_> = (0..3_000).map(|n| jid(&format!("user{n}@h/phone"))).collect();
    let learnt = devices
        .iter()
        .map(|device| SessionChange::Learnt(device.clone(), Some(jid("g.h")), StanzaId(1)))
        .collect();
    store.commit(&Batch { sessions: learnt, ..Batch::default() }).await.unwrap();
    let stored: Vec<_> = store.sessions().await.unwrap().into_iter().map(|(jid, ..)| jid).collect();
    assert_eq!(stored, devices);
    let ended = devices.into_iter().map(SessionChange::Ended).collect();
    store.commit(&Batch { sessions: ended, ..Batch::default() }).await.unwrap();
    assert_eq!(store.sessions().await.unwrap(), []);
}
