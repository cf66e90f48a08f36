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

/// Whether or not the group says who one is.
#[test]
fn what_the_phone_reads_is_read_though_nothing_is_known_but_the_inbox() {
    for knows_me in [true, false] {
        let mut device = Device::new();
        (device.inbox, device.knows_me) = (inbox(5, ""), knows_me);
        device.login();
        assert_eq!(device.unread(), 5);
        device.inbox = inbox(0, "0010");
        device.receipt("bob", "0010");
        device.settle();
        assert_eq!(device.unread(), 0, "{knows_me}");
    }
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

#[test]
fn a_catch_up_that_is_refused_for_good_waits_to_be_retried() {
    for condition in ["not-allowed", "item-not-found"] {
        let mut device = Device::new();
        device.view.connected();
        let mut refuse = || {
            let (mut asked, mut news) = (0, Vec::new());
            while let Some(stanza) = device.view.next_stanza() {
                assert!(asked < 20, "{condition}: the view never has enough");
                let Some(query) = stanza.children().next().filter(|_| stanza.name() == "iq") else {
                    continue;
                };
                asked += usize::from(query.ns() == MAM);
                let answer = match query.ns().as_str() {
                    INBOX => result(&stanza, &format!("<query xmlns='{INBOX}'/>")),
                    _ => refused(&stanza, condition, "cancel"),
                };
                news.extend(device.view.take(&answer));
            }
            assert!(matches!(news.last(), Some(News::CatchUpRefused(_))), "{news:?}");
            assert!(device.view.is_waiting() && asked > 0);
            device.view.retry();
        };
        refuse();
        refuse();
    }
}

/// Messages of an archive, with the end of their page.
fn page(iq: &Element, ids: std::ops::Range<u32>, complete: bool) -> Vec<Element> {
    let query_id = iq.children().next().unwrap().attr("queryid").unwrap();
    let message = |id: u32| {
        format!(
            "<message xmlns='jabber:client' from='g.lit'><result xmlns='{MAM}' queryid='{query_id}' id='{id:04}'>\
             <forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-11-21T00:00:00Z'/>\
             <message xmlns='jabber:client' from='{TEA}/bob' type='groupchat' id='m{id}'><body>said</body>\
             </message></forwarded></result></message>"
        )
    };
    let set = format!("<first>{:04}</first><last>{:04}</last>", ids.start, ids.end - 1);
    let fin = format!(
        "<fin xmlns='{MAM}' complete='{complete}'><set xmlns='http://jabber.org/protocol/rsm'>{set}</set></fin>"
    );
    ids.map(|id| message(id).parse().unwrap()).chain([result(iq, &fin)]).collect()
}

/// The question about an archive; everything else is answered.
fn archive_query(device: &mut Device) -> Element {
    let mut found = None;
    while let Some(stanza) = device.view.next_stanza() {
        let Some(query) = stanza.children().next().filter(|_| stanza.name() == "iq") else { continue };
        let answer = match query.ns().as_str() {
            MAM => {
                found = Some(stanza);
                continue;
            }
            INBOX => format!("<query xmlns='{INBOX}'>{}</query>", device.inbox),
            _ => format!("<query xmlns='{MEMBERINFO}'><item jid='bob@s.lit' mid='bob'/></query>"),
        };
        device.view.take(&result(&stanza, &answer));
    }
    found.unwrap()
}

#[test]
fn who_wants_nothing_of_what_was_before_gets_nothing_of_it() {
    let mut device = Device::of(GroupView::new(Service::new("g.lit"), "bob@s.lit").newest(0));
    device.view.connected();
    let asked = archive_query(&mut device);
    // One, to know where the archive ends.
    assert!(String::from(&asked).contains("<max>1</max>"), "{}", String::from(&asked));
    let told: Vec<News> =
        page(&asked, 10..11, false).iter().flat_map(|stanza| device.view.take(stanza)).collect();
    assert_eq!((told, device.view.cursor().unwrap().stanza_id.as_str()), (vec![News::CaughtUp], "0010"));
    assert_eq!(device.view.group(TEA).unwrap().timeline().count(), 0);
    // The next time what was missed is read, from there.
    device.view.connected();
    let asked = archive_query(&mut device);
    assert!(String::from(&asked).contains("<after>0010</after>"), "{}", String::from(&asked));
}

#[test]
fn what_may_be_stored_is_sent_again_only_when_the_archive_has_it_not() {
    let mut device = Device::new();
    device.login();
    device.view.post(TEA, "p1", &groupchat_client::Draft::text("once"));
    let is_post = |stanza: &Element| stanza.attr("id") == Some("p1");
    assert!(is_post(&device.view.next_stanza().unwrap()));
    device.view.retry();
    let mut sent = Vec::new();
    let asked = loop {
        let stanza = device.view.next_stanza().unwrap();
        if stanza.children().next().is_some_and(|query| query.ns() == MAM) {
            break stanza;
        }
        sent.push(stanza);
    };
    assert!(!sent.iter().any(is_post) && device.view.next_stanza().is_none());
    device.view.take(&result(&asked, &format!("<fin xmlns='{MAM}' complete='true'/>")));
    assert!(is_post(&device.view.next_stanza().unwrap()));
}

#[test]
fn addresses_may_be_as_people_type_them() {
    let mut device = Device::of(GroupView::new(Service::of_account("Bob@S.lit/x"), "Bob@S.lit/x"));
    assert_eq!((device.view.service().address(), device.view.account()), ("groupchat.s.lit", "bob@s.lit"));
    device.view = GroupView::new(Service::new("G.lit"), "Bob@S.lit");
    device.login();
    device.view.post("Tea@G.lit/x", "p1", &groupchat_client::Draft::text("once"));
    assert_eq!(device.view.next_stanza().unwrap().attr("to"), Some(TEA));
    device.hear("0011", "bob");
    let copy = format!(
        "<message xmlns='jabber:client' from='{TEA}/bob' type='groupchat' id='p1'><body>once</body>\
         <stanza-id xmlns='urn:xmpp:sid:0' by='{TEA}' id='0012'/></message>"
    );
    let news = device.view.take(&copy.parse().unwrap());
    assert!(news.iter().any(|news| matches!(news, News::Stored { id, .. } if id == "p1")), "{news:?}");
    assert!(device.view.group("TEA@g.lit").is_some() && device.view.pending().next().is_none());
}

#[test]
fn a_link_that_breaks_while_it_goes_by_the_time_leaves_no_hole() {
    let mut device = Device::new();
    device.view.connected();
    let asked = archive_query(&mut device);
    page(&asked, 10..11, true).iter().for_each(|stanza| drop(device.view.take(stanza)));
    device.view.connected();
    let asked = archive_query(&mut device);
    device.view.take(&refused(&asked, "item-not-found", "cancel"));
    // Whether or not it is answered before the link breaks.
    for _ in 0..2 {
        let asked = archive_query(&mut device);
        assert!(String::from(&asked).contains("2026-11-21T00:00:00Z"), "{}", String::from(&asked));
        device.view.connected();
    }
}

#[test]
fn what_no_catch_up_brings_is_not_asked_for_for_ever() {
    // The newest of the inbox is before the cursor, and nobody says who one is, though somebody has read something.
    let mut device =
        Device::of(GroupView::new(Service::new("g.lit"), "bob@s.lit").from_cursor(cursor("0020")));
    device.knows_me = false;
    device.login();
    device.hear("0021", "alice");
    device.receipt("carol", "0021");
    device.settle();
    device.login();
    assert!(device.asked(MAM) <= 4, "{:?}", device.asked);
}

/// The group tells, at this place of its archive, that bob was let in.
fn added(id: &str) -> Element {
    let children =
        "<x xmlns='http://jabber.org/protocol/groupchat#addmember'/><item jid='bob@s.lit' role='member'/>";
    format!(
        "<message xmlns='jabber:client' from='{TEA}' type='groupchat' id='e{id}'>{children}\
         <stanza-id xmlns='urn:xmpp:sid:0' by='{TEA}' id='{id}'/></message>"
    )
    .parse()
    .unwrap()
}

#[test]
fn who_comes_back_has_read_nothing_and_may_have_missed_something() {
    let mut device = Device::of(GroupView::new(Service::new("g.lit"), "bob@s.lit"));
    device.login();
    device.hear("0011", "alice");
    device.settle();
    device.view.mark_read(TEA, "0011");
    let state = |device: &Device| {
        let state = device.view.group(TEA).unwrap();
        (state.reaches_start(), state.read_position().map(str::to_owned))
    };
    device.settle();
    assert_eq!(state(&device), (true, Some("0011".to_owned())));
    let asked = device.asked(INBOX);
    device.view.take(&added("0020"));
    device.settle();
    assert_eq!(state(&device), (false, None));
    assert!(device.asked(INBOX) > asked, "only the service knows what it takes for read");
}

#[test]
fn who_is_not_told_who_he_is_asks_again_with_the_next_catch_up() {
    let mut device = Device::new();
    device.knows_me = false;
    device.login();
    device.hear("0011", "alice");
    device.settle();
    assert_eq!(device.view.group(TEA).unwrap().own_mid(), None);
    device.knows_me = true;
    device.login();
    assert_eq!(device.view.group(TEA).unwrap().own_mid(), Some("bob"));
}
