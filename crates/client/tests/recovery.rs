//! What the view does where something is refused, unknown, or came in an unlucky order; each told from the stanzas that a
//! device sees.

#![expect(clippy::unwrap_used, reason = "a test ends where its stanzas are wrong")]

use groupchat_client::{Cursor, GroupView, News, Service};
use minidom::Element;

const TEA: &str = "tea@g.lit";
const INBOX: &str = "http://jabber.org/protocol/groupchat#inbox";
const MEMBERINFO: &str = "http://jabber.org/protocol/groupchat#memberinfo";
const MAM: &str = "urn:xmpp:mam:2";

/// A device, and the service that it asks.
struct Device {
    view: GroupView,
    /// The line of the inbox.
    inbox: String,
    /// Does the group say who one is?
    knows_me: bool,
    /// What is asked for, in its order.
    asked: Vec<String>,
}

impl Device {
    /// It has logged in, having had everything up to `0010`.
    fn new() -> Self {
        Self::of(GroupView::new(Service::new("g.lit"), "bob@s.lit").from_cursor(cursor("0010")))
    }

    fn of(view: GroupView) -> Self {
        Self { view, inbox: inbox(0, ""), knows_me: true, asked: Vec::new() }
    }

    fn login(&mut self) {
        self.view.connected();
        self.settle();
    }

    /// Answers what is asked, until nothing is; gives what is told.
    fn settle(&mut self) -> Vec<News> {
        let mut news = Vec::new();
        for _ in 0..1_000 {
            let Some(stanza) = self.view.next_stanza() else { return news };
            let Some(query) = stanza.children().next().filter(|_| stanza.name() == "iq") else { continue };
            self.asked.push(query.ns());
            let answer = match query.ns().as_str() {
                INBOX => format!("<query xmlns='{INBOX}'>{}</query>", self.inbox),
                MEMBERINFO if self.knows_me => {
                    format!("<query xmlns='{MEMBERINFO}'><item jid='bob@s.lit' mid='bob'/></query>")
                }
                MAM => format!("<fin xmlns='{MAM}' complete='true'/>"),
                _ => {
                    news.extend(self.view.take(&refused(&stanza, "not-allowed", "cancel")));
                    continue;
                }
            };
            news.extend(self.view.take(&result(&stanza, &answer)));
        }
        panic!("the view never has enough");
    }

    fn hear(&mut self, id: &str, by: &str) {
        let message = format!(
            "<message xmlns='jabber:client' from='{TEA}/{by}' type='groupchat' id='m{id}'><body>said</body>\
             <stanza-id xmlns='urn:xmpp:sid:0' by='{TEA}' id='{id}'/></message>"
        );
        self.view.take(&message.parse().unwrap());
    }

    fn receipt(&mut self, by: &str, id: &str) {
        let receipt = format!(
            "<message xmlns='jabber:client' from='{TEA}/{by}' type='groupchat'>\
             <read xmlns='http://jabber.org/protocol/chatstates' id='{id}'/></message>"
        );
        self.view.take(&receipt.parse().unwrap());
    }

    fn unread(&self) -> u32 {
        self.view.group(TEA).unwrap().unread()
    }

    fn asked(&self, what: &str) -> usize {
        self.asked.iter().filter(|asked| *asked == what).count()
    }
}

fn cursor(stanza_id: &str) -> Cursor {
    Cursor { stanza_id: stanza_id.into(), stamp: None }
}

fn inbox(unread: u32, read: &str) -> String {
    let read = if read.is_empty() { String::new() } else { format!("read-id='{read}'") };
    format!(
        "<item jid='{TEA}' name='Tea' role='member' unread='{unread}' mentions='0' {read}>\
         <last stanza-id='0010' from='{TEA}/alice'>…</last></item>"
    )
}

fn result(iq: &Element, payload: &str) -> Element {
    answer(iq, "result", payload)
}

fn refused(iq: &Element, condition: &str, kind: &str) -> Element {
    let condition = format!("<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>");
    answer(iq, "error", &format!("<error type='{kind}'>{condition}</error>"))
}

fn answer(iq: &Element, kind: &str, payload: &str) -> Element {
    let (from, id) = (iq.attr("to").unwrap(), iq.attr("id").unwrap());
    format!("<iq xmlns='jabber:client' from='{from}' type='{kind}' id='{id}'>{payload}</iq>").parse().unwrap()
}

#[test]
fn what_the_phone_reads_is_read_though_nothing_is_known_but_the_inbox() {
    let mut device = Device::new();
    device.inbox = inbox(5, "");
    device.login();
    assert_eq!(device.unread(), 5);
    device.inbox = inbox(0, "0010");
    device.receipt("bob", "0010");
    device.settle();
    assert_eq!(device.unread(), 0);
}

#[test]
fn what_the_phone_reads_is_read_though_the_group_never_says_who_one_is() {
    let mut device = Device::new();
    (device.inbox, device.knows_me) = (inbox(5, ""), false);
    device.login();
    device.inbox = inbox(0, "0010");
    device.receipt("bob", "0010");
    device.settle();
    assert_eq!(device.unread(), 0);
}

#[test]
fn what_the_phone_reads_is_read_though_the_message_is_not_here() {
    let mut device = Device::new();
    device.inbox = inbox(5, "");
    device.login();
    device.hear("0011", "bob");
    device.settle();
    assert_eq!(device.view.group(TEA).unwrap().own_mid(), Some("bob"));
    device.inbox = inbox(0, "0010");
    device.receipt("bob", "0010");
    let news = device.settle();
    assert_eq!(device.unread(), 0);
    assert!(news.contains(&News::Changed { group: TEA.into() }), "{news:?}");
}

#[test]
fn what_the_phone_reads_is_read_though_it_is_known_later_who_one_is() {
    let mut device = Device::new();
    device.login();
    device.hear("0011", "alice");
    device.receipt("bob", "0011");
    assert_eq!(device.unread(), 1);
    device.settle();
    assert_eq!(device.unread(), 0);
    let tea = device.view.group(TEA).unwrap();
    assert_eq!((tea.read_position(), tea.read_by("0011")), (Some("0011"), Vec::new()));
}

#[test]
fn what_others_read_is_asked_of_nobody() {
    let mut device = Device::new();
    device.login();
    for _ in 0..50 {
        device.receipt("alice", "0009");
        device.settle();
    }
    assert_eq!((device.asked(INBOX), device.asked(MEMBERINFO)), (1, 1));
}
