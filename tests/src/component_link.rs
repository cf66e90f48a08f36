//! A component link (XEP-0114) with nothing behind it, for tests that say on it what the service would not.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::real::Domain;

/// Connects, and proves to know the secret.
pub async fn connect(address: SocketAddr, domain: &Domain) -> Result<TcpStream> {
    let mut link = TcpStream::connect(address).await?;
    let header = format!(
        "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='{}'>",
        domain.component()
    );
    link.write_all(header.as_bytes()).await?;
    let answer = read_until(&mut link, "<stream:stream").await?;
    let id = answer.split(" id=").nth(1).and_then(|rest| rest.split(['\'', '"']).nth(1));
    let digest = Sha1::digest(format!("{}{}", id.context("no stream id")?, domain.component_secret));
    let token: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    link.write_all(format!("<handshake>{token}</handshake>").as_bytes()).await?;
    read_until(&mut link, "<handshake").await?;
    Ok(link)
}

/// Reads until a tag that begins so has ended.
async fn read_until(link: &mut TcpStream, start: &str) -> Result<String> {
    let mut text = String::new();
    while !text.split_once(start).is_some_and(|(_, rest)| rest.contains('>')) {
        let mut bytes = [0; 1_024];
        let count = link.read(&mut bytes).await?;
        ensure!(count > 0, "the host closed the link: {text}");
        text.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    Ok(text)
}
