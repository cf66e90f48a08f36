//! A TCP proxy on the loopback interface whose connections can be cut and frozen: a bad network between two servers that
//! are well. Knows nothing of what passes through it.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// A running proxy. On drop it ends, and with it what goes through it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    _accepting: AbortOnDropHandle<()>,
}

/// What happens to connections.
#[derive(Debug, Clone, Copy, Default)]
struct Weather {
    frozen: bool,
    /// How often all connections were cut.
    cuts: u64,
}

impl Proxy {
    /// Starts one that passes everything on to `target`, which need not be there yet.
    pub async fn start(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no port for a proxy")?;
        let address = listener.local_addr()?;
        let (weather, forecast) = watch::channel(Weather::default());
        let accepting = AbortOnDropHandle::new(tokio::spawn(accept(listener, target, forecast)));
        Ok(Self { address, weather, _accepting: accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resets all connections, in both directions. What was on its way is lost.
    pub fn cut(&self) {
        self.weather.send_modify(|weather| weather.cuts += 1);
    }

    /// Passes nothing on any more; the connections stay, and new ones are accepted.
    pub fn freeze(&self) {
        self.weather.send_modify(|weather| weather.frozen = true);
    }

    /// Passes on what waited, and everything from now on.
    pub fn thaw(&self) {
        self.weather.send_modify(|weather| weather.frozen = false);
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, forecast: watch::Receiver<Weather>) {
    let mut connections = JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        connections.spawn(carry(near, target, forecast.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// Carries one connection until both ends have closed it, or it breaks.
async fn carry(near: TcpStream, target: SocketAddr, forecast: watch::Receiver<Weather>) {
    let cuts = forecast.borrow().cuts;
    let Ok(far) = TcpStream::connect(target).await else { return };
    // For latency; a connection without works, too.
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let [near, far] = [near, far].map(TcpStream::into_split);
    let (mut near_in, mut near_out) = near;
    let (mut far_in, mut far_out) = far;
    let passing = async {
        let there = pass(&mut near_in, &mut far_out, forecast.clone());
        let back = pass(&mut far_in, &mut near_out, forecast.clone());
        tokio::try_join!(there, back)
    };
    let mut later = forecast.clone();
    let in_order = tokio::select! {
        passed = passing => passed.is_ok(),
        _ = later.wait_for(|weather| weather.cuts > cuts) => false,
    };
    if !in_order {
        reset(near_out);
        reset(far_out);
    }
}

/// Passes on what one end says, until it has said everything.
async fn pass(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    mut forecast: watch::Receiver<Weather>,
) -> std::io::Result<()> {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut bytes).await?;
        // An error means that the proxy is gone, which ends this task as well.
        let _ = forecast.wait_for(|weather| !weather.frozen).await;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&bytes[..length]).await?;
    }
}

/// Closes a socket so that its peer sees a reset.
fn reset(half: OwnedWriteHalf) {
    let socket: &TcpStream = half.as_ref();
    // If it fails the peer sees an ordinary end, which is a lost connection, too.
    let _ = socket.set_zero_linger();
    // Not dropped: that would end the stream in order before the reset.
    half.forget();
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// A server that sends back what it gets, and a connection to it through a proxy.
    async fn through_proxy() -> (Proxy, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let target = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (mut input, mut output) = stream.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut input, &mut output).await });
            }
        });
        let proxy = Proxy::start(target).await.expect("starts");
        let stream = TcpStream::connect(proxy.address()).await.expect("connects");
        (proxy, stream)
    }

    async fn echo(stream: &mut TcpStream) -> Option<std::io::Result<[u8; 2]>> {
        let exchange = async {
            let mut back = [0; 2];
            stream.write_all(b"hi").await?;
            stream.read_exact(&mut back).await.map(|_| back)
        };
        timeout(Duration::from_millis(300), exchange).await.ok()
    }

    #[tokio::test]
    async fn passes_on_both_ways_and_closes_when_both_have_closed() {
        let (_proxy, mut stream) = through_proxy().await;
        assert_eq!(echo(&mut stream).await.expect("in time").expect("well"), *b"hi");
        stream.shutdown().await.expect("closes");
        assert_eq!(stream.read(&mut [0]).await.expect("an end in order"), 0);
    }

    #[tokio::test]
    async fn holds_everything_back_while_frozen_and_loses_nothing() {
        let (proxy, mut stream) = through_proxy().await;
        proxy.freeze();
        assert!(echo(&mut stream).await.is_none());
        proxy.thaw();
        let mut back = [0; 2];
        stream.read_exact(&mut back).await.expect("comes");
        assert_eq!(back, *b"hi");
        assert_eq!(echo(&mut stream).await.expect("in time").expect("well"), *b"hi");
    }

    #[tokio::test]
    async fn resets_what_is_there_and_takes_new_connections() {
        let (proxy, mut stream) = through_proxy().await;
        assert!(echo(&mut stream).await.is_some());
        proxy.cut();
        let error = stream.read(&mut [0]).await.expect_err("no end in order");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        let mut again = TcpStream::connect(proxy.address()).await.expect("connects");
        assert!(echo(&mut again).await.expect("in time").is_ok());
    }
}
