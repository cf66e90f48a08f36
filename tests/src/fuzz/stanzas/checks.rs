//! What must hold after every step, whatever was said.

use groupchat_core::{GroupId, Jid};
use groupchat_link::Incoming;
use minidom::Element;

use super::scene::{SECRET, Said, Scene, answer_to};
use super::world::World;
use crate::wire::SERVICE;
use crate::xml::set_attribute;

const MUC: &str = "http://jabber.org/protocol/muc";

/// The start tag of what somebody sent: all that the service may know of it.
#[derive(Debug, Clone)]
struct Sent {
    name: String,
    from: String,
    to: Option<Jid>,
    id: String,
    kind: String,
    /// As it came, if it was read in full.
    stanza: Option<Element>,
}

/// Has these said at once, and checks what comes of it.
pub(super) async fn play(scene: &mut Scene, stanzas: Vec<Incoming>) {
    let sent: Vec<Sent> = stanzas.iter().map(Sent::new).collect();
    let before = scene.observer.look().await.clone();
    for stanza in stanzas {
        scene.tell(stanza).await;
    }
    let due: Vec<_> = sent.iter().filter(|sent| sent.is_due_an_answer()).map(Sent::key).collect();
    let said = scene.settle(&due).await;
    let after = scene.observer.look().await.clone();
    questions_have_one_answer(&sent, &said);
    errors_are_not_answered(&sent, &said);
    if let [sent] = sent.as_slice() {
        a_refusal_changes_nothing(sent, &said, &before, &after);
        strangers_hear_nothing(sent, &said, &before, &after);
        if let Some(stanza) = sent.about_a_foreign_group(&before) {
            strangers_see_no_difference(scene, sent, stanza, &said, &after).await;
        }
    }
}

fn questions_have_one_answer(sent: &[Sent], said: &[Said]) {
    // What went to members may be answered by them, now or later.
    if sent.iter().any(|sent| sent.name == "iq" && sent.to.as_ref().is_some_and(|to| to.resource().is_some()))
    {
        return;
    }
    for key in sent.iter().filter(|sent| sent.is_due_an_answer()).map(Sent::key) {
        let asked = sent.iter().filter(|sent| sent.is_due_an_answer() && sent.key() == key).count();
        let is_answer = |said: &&Said| said.to == key.0 && answer_to(&said.stanza).as_ref() == Some(&key.1);
        let answered = said.iter().filter(is_answer).count();
        assert_eq!(answered, asked, "answers to {key:?} among {said:#?}");
    }
}

fn errors_are_not_answered(sent: &[Sent], said: &[Said]) {
    let is_answer = |sent: &Sent| sent.kind == "error" || (sent.name == "iq" && sent.kind == "result");
    if !sent.iter().all(is_answer) {
        return;
    }
    for Said { to, text, stanza } in said {
        let is_to_sender = sent.iter().any(|sent| bare(&sent.from) == bare(to));
        // From a member's address it is somebody else's error that is passed on.
        let is_passed_on = stanza.attr("from").is_some_and(|from| from.contains('/'));
        let is_error = stanza.attr("type") == Some("error");
        assert!(!(is_to_sender && is_error) || is_passed_on, "an error is answered: {text}");
    }
}

fn a_refusal_changes_nothing(sent: &Sent, said: &[Said], before: &World, after: &World) {
    let is_refusal = |said: &&Said| {
        said.to == sent.from
            && said.stanza.attr("type") == Some("error")
            && said.stanza.name() == sent.name
            && said.stanza.attr("id").unwrap_or_default() == sent.id
            && sent.kind != "error"
    };
    if let Some(refusal) = said.iter().find(is_refusal) {
        assert_eq!(before.rows, after.rows, "it was refused and changed something: {}", refusal.text);
    }
}

fn strangers_hear_nothing(sent: &Sent, said: &[Said], before: &World, after: &World) {
    let what_was_sent = sent.stanza.as_ref().map(String::from).unwrap_or_default();
    for Said { to, text, stanza } in said {
        let user = bare(to);
        let from = stanza.attr("from").and_then(|from| Jid::parse(from).ok()).expect("it was accepted");
        let group = from.bare().local().unwrap_or_default();
        let is_known_to = |world: &World, group: &str| {
            world.groups.get(group).is_none_or(|group| {
                !group.is_private || group.members.contains(user) || group.waiting.contains(user)
            })
        };
        // Subscriptions are answered to the account.
        let is_answer = user == bare(&sent.from) && sent.is_answered_by(stanza);
        assert!(
            is_answer || is_known_to(before, group) || is_known_to(after, group),
            "{user} is not in {group}, and hears {text}"
        );
        // Whoever was a member may know.
        let may_know = |world: &World| {
            is_known_to(world, super::grammar::TEA)
                || world.groups.get(super::grammar::TEA).is_some_and(|tea| tea.once_members.contains(user))
        };
        assert!(
            !text.contains(SECRET) || what_was_sent.contains(SECRET) || may_know(before) || may_know(after),
            "{user} hears the secret: {text}"
        );
    }
}

/// Rule 7 of the protocol: who is not in a private group cannot tell it from one that does not exist.
async fn strangers_see_no_difference(
    scene: &mut Scene,
    sent: &Sent,
    stanza: &Element,
    said: &[Said],
    world: &World,
) {
    let Some((to, id)) = sent.to.as_ref().and_then(|to| Some((to, to.bare().local()?))) else { return };
    let there = to.bare().as_str().to_owned();
    // As long as the other name, because answers are cut at some length.
    let id = "z".repeat(id.chars().count());
    if world.groups.contains_key(&id) {
        return;
    }
    let nowhere = format!("{id}@{SERVICE}");
    let mut elsewhere = stanza.clone();
    let resource = to.resource().map(|resource| format!("/{resource}")).unwrap_or_default();
    set_attribute(&mut elsewhere, "to", &format!("{nowhere}{resource}"));
    scene.tell(Incoming::Stanza(elsewhere)).await;
    let due = if sent.is_due_an_answer() { vec![sent.key()] } else { Vec::new() };
    let said_of_nowhere = scene.settle(&due).await;
    let of = |said: &[Said]| -> Vec<String> { said.iter().map(|said| said.text.clone()).collect() };
    let of_nowhere: Vec<_> = of(&said_of_nowhere).iter().map(|text| text.replace(&nowhere, &there)).collect();
    let of_there: Vec<_> = of(said).iter().map(|text| text.replace(&nowhere, &there)).collect();
    assert_eq!(of_there, of_nowhere, "a stranger sees that {there} is there");
}

impl Sent {
    fn new(incoming: &Incoming) -> Self {
        let (name, head, stanza) = match incoming {
            Incoming::Stanza(stanza) => {
                let head = ["from", "to", "id", "type"].map(|name| stanza.attr(name).map(str::to_owned));
                (stanza.name(), head, Some(stanza.clone()))
            }
            Incoming::Skipped(skipped) => {
                let head = [&skipped.from, &skipped.to, &skipped.id, &skipped.kind];
                (&*skipped.name, head.map(Clone::clone), None)
            }
            Incoming::Up | Incoming::Down => unreachable!("these are not sent"),
        };
        let [from, to, id, kind] = head;
        let to = to.and_then(|to| Jid::parse(&to).ok()).filter(|to| to.bare().domain() == SERVICE);
        let [from, id, kind] = [from, id, kind].map(Option::unwrap_or_default);
        Self { name: name.to_owned(), from, to, id, kind, stanza }
    }

    /// Whoever asks the service or a group by iq gets an answer.
    fn is_due_an_answer(&self) -> bool {
        let is_to_us = self.to.as_ref().is_some_and(|to| to.resource().is_none());
        is_to_us && self.name == "iq" && !matches!(&*self.kind, "result" | "error")
    }

    /// Its sender and its id.
    fn key(&self) -> (String, String) {
        (self.from.clone(), self.id.clone())
    }

    /// Is this what anybody is told who asks the same, wherever he asks?
    fn is_answered_by(&self, stanza: &Element) -> bool {
        let payload = stanza.children().next();
        let says_nothing = payload.is_none_or(|payload| {
            let namespace = payload.ns();
            let of_everybody = ["jabber:iq:version", "urn:xmpp:time", "jabber:iq:last"];
            let of_every_archive = payload.name() == "prefs" || payload.has_child("x", "jabber:x:data");
            of_everybody.contains(&&*namespace) || (namespace == "urn:xmpp:mam:2" && of_every_archive)
        });
        match (stanza.name(), stanza.attr("type")) {
            (_, Some("error")) | ("presence", Some("unsubscribed")) => true,
            ("iq", Some("result")) => says_nothing,
            _ => false,
        }
    }

    /// The stanza, if it is for a private group that its sender has nothing to do with, and asks for what depends on
    /// nothing else.
    fn about_a_foreign_group(&self, world: &World) -> Option<&Element> {
        let stanza = self.stanza.as_ref()?;
        let group = GroupId::parse(self.to.as_ref()?.bare().local()?).ok()?;
        let group = world.groups.get(group.as_str()).filter(|group| group.is_private)?;
        let user = bare(&self.from);
        let is_stranger = !group.members.contains(user) && !group.waiting.contains(user);
        // Their ids are taken, and a room that is not there is made by joining it; their answers tell the time; and what is
        // forged is so in one group only.
        let tells_other_things = |payload: &Element| {
            payload.ns().ends_with("#creategroup")
                || ["urn:xmpp:time", "jabber:iq:last", "urn:xmpp:sid:0", "urn:xmpp:delay", MUC]
                    .contains(&&*payload.ns())
        };
        (is_stranger && !stanza.children().any(tells_other_things)).then_some(stanza)
    }
}

fn bare(jid: &str) -> &str {
    jid.split_once('/').map_or(jid, |(bare, _)| bare)
}
