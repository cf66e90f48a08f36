//! From an address to an authenticated component stream: resolve, connect, stream header, handshake (XEP-0114 §3).
//!
//! tokio-xmpp speaks until the handshake is done; then its XML reader is taken off, because it falls to stanzas that
//! any remote user can send (see [`crate::reader`]). Not here: trying again, and anything after the handshake.

use std::io;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use minidom::Element;
use secrecy::{ExposeSecret, SecretString};
use sha1::{Digest, Sha1};
use tokio::io::{AsyncBufRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::timeout;
use tokio_xmpp::xmlstream::{ReadError, StreamHeader, Timeouts, XmlStream, initiate_stream};

use crate::error::STREAMS_NS;
use crate::keepalive::{Heard, Pulse};
use crate::{COMPONENT_NS, LinkConfig, LinkError};

/// Bytes read from the socket at once.
const READ_BUFFER_BYTES: usize = 64 * 1024;
/// Patience with the last words of a stream that is closed on purpose.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// An authenticated stream, cut into its two directions. Bytes that came right behind the handshake are in `input`.
pub(crate) struct Connection {
    pub(crate) input: BufReader<Heard>,
    pub(crate) output: OwnedWriteHalf,
    /// Notes when something arrives on `input`.
    pub(crate) pulse: Pulse,
}

impl Connection {
    /// Says goodbye. Best effort: the caller has what it wanted.
    pub(crate) async fn close(mut self) {
        let goodbye = async {
            self.output.write_all(b"</stream:stream>").await?;
            self.output.shutdown().await
        };
        if !matches!(timeout(CLOSE_TIMEOUT, goodbye).await, Ok(Ok(()))) {
            tracing::debug!("The server did not take the end of the stream");
        }
    }
}

/// Connects and handshakes once.
pub(crate) async fn connect(config: &LinkConfig) -> Result<Connection, LinkError> {
    let patience = config.connect_timeout;
    let tcp = timeout(patience, open(&config.server))
        .await
        .map_err(|_| LinkError::ConnectTimeout { server: config.server.clone(), timeout: patience })??;
    let pulse = Pulse::start();
    let (input, output) = tcp.into_split();
    let input =
        BufReader::with_capacity(READ_BUFFER_BYTES, Heard::new(input, pulse.clone(), config.status.clone()));
    let joined = timeout(patience, greet(tokio::io::join(input, output), config))
        .await
        .map_err(|_| LinkError::HandshakeTimeout { server: config.server.clone(), timeout: patience })??;
    let (input, output) = joined.into_inner();
    Ok(Connection { input, output, pulse })
}

/// Resolves `server` and opens a TCP connection to the first of its addresses that answers.
async fn open(server: &str) -> Result<TcpStream, LinkError> {
    let addresses: Vec<_> = match tokio::net::lookup_host(server).await {
        Ok(addresses) => addresses.collect(),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            return Err(LinkError::Address { server: server.to_owned() });
        }
        Err(source) => return Err(LinkError::Resolve { server: server.to_owned(), source }),
    };
    let connected = async {
        let tcp = TcpStream::connect(&addresses[..]).await?;
        // Answers are small and wanted at once; large writes are batched by the writer.
        tcp.set_nodelay(true)?;
        Ok(tcp)
    };
    connected.await.map_err(|source: io::Error| {
        let server = server.to_owned();
        if source.kind() == io::ErrorKind::ConnectionRefused {
            LinkError::Refused { server }
        } else {
            LinkError::Connect { server, source }
        }
    })
}

/// Exchanges stream headers and handshakes; gives the transport back with nothing lost.
async fn greet<Io>(io: Io, config: &LinkConfig) -> Result<Io, LinkError>
where
    Io: AsyncBufRead + AsyncWrite + Unpin,
{
    // The caller bounds the whole handshake; these only have to be longer.
    let timeouts =
        Timeouts { read_timeout: Duration::from_secs(3600), response_timeout: Duration::from_secs(3600) };
    let header = StreamHeader { to: Some(config.domain.as_str().into()), ..StreamHeader::default() };
    let mut pending =
        initiate_stream(io, COMPONENT_NS, header, timeouts).await.map_err(|error| broken(&error, config))?;
    let id = pending.take_header().id.unwrap_or_default();
    let mut stream: XmlStream<Io, Element> = pending.skip_features();
    // COMPAT: for an unknown domain Prosody sends an empty id and Tigase none, and the stream error follows.
    if !id.is_empty() {
        let handshake =
            Element::builder("handshake", COMPONENT_NS).append(token(&id, &config.secret)).build();
        stream.send(&handshake).await.map_err(|error| broken(&error, config))?;
    }
    accepted(&mut stream, config).await?;
    Ok(stream.into_inner())
}

/// The proof of knowing the secret: lower-case hexadecimal SHA-1 of stream id and secret (XEP-0114 §3).
fn token(id: &str, secret: &SecretString) -> String {
    let digest = Sha1::new().chain_update(id).chain_update(secret.expose_secret()).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Waits for the server's verdict.
async fn accepted<Io>(stream: &mut XmlStream<Io, Element>, config: &LinkConfig) -> Result<(), LinkError>
where
    Io: AsyncBufRead + AsyncWrite + Unpin,
{
    loop {
        match stream.next().await {
            Some(Ok(element)) if element.is("handshake", COMPONENT_NS) => return Ok(()),
            Some(Ok(element)) if element.is("error", STREAMS_NS) => {
                return Err(LinkError::from_stream_error(&element, &config.domain));
            }
            Some(Ok(element)) => return Err(foreign(config, format!("unexpected <{}>", element.name()))),
            Some(Err(ReadError::SoftTimeout)) => {}
            Some(Err(ReadError::HardError(error))) => return Err(broken(&error, config)),
            Some(Err(ReadError::ParseError(error))) => return Err(foreign(config, error.to_string())),
            Some(Err(ReadError::StreamFooterReceived)) | None => {
                return Err(LinkError::ClosedInHandshake { domain: config.domain.clone() });
            }
        }
    }
}

/// Tells a connection that speaks something else from one that was closed.
fn broken(error: &io::Error, config: &LinkConfig) -> LinkError {
    let not_xml = error.get_ref().and_then(|inner| inner.downcast_ref::<rxml::Error>());
    if error.kind() == io::ErrorKind::InvalidData && !matches!(not_xml, Some(rxml::Error::InvalidEof(_))) {
        foreign(config, error.to_string())
    } else {
        LinkError::ClosedInHandshake { domain: config.domain.clone() }
    }
}

fn foreign(config: &LinkConfig, reason: String) -> LinkError {
    LinkError::NotComponentPort { server: config.server.clone(), reason }
}
