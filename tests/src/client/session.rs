//! What goes on behind a client's back: reading, answering pings, and counting stanzas for XEP-0198.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use groupchat_link::reader::Read;
use minidom::Element;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::{Mutex, Notify, mpsc};

use super::{Reader, Received, SM_NS};
use crate::xml::{CLIENT_NS, compact, escape};

/// The writing half and the counters, shared between the client and its reading task.
#[derive(Debug, Clone)]
pub(super) struct Shared(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    output: Mutex<OwnedWriteHalf>,
    /// Stanzas handled since stream management was enabled; they count only from then on.
    handled: AtomicU32,
    counting: AtomicBool,
    enabled: StdMutex<Option<Result<String, String>>>,
    enabled_now: Notify,
    acknowledged: Notify,
}

impl Shared {
    pub(super) fn new(output: OwnedWriteHalf, handled: Option<u32>) -> Self {
        Self(Arc::new(Inner {
            output: Mutex::new(output),
            handled: AtomicU32::new(handled.unwrap_or(0)),
            counting: AtomicBool::new(handled.is_some()),
            enabled: StdMutex::new(None),
            enabled_now: Notify::new(),
            acknowledged: Notify::new(),
        }))
    }

    pub(super) async fn write(&self, text: impl AsRef<[u8]>) -> Result<()> {
        self.0.output.lock().await.write_all(text.as_ref()).await.context("the link to the server is broken")
    }

    /// Waits for the server's answer to `<enable/>`: the id to resume by.
    pub(super) async fn enabled(&self) -> Result<String> {
        self.0.enabled_now.notified().await;
        match self.0.enabled.lock().ok().and_then(|mut answer| answer.take()) {
            Some(Ok(id)) => Ok(id),
            Some(Err(answer)) => bail!("the server refuses resumption: {answer}"),
            None => bail!("the server's answer got lost"),
        }
    }

    /// How many stanzas were handled, all of which count.
    pub(super) fn handled(&self) -> u32 {
        self.0.handled.load(Ordering::SeqCst)
    }

    /// Tells the server what was handled, and asks for its own count.
    pub(super) async fn acknowledge(&self) -> Result<()> {
        let handled = self.handled();
        self.write(format!("<a xmlns='{SM_NS}' h='{handled}'/><r xmlns='{SM_NS}'/>")).await
    }

    /// Waits for the server's count: by then it has read everything written before.
    pub(super) async fn acknowledged(&self) {
        self.0.acknowledged.notified().await;
    }

    /// Closes the socket so that the peer sees a reset. The reading task must be gone.
    pub(super) fn reset(self) -> Result<()> {
        let inner = Arc::into_inner(self.0).context("the link is still in use")?;
        let output = inner.output.into_inner();
        let socket: &TcpStream = output.as_ref();
        socket.set_zero_linger().context("cannot reset the link")?;
        // Not dropped: that would end the stream in order before the reset.
        output.forget();
        Ok(())
    }

    async fn handle_management(&self, element: &Element) -> Result<()> {
        match element.name() {
            "enabled" | "failed" => {
                self.0.counting.store(element.name() == "enabled", Ordering::SeqCst);
                let answer = element.attr("id").map(str::to_owned).ok_or_else(|| compact(element));
                if let Ok(mut slot) = self.0.enabled.lock() {
                    *slot = Some(answer);
                }
                self.0.enabled_now.notify_one();
            }
            "r" => {
                let handled = self.handled();
                self.write(format!("<a xmlns='{SM_NS}' h='{handled}'/>")).await?;
            }
            "a" => self.0.acknowledged.notify_one(),
            _ => {}
        }
        Ok(())
    }

    /// Counts a stanza; true if it was a ping and has been answered.
    async fn handle_stanza(&self, stanza: &Element) -> Result<bool> {
        if self.0.counting.load(Ordering::SeqCst) {
            self.0.handled.fetch_add(1, Ordering::SeqCst);
        }
        let is_ping = stanza.is("iq", CLIENT_NS)
            && stanza.attr("type") == Some("get")
            && stanza.has_child("ping", "urn:xmpp:ping");
        if is_ping {
            let to = stanza.attr("from").map(|from| format!(" to='{}'", escape(from))).unwrap_or_default();
            let id = escape(stanza.attr("id").unwrap_or_default());
            self.write(format!("<iq type='result' id='{id}'{to}/>")).await?;
        }
        Ok(is_ping)
    }
}

/// Reads until the stream ends or nobody wants to know any more.
pub(super) async fn read_all(mut reader: Reader, shared: Shared, arrivals: mpsc::UnboundedSender<Received>) {
    while let Ok(read) = reader.next().await {
        let stanza = match read {
            Read::Stanza(stanza) => stanza,
            Read::Skipped(..) => continue,
            Read::Eof => return,
        };
        let done = if stanza.ns() == SM_NS {
            shared.handle_management(&stanza).await.map(|()| true)
        } else {
            shared.handle_stanza(&stanza).await
        };
        match done {
            Ok(true) => {}
            Ok(false) if arrivals.send(Received { at: Instant::now(), stanza }).is_ok() => {}
            Ok(false) | Err(_) => return,
        }
    }
}
