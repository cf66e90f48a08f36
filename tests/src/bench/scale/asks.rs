//! What is asked of the service, each thing several times, and checked: an answer that is fast and wrong is none.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use groupchat_core::StanzaId;

use super::fill::{BUSY, LARGE, LOUD};
use super::{SERVICE, Stage, Timing, USERS};

/// Where each user asks once, so many more ask.
const USERS_PER_TIME: u64 = 50;
/// Items of a page.
const PAGE: u64 = 100;

const GC: &str = "http://jabber.org/protocol/groupchat";
const MAM: &str = "urn:xmpp:mam:2";
const RSM: &str = "http://jabber.org/protocol/rsm";

/// Asks as the user who is in most groups.
pub(super) struct Asking<'a> {
    stage: &'a Stage<'a>,
    tell: &'a mut dyn FnMut(&str),
    asked: u64,
    /// How often each thing is asked.
    times: u64,
    timings: Vec<Timing>,
}

/// What an answer must hold.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    /// So many items.
    Items(u64),
    /// So many messages before it.
    Messages(u64),
    /// This text.
    Text(&'static str),
}

impl<'a> Asking<'a> {
    pub(super) fn new(stage: &'a Stage<'a>, tell: &'a mut dyn FnMut(&str)) -> Self {
        stage.host.log_in(&device());
        Self { stage, tell, asked: 0, times: stage.plan.times, timings: Vec::new() }
    }

    pub(super) async fn everything(mut self) -> Result<Vec<Timing>> {
        self.lists().await?;
        self.archive_of_group().await?;
        self.archive_of_all().await?;
        self.archives_of_others().await?;
        self.receipts().await?;
        Ok(self.timings)
    }

    async fn lists(&mut self) -> Result<()> {
        let times = self.times;
        let plan = self.stage.plan;
        let groups = plan.busy;
        for name in ["inbox", "items"] {
            let first = Ord::min(PAGE, groups);
            let what = format!("`#{name}` of a user in {groups} groups, first page of {PAGE}");
            self.time(what, Wanted::Items(first), |_| get(SERVICE, &query(name, &set("")))).await?;
            self.by_pages(format!("`#{name}` of all {groups}"), SERVICE, name, groups).await?;
        }
        // Every tenth.
        let public = plan.groups / 10;
        let disco = format!("<query xmlns='http://jabber.org/protocol/disco#items'>{}</query>", set(""));
        let what = format!("disco#items of the service: first page of {public} public groups");
        self.time(what, Wanted::Items(Ord::min(public, PAGE)), |_| get(SERVICE, &disco)).await?;
        let named = |number: u64| {
            let name = format!(
                "<property name='name' value='Group {}'/>",
                number * plan.groups / times / 10 * 10 + 9
            );
            get(SERVICE, &query("groupinfo", &name))
        };
        self.time("a public group by its name", Wanted::Text("Group "), named).await?;
        let info = |number: u64| get(&group(LOUD + number % groups), &query("groupinfo", ""));
        self.time("`#groupinfo`", Wanted::Text("Group "), info).await?;
        let of = group(LARGE);
        let owner = format!("{}@{USERS}/pda", self.stage.filled.user(LARGE, 0));
        let what = format!("`#members` of the group of {}, first page of {PAGE}", plan.large);
        let first = || query("members", &set(""));
        self.time(what, Wanted::Items(Ord::min(PAGE, plan.large)), |_| Ask {
            from: owner.clone(),
            ..get(&of, &first())
        })
        .await
    }

    async fn archive_of_group(&mut self) -> Result<()> {
        let times = self.times;
        let filled = &self.stage.filled;
        let messages = filled.groups[LOUD as usize].messages;
        let page = Ord::min(PAGE, messages / 4);
        let loud = group(LOUD);
        let of = format!("archive of the group of {messages} messages");
        let last = archive(&loud, "", &set("<before/>"));
        self.time(format!("{of}: last page of {PAGE}"), Wanted::Messages(PAGE), |_| last.clone()).await?;
        // All over the middle half.
        let middle = |number: u64| {
            let place = messages / 4 + number * (messages / 2 / times);
            (filled.message(LOUD, place), filled.user(LOUD, place % filled.groups[LOUD as usize].members))
        };
        let before = |number: u64| format!("<before>{}</before>", StanzaId(middle(number).0));
        let ask = |number: u64| archive(&loud, "", &set(&before(number)));
        self.time(format!("{of}: page in the middle"), Wanted::Messages(page), ask).await?;
        let ask = |number: u64| archive(&loud, &field("ids", &StanzaId(middle(number).0).to_string()), "");
        self.time(format!("{of}: by id"), Wanted::Messages(1), ask).await?;
        let ask = |number: u64| {
            let with = field("with", &format!("{loud}/{}", middle(number).1));
            archive(&loud, &with, &set(&before(number)))
        };
        let by_one = Ord::min(page, messages / 4 / filled.groups[LOUD as usize].members);
        self.time(format!("{of}: one member's, page in the middle"), Wanted::Messages(by_one), ask).await?;
        let count = archive(&loud, "", &format!("<set xmlns='{RSM}'><max>0</max></set>"));
        self.time(format!("{of}: how many there are"), Wanted::Text("<count"), |_| count.clone()).await?;
        let ends = get(&loud, &format!("<metadata xmlns='{MAM}'/>"));
        self.time(format!("{of}: where it begins and ends"), Wanted::Text("<start"), |_| ends.clone()).await
    }

    async fn archive_of_all(&mut self) -> Result<()> {
        let times = self.times;
        let filled = &self.stage.filled;
        let messages = filled.groups[LOUD as usize].messages;
        let of = format!("archive of all {} groups of a user", self.stage.plan.busy);
        let last = archive(SERVICE, "", &set("<before/>"));
        self.time(format!("{of}: last page of {PAGE}"), Wanted::Messages(PAGE), |_| last.clone()).await?;
        let missed = |number: u64| {
            let seen = filled.message(LOUD, messages - messages / 10 - number * (messages / 10 / times));
            archive(SERVICE, &field("after-id", &StanzaId(seen).to_string()), &set(""))
        };
        self.time(format!("{of}: what was missed, first page"), Wanted::Messages(PAGE), missed).await?;
        let middle = |number: u64| {
            let id = StanzaId(filled.message(LOUD, messages / 4 + number * (messages / 2 / times)));
            archive(SERVICE, "", &set(&format!("<before>{id}</before>")))
        };
        self.time(format!("{of}: page in the middle"), Wanted::Messages(PAGE), middle).await?;
        let with = |number: u64| {
            let member = filled.user(LOUD + number, 0);
            archive(SERVICE, &field("with", &format!("{member}@{USERS}")), &set("<before/>"))
        };
        self.time(format!("{of}: what one user said, last page"), Wanted::Text("<fin"), with).await?;
        let ends = get(SERVICE, &format!("<metadata xmlns='{MAM}'/>"));
        self.time(format!("{of}: where it begins and ends"), Wanted::Text("<start"), |_| ends.clone()).await
    }

    /// Each user has other groups, and sees other parts of them.
    async fn archives_of_others(&mut self) -> Result<()> {
        let mut taken = Vec::new();
        let users = self.times * USERS_PER_TIME;
        for number in 0..users {
            let user = number * (self.stage.filled.users / users);
            let from = format!("u{user}@{USERS}/pda");
            self.stage.host.log_in(&from);
            let before = self.stage.host.counts().delivered;
            let since = Instant::now();
            self.ask(&Ask { from, ..archive(SERVICE, "", &set("<before/>")) }).await?;
            taken.push(since.elapsed());
            ensure!(self.stage.host.counts().delivered > before, "u{user} found nothing in the archive");
        }
        self.note(Timing::of(format!("archive of all groups of {users} users: last page of {PAGE}"), taken));
        Ok(())
    }

    /// A receipt is answered by nothing but, on the same way, the ping behind it.
    async fn receipts(&mut self) -> Result<()> {
        let times = self.times;
        let filled = &self.stage.filled;
        let messages = filled.groups[LOUD as usize].messages;
        let reader = format!("{}@{USERS}/pda", filled.user(LOUD, 0));
        self.stage.host.log_in(&reader);
        let mut taken = Vec::new();
        for number in 0..times {
            let id = StanzaId(filled.message(LOUD, messages - messages / 10 + 1 + number));
            let since = Instant::now();
            self.stage.host.say(&format!(
                "<message type='groupchat' id='r{number}' from='{reader}' to='{}'>\
                 <displayed xmlns='urn:xmpp:chat-markers:0' id='{id}'/></message>",
                group(LOUD)
            ));
            self.stage.answered(&format!("receipt{number}")).await?;
            taken.push(since.elapsed());
        }
        let what = format!("a receipt for one of {messages} messages, stored");
        self.note(Timing::of(what, taken));
        let ask = |number: u64| {
            let id = StanzaId(filled.message(LOUD, messages / 4 + number * (messages / 2 / times)));
            get(&group(LOUD), &query("receipts", &format!("<message id='{id}'/>")))
        };
        self.time("who has read a message (`#receipts`)", Wanted::Text("result"), ask).await
    }

    /// Reads a list as clients do; once, since it is many questions.
    async fn by_pages(&mut self, what: String, to: &str, name: &str, wanted: u64) -> Result<()> {
        let since = Instant::now();
        let (mut items, mut after) = (0, String::new());
        while items < wanted {
            let answer = self.ask(&get(to, &query(name, &set(&after)))).await?;
            let page = count_items(&answer);
            ensure!(page > 0, "{items} of {wanted} items in {what}");
            items += page;
            let last = answer.split_once("<last>").and_then(|(_, rest)| rest.split_once("</last>"));
            after = format!("<after>{}</after>", last.context("a page without its end")?.0);
        }
        ensure!(items == wanted, "{items} instead of {wanted} items in {what}");
        let pages = wanted.div_ceil(PAGE);
        self.note(Timing::of(format!("{what}, {pages} pages together"), vec![since.elapsed()]));
        Ok(())
    }

    async fn time(
        &mut self,
        what: impl Into<String>,
        wanted: Wanted,
        question: impl Fn(u64) -> Ask,
    ) -> Result<()> {
        let what = what.into();
        let mut times = Vec::new();
        for number in 0..self.times {
            let question = question(number);
            let before = self.stage.host.counts().delivered;
            let since = Instant::now();
            let answer = self.ask(&question).await.with_context(|| what.clone())?;
            times.push(since.elapsed());
            let messages = self.stage.host.counts().delivered - before;
            let is_right = match wanted {
                Wanted::Items(items) => count_items(&answer) == items,
                Wanted::Messages(wanted) => messages == wanted,
                Wanted::Text(text) => answer.contains(text),
            };
            ensure!(is_right, "{what}: {wanted:?} wanted, after {messages} messages came {answer}");
        }
        self.note(Timing::of(what, times));
        Ok(())
    }

    fn note(&mut self, timing: Timing) {
        let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
        let Timing { what, median, longest } = &timing;
        (self.tell)(&format!("{:8.1} {:8.1} ms  {what}", millis(*median), millis(*longest)));
        self.timings.push(timing);
    }

    async fn ask(&mut self, Ask { from, kind, to, payload }: &Ask) -> Result<String> {
        self.asked += 1;
        let id = format!("ask{}", self.asked);
        let iq = format!("<iq type='{kind}' id='{id}' from='{from}' to='{to}'>{payload}</iq>");
        self.stage.host.ask(&id, &iq).await.with_context(|| self.stage.component.log_tail())
    }
}

/// A question.
#[derive(Debug, Clone)]
struct Ask {
    from: String,
    kind: &'static str,
    to: String,
    payload: String,
}

fn device() -> String {
    format!("{BUSY}@{USERS}/pda")
}

fn group(number: u64) -> String {
    format!("g{number}@{SERVICE}")
}

fn get(to: &str, payload: &str) -> Ask {
    Ask { from: device(), kind: "get", to: to.to_owned(), payload: payload.to_owned() }
}

fn archive(to: &str, field: &str, set: &str) -> Ask {
    let form = match field {
        "" => String::new(),
        field => format!(
            "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>{MAM}</value></field>{field}</x>"
        ),
    };
    Ask { kind: "set", ..get(to, &format!("<query xmlns='{MAM}'>{form}{set}</query>")) }
}

fn field(name: &str, value: &str) -> String {
    format!("<field var='{name}'><value>{value}</value></field>")
}

fn query(name: &str, inner: &str) -> String {
    format!("<query xmlns='{GC}#{name}'>{inner}</query>")
}

fn set(place: &str) -> String {
    format!("<set xmlns='{RSM}'><max>{PAGE}</max>{place}</set>")
}

fn count_items(answer: &str) -> u64 {
    answer.matches("<item ").count() as u64
}
