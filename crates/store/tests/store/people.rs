//! What is known of accounts beyond one group.

use groupchat_core::{Addable, Command, Person};
use groupchat_store::Batch;

use crate::support::*;

#[tokio::test]
async fn groups_are_counted_and_wishes_kept() {
    let store = store().await;
    let mut tea = Twin::create(&store, "tea", &[], &["a@h", "b@h"]).await;
    Twin::create(&store, "coffee", &[], &["a@h"]).await;
    let mut gone = Twin::create(&store, "gone", &[], &["a@h"]).await;
    gone.ask("owner@h", &Command::Delete(groupchat_core::Farewell::default())).await.unwrap();
    tea.ask("owner@h", &remove("b@h", false)).await.unwrap();
    let wish = async |people: Vec<(&str, Addable)>| {
        let people = people.into_iter().map(|(jid, addable)| (bare(jid), addable)).collect();
        store.commit(&Batch { people, ..Batch::default() }).await.unwrap();
    };
    wish(vec![("b@h", Addable::Nobody), ("c@h", Addable::Domain), ("b@h", Addable::Domain)]).await;
    wish(vec![("c@h", Addable::Nobody)]).await;
    let people = store.people(&["a@h", "b@h", "c@h", "d@h"].map(bare)).await.unwrap();
    let known = |jid| people.get(&bare(jid)).copied().unwrap_or_default();
    let person = |groups, addable| Person { groups, addable };
    assert_eq!(known("a@h"), person(2, Addable::Everyone));
    assert_eq!(known("b@h"), person(0, Addable::Domain), "the last wish of the batch");
    assert_eq!(known("c@h"), person(0, Addable::Nobody));
    assert_eq!(known("d@h"), Person::default());
}
