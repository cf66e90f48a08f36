//! A bot: logs in like any client, tells the service that it is there, and repeats what mentions it, in whatever group
//! it is a member of. For servers on the loopback interface: it speaks plain TCP.
//!
//! `cargo xtask demo` starts a server to try it on and prints the command.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use groupchat_tests::client::Client;
use groupchat_tests::xml::escape;
use minidom::Element;

/// Repeats what mentions it.
#[derive(Debug, Parser)]
struct Options {
    /// The account, as user@domain
    jid: String,
    /// Its password
    #[arg(long)]
    password: String,
    /// Where the server takes clients
    #[arg(long, default_value = "127.0.0.1:5222")]
    server: SocketAddr,
    /// The service's domain; `groupchat.` before the account's domain if it is left out
    #[arg(long)]
    service: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let (user, domain) = options.jid.split_once('@').context("the account is written user@domain")?;
    let service = options.service.clone().unwrap_or_else(|| format!("groupchat.{domain}"));
    let mut client = Client::login(options.server, domain, user, &options.password, "echo-bot").await?;
    // The first for the server, so that messages are not kept for later; the second for the groups.
    client.send(&format!("<presence/><presence to='{}'/>", escape(&service))).await?;
    // Its own words come back to it as to everybody else.
    let mut said = HashSet::new();
    while let Some(received) = client.next(Duration::MAX).await {
        let message = received.stanza;
        let own = message.attr("id").is_some_and(|id| said.remove(id));
        let Some(text) = text_for(&message, user, &options.jid).filter(|_| !own) else { continue };
        let Some(group) = message.attr("from").and_then(|from| from.split('/').next()) else { continue };
        let id = format!("echo-{}", message.attr("id").unwrap_or_default());
        let (to, body, escaped_id) = (escape(group), escape(&text), escape(&id));
        client
            .send(&format!(
                "<message to='{to}' type='groupchat' id='{escaped_id}'><body>{body}</body></message>"
            ))
            .await?;
        said.insert(id);
    }
    bail!("the server closed the stream")
}

/// What a message in a group says to the bot; `None` if it is not for it.
fn text_for(message: &Element, user: &str, jid: &str) -> Option<String> {
    if message.name() != "message" || message.attr("type") != Some("groupchat") {
        return None;
    }
    let text = message.children().find(|child| child.name() == "body")?.text();
    let at = format!("@{user}");
    let referenced = |child: &Element| {
        child.is("reference", "urn:xmpp:reference:0")
            && child.attr("uri").and_then(|uri| uri.strip_prefix("xmpp:")) == Some(jid)
    };
    let mentioned = text.contains(&at) || message.children().any(referenced);
    mentioned.then(|| text.replace(&at, "").trim().to_owned()).filter(|text| !text.is_empty())
}
