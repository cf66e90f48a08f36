//! Large groups, many groups, and a phone that comes back after a long time: that it works, and (printed, not asserted)
//! how long it takes and how many bytes go over the wire. `cargo test --release --test scale -- --nocapture`.

#![expect(clippy::print_stdout, reason = "figures are what whoever runs this by hand wants to see")]

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use groupchat_link::Outgoing;
use groupchat_tests::wire::{SERVICE, Wire, parsed};
use minidom::Element;
use xmpp_groupchat::config::Config;

const GC: &str = "http://jabber.org/protocol/groupchat";
const RSM: &str = "http://jabber.org/protocol/rsm";
const TEA: &str = "tea@groupchat.shakespeare.lit";

fn unhurried(config: &mut Config) {
    config.limits.user_stanzas_burst = 1_000_000;
    config.limits.group_messages_burst = 1_000_000;
}

fn query(name: &str, inner: &str) -> String {
    format!("<query xmlns='{GC}#{name}'>{inner}</query>")
}

fn told(what: &str, since: Instant) {
    println!("{what}: {:.0} ms", since.elapsed().as_secs_f64() * 1_000.0);
}

/// Reads a list page by page as a client does; the number of items and of pages.
async fn by_pages(wire: &mut Wire, user: &str, to: &str, name: &str) -> Result<(usize, usize)> {
    let (mut items, mut pages, mut after) = (0, 0, String::new());
    loop {
        let set = format!("<set xmlns='{RSM}'><max>100</max>{after}</set>");
        let answer = wire.ask(user, "get", to, &query(name, &set)).await?;
        let answer = parsed(answer.last().context("no answer")?)?;
        let list = answer.children().next().context("an empty answer")?;
        let set = list.get_child("set", RSM).context("no <set/>")?;
        items += list.children().filter(|child| child.name() == "item").count();
        pages += 1;
        let text = |name: &str| set.get_child(name, RSM).map(Element::text).unwrap_or_default();
        if text("count") == items.to_string() || text("last").is_empty() {
            return Ok((items, pages));
        }
        after = format!("<after>{}</after>", text("last"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_ten_thousand() -> Result<()> {
    let mut wire = Wire::start(1_000_000, unhurried)?;
    let items = |from: usize, to: usize| -> String {
        (from..to).map(|n| format!("<item jid='user{n}@shakespeare.lit'/>")).collect()
    };
    let since = Instant::now();
    let members = format!("<properties><property name='members'>{}</property></properties>", items(1, 1_000));
    wire.ask("user0", "set", TEA, &query("creategroup", &members)).await?;
    told("create with 1,000 members", since);
    let since = Instant::now();
    for thousand in 1..10 {
        wire.ask("user0", "set", TEA, &query("addmember", &items(thousand * 1_000, (thousand + 1) * 1_000)))
            .await?;
    }
    told("add 9,000 members, 1,000 a request", since);
    let full = wire.ask("user0", "set", TEA, &query("addmember", &items(10_000, 10_001))).await?;
    ensure!(full.concat().contains("<resource-constraint "), "{full:?}");
    let since = Instant::now();
    ensure!(by_pages(&mut wire, "user0", TEA, "members").await? == (10_000, 100));
    told("list 10,000 members by pages of 100", since);

    for n in 0..1_000 {
        wire.say(&format!("user{n}"), &format!("<presence to='{SERVICE}'/>")).await?;
    }
    let since = Instant::now();
    wire.say("user0", &format!("<message type='groupchat' id='m' to='{TEA}'><body>All?</body></message>"))
        .await?;
    let (mut live, mut absent) = (0, 0);
    while live + absent < 10_000 {
        let Outgoing { head, to, .. } = wire.hear().await?;
        live += if head.contains("type='groupchat'") { to.len() } else { 0 };
        absent += if head.contains("type='chat'") { to.len() } else { 0 };
    }
    ensure!((live, absent) == (1_000, 9_000), "{live} live, {absent} absent");
    told("post to 1,000 online and 9,000 away", since);
    let since = Instant::now();
    wire.ask("user0", "set", TEA, &query("removemember", "<item jid='user9999@shakespeare.lit'/>")).await?;
    told("remove one", since);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_in_a_thousand_groups() -> Result<()> {
    let mut wire = Wire::start(1_000_000, unhurried)?;
    let since = Instant::now();
    for n in 0..1_000 {
        wire.ask("alice", "set", &format!("g{n}@{SERVICE}"), &query("creategroup", "")).await?;
    }
    told("create 1,000 groups, one after the other", since);
    let full = wire.ask("alice", "set", &format!("more@{SERVICE}"), &query("creategroup", "")).await?;
    ensure!(full.concat().contains("<resource-constraint "), "{full:?}");
    for list in ["items", "inbox"] {
        let since = Instant::now();
        ensure!(by_pages(&mut wire, "alice", SERVICE, list).await? == (1_000, 10));
        told(&format!("#{list} of 1,000 groups by pages of 100"), since);
    }
    Ok(())
}

/// Presence, inbox, one archive query: all that a phone asks after 500 messages in 50 groups.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_comes_back() -> Result<()> {
    let mut wire = Wire::start(1_000_000, |config| {
        unhurried(config);
        config.limits.page_items = 500;
        config.delivery.absent = xmpp_groupchat::config::Absent::Archive;
    })?;
    let bob =
        "<properties><property name='members'><item jid='bob@shakespeare.lit'/></property></properties>";
    for group in 0..50 {
        wire.ask("alice", "set", &format!("g{group}@{SERVICE}"), &query("creategroup", bob)).await?;
    }
    let metadata = wire.ask("bob", "get", SERVICE, "<metadata xmlns='urn:xmpp:mam:2'/>").await?;
    let metadata = parsed(metadata.last().context("no answer")?)?;
    let end = metadata
        .children()
        .next()
        .and_then(|list| list.get_child("end", "urn:xmpp:mam:2"))
        .context("no end")?;
    let seen = end.attr("id").context("no id")?.to_owned();
    for n in 0..500 {
        let body = format!(
            "<body>Message {n}: a hundred bytes of text or so, as people write them to each other in chats.</body>"
        );
        let to = format!("g{}@{SERVICE}", n % 50);
        wire.say("alice", &format!("<message type='groupchat' id='m{n}' to='{to}'>{body}</message>")).await?;
    }
    // Behind the messages on the same way, so that its answer means that they are stored.
    wire.ask("alice", "set", SERVICE, &query("mysettings", "<property name='addable' value='everyone'/>"))
        .await?;

    let since = Instant::now();
    wire.say("bob", &format!("<presence to='{SERVICE}'/>")).await?;
    let inbox = wire.ask("bob", "get", SERVICE, &query("inbox", "")).await?;
    let archive = format!(
        "<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'><field var='after-id'>\
         <value>{seen}</value></field></x><set xmlns='{RSM}'><max>500</max></set></query>"
    );
    let missed = wire.ask("bob", "set", SERVICE, &archive).await?;
    told("a phone's login: presence, #inbox and one archive query", since);
    let bytes = |stanzas: &[String]| stanzas.iter().map(String::len).sum::<usize>();
    println!("inbox: {} bytes; 500 missed messages: {} bytes", bytes(&inbox), bytes(&missed));
    ensure!(inbox.concat().contains("unread='500'"), "{}", inbox.concat());
    ensure!(missed.len() == 501, "{} messages and the result", missed.len());
    ensure!(missed.concat().contains("complete='true'"));
    Ok(())
}
