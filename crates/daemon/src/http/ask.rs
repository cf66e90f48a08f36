//! The other side: asks a running component for a page.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// `/ready` itself waits 5 s for the XMPP server.
const PATIENCE: Duration = Duration::from_secs(8);
/// What is read of an answer.
const BYTES_MAX: u64 = 64 * 1_024;

/// Status and text of a page; `None`: nobody answers as we do. HTTP/1.0, so that the text ends with the connection.
pub(crate) async fn ask(address: &str, page: &str) -> Option<(u16, String)> {
    // Where it listens everywhere, it does so here.
    let address = address.replace("0.0.0.0:", "127.0.0.1:").replace("[::]:", "[::1]:");
    let asked = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(format!("GET {page} HTTP/1.0\r\n\r\n").as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.take(BYTES_MAX).read_to_string(&mut answer).await.ok()?;
        let (head, text) = answer.split_once("\r\n\r\n")?;
        let status = head.split_whitespace().nth(1)?.parse().ok()?;
        Some((status, text.to_owned()))
    };
    tokio::time::timeout(PATIENCE, asked).await.ok()?
}
