//! A client of a real server over plain TCP: raw text out, stanzas in. For tests and demos only: it takes whatever the
//! server says, speaks SASL PLAIN in the clear, and sends text exactly as given.

mod session;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use groupchat_link::reader::{Read, ReadLimits, StanzaReader};
use minidom::Element;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::xml::{compact, escape};
use session::Shared;

/// How long the server may take for each step of the login.
const STEP_TIME_MAX: Duration = Duration::from_secs(20);

const SASL_NS: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
const SM_NS: &str = "urn:xmpp:sm:3";

/// A stanza and when it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// When it had been read from the socket.
    pub at: Instant,
    /// The stanza.
    pub stanza: Element,
}

/// A client with a bound resource. Pings and XEP-0198 requests of the server are answered while it lives.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    who: Credentials,
    jid: String,
    shared: Shared,
    inbox: mpsc::UnboundedReceiver<Received>,
    reading: AbortOnDropHandle<()>,
    resumption: Option<String>,
}

#[derive(Debug, Clone)]
struct Credentials {
    domain: String,
    user: String,
    password: String,
}

/// What it takes to resume a session whose link was cut.
#[derive(Debug)]
pub struct Vanished {
    address: SocketAddr,
    who: Credentials,
    jid: String,
    id: String,
    handled: u32,
}

type Input = BufReader<OwnedReadHalf>;
type Reader = StanzaReader<Input>;

impl Client {
    /// Connects, authenticates and binds the resource. Sends no presence.
    pub async fn login(
        address: SocketAddr,
        domain: &str,
        user: &str,
        password: &str,
        resource: &str,
    ) -> Result<Self> {
        let who =
            Credentials { domain: domain.to_owned(), user: user.to_owned(), password: password.to_owned() };
        let (jid, reader, output) = bind(address, &who, resource).await?;
        Ok(Self::running(address, who, jid, reader, output, None))
    }

    /// Logs in as well, but leaves reading to the caller: the full JID, what comes behind the answer, and where to write.
    pub(crate) async fn login_only(
        address: SocketAddr,
        domain: &str,
        user: &str,
        password: &str,
    ) -> Result<(String, BufReader<OwnedReadHalf>, OwnedWriteHalf)> {
        let who =
            Credentials { domain: domain.to_owned(), user: user.to_owned(), password: password.to_owned() };
        let (jid, reader, output) = bind(address, &who, "pda").await?;
        Ok((jid, reader.into_inner(), output))
    }

    fn running(
        address: SocketAddr,
        who: Credentials,
        jid: String,
        reader: Reader,
        output: OwnedWriteHalf,
        resumption: Option<(String, u32)>,
    ) -> Self {
        let (arrivals, inbox) = mpsc::unbounded_channel();
        let shared = Shared::new(output, resumption.as_ref().map(|(_, handled)| *handled));
        let reading =
            AbortOnDropHandle::new(tokio::spawn(session::read_all(reader, shared.clone(), arrivals)));
        Self { address, who, jid, shared, inbox, reading, resumption: resumption.map(|(id, _)| id) }
    }

    /// The full JID that the server gave.
    pub fn jid(&self) -> &str {
        &self.jid
    }

    /// Sends text as it stands; it may be none.
    pub async fn send(&self, text: impl AsRef<[u8]>) -> Result<()> {
        self.shared.write(text).await
    }

    /// The next stanza; `None` if there is none within `patience` or the stream has ended.
    pub async fn next(&mut self, patience: Duration) -> Option<Received> {
        timeout(patience, self.inbox.recv()).await.ok().flatten()
    }

    /// Reads until a stanza has this in its text, and gives that; an error if there is silence for `patience` before.
    pub async fn hear(&mut self, wanted: &str, patience: Duration) -> Result<String> {
        while let Some(received) = self.next(patience).await {
            let text = String::from(&received.stanza);
            if text.contains(wanted) {
                return Ok(text);
            }
        }
        bail!("{} does not hear {wanted}", self.jid)
    }

    /// Whether there is, or may come, something to be taken by [`Self::next`].
    pub fn is_open(&self) -> bool {
        !self.inbox.is_closed() || !self.inbox.is_empty()
    }

    /// Asks the server to keep the session when the link breaks (XEP-0198 §3 and §5).
    pub async fn enable_resumption(&mut self) -> Result<()> {
        self.send(&format!("<enable xmlns='{SM_NS}' resume='true'/>")).await?;
        let enabled = timeout(STEP_TIME_MAX, self.shared.enabled()).await;
        self.resumption = Some(enabled.context("the server did not enable stream management")??);
        Ok(())
    }

    /// Closes the stream; gives what came until the server closed it, too.
    pub async fn close(mut self) -> Vec<Received> {
        let mut rest = Vec::new();
        // The server may have gone first; then there is nothing to close.
        if self.send("</stream:stream>").await.is_ok() {
            while let Some(received) = self.next(STEP_TIME_MAX).await {
                rest.push(received);
            }
        }
        rest
    }

    /// Cuts the link by a TCP reset.
    pub async fn drop_link(self) -> Result<()> {
        self.reading.abort();
        // The reading half must be gone, or the socket stays open.
        self.reading.await.ok();
        self.shared.reset()
    }

    /// Cuts the link of a session that can be resumed; also gives what arrived and was not taken before. All of that is
    /// acknowledged, now or at the resumption.
    pub async fn vanish(self) -> Result<(Vanished, Vec<Received>)> {
        let Self { address, who, jid, shared, mut inbox, reading, resumption } = self;
        let Some(id) = resumption else {
            bail!("{jid} did not ask for resumption; it has to connect with resumption");
        };
        shared.acknowledge().await?;
        timeout(STEP_TIME_MAX, shared.acknowledged()).await.context("the server acknowledges nothing")?;
        reading.abort();
        // The reading half must be gone, or the socket stays open.
        reading.await.ok();
        let handled = shared.handled();
        let rest = std::iter::from_fn(|| inbox.try_recv().ok()).collect();
        shared.reset()?;
        Ok((Vanished { address, who, jid, id, handled }, rest))
    }

    /// Takes a session up again; what the server kept for it comes as ordinary stanzas.
    pub async fn resume(vanished: Vanished) -> Result<Self> {
        let Vanished { address, who, jid, id, handled } = vanished;
        let (mut reader, mut output) = authenticate(address, &who).await?;
        let request = format!("<resume xmlns='{SM_NS}' h='{handled}' previd='{}'/>", escape(&id));
        write(&mut output, &request).await?;
        let answer = next(&mut reader).await?;
        if !answer.is("resumed", SM_NS) {
            bail!("cannot resume {jid}: {}", compact(&answer));
        }
        Ok(Self::running(address, who, jid, reader, output, Some((id, handled))))
    }
}

/// Logs in and binds the resource; with the full JID that the server gave.
async fn bind(
    address: SocketAddr,
    who: &Credentials,
    resource: &str,
) -> Result<(String, Reader, OwnedWriteHalf)> {
    let (mut reader, mut output) = authenticate(address, who).await?;
    let bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>";
    let resource = escape(resource);
    write(
        &mut output,
        &format!("<iq type='set' id='bind'>{bind}<resource>{resource}</resource></bind></iq>"),
    )
    .await?;
    let answer = next(&mut reader).await?;
    let jid = answer.children().next().and_then(|bind| bind.children().next()).map(Element::text);
    let Some(jid) = jid.filter(|_| answer.attr("type") == Some("result")) else {
        bail!("cannot bind `{resource}` for {}@{}: {}", who.user, who.domain, compact(&answer));
    };
    Ok((jid, reader, output))
}

/// Connects, authenticates and opens the stream in which everything else happens.
async fn authenticate(address: SocketAddr, who: &Credentials) -> Result<(Reader, OwnedWriteHalf)> {
    let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    let (input, mut output) = stream.into_split();
    let mut reader = open(BufReader::new(input), &mut output, &who.domain).await?;
    let plain = base64(format!("\0{}\0{}", who.user, who.password).as_bytes());
    write(&mut output, &format!("<auth xmlns='{SASL_NS}' mechanism='PLAIN'>{plain}</auth>")).await?;
    let answer = next(&mut reader).await?;
    if !answer.is("success", SASL_NS) {
        bail!("{}@{} may not log in: {}", who.user, who.domain, compact(&answer));
    }
    let reader = open(reader.into_inner(), &mut output, &who.domain).await?;
    Ok((reader, output))
}

/// Opens a stream and waits for the features.
async fn open(input: Input, output: &mut OwnedWriteHalf, domain: &str) -> Result<Reader> {
    let header = format!(
        "<?xml version='1.0'?><stream:stream to='{}' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>",
        escape(domain)
    );
    write(output, &header).await?;
    let mut reader = StanzaReader::with_header(input, ReadLimits::default());
    let features = next(&mut reader).await?;
    if features.name() != "features" {
        bail!("the server refuses the stream: {}", compact(&features));
    }
    Ok(reader)
}

async fn next(reader: &mut Reader) -> Result<Element> {
    match timeout(STEP_TIME_MAX, reader.next()).await.context("the server does not answer")?? {
        Read::Stanza(stanza) => Ok(stanza),
        Read::Skipped(..) => bail!("the server sent something too large to read"),
        Read::Eof => bail!("the server closed the stream"),
    }
}

async fn write(output: &mut OwnedWriteHalf, text: &str) -> Result<()> {
    output.write_all(text.as_bytes()).await.context("the link to the server is broken")
}

/// RFC 4648 §4; three lines are not worth a dependency.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .chain([0; 3].iter())
            .take(3)
            .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        for position in 0..4 {
            let digit = char::from(ALPHABET[group >> (18 - 6 * position) & 63]);
            encoded.push(if position <= chunk.len() { digit } else { '=' });
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_of_every_remainder() {
        for (plain, encoded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("\0测", "AOa1iw==")]
        {
            assert_eq!(super::base64(plain.as_bytes()), encoded);
        }
    }
}
