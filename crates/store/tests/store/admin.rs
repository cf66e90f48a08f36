//! What administrators look for, and what they did.

use groupchat_core::Timestamp;

use crate::support::*;

#[tokio::test]
async fn groups_are_found_whatever_the_case_of_letters() {
    let store = store().await;
    for (id, name) in [("a", "Ökonomie"), ("b", "Чай"), ("c", "Tea"), ("d", "Straße 100%"), ("e", "ΟΔΥΣΣΕΑΣ")]
    {
        Twin::create(&store, id, &[("name", name)], &[]).await;
    }
    let found = async |text: &str| {
        let groups = store.list_groups(Some(text), None, 10).await.unwrap();
        groups.into_iter().map(|group| group.id.to_string()).collect::<Vec<_>>()
    };
    for (texts, expected) in [
        (["ökonomie", "ÖKO", "Ökonomie"], "a"),
        (["чай", "ЧАЙ", "Чай"], "b"),
        (["tea", "TEA", "eA"], "c"),
        (["straße", "STRAßE", "%"], "d"),
        (["ΟΔΥΣ", "οδυσσεας", "σεας"], "e"),
    ] {
        for text in texts {
            assert_eq!(found(text).await, [expected], "{text}");
        }
    }
    assert!(found("_").await.is_empty());
    let all = store.list_groups(None, Some("a"), 2).await.unwrap();
    assert_eq!(all.iter().map(|group| group.id.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    let behind = store.list_groups(Some("A"), Some("b"), 1).await.unwrap();
    assert_eq!(behind.iter().map(|group| group.id.as_str()).collect::<Vec<_>>(), ["c"]);
}

#[tokio::test]
async fn the_audit_log_is_read_back_to_its_beginning() {
    let store = store().await;
    for number in 0..5 {
        store.audit(Timestamp(number), "ops", &format!("act {number}"), "done").await.unwrap();
    }
    let (mut before, mut acts) = (None, Vec::new());
    loop {
        let page = store.audited(before, 2).await.unwrap();
        let Some(first) = page.first() else { break };
        before = Some(first.number);
        acts.splice(0..0, page.into_iter().map(|line| line.act));
    }
    assert_eq!(acts, ["act 0", "act 1", "act 2", "act 3", "act 4"]);
}
