//! One stanza for many, on a connection: found, used, refused, and gone with the connection.

use minidom::Element;

use super::host::{self, DOMAIN, Guest, Host, Program, soon};
use crate::Outgoing;

const MANY: usize = 100_000_000;
const ADDRESS_NS: &str = "http://jabber.org/protocol/address";

async fn start() -> (Host, Program) {
    let host = Host::start().await;
    let config = crate::LinkConfig {
        server_domain: Some("localhost".to_owned()),
        external_multicast: true,
        ..host.config()
    };
    (host, Program::start(config, 10, MANY))
}

/// Answers the question whether the server passes on stanzas to so many.
async fn is_a_service(guest: &mut Guest, question: &Element, recipients_max: usize) {
    is_a_service_with(guest, question, recipients_max, "").await;
}

async fn is_a_service_with(guest: &mut Guest, question: &Element, recipients_max: usize, more: &str) {
    let (id, from) = (question.attr("id").unwrap(), question.attr("to").unwrap());
    let fields: String = ["message", "presence"]
        .map(|name| format!("<field var='{name}'><value>{recipients_max}</value></field>"))
        .concat();
    guest
        .send(&format!(
            "<iq type='result' id='{id}' from='{from}' to='{DOMAIN}'>\
             <query xmlns='http://jabber.org/protocol/disco#info'><feature var='{ADDRESS_NS}'/>{more}\
             <x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE'><value>{ADDRESS_NS}</value></field>{fields}</x>\
             </query></iq>"
        ))
        .await;
}

/// A connection whose server is a service itself; the answer has arrived.
async fn accept(host: &Host, program: &mut Program, recipients_max: usize) -> Guest {
    let mut guest = host.accept().await;
    program.expect_up().await;
    let question = guest.next().await;
    assert_eq!((question.name(), question.attr("to")), ("iq", Some("localhost")));
    is_a_service(&mut guest, &question, recipients_max).await;
    guest.send("<message id='behind' from='a@localhost'/>").await;
    program.expect_stanza("behind").await;
    guest
}

/// A message of a group: in a lane.
fn message(id: &str, to: &[&str], body: &str) -> Outgoing {
    Outgoing { lane: Some("g".into()), ..host::message(id, to, body) }
}

fn bcc(stanza: &Element) -> Vec<&str> {
    let addresses = stanza.get_child("addresses", ADDRESS_NS).unwrap();
    assert!(addresses.children().all(|address| address.attr("type") == Some("bcc")));
    addresses.children().filter_map(|address| address.attr("jid")).collect()
}

fn presence(to: &[&str]) -> Outgoing {
    Outgoing {
        head: format!("<presence from='g@{DOMAIN}' id='p'"),
        tail: "/>".into(),
        ..message("p", to, "")
    }
}

#[tokio::test]
async fn users_of_the_server_share_stanzas_and_others_have_their_own() {
    let (host, mut program) = start().await;
    let mut guest = accept(&host, &mut program, 3).await;
    let to = ["a@localhost/x'y", "b@localhost", "c@elsewhere", "d@localhost", "e@localhost"];
    program.send(message("1", &to, "hi")).await;
    let (first, second, third) = (guest.next().await, guest.next().await, guest.next().await);
    assert_eq!(
        (first.attr("to"), bcc(&first)),
        (Some("localhost"), vec!["a@localhost/x'y", "b@localhost", "d@localhost"])
    );
    assert_eq!(bcc(&second), ["e@localhost"]);
    for stanza in [&first, &second, &third] {
        assert_eq!(stanza.get_child("body", stanza.ns().as_str()).unwrap().text(), "hi");
    }
    assert_eq!((third.attr("to"), third.has_child("addresses", ADDRESS_NS)), (Some("c@elsewhere"), false));
    // The server takes stanzas one after the other: one of his own is shorter.
    program.send(message("2", &["a@localhost"], "hi")).await;
    assert_eq!(guest.next().await.attr("to"), Some("a@localhost"));
    program.send(presence(&["a@localhost", "b@localhost"])).await;
    let stanza = guest.next().await;
    assert_eq!((stanza.name(), bcc(&stanza)), ("presence", vec!["a@localhost", "b@localhost"]));
}

#[tokio::test]
async fn nothing_is_written_before_the_server_has_answered_or_had_time_to() {
    let (host, mut program) = start().await;
    program.send(message("1", &["a@localhost", "b@localhost"], "hi")).await;
    let mut guest = host.accept().await;
    let question = guest.next().await;
    is_a_service(&mut guest, &question, 20).await;
    assert_eq!(bcc(&guest.next().await), ["a@localhost", "b@localhost"]);
    program.expect_up().await;
    guest.cut();
    program.expect_down().await;
    let mut guest = host.accept().await;
    assert_eq!(guest.next().await.name(), "iq");
    // It never answers.
    assert_eq!(guest.next().await.attr("to"), Some("a@localhost"));
}

#[tokio::test]
async fn a_service_beside_the_server_gets_all_and_the_echo() {
    let (host, mut program) = start().await;
    let mut guest = host.accept().await;
    program.expect_up().await;
    let info = guest.next().await;
    let reply = |to: &Element, content: &str| {
        format!("<iq type='result' id='{}' to='{DOMAIN}'>{content}</iq>", to.attr("id").unwrap())
    };
    guest.send(&reply(&info, "<query xmlns='http://jabber.org/protocol/disco#info'/>")).await;
    let items = guest.next().await;
    let item =
        "<query xmlns='http://jabber.org/protocol/disco#items'><item jid='multicast.localhost'/></query>";
    guest.send(&reply(&items, item)).await;
    let question = guest.next().await;
    is_a_service(&mut guest, &question, 20).await;
    guest.send("<message id='behind' from='a@localhost'/>").await;
    program.expect_stanza("behind").await;
    program.send(host::message("0", &["a@localhost/x", "b@localhost"], "in no lane")).await;
    assert!(!guest.next().await.has_child("addresses", ADDRESS_NS));
    assert!(!guest.next().await.has_child("addresses", ADDRESS_NS));
    program.send(message("1", &["a@localhost/x"], "hi")).await;
    let stanza = guest.next().await;
    assert_eq!((stanza.attr("to"), bcc(&stanza)), (Some("multicast.localhost"), vec!["a@localhost/x"]));
    let batch = program.outgoing.batch(1, 5);
    soon(batch.send(message("2", &["a@localhost/x", "b@elsewhere"], "hi"))).await.unwrap();
    drop(batch);
    guest.next().await;
    assert_eq!(guest.next().await.attr("to"), Some("b@elsewhere"));
    let echo = guest.next().await;
    assert_eq!((echo.name(), echo.attr("to")), ("iq", Some("multicast.localhost")));
    assert_eq!(program.outgoing.acknowledged(), Some(0));
    let id = echo.attr("id").unwrap();
    guest.send(&format!("<iq type='result' id='{id}' from='multicast.localhost'/>")).await;
    soon(program.outgoing.settled()).await;
    // The server does not find it any more: who knows what became of the last one?
    program.send(message("3", &["a@localhost/x"], "hi")).await;
    assert!(guest.next().await.has_child("addresses", ADDRESS_NS));
    let id = guest.next().await.attr("id").unwrap().to_owned();
    guest.send(&format!("<iq type='error' id='{id}' from='multicast.localhost'/>")).await;
    let again = guest.next().await;
    assert_eq!((again.attr("id"), again.attr("to")), (Some("3"), Some("a@localhost/x")));
}

#[tokio::test]
async fn what_it_refuses_everybody_gets_for_himself() {
    let (host, mut program) = start().await;
    let mut guest = accept(&host, &mut program, 2).await;
    program.send(message("1", &["a@localhost", "b@localhost", "c@localhost", "d@localhost"], "hi")).await;
    guest.next().await;
    guest.next().await;
    let refusal = format!(
        "<message type='error' id='1' from='localhost' to='g@{DOMAIN}'><error type='auth'>\
         <forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    );
    guest.send(&refusal).await;
    // What is on its way is refused as well, and the program hears of neither.
    guest.send(&refusal).await;
    let mut to = Vec::new();
    for _ in 0..4 {
        to.push(guest.next().await.attr("to").unwrap().to_owned());
    }
    assert_eq!(to, ["a@localhost", "b@localhost", "c@localhost", "d@localhost"]);
    guest.send("<message id='next' from='a@localhost'/>").await;
    program.expect_stanza("next").await;
    // Another connection, another question.
    guest.cut();
    program.expect_down().await;
    accept(&host, &mut program, 20).await;
}

const LISTS_NS: &str = "urn:xmpp-groupchat:multicast:0";

/// The list that a stanza tells, and the one that it names.
fn lists(stanza: &Element) -> (Option<String>, Option<&str>) {
    let told = stanza.get_child("list", LISTS_NS);
    let named = stanza.get_child("to-list", LISTS_NS).and_then(|list| list.attr("number"));
    (told.map(|list| format!("{} {}", list.attr("number").unwrap(), list.text())), named)
}

#[tokio::test]
async fn a_list_is_told_once_and_then_named() {
    let (host, mut program) = start().await;
    let mut guest = host.accept().await;
    program.expect_up().await;
    let question = guest.next().await;
    is_a_service_with(&mut guest, &question, 100, &format!("<feature var='{LISTS_NS}'/>")).await;
    guest.send("<message id='behind' from='a@localhost'/>").await;
    program.expect_stanza("behind").await;
    let first = message("1", &["a@localhost/]]>", "b@localhost", "c@elsewhere"], "hi");
    let other = Outgoing { to: first.to.iter().take(2).cloned().collect(), ..first.clone() };
    for outgoing in [&first, &first, &other, &first] {
        program.send(outgoing.clone()).await;
    }
    let mut seen = Vec::new();
    for _ in 0..9 {
        let stanza = guest.next().await;
        let (told, named) = lists(&stanza);
        seen.push(told.or(named.map(str::to_owned)).unwrap_or_else(|| stanza.attr("to").unwrap().to_owned()));
    }
    let told = "a@localhost/]]>\nb@localhost";
    let expected = [
        &format!("0 {told}"),
        "0",
        "c@elsewhere",
        "0",
        "c@elsewhere",
        &format!("1 {told}"),
        "1",
        "0",
        "c@elsewhere",
    ];
    assert_eq!(seen, expected);
    // Whoever logs in again with the same name is another one, and more than the server takes is no list.
    program.send(message("2", &["a@localhost/]]>", "b@localhost"], "hi")).await;
    assert_eq!(lists(&guest.next().await).0, Some(format!("2 {told}")));
    guest.next().await;
    let many: Vec<String> = (0..101).map(|n| format!("u{n}@localhost")).collect();
    program.send(message("3", &many.iter().map(String::as_str).collect::<Vec<_>>(), "hi")).await;
    assert_eq!(bcc(&guest.next().await).len(), 100);
}
