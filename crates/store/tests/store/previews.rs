//! The message that the inbox shows of a group: the newest that says something, whatever was taken back or erased.

use groupchat_core::Command;
use groupchat_store::Store;
use groupchat_store::portable::Record;
use proptest::prelude::*;

use crate::hold::erase;
use crate::life::command;
use crate::portable::{cases, exported};
use crate::support::*;

/// What is noted as the newest message with a text, and which it is.
async fn noted_and_newest(store: &Store) -> (Option<i64>, Option<i64>) {
    let (mut noted, mut newest) = (None, None);
    for record in exported(store, &gid("tea")).await {
        match record {
            Record::Group(group) => noted = group.preview.map(|id| id.0),
            Record::Message(row) if row.kind == "message" && row.body.is_some() => {
                newest = newest.max(Some(row.id.0));
            }
            _ => {}
        }
    }
    (noted, newest)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_newest_that_says_something_is_shown(
        steps in prop::collection::vec((0..8usize, command()), 1..60),
        erased in Just(vec![0, 1, 2]).prop_shuffle(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = store().await;
            let mut twin = Twin::create(&store, "tea", &[], &["user0@h", "user1@h", "user2@h"]).await;
            // A neighbour in the same index, with newer messages and older ones.
            let mut other = Twin::create(&store, "teb", &[], &[]).await;
            for (number, (actor, command)) in steps.iter().enumerate() {
                (twin.now, other.now) = (twin.now + 1, twin.now + 1);
                let actor = if actor % 2 == 0 { "owner@h".to_owned() } else { format!("user{}@h", actor / 2) };
                let _ = twin.ask(&actor, command).await;
                if number % 3 == 0 {
                    let _ = other.ask("owner@h", &Command::Post(say("beside"))).await;
                }
                let (noted, newest) = noted_and_newest(&store).await;
                assert_eq!(noted, newest, "after {command:?} of {actor}");
            }
            for user in erased {
                erase(&store, &format!("user{user}@h")).await;
                let (noted, newest) = noted_and_newest(&store).await;
                assert_eq!(noted, newest, "user{user} was erased");
            }
            store.close().await.unwrap();
        });
    }
}
