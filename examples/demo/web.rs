//! The chat page in the browser: built while the story is told, then served beside the Prosody.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use groupchat_tests::chat_page as page;
use groupchat_tests::real::{Addresses, Domain};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::{DOMAIN, PASSWORD, PEOPLE};

/// Where the page is if nobody else is there; else at any free port.
const USUAL_PORT: u16 = 8080;

/// The page, on its way.
pub(crate) struct Page(JoinHandle<Result<&'static page::Page>>);

impl Page {
    /// Begins to build it.
    pub(crate) fn build() -> Self {
        Self(tokio::task::spawn_blocking(page::build))
    }

    /// Waits until it is built, and serves it; gives its address.
    pub(crate) async fn serve(self, host: &Addresses, domain: &Domain) -> Result<String> {
        let built = self.0.await.context("the page was not built")??;
        let accounts: Vec<_> =
            PEOPLE.iter().map(|user| json!({ "user": user, "password": PASSWORD })).collect();
        let config = json!({
            "domain": DOMAIN,
            "websocket": host.websocket(),
            "service": domain.component(),
            "accounts": accounts,
        });
        let address = page::serve(built, config.to_string(), listener().await?)?;
        Ok(format!("http://{address}/"))
    }
}

async fn listener() -> Result<TcpListener> {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, USUAL_PORT));
    match TcpListener::bind(usual).await {
        Ok(listener) => Ok(listener),
        Err(_) => Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?),
    }
}
