//! The runner must fail when it should. Played on the simulated host with a tiny service: it repeats a message of a
//! user to every user named in its body, and announces a group to its members.

use std::sync::Arc;

use groupchat_link::{Incoming, Outgoing};
use minidom::Element;

use super::play;
use crate::host::{Host, Program, Wires};
use crate::script::Script;
use crate::stage::Stage;
use crate::xml::escape;

const COMPONENT_NS: &str = groupchat_link::COMPONENT_NS;

async fn tiny_service(mut wires: Wires) -> anyhow::Result<()> {
    loop {
        let incoming = tokio::select! {
            incoming = wires.incoming.recv() => incoming,
            () = wires.stop.cancelled() => None,
        };
        let Some(incoming) = incoming else { return Ok(()) };
        let Incoming::Stanza(stanza) = incoming else { continue };
        for outgoing in answers(&stanza) {
            wires.outgoing.send(outgoing).await?;
        }
    }
}

fn answers(stanza: &Element) -> Vec<Outgoing> {
    let attribute = |name: &str| escape(stanza.attr(name).unwrap_or_default());
    let (from, to, id) = (stanza.attr("from").unwrap_or_default(), attribute("to"), attribute("id"));
    let outgoing = |head: String, to: &str, tail: String| Outgoing {
        head,
        to: vec![Arc::from(to)],
        tail: tail.into(),
        lane: None,
    };
    match stanza.name() {
        "iq" => vec![outgoing(format!("<iq type='result' from='{to}' id='{id}'"), from, "/>".into())],
        "message" => {
            let body = stanza.get_child("body", COMPONENT_NS).map(Element::text).unwrap_or_default();
            let copy = |user: &str| {
                let tail = format!("><body>{}</body></message>", escape(&body));
                let (to, head) =
                    (format!("{user}@shakespeare.lit"), format!("<message from='{to}/x' id='{id}'"));
                outgoing(head, &to, tail)
            };
            body.split_whitespace().map(copy).collect()
        }
        _ => {
            let members = stanza.children().flat_map(Element::children).flat_map(Element::children);
            let copy = |jid| {
                outgoing(format!("<presence from='{to}'"), jid, "><x xmlns='urn:x'/></presence>".into())
            };
            members.filter_map(|item| item.attr("jid")).map(copy).collect()
        }
    }
}

/// Plays the steps, and gives the report if they fail.
fn report_of(steps: &str) -> Option<String> {
    let script = Script::parse("test.txt", &format!("# test\n{steps}")).expect("readable");
    let host = Host::start(&script.users, Some(Program::new(tiny_service)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime
        .block_on(play(&script, Stage::Simulated(host.expect("a host"))))
        .err()
        .map(|failure| failure.report)
}

const SENT: &str = "alice, bob connect
alice sends
  <message to='g@groupchat.shakespeare.lit' id='1'><body>alice bob</body></message>
";

fn check_fails(steps: &str, with: &[&str]) {
    let report = report_of(&format!("{SENT}{steps}")).expect("this must fail");
    for text in with {
        assert!(report.contains(text), "`{text}` is missing in:\n{report}");
    }
}

#[test]
fn as_written() {
    let received = "alice, bob receive
  <message from='{g}' id='1'><body>alice bob</body></message>
nobody receives anything more
";
    assert_eq!(report_of(&format!("{SENT}{received}")), None);
}

#[test]
fn a_wrong_stanza_fails() {
    check_fails(
        "alice, bob receive\n  <message from='{any}' id='1'><body>alice carol</body></message>\n",
        &[
            "test.txt:6: alice should have",
            "expected 'alice carol', found 'alice bob'",
            "What happened:",
            "alice >> <message",
        ],
    );
}

#[test]
fn a_missing_stanza_fails() {
    let twice = "alice, bob receive\n  <message from='{any}' id='1'>...</message>\n  <message id='2'/>\n";
    check_fails(twice, &["test.txt:7: alice should have", "nothing within"]);
}

#[test]
fn an_extra_stanza_fails_wherever_it_is() {
    let one = "alice receives\n  <message from='{any}' id='1'>...</message>\n";
    check_fails(one, &["this is too much", "bob received, unasked"]);
    check_fails(
        &format!("{one}nobody receives anything more\nbob disconnects\n"),
        &["test.txt:7:", "bob received"],
    );
    check_fails(&format!("{one}wait 50 ms\nbob disconnects\n"), &["this is too much", "bob received"]);
}

#[test]
fn order_counts_unless_said_otherwise() {
    let two = "bob connects
bob sends
  <message to='g@groupchat.shakespeare.lit' id='1'><body>bob</body></message>
  <message to='g@groupchat.shakespeare.lit' id='2'><body>bob</body></message>
";
    let wrong =
        "  <message from='{any}' id='2'>...</message>\n  <message from='{any}' id='1'>...</message>\n";
    assert!(report_of(&format!("{two}bob receives\n{wrong}")).is_some());
    assert_eq!(report_of(&format!("{two}bob receives in any order\n{wrong}")), None);
}

#[test]
fn a_group_line_leaves_nothing_behind() {
    let steps = "group tea@groupchat.shakespeare.lit \"Tea\": alice owner, bob member, carol member away\n";
    assert_eq!(report_of(steps), None);
}

#[test]
fn a_service_that_ends_by_itself_fails() {
    let script = Script::parse("test.txt", "# test\nalice binds\nwait 50 ms\n").expect("readable");
    let host = Host::start(&script.users, Some(Program::new(|_| async { anyhow::bail!("no database") })))
        .expect("a host");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let failure = runtime.block_on(play(&script, Stage::Simulated(host))).expect_err("this must fail");
    assert!(failure.report.contains("the service failed: no database"), "{failure}");
}

#[test]
fn vanished_devices_get_everything_or_bounce() {
    let resumed = format!("{SENT}alice, bob receive\n  <message from='{{any}}' id='1'>...</message>\n")
        + "bob vanishes
alice sends
  <message to='bob@shakespeare.lit/pda' type='groupchat' id='2'/>
";
    let resumed = resumed.replacen("alice, bob connect", "alice, bob connect with resumption", 1);
    let kept =
        "bob resumes\nbob receives\n  <message from='alice@shakespeare.lit/pda' type='groupchat' id='2'/>\n";
    assert_eq!(report_of(&format!("{resumed}{kept}")), None);
    let bounced = "alice receives
  <message from='bob@shakespeare.lit/pda' type='error' id='2'>
    <error type='cancel'><recipient-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
  </message>
";
    assert_eq!(report_of(&format!("{resumed}wait 4 s\n{bounced}")), None);
}

#[test]
fn a_stopped_service_is_noticed_and_comes_back() {
    let steps = "alice connects
service is killed
alice sends
  <message to='g@groupchat.shakespeare.lit' id='1'><body>alice</body></message>
alice receives
  <message from='g@groupchat.shakespeare.lit' type='error' id='1'>
    <error type='wait'><remote-server-timeout xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
  </message>
service starts
service is stopped
service starts
alice sends
  <message to='g@groupchat.shakespeare.lit' id='2'><body>alice</body></message>
alice receives
  <message from='g@groupchat.shakespeare.lit/x' id='2'><body>alice</body></message>
";
    assert_eq!(report_of(steps), None);
}
