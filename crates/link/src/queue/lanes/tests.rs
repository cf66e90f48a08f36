//! In which order recipients get what waits for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::Outgoing;
use crate::queue::{QueueLimits, Receiver, queue};

/// What each recipient gets, in its order, and the recipients in the order in which they were written to.
fn taken(receiver: &Receiver, alternates: bool) -> (BTreeMap<String, Vec<String>>, Vec<String>) {
    let (mut got, mut order) = (BTreeMap::<String, Vec<String>>::new(), Vec::new());
    let mut is_shared = false;
    while let Some(slice) = receiver.try_next() {
        // The server's multicast may be found, or refuse, at any time.
        is_shared = !is_shared;
        receiver.set_shared(is_shared && alternates);
        for to in slice.recipients() {
            got.entry(to.to_string()).or_default().push(slice.outgoing().head.clone());
            order.push(to.to_string());
        }
        receiver.acknowledge(receiver.echo());
    }
    (got, order)
}

fn stanza(id: usize, to: &[Arc<str>]) -> Outgoing {
    Outgoing { head: format!("{id}"), to: to.to_vec(), tail: "/>".into(), lane: Some("g".into()) }
}

#[tokio::test]
async fn who_is_to_get_several_gets_them_in_a_row() {
    let (sender, receiver) = queue(QueueLimits::default());
    let there: Vec<Arc<str>> = ["a/1", "b/1"].map(Arc::from).to_vec();
    let away: Vec<Arc<str>> = ["c", "d"].map(Arc::from).to_vec();
    for id in 0..3 {
        sender.send(stanza(2 * id, &there)).await.unwrap();
        sender.send(stanza(2 * id + 1, &away)).await.unwrap();
    }
    let (got, order) = taken(&receiver, false);
    assert_eq!(order, ["a/1", "a/1", "a/1", "b/1", "b/1", "b/1", "c", "c", "c", "d", "d", "d"]);
    assert_eq!((got["b/1"].join(" "), got["d"].join(" ")), ("0 2 4".to_owned(), "1 3 5".to_owned()));
}

#[tokio::test]
async fn nobody_is_passed_by_what_is_for_him_too_or_after_he_came_again() {
    let (sender, receiver) = queue(QueueLimits::default());
    let name = |text: &str| -> Arc<str> { text.into() };
    let (a, b) = (name("a"), name("b"));
    for (id, to) in [[a.clone(), b.clone()], [a.clone(), name("c")], [a, b.clone()]].iter().enumerate() {
        sender.send(stanza(id, to)).await.unwrap();
    }
    assert_eq!(taken(&receiver, false).0["a"], ["0", "1", "2"]);
    // The same text, another value: somebody logged in again.
    for (id, to) in [vec![b], vec![name("c")], vec![name("b")]].iter().enumerate() {
        sender.send(stanza(id, to)).await.unwrap();
    }
    assert_eq!(taken(&receiver, false).1, ["b", "c", "b"]);
}

#[tokio::test]
async fn whatever_waits_each_recipient_gets_all_of_it_in_its_order() {
    for seed in 0..300 {
        let mut dice = StdRng::seed_from_u64(seed);
        let (sender, receiver) =
            queue(QueueLimits { window: dice.random_range(1..300), ..QueueLimits::default() });
        let names: Vec<Arc<str>> = (0..400).map(|n| format!("{n}").into()).collect();
        let lists: Vec<Vec<Arc<str>>> = (0..dice.random_range(1..4))
            .map(|_| {
                let first = dice.random_range(0..300);
                names[first..first + dice.random_range(1..100)].to_vec()
            })
            .collect();
        let mut sent = BTreeMap::<String, Vec<String>>::new();
        for id in 0..dice.random_range(1..120) {
            let to = &lists[dice.random_range(0..lists.len())];
            to.iter().for_each(|to| sent.entry(to.to_string()).or_default().push(format!("{id}")));
            sender.send(stanza(id, to)).await.unwrap();
            receiver.set_shared(dice.random_bool(0.5));
            // Lost in between: what was on its way comes again, in front of the rest.
            if dice.random_bool(0.1) && receiver.try_next().is_some() {
                receiver.lost();
            }
        }
        assert_eq!(taken(&receiver, true).0, sent, "seed {seed}");
    }
}
