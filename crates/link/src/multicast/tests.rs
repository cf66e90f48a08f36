//! What the link makes of what the server says about multicast.

use minidom::Element;

use super::{Heard, Multicast, Service};
use crate::LinkConfig;

const NONCE: u64 = 7;
const INFO: &str = "xmlns='http://jabber.org/protocol/disco#info'";
const FEATURE: &str = "<feature var='http://jabber.org/protocol/address'/>";

/// A stanza from the server.
fn from_server(xml: &str) -> Element {
    xml.replacen(' ', " xmlns='jabber:component:accept' ", 1).parse().unwrap()
}

fn answer(number: usize, content: &str) -> Element {
    answer_from("localhost", number, content)
}

fn answer_from(from: &str, number: usize, content: &str) -> Element {
    from_server(&format!(
        "<iq type='result' id='multicast-{NONCE:016x}-{number}' from='{from}'>{content}</iq>"
    ))
}

fn config(external_multicast: bool) -> LinkConfig {
    let config = LinkConfig::new("groups.localhost", "", "secret".to_owned().into());
    LinkConfig { server_domain: Some("localhost".to_owned()), external_multicast, ..config }
}

fn asking() -> Multicast {
    let (multicast, first) = Multicast::new(&config(true), NONCE);
    assert_eq!(asked(&first), ["localhost info"]);
    multicast
}

/// Whom these questions ask, for what.
fn asked(questions: &[String]) -> Vec<String> {
    let about = |question: &String| {
        let question = from_server(question);
        let namespace = question.children().next().unwrap().ns();
        format!("{} {}", question.attr("to").unwrap(), namespace.rsplit('#').next().unwrap())
    };
    questions.iter().map(about).collect()
}

fn questions(heard: Heard) -> Vec<String> {
    match heard {
        Heard::Answer(questions) => asked(&questions),
        other => panic!("{other:?}"),
    }
}

fn form(fields: &str) -> String {
    format!(
        "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'>\
         <value>http://jabber.org/protocol/address</value></field>{fields}</x>"
    )
}

fn service(address: &str, recipients_max: usize) -> Service {
    Service { address: address.into(), server: "localhost".into(), recipients_max, has_lists: false }
}

#[test]
fn the_server_itself() {
    let multicast = asking();
    assert_eq!(multicast.service(), None);
    let limits = form(
        "<field var='message'><value>500</value></field><field var='presence'><value>400</value></field>",
    );
    assert!(
        questions(multicast.hear(&answer(0, &format!("<query {INFO}>{FEATURE}{limits}</query>")))).is_empty()
    );
    assert_eq!(multicast.service().as_deref(), Some(&service("localhost", 400)));
}

#[test]
fn one_of_its_items() {
    let multicast = asking();
    assert_eq!(questions(multicast.hear(&answer(0, &format!("<query {INFO}/>")))), ["localhost items"]);
    let items = "<query xmlns='http://jabber.org/protocol/disco#items'><item jid='groups.localhost'/>\
                 <item jid='a@localhost'/><item/><item jid='elsewhere.org'/><item jid='upload.localhost'/><item jid='multicast.localhost'/></query>";
    assert_eq!(
        questions(multicast.hear(&answer(1, items))),
        ["upload.localhost info", "multicast.localhost info"]
    );
    multicast.hear(&answer_from("multicast.localhost", 3, &format!("<query {INFO}>{FEATURE}</query>")));
    assert_eq!(multicast.service().as_deref(), Some(&service("multicast.localhost", 20)));
    // What comes later changes nothing.
    let late = answer_from("upload.localhost", 2, &format!("<query {INFO}>{FEATURE}</query>"));
    assert_eq!(multicast.hear(&late), Heard::Nothing);
}

#[test]
fn what_it_does_not_tell_and_what_has_no_end() {
    for (fields, recipients_max) in [
        ("", Some(20)),
        ("<field var='message'><value>infinite</value></field>", Some(20)),
        (
            "<field var='message'><value>infinite</value></field><field var='presence'><value>99999</value></field>",
            Some(1_000),
        ),
        ("<field var='message'><value>1</value></field>", None),
        ("<field var='message'/>", Some(20)),
    ] {
        let multicast = asking();
        multicast.hear(&answer(0, &format!("<query {INFO}>{FEATURE}{}</query>", form(fields))));
        assert_eq!(multicast.service().map(|service| service.recipients_max), recipients_max, "{fields}");
    }
}

#[test]
fn nobody_else_can_answer() {
    let multicast = asking();
    let info = format!("<query {INFO}>{FEATURE}</query>");
    for id in [
        "multicast-0000000000000008-0",
        "multicast-0000000000000007-",
        "multicast-0000000000000007-5",
        "0",
        "",
    ] {
        let stanza = from_server(&format!("<iq type='result' id='{id}'>{info}</iq>"));
        assert_eq!(multicast.hear(&stanza), Heard::Nothing, "{id}");
    }
    assert_eq!(multicast.service(), None);
    let error = from_server("<iq type='error' id='multicast-0000000000000007-0'><error type='cancel'/></iq>");
    assert_eq!(questions(multicast.hear(&error)), ["localhost items"]);
}

#[test]
fn a_refusal_ends_it_and_later_ones_are_kept_from_the_program() {
    let multicast = asking();
    multicast.hear(&answer(0, &format!("<query {INFO}>{FEATURE}</query>")));
    let bounce = |from: &str| {
        from_server(&format!(
            "<message type='error' from='{from}' id='m1'><error type='cancel'><forbidden xmlns='urn:x'/></error></message>"
        ))
    };
    assert_eq!(multicast.hear(&bounce("a@localhost/x")), Heard::Nothing);
    assert_eq!(multicast.hear(&from_server("<message type='chat' from='localhost'/>")), Heard::Nothing);
    assert_eq!(multicast.hear(&bounce("localhost")), Heard::Refusal);
    assert_eq!(multicast.service(), None);
    assert_eq!(multicast.hear(&bounce("localhost")), Heard::Answer(Vec::new()));
    assert_eq!(multicast.hear(&bounce("a@localhost/x")), Heard::Nothing);
}

#[test]
fn whom_it_reaches() {
    let service = service("multicast.localhost", 20);
    for to in ["a@localhost", "a@localhost/x", "a@localhost/b@other/c"] {
        assert!(service.reaches(to), "{to}");
    }
    for to in ["localhost", "a@other", "a@other/b@localhost", "a@localhost.evil", "a@x.localhost/y", ""] {
        assert!(!service.reaches(to), "{to}");
    }
}

#[test]
fn an_answer_counts_once_and_from_whoever_was_asked() {
    let multicast = asking();
    let service = format!("<query {INFO}>{FEATURE}</query>");
    assert_eq!(multicast.hear(&answer_from("upload.localhost", 0, &service)), Heard::Nothing);
    let items =
        "<query xmlns='http://jabber.org/protocol/disco#items'><item jid='upload.localhost'/></query>";
    // Not what was asked: no service, then.
    assert_eq!(questions(multicast.hear(&answer(0, items))), ["localhost items"]);
    assert_eq!(questions(multicast.hear(&answer(1, items))), ["upload.localhost info"]);
    assert_eq!(multicast.hear(&answer(1, items)), Heard::Nothing);
    assert_eq!(multicast.hear(&answer_from("upload.localhost", 0, &service)), Heard::Nothing);
    assert_eq!(multicast.service(), None);
}

#[test]
fn an_address_that_servers_may_not_read_is_not_for_many() {
    let service = service("localhost", 20);
    assert!(service.reaches("测试@localhost/手机"));
    for to in ["a\u{200e}b@localhost", "אב1@localhost/x"] {
        assert!(!service.reaches(to), "{to}");
    }
}

#[test]
fn only_the_server_itself_unless_others_are_wanted() {
    let (multicast, _) = Multicast::new(&config(false), NONCE);
    assert!(questions(multicast.hear(&answer(0, &format!("<query {INFO}/>")))).is_empty());
    assert_eq!(multicast.service(), None);
}
