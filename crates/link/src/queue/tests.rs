//! The queue without a link: order, turns, the window, loss, batches, limits.

use std::time::Duration;

use tokio::time::timeout;

use super::*;
use crate::tests::soon;

fn message(lane: &str, id: &str, copies: usize) -> Outgoing {
    Outgoing {
        head: format!("<message id='{id}'"),
        to: (0..copies).map(|n| format!("u{n}@h").into()).collect(),
        tail: "/>".into(),
        lane: Some(lane.into()),
    }
}

fn small(window: usize) -> (Sender, Receiver) {
    queue(QueueLimits { window, ..QueueLimits::default() })
}

/// What is taken until nothing more can be: ids with numbers of copies.
fn taken(receiver: &Receiver) -> Vec<(String, usize)> {
    let id = |slice: &Slice| slice.outgoing().head.split('\'').nth(1).unwrap_or_default().to_owned();
    std::iter::from_fn(|| receiver.try_next()).map(|slice| (id(&slice), slice.recipients().len())).collect()
}

fn list(expected: &[(&str, usize)]) -> Vec<(String, usize)> {
    expected.iter().map(|(id, copies)| ((*id).to_owned(), *copies)).collect()
}

#[tokio::test]
async fn lanes_take_turns_and_keep_their_order() {
    let (sender, receiver) = small(10_000);
    sender.send(message("giant", "g1", 300)).await.unwrap();
    sender.send(message("giant", "g2", 1)).await.unwrap();
    sender.send(message("small", "s1", 2)).await.unwrap();
    sender.send(message("small", "s2", 2)).await.unwrap();
    assert_eq!(sender.waiting_in(&Some("giant".into())), 301);
    let all = [("g1", 128), ("s1", 2), ("s2", 2), ("g1", 128), ("g1", 44), ("g2", 1)];
    assert_eq!(taken(&receiver), list(&all));
    assert_eq!(sender.waiting_in(&Some("giant".into())), 0);
}

#[tokio::test]
async fn no_more_than_a_window_is_on_its_way() {
    let (sender, receiver) = small(100);
    for n in 0..4 {
        sender.send(message("a", &n.to_string(), 60)).await.unwrap();
    }
    assert_eq!(taken(&receiver), list(&[("0", 60), ("1", 60)]));
    let first = receiver.echo();
    assert!(timeout(Duration::from_millis(20), receiver.next()).await.is_err());
    receiver.acknowledge(first);
    assert_eq!(soon(receiver.next()).await.unwrap().recipients().len(), 60);
    // Nobody hears echoes any more: nothing waits for them.
    assert_eq!(taken(&receiver), list(&[("3", 60)]));
    sender.send(message("a", "4", 60)).await.unwrap();
    assert_eq!(taken(&receiver), []);
    receiver.set_deaf(true);
    assert_eq!(taken(&receiver), list(&[("4", 60)]));
}

#[tokio::test]
async fn what_no_echo_told_of_is_written_again_in_order_but_for_requests() {
    let (sender, receiver) = small(10_000);
    let request = Outgoing { head: "<iq id='q' type='get'".into(), ..message("a", "q", 1) };
    sender.send(message("a", "0", 1)).await.unwrap();
    sender.send(request).await.unwrap();
    sender.send(message("b", "1", 200)).await.unwrap();
    assert_eq!(receiver.try_next().unwrap().outgoing().head, "<message id='0'");
    let echo = receiver.echo();
    let rest = taken(&receiver);
    assert_eq!(rest, list(&[("q", 1), ("1", 128), ("1", 72)]));
    receiver.acknowledge(echo);
    sender.send(message("a", "2", 1)).await.unwrap();
    receiver.lost();
    receiver.lost();
    assert_eq!(taken(&receiver), list(&[("1", 128), ("1", 72), ("2", 1)]));
    receiver.acknowledge(receiver.echo());
    receiver.lost();
    assert_eq!((taken(&receiver), receiver.oldest_echo()), (vec![], None));
    assert!(!sender.is_crowded_with(QueueLimits::default().bytes_max / 4 * 3), "nothing is left in it");
}

#[tokio::test]
async fn a_batch_is_acknowledged_when_all_of_it_is() {
    let (sender, receiver) = small(10_000);
    assert_eq!(sender.acknowledged(), None);
    let first = sender.batch(10, 14);
    first.send(message("giant", "1", 200)).await.unwrap();
    let half = receiver.try_next().unwrap();
    assert_eq!(half.recipients().len(), 128);
    receiver.acknowledge(receiver.echo());
    assert_eq!(sender.acknowledged(), Some(9));
    drop(first);
    let second = sender.batch(15, 15);
    second.send(message("small", "2", 1)).await.unwrap();
    drop(second);
    // The rest of the giant's comes first, and is not acknowledged.
    let rest = receiver.try_next().unwrap();
    assert_eq!(rest.recipients().len(), 72);
    receiver.lost();
    assert_eq!(sender.acknowledged(), Some(9));
    assert_eq!(taken(&receiver), list(&[("1", 72), ("2", 1)]));
    assert!(timeout(Duration::from_millis(20), sender.settled()).await.is_err());
    receiver.acknowledge(receiver.echo());
    assert_eq!(sender.acknowledged(), Some(15));
    soon(sender.settled()).await;
    // Who says nothing has said all.
    drop(sender.batch(16, 20));
    assert_eq!(sender.acknowledged(), Some(20));
}

#[tokio::test]
async fn a_later_batch_does_not_overtake_an_earlier_one() {
    let (sender, receiver) = small(10_000);
    let giant = sender.batch(1, 1);
    giant.send(message("giant", "1", 300)).await.unwrap();
    drop(giant);
    let small = sender.batch(2, 2);
    small.send(message("small", "2", 1)).await.unwrap();
    drop(small);
    receiver.try_next().unwrap();
    assert_eq!(receiver.try_next().unwrap().recipients().len(), 1);
    receiver.acknowledge(receiver.echo());
    assert_eq!(sender.acknowledged(), Some(0), "the second is there, the first is not");
}

#[tokio::test]
async fn senders_wait_while_it_is_full_and_one_always_fits() {
    let (sender, receiver) = queue(QueueLimits { bytes_max: 1_000, window: 10_000 });
    sender.send(message("a", "0", 10_000)).await.unwrap();
    assert!(sender.is_crowded_with(0));
    let waiting = {
        let sender = sender.clone();
        tokio::spawn(async move { sender.send(message("a", "1", 1)).await })
    };
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!waiting.is_finished());
    assert_eq!(soon(receiver.recv()).await.unwrap().to.len(), 10_000);
    soon(waiting).await.unwrap().unwrap();
    assert!(!sender.is_crowded_with(0));
}

#[tokio::test]
async fn it_ends_when_it_is_closed_or_nobody_sends() {
    let (sender, receiver) = small(100);
    sender.send(message("a", "0", 1)).await.unwrap();
    drop(sender);
    assert!(soon(receiver.recv()).await.is_some());
    assert!(soon(receiver.recv()).await.is_none());
    let (sender, receiver) = small(100);
    sender.send(message("a", "0", 1)).await.unwrap();
    receiver.close();
    assert_eq!(sender.send(message("a", "1", 1)).await, Err(Closed));
    assert!(soon(receiver.recv()).await.is_some());
    assert!(soon(receiver.recv()).await.is_none());
}
