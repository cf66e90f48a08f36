//! Whatever is lost, doubled, late or cut off on the way, the picture becomes that of the whole archive.
//!
//! A small model of the service holds two groups. Strategies say what happens there, and what becomes of each stanza on
//! its way to the member whose picture it is; in the end all is quiet, he logs in once more, and his picture is compared
//! with that of a device that has just read everything.

#![expect(clippy::unwrap_used, reason = "a test ends where its model is wrong")]

mod model;

use std::collections::BTreeMap;

use groupchat_client::{Content, Cursor, GroupState, GroupView, Service};
use minidom::Element;
use model::{ACCOUNT, Model, SERVICE};
use proptest::prelude::*;

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// Something in a group.
    Act(model::Act),
    /// The stanza at this place of those that wait comes now.
    Deliver(usize),
    /// It comes, and will come again.
    Double(usize),
    /// It never comes.
    Lose(usize),
    /// The service answers what the device asked.
    Answer,
    /// The link breaks, what is on its way is lost, and the device logs in again.
    Reconnect,
    /// The device asks again for what was not answered.
    Retry,
    /// Everything in a group is read on this device.
    MarkRead(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => model::acts().prop_map(Step::Act),
        8 => (0..6_usize).prop_map(Step::Deliver),
        2 => (0..6_usize).prop_map(Step::Double),
        2 => (0..6_usize).prop_map(Step::Lose),
        6 => Just(Step::Answer),
        1 => Just(Step::Reconnect),
        1 => Just(Step::Retry),
        1 => (0..2_usize).prop_map(Step::MarkRead),
    ];
    proptest::collection::vec(step, 1..90)
}

struct World {
    model: Model,
    view: GroupView,
    /// On their way to the device.
    waiting: Vec<Element>,
}

impl World {
    fn new(keep: usize) -> Self {
        Self { model: Model::new(), view: new_view().keep(keep), waiting: Vec::new() }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Act(act) => {
                let told = self.model.act(act);
                self.waiting.extend(told);
            }
            Step::Deliver(place) => self.deliver(*place, false),
            Step::Double(place) => self.deliver(*place, true),
            Step::Lose(place) => {
                // An answer and what comes with it are lost with the link alone.
                if self.waiting.get(*place).is_some_and(|stanza| !model::is_answer(stanza)) {
                    self.waiting.remove(*place);
                }
            }
            Step::Answer => self.answer(),
            Step::Reconnect => {
                self.waiting.clear();
                self.view.connected();
            }
            Step::Retry => self.view.retry(),
            Step::MarkRead(group) => {
                let address = model::GROUPS[*group];
                let newest = self.view.group(address).and_then(|state| Some(state.last()?.0.to_owned()));
                if let Some(newest) = newest {
                    self.view.mark_read(address, &newest);
                }
            }
        }
    }

    /// Answers stay in their order, as servers keep it on one link; everything else may overtake.
    fn deliver(&mut self, place: usize, again: bool) {
        let Some(stanza) = self.waiting.get(place).cloned() else { return };
        let first = self.waiting.iter().position(model::is_answer);
        let place = if model::is_answer(&stanza) { first.unwrap_or(place) } else { place };
        let stanza = if again { self.waiting[place].clone() } else { self.waiting.remove(place) };
        if !again || !model::is_answer(&stanza) {
            self.view.take(&stanza);
        }
    }

    fn answer(&mut self) {
        while let Some(stanza) = self.view.next_stanza() {
            self.waiting.extend(self.model.take(&stanza));
        }
    }

    /// Nothing happens any more, and everything that is asked is answered.
    fn settle(&mut self) {
        self.waiting.clear();
        self.view.connected();
        settle(&mut self.view, &mut self.model);
    }
}

fn new_view() -> GroupView {
    GroupView::new(Service::new(SERVICE), ACCOUNT)
}

fn settle(view: &mut GroupView, model: &mut Model) {
    for _ in 0..10_000 {
        let Some(stanza) = view.next_stanza() else { return };
        for answer in model.take(&stanza) {
            view.take(&answer);
        }
    }
    panic!("the view never has enough");
}

/// Reads everything that there is.
fn load_everything(view: &mut GroupView, model: &mut Model) {
    let groups: Vec<String> = view.groups().map(|group| group.address().to_owned()).collect();
    for group in groups {
        view.load_members(&group);
        view.load_info(&group);
        settle(view, model);
        while view.group(&group).is_some_and(|state| !state.reaches_start()) {
            view.load_history(&group);
            settle(view, model);
        }
    }
}

/// What two devices must agree on.
#[derive(Debug, PartialEq)]
struct Picture {
    name: String,
    role: Option<String>,
    unread: u32,
    mentioned: u32,
    read: Option<String>,
    subject: Option<String>,
    members: BTreeMap<String, (Option<String>, Option<String>)>,
    timeline: Vec<(String, Option<String>, Content, Option<String>)>,
}

fn picture(state: &GroupState) -> Picture {
    let members = state.members().unwrap_or_default();
    let entry = |message: &groupchat_client::Message| {
        let id = message.stanza_id.clone().unwrap_or_default();
        let text = state.text(&id).map(str::to_owned);
        (id, message.mid.clone(), message.content.clone(), text)
    };
    Picture {
        name: state.name().to_owned(),
        role: state.role().map(str::to_owned),
        unread: state.unread(),
        mentioned: state.mentioned(),
        read: state.read_position().map(str::to_owned),
        subject: state.subject().map(str::to_owned),
        members: members.into_iter().map(|(jid, item)| (jid, (item.nick, item.role))).collect(),
        timeline: state.timeline().map(entry).collect(),
    }
}

fn pictures(view: &GroupView) -> BTreeMap<String, Picture> {
    view.groups().map(|state| (state.address().to_owned(), picture(state))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_picture_becomes_that_of_the_archive(steps in steps()) {
        let mut world = World::new(10_000);
        world.view.connected();
        for step in &steps {
            world.step(step);
        }
        world.settle();
        load_everything(&mut world.view, &mut world.model);
        let mut fresh = new_view().keep(10_000);
        fresh.connected();
        settle(&mut fresh, &mut world.model);
        load_everything(&mut fresh, &mut world.model);
        prop_assert_eq!(pictures(&world.view), pictures(&fresh));
        let listed = world.model.listed();
        let known: Vec<(String, u32)> =
            world.view.groups().map(|state| (state.address().to_owned(), state.unread())).collect();
        prop_assert_eq!(known, listed);
    }

    /// A device with little room keeps the newest, and counts and names right all the same.
    #[test]
    fn what_is_forgotten_still_counts(steps in steps()) {
        let mut world = World::new(3);
        world.view.connected();
        for step in &steps {
            world.step(step);
        }
        world.settle();
        let mut fresh = new_view();
        fresh.connected();
        settle(&mut fresh, &mut world.model);
        let counted = |view: &GroupView| -> Vec<_> {
            view.groups().map(|state| (state.name().to_owned(), state.role().map(str::to_owned), state.unread())).collect()
        };
        prop_assert_eq!(counted(&world.view), counted(&fresh));
        for state in world.view.groups() {
            prop_assert!(state.timeline().count() <= 3, "{} are kept", state.timeline().count());
        }
    }

    /// A device that goes on from where it was knows what is unread without ever logging in again, as long as nothing that
    /// is told it is lost and one stays in one's groups: whatever was said before, and whoever it finds out to be.
    #[test]
    fn what_is_unread_is_known_without_another_login(
        before in proptest::collection::vec(model::acts(), 0..30),
        keep in prop_oneof![Just(2), Just(10_000)],
        steps in steps(),
    ) {
        let mut model = Model::new();
        before.iter().filter(|act| !act.is_about_me()).for_each(|act| drop(model.act(act)));
        let mut view = new_view().keep(keep);
        if let Some(stanza_id) = model.newest() {
            view = view.from_cursor(Cursor { stanza_id, stamp: None });
        }
        let mut world = World { model, view, waiting: Vec::new() };
        world.view.connected();
        let is_usual = |step: &&Step| match step {
            Step::Lose(_) | Step::Double(_) => false,
            Step::Act(act) => !act.is_about_me(),
            _ => true,
        };
        steps.iter().filter(is_usual).for_each(|step| world.step(step));
        for _ in 0..100 {
            while !world.waiting.is_empty() {
                world.deliver(0, false);
            }
            world.answer();
        }
        prop_assert!(world.waiting.is_empty(), "the view never has enough");
        let mut fresh = new_view();
        fresh.connected();
        settle(&mut fresh, &mut world.model);
        let read = |view: &GroupView| -> Vec<_> {
            let position = |state: &GroupState| state.read_position().map(str::to_owned);
            view.groups().map(|state| (state.address().to_owned(), state.unread(), position(state))).collect()
        };
        prop_assert_eq!(read(&world.view), read(&fresh));
    }

    /// Without losses nothing has to be asked again: the order alone does not matter.
    #[test]
    fn live_messages_in_any_order(acts in proptest::collection::vec(model::posts(), 1..30), seed in any::<u64>()) {
        let mut model = Model::new();
        let mut view = new_view();
        view.connected();
        settle(&mut view, &mut model);
        let mut told: Vec<Element> = acts.iter().flat_map(|act| model.act(act)).collect();
        let mut random = seed;
        for place in (1..told.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let other = usize::try_from(random >> 33).unwrap() % (place + 1);
            told.swap(place, other);
        }
        for stanza in &told {
            view.take(stanza);
            view.take(stanza);
        }
        // Who it is itself in the group it asks, when that matters.
        settle(&mut view, &mut model);
        let known: Vec<(String, u32)> =
            view.groups().map(|state| (state.address().to_owned(), state.unread())).collect();
        prop_assert_eq!(known, model.listed());
        for state in view.groups() {
            prop_assert!(state.timeline().is_sorted_by_key(|message| message.stanza_id.clone()));
        }
    }
}
