//! Who comes in: so many at once, and nobody who says and hears nothing. Whatever is open here takes from the file descriptors
//! that the link and the database need.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// Connections at once; further ones wait in the system's queue.
const PLACES: usize = 64;
/// A connection on which nothing moves for so long is closed. Longer than the slowest answer takes.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// A listener with so many places.
pub(super) struct Door {
    listener: TcpListener,
    places: Arc<Semaphore>,
    idle_max: Duration,
}

impl Door {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(PLACES)), idle_max: IDLE_MAX }
    }
}

impl Listener for Door {
    type Io = Visitor;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Visitor, SocketAddr) {
        // Nobody closes the semaphore.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let patience = Box::pin(sleep(self.idle_max));
        (Visitor { stream, idle_max: self.idle_max, patience, _place: place }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection. Its place is free when it is dropped.
pub(super) struct Visitor {
    stream: TcpStream,
    idle_max: Duration,
    patience: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Visitor {
    /// Something moved, or the time is over.
    fn timed<T>(&mut self, moved: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if moved.is_ready() {
            let until = Instant::now() + self.idle_max;
            self.patience.as_mut().reset(until);
            return moved;
        }
        self.patience.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Visitor {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.timed(read, cx)
    }
}

impl AsyncWrite for Visitor {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.timed(written, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn places_are_few_and_whoever_is_silent_loses_his() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let idle_max = Duration::from_millis(300);
        let door = Door { listener, places: Arc::new(Semaphore::new(2)), idle_max };
        let pages = axum::Router::new().route("/live", axum::routing::get(async || "alive"));
        let serving = tokio::spawn(async move { axum::serve(door, pages).await });
        let mut silent = Vec::new();
        for _ in 0..5 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        // Behind five who say nothing: two at a time are sent away.
        let mut last = TcpStream::connect(address).await.unwrap();
        let began = Instant::now();
        last.write_all(b"GET /live HTTP/1.0\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        last.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("alive"), "{answer}");
        assert!(began.elapsed() >= idle_max, "there were more places");
        serving.abort();
    }
}
