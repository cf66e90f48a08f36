//! A small XMPP server for one component (XEP-0114), played by the test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use minidom::Element;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::queue::{QueueLimits, Sender, queue};
use crate::reader::{Read, StanzaReader};
use crate::{COMPONENT_NS, Incoming, LinkConfig, Outgoing, ReadLimits};

/// Long enough for any step on a busy machine; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) const DOMAIN: &str = "groups.localhost";
/// `printf s1secret | sha1sum`
const TOKEN: &str = "3d1121b21f6287dc58010ebe9a95fa84ee2483d4";

pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("should happen soon")
}

pub(super) struct Host {
    listener: TcpListener,
}

impl Host {
    pub(super) async fn start() -> Self {
        Self::start_on(([127, 0, 0, 1], 0).into()).await
    }

    pub(super) async fn start_on(address: SocketAddr) -> Self {
        Self { listener: TcpListener::bind(address).await.unwrap() }
    }

    pub(super) fn config(&self) -> LinkConfig {
        config(&self.listener.local_addr().unwrap().to_string())
    }

    /// A connection on which the component has sent its stream header and waits for ours.
    pub(super) async fn accept_until_header(&self) -> Guest {
        let mut guest = Guest::new(soon(self.listener.accept()).await.unwrap().0);
        let header = soon(guest.reader.header()).await.unwrap();
        assert_eq!((header.attr("to"), header.name()), (Some(DOMAIN), "stream"));
        guest
    }

    /// A connection with both stream headers and the component's handshake, not yet answered.
    pub(super) async fn accept_until_handshake(&self) -> Guest {
        let mut guest = self.accept_until_header().await;
        guest.send(&stream_header("id='s1'")).await;
        let handshake = guest.next().await;
        assert!(handshake.is("handshake", COMPONENT_NS));
        assert_eq!(handshake.text(), TOKEN);
        guest
    }

    /// An established link.
    pub(super) async fn accept(&self) -> Guest {
        let mut guest = self.accept_until_handshake().await;
        guest.send("<handshake/>").await;
        guest
    }
}

/// Short times, so that tests are.
pub(super) fn config(server: &str) -> LinkConfig {
    let mut config = LinkConfig::new(DOMAIN, server, "secret".to_owned().into());
    config.connect_timeout = Duration::from_secs(5);
    config.retry_delay_min = Duration::from_millis(10);
    config.retry_delay_max = Duration::from_millis(50);
    config
}

pub(super) fn stream_header(attributes: &str) -> String {
    format!(
        "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' \
         xmlns='jabber:component:accept' from='{DOMAIN}' {attributes}>"
    )
}

/// The component as the host sees it.
pub(super) struct Guest {
    pub(super) reader: StanzaReader<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
}

impl Guest {
    fn new(tcp: TcpStream) -> Self {
        let (read, writer) = tcp.into_split();
        Self { reader: StanzaReader::with_header(BufReader::new(read), ReadLimits::default()), writer }
    }

    pub(super) async fn send(&mut self, xml: &str) {
        soon(self.writer.write_all(xml.as_bytes())).await.unwrap();
    }

    /// The next element but for echoes, which go back; panics when the stream ends.
    pub(super) async fn next(&mut self) -> Element {
        loop {
            let element = self.next_of_all().await;
            if element.attr("to") != Some(DOMAIN) {
                return element;
            }
            self.send_back(&element).await;
        }
    }

    /// Passes an echo back.
    pub(super) async fn send_back(&mut self, element: &Element) {
        let text = String::from(element).replacen(" xmlns='jabber:component:accept'", "", 1);
        self.send(&text).await;
    }

    /// The next element; panics when the stream ends.
    pub(super) async fn next_of_all(&mut self) -> Element {
        match soon(self.reader.next()).await.unwrap() {
            Read::Stanza(element) => element,
            other @ (Read::Skipped(_) | Read::Eof) => panic!("expected an element, got {other:?}"),
        }
    }

    /// The end of the stream, perhaps behind echoes, which go back.
    pub(super) async fn expect_end(&mut self) {
        loop {
            match soon(self.reader.next()).await {
                Ok(Read::Stanza(element)) if element.attr("to") == Some(DOMAIN) => {
                    self.send_back(&element).await;
                }
                end => return assert!(matches!(end, Ok(Read::Eof)), "{end:?}"),
            }
        }
    }

    /// Cuts the connection without a word.
    pub(super) fn cut(self) {}
}

/// A running link and the program's side of it.
pub(super) struct Program {
    pub(super) incoming: mpsc::Receiver<Incoming>,
    pub(super) outgoing: Sender,
    pub(super) stop: CancellationToken,
    pub(super) task: JoinHandle<()>,
}

impl Program {
    pub(super) fn start(config: LinkConfig, incoming_max: usize, outgoing_bytes_max: usize) -> Self {
        let (incoming_in, incoming) = mpsc::channel(incoming_max);
        let (outgoing, outgoing_out) =
            queue(QueueLimits { bytes_max: outgoing_bytes_max, ..QueueLimits::default() });
        let stop = CancellationToken::new();
        let task = tokio::spawn(crate::run(config, incoming_in, outgoing_out, stop.clone()));
        Self { incoming, outgoing, stop, task }
    }

    pub(super) async fn next(&mut self) -> Incoming {
        soon(self.incoming.recv()).await.expect("the link runs")
    }

    pub(super) async fn expect_up(&mut self) {
        let next = self.next().await;
        assert!(matches!(next, Incoming::Up), "{next:?}");
    }

    pub(super) async fn expect_down(&mut self) {
        let next = self.next().await;
        assert!(matches!(next, Incoming::Down), "{next:?}");
    }

    pub(super) async fn expect_stanza(&mut self, id: &str) -> Element {
        let next = self.next().await;
        let Incoming::Stanza(stanza) = next else { panic!("expected stanza {id}, got {next:?}") };
        assert_eq!(stanza.attr("id"), Some(id));
        stanza
    }

    pub(super) async fn send(&self, outgoing: Outgoing) {
        soon(self.outgoing.send(outgoing)).await.unwrap();
    }
}

pub(super) fn message(id: &str, to: &[&str], body: &str) -> Outgoing {
    Outgoing {
        head: format!("<message from='g@{DOMAIN}' id='{id}'"),
        to: to.iter().map(|&to| Arc::from(to)).collect(),
        tail: format!("><body>{body}</body></message>").into(),
        lane: None,
    }
}
