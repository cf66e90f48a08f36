//! What must hold when a story is over: lists are the same from whichever end they are read, and the service is the same
//! when it has been started anew.

use groupchat_link::{COMPONENT_NS, Incoming};
use minidom::Element;

use super::scene::{Said, Scene};
use crate::wire::SERVICE;
use crate::xml::escape;

const GC: &str = "http://jabber.org/protocol/groupchat";
const RSM: &str = "http://jabber.org/protocol/rsm";

/// Items of a page: few, so that there are several pages.
const PAGE_ITEMS: usize = 2;
/// More than any list of a story fills.
const PAGES_MAX: usize = 200;

/// Asks and says things as a member of each group that there is.
pub(super) async fn play(scene: &mut Scene) {
    let groups = scene.observer.look().await.groups.clone();
    let members = groups.iter().filter_map(|(id, group)| Some((id, group.members.first()?)));
    let spokesmen: Vec<_> =
        members.map(|(id, jid)| (format!("{id}@{SERVICE}"), format!("{jid}/probe"))).collect();
    for (group, device) in &spokesmen {
        lists_are_the_same_from_both_ends(scene, group, device).await;
    }
    let mut before = Vec::new();
    for (group, device) in &spokesmen {
        before.push(says_something(scene, group, device, "probe-1").await);
    }
    scene.restart().await;
    for ((group, device), before) in spokesmen.iter().zip(before) {
        let after = says_something(scene, group, device, "probe-2").await;
        assert_eq!(before, after, "what is in memory of {group} is not what is stored");
    }
}

async fn lists_are_the_same_from_both_ends(scene: &mut Scene, group: &str, device: &str) {
    let lists = [
        (group, "get", format!("<query xmlns='{GC}#members'>")),
        (SERVICE, "get", format!("<query xmlns='{GC}#items'>")),
        (SERVICE, "get", format!("<query xmlns='{GC}#inbox'>")),
        (group, "set", "<query xmlns='urn:xmpp:mam:2'>".to_owned()),
        (SERVICE, "set", "<query xmlns='urn:xmpp:mam:2'>".to_owned()),
    ];
    for (to, kind, query) in lists {
        let head = format!("<iq xmlns='{COMPONENT_NS}' to='{}' type='{kind}' id='list'>{query}", escape(to));
        let forwards = walk(scene, device, &head, false).await.concat();
        let mut backwards = walk(scene, device, &head, true).await;
        backwards.reverse();
        assert_eq!(forwards, backwards.concat(), "{query} of {to}, from the start and from the end");
    }
}

/// The pages of a list, in the order in which they are asked for.
async fn walk(scene: &mut Scene, device: &str, head: &str, backwards: bool) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut from = if backwards { "<before/>".to_owned() } else { String::new() };
    while pages.len() < PAGES_MAX {
        let set = format!("<set xmlns='{RSM}'><max>{PAGE_ITEMS}</max>{from}</set>");
        let said = ask(scene, device, &format!("{head}{set}</query></iq>")).await;
        let answer = said.last().expect("an answer");
        let list = answer.stanza.children().next().expect("a list");
        let Some(set) = list.get_child("set", RSM) else { panic!("this is no page: {}", answer.text) };
        let archived = said.iter().filter_map(|said| said.stanza.get_child("result", "urn:xmpp:mam:2"));
        let items = list.children().filter(|child| child.name() == "item").chain(archived);
        pages.push(items.map(String::from).collect());
        let (end, name) = if backwards { ("first", "before") } else { ("last", "after") };
        match set.get_child(end, RSM).map(Element::text) {
            Some(key) => from = format!("<{name}>{}</{name}>", escape(&key)),
            None => return pages,
        }
    }
    panic!("a list without end: {head}")
}

/// A message to the group: who gets what kind of stanza for it.
async fn says_something(
    scene: &mut Scene,
    group: &str,
    device: &str,
    id: &str,
) -> Vec<(String, Option<String>)> {
    let text = format!(
        "<message xmlns='{COMPONENT_NS}' to='{}' type='groupchat' id='{id}'><body>Still here?</body></message>",
        escape(group)
    );
    scene.tell(Incoming::Stanza(from(device, &text))).await;
    let said = scene.settle(&[]).await;
    let mut heard: Vec<_> =
        said.into_iter().map(|said| (said.to, said.stanza.attr("type").map(str::to_owned))).collect();
    heard.sort_unstable();
    heard
}

async fn ask(scene: &mut Scene, device: &str, iq: &str) -> Vec<Said> {
    scene.tell(Incoming::Stanza(from(device, iq))).await;
    scene.settle(&[(device.to_owned(), "list".to_owned())]).await
}

fn from(device: &str, text: &str) -> Element {
    let mut stanza: Element = text.parse().expect("well-formed");
    crate::xml::set_attribute(&mut stanza, "from", device);
    stanza
}
