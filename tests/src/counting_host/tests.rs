//! The scanner on bytes, and the whole host with a component that the test plays.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::CountingHost;
use super::scan::{Found, Head, Scanner};

const HEADER: &str = "<?xml version='1.0'?>\n<stream:stream to='g.a.lit' xmlns='x'>";

#[test]
fn elements_are_found_however_they_are_cut() {
    let elements = [
        "<message from='g@g.a.lit/m' id='1' to='u@a.lit/d'><body>a &lt; b</body><x a='>'/></message>",
        "<presence/>",
        "<iq a=\"'/>\" id='2'><a><a/></a></iq>",
    ];
    let stream = format!("{HEADER}{} \n{}{}</stream:stream>", elements[0], elements[1], elements[2]);
    for length in [1, 2, 7, 10_000] {
        let mut scanner = Scanner::default();
        let mut found = Vec::new();
        for piece in stream.as_bytes().chunks(length) {
            scanner.buffer().extend_from_slice(piece);
            while let Some(next) = scanner.next() {
                found.push(match next {
                    Found::Header => "header".to_owned(),
                    Found::Element(element) => String::from_utf8(element.to_vec()).expect("text"),
                    Found::End => "end".to_owned(),
                });
            }
        }
        assert_eq!(found, ["header", elements[0], elements[1], elements[2], "end"], "{length}");
    }
}

#[test]
fn heads_are_read() {
    let head =
        Head::of(b"<message type='chat' from='a@b' xml:lang='de' id='x y' to='c/d'><body to='e'/></message>");
    let expected = Head { name: b"message", from: b"a@b", to: b"c/d", id: b"x y", kind: b"chat" };
    assert_eq!(head, expected);
    assert_eq!(Head::of(b"<presence/>"), Head { name: b"presence", ..Head::default() });
}

/// A component played by the test.
async fn linked() -> (CountingHost, TcpStream) {
    let host = CountingHost::start("g.a.lit").await.expect("starts");
    let mut tcp = TcpStream::connect(host.address()).await.expect("listens");
    tcp.write_all(format!("{HEADER}<handshake>0</handshake>").as_bytes()).await.expect("reads");
    host.linked().await.expect("takes the handshake");
    (host, tcp)
}

async fn read_until(tcp: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        assert_ne!(tcp.read_buf(&mut text).await.expect("open"), 0, "the host is gone");
    }
    String::from_utf8(text).expect("text")
}

#[tokio::test]
async fn answers_come_in_order() {
    let (host, mut tcp) = linked().await;
    host.add_account("u@a.lit");
    host.log_in("u@a.lit/d");
    let from = "from='g@g.a.lit/m'";
    let echo = format!("<iq type='get' id='e' {from} to='g.a.lit'><x/></iq>");
    let said = format!(
        "<message type='groupchat' id='1' {from} to='u@a.lit/gone'/><message type='groupchat' id='2' {from} to='u@a.lit/d'/>\
         {echo}<message type='chat' id='3' {from} to='u@a.lit'/><message type='chat' id='4' {from} to='nobody@a.lit'/>\
         <iq type='get' id='p' {from} to='a.lit'><ping xmlns='urn:xmpp:ping'/></iq>"
    );
    tcp.write_all(said.as_bytes()).await.expect("open");
    let heard = read_until(&mut tcp, "to='g@g.a.lit/m'/>").await;
    let bounce = |id: &str, from: &str| {
        format!(
            "<message type='error' id='{id}' from='{from}' to='g@g.a.lit/m'><error type='cancel'><service-unavailable \
             xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        )
    };
    let expected = format!(
        "<handshake/>{}{echo}{}<iq type='result' id='p' from='a.lit' to='g@g.a.lit/m'/>",
        bounce("1", "u@a.lit/gone"),
        bounce("4", "nobody@a.lit")
    );
    assert_eq!(heard.split_once("'g.a.lit'>").map(|(_, rest)| rest), Some(&*expected));
    let counts = host.counts();
    assert_eq!((counts.delivered, counts.kept, counts.bounced, counts.echoed), (1, 1, 2, 1));
}

#[tokio::test]
async fn a_message_is_complete_when_everybody_has_it() {
    let (host, mut tcp) = linked().await;
    (0..70).for_each(|n| host.add_account(&format!("u{n}@a.lit")));
    host.log_in("u0@a.lit/d");
    host.say_to_all("m", "<message id='m'/>");
    read_until(&mut tcp, "<message id='m'/>").await;
    for n in 0..69 {
        let (kind, to) = if n == 0 { ("groupchat", "/d") } else { ("chat", "") };
        let copy = format!("<message type='{kind}' id='m' from='g@g.a.lit/m' to='u{n}@a.lit{to}'/>");
        tcp.write_all(copy.repeat(2).as_bytes()).await.expect("open");
    }
    assert!(!host.settled(std::time::Duration::from_millis(200)).await);
    assert_eq!((host.counts().incomplete(), host.counts().repeated), (1, 69));
    tcp.write_all(b"<message type='chat' id='m' from='g@g.a.lit/m' to='u69@a.lit'/>").await.expect("open");
    assert!(host.settled(std::time::Duration::from_secs(60)).await);
}
