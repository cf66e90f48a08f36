//! Who is present in rooms after a restart is who was before it, and a room that is given up leaves nothing.

use groupchat_core::page::ALL;
use groupchat_core::{
    Change, Group, Occupant, Role, RoomChange, SessionChange, Settings, StanzaId, Timestamp,
};
use groupchat_store::{Batch, Store};

use crate::support::*;

fn occupant(device: &str, since: i64, presence: &str) -> Occupant {
    Occupant { jid: jid(device), text: device.into(), since: StanzaId(since), presence: presence.into() }
}

async fn change(store: &Store, rooms: Vec<RoomChange>) {
    store.commit(&Batch { rooms, ..Batch::default() }).await.unwrap();
}

#[tokio::test]
async fn occupants_keep_their_places_though_they_say_something_new() {
    let (store, tea) = (store().await, gid("tea"));
    let entered = |occupant: &Occupant| RoomChange::Entered(tea.clone(), occupant.clone());
    let (first, second) = (occupant("a@h/1", 1, ""), occupant("b@h/🐎", 2, "<show>away</show>"));
    change(&store, vec![entered(&first), entered(&second)]).await;
    let again = occupant("a@h/1", 3, "<show>dnd</show>");
    change(&store, vec![entered(&again)]).await;
    let stored = store.occupants().await.unwrap();
    assert_eq!(stored, [(tea.clone(), again.clone()), (tea.clone(), second.clone())]);
    assert!(store.is_present(&tea, &first.jid).await.unwrap());
    assert!(!store.is_present(&gid("cup"), &first.jid).await.unwrap());
    change(&store, vec![RoomChange::Left(tea.clone(), first.jid.clone())]).await;
    assert_eq!(store.occupants().await.unwrap(), [(tea, second)]);
}

#[tokio::test]
async fn how_an_account_came_is_remembered() {
    let store = store().await;
    let learnt = SessionChange::Learnt(jid("a@h/1"), None, StanzaId(1));
    let ended = SessionChange::Ended(jid("a@h/1"));
    for sessions in [vec![learnt.clone()], vec![learnt, ended]] {
        store.commit(&Batch { sessions, ..Batch::default() }).await.unwrap();
    }
    assert!(store.came_natively(&bare("a@h")).await.unwrap(), "though it is not there any more");
    assert!(!store.came_natively(&bare("b@h")).await.unwrap());
    let came = SessionChange::Lost(bare("b@h"), groupchat_core::Unreachable::InRooms);
    store.commit(&Batch { sessions: vec![came], ..Batch::default() }).await.unwrap();
    assert!(store.is_in_rooms_only(&bare("b@h")).await.unwrap());
    assert!(!store.is_in_rooms_only(&bare("a@h")).await.unwrap());
}

#[tokio::test]
async fn a_room_that_is_given_up_leaves_nothing() {
    let (store, tea) = (store().await, gid("tea"));
    let mut group = Group::new(tea.clone(), Settings::default(), Vec::new());
    group.locked = true;
    let made = vec![(tea.clone(), Change::Created(Box::new(group)))];
    store.commit(&Batch { now: Timestamp(7), changes: made, ..Batch::default() }).await.unwrap();
    assert_eq!(store.locked().await.unwrap(), [(Timestamp(7), tea.clone())]);
    assert!(store.load(&tea).await.unwrap().unwrap().locked);
    let given_up = vec![(tea.clone(), Change::Abandoned)];
    store.commit(&Batch { changes: given_up, ..Batch::default() }).await.unwrap();
    assert_eq!(store.load(&tea).await.unwrap(), None);
    assert_eq!(store.locked().await.unwrap(), []);
    assert_eq!(store.members_of_role(&tea, Role::Owner, &ALL).await.unwrap().items, []);
}
