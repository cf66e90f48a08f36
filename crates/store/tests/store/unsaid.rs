//! An import into a service that ended before it had said everything: what waits to be said is not lost.

use groupchat_core::{Change, Pending, PendingKind, StanzaId, Timestamp};
use groupchat_store::portable::{Record, WhenThere};
use groupchat_store::{Batch, Store};

use crate::portable::{another, domain, exported, import, import_as, lively};
use crate::support::*;

/// A group to be imported whose rows are later than this id, and a store in which the service has said everything up to it.
async fn places(upto: StanzaId) -> (Vec<Record>, Place, Store) {
    let store = store().await;
    let twin = lively(&store, "tea").await;
    let mut records = exported(&store, &twin.group.id).await;
    for record in &mut records {
        match record {
            Record::Message(message) => message.id.0 += upto.0,
            Record::Group(group) => (group.last, group.preview) = (None, None),
            Record::Member(member) => member.read = None,
            _ => {}
        }
    }
    let (place, other) = another().await;
    other.commit(&Batch { cursor: Some((domain(), upto)), ..Batch::default() }).await.unwrap();
    (records, place, other)
}

/// Somebody is invited at this time.
async fn invite(twin: &mut Twin, at: Timestamp) {
    let by = PendingKind::Invitation { by: bare("owner@h") };
    let invited = Pending { jid: bare("new@h"), kind: by, spec: spec("new@h"), since: at };
    twin.change(Change::Waiting(vec![invited])).await.unwrap();
}

#[tokio::test]
async fn an_invitation_that_nobody_heard_keeps_the_cursor_where_it_is() {
    let upto = StanzaId(30_000);
    let (records, _place, other) = places(upto).await;
    let mut wine = Twin::create(&other, "wine", &[], &[]).await;
    invite(&mut wine, Timestamp(31)).await;
    let refused = import(&other, &records, true).await.unwrap_err().to_string();
    assert!(refused.contains("has not said yet"), "{refused}");
    assert_eq!(other.cursor(&domain()).await.unwrap(), upto);
    // It was said: nothing is lost by going on.
    other.commit(&Batch { cursor: Some((domain(), StanzaId(31_000))), ..Batch::default() }).await.unwrap();
    import(&other, &records, true).await.unwrap();
}

#[tokio::test]
async fn what_a_group_has_not_said_is_not_replaced() {
    let upto = StanzaId(7_000);
    let (records, _place, other) = places(StanzaId(0)).await;
    other.commit(&Batch { cursor: Some((domain(), upto)), ..Batch::default() }).await.unwrap();
    let mut tea = Twin::create(&other, "tea", &[], &["eve@h"]).await;
    let replace = async || {
        let done = import_as(&other, &records, WhenThere::Replace, false).await;
        done.map_err(|refused| refused.to_string())
    };
    // All of what comes is from before the cursor, so that it moves nowhere; and nothing is left to say.
    replace().await.unwrap();
    invite(&mut tea, Timestamp(8)).await;
    let refused = replace().await.unwrap_err();
    assert!(refused.contains("has not said yet"), "an invitation: {refused}");
    tea.change(Change::Answered(vec![bare("new@h")])).await.unwrap();
    replace().await.unwrap();
    let archive = vec![message("tea", 9_000, "owner", None)];
    let changes = vec![(tea.group.id.clone(), Change::Posted { author: bare("owner@h") })];
    other.commit(&Batch { archive, changes, ..Batch::default() }).await.unwrap();
    let refused = replace().await.unwrap_err();
    assert!(refused.contains("has not said yet"), "a message: {refused}");
    other.commit(&Batch { cursor: Some((domain(), StanzaId(9_000))), ..Batch::default() }).await.unwrap();
    replace().await.unwrap();
}
