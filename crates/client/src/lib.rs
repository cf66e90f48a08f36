//! Groups for clients and bots: the stanzas to send, the stanzas that come, and one member's picture of his groups.
//!
//! A group of this protocol is a list of members with roles, settings and an archive, kept by a service beside the XMPP
//! server. People stay members while they are offline, and miss nothing. The service is at a domain of its own, such as
//! `groupchat.shakespeare.lit`; a group is `tea@groupchat.shakespeare.lit`, and a member of it, seen from inside,
//! `tea@groupchat.shakespeare.lit/bob`, where `bob` is his *member id*.
//!
//! The crate takes and gives stanzas as [`minidom::Element`]s. It has no connection, no runtime and no clock, so it goes
//! with whatever library speaks to the server. It has three layers, each of use without the next:
//!
//! | layer | for |
//! | --- | --- |
//! | [`Service`], [`Group`], [`Draft`], [`ArchiveQuery`] | what is sent: a message is an element, whatever has an answer a [`Request`] that reads it |
//! | [`Service::read`] and [`Event`] | what comes |
//! | [`GroupView`] | what it comes to: groups, messages in order, unread counters, who has read what; asks for what it misses |
//!
//! # A tour
//!
//! Stanzas to send are made by [`Service`] and [`Group`]:
//!
//! ```
//! use groupchat_client::{Draft, NewGroup, Service};
//!
//! let service = Service::of_account("alice@shakespeare.lit");
//! let tea = service.group("tea");
//!
//! // Told once after each login: this device takes messages.
//! let presence = service.announce();
//! assert_eq!(presence.attr("to"), Some("groupchat.shakespeare.lit"));
//!
//! // Requests are an iq under an id of yours, and read their own answer.
//! let create = tea.create(NewGroup::named("Afternoon tea").member("bob@shakespeare.lit"));
//! let iq = create.iq("c1");
//! let answer = "<iq xmlns='jabber:client' from='tea@groupchat.shakespeare.lit' type='result' id='c1'>
//!     <query xmlns='http://jabber.org/protocol/groupchat#creategroup'>
//!       <item id='tea' jid='tea@groupchat.shakespeare.lit'/>
//!     </query>
//!   </iq>".parse()?;
//! assert_eq!(create.answer(&answer)?.id, "tea");
//!
//! // A refusal is an error with a condition.
//! let answer = "<iq xmlns='jabber:client' from='tea@groupchat.shakespeare.lit' type='error' id='c1'>
//!     <error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
//!   </iq>".parse()?;
//! assert_eq!(create.answer(&answer).unwrap_err().to_string(), "conflict");
//!
//! // Messages have no answer: their copy comes back.
//! let message = tea.message("m1", &Draft::text("@bob milk?").mention("bob", "bob"));
//! assert_eq!(message.attr("type"), Some("groupchat"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What comes is read by the service:
//!
//! ```
//! use groupchat_client::{Announced, Event, Service};
//!
//! let service = Service::new("groupchat.shakespeare.lit");
//! let stanza = "<presence xmlns='jabber:client' from='tea@groupchat.shakespeare.lit'>
//!     <x xmlns='http://jabber.org/protocol/groupchat#addmember'/>
//!     <item jid='carol@shakespeare.lit' mid='c1' nick='Caroline' role='member'/>
//!   </presence>".parse()?;
//! let Some(Event::Announced { group, announcement, .. }) = service.read(&stanza) else { panic!() };
//! assert_eq!((group.as_str(), announcement.kind), ("tea@groupchat.shakespeare.lit", Announced::Added));
//! // What others say is none of it.
//! let stanza = "<message xmlns='jabber:client' from='eve@shakespeare.lit'><body>psst</body></message>".parse()?;
//! assert_eq!(service.read(&stanza), None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! And [`GroupView`] keeps the picture. It sees to what is easily got wrong: the same message comes live, kept by the
//! server, and from the archive; a receipt comes before its message; a retraction before what it takes back; a device
//! was offline; the service was restarted in the middle of an answer.
//!
//! # A bot
//!
//! This is all of a bot that says back what mentions it, but for the connection. It does not matter to it whether it was
//! online when it was spoken to: what it has answered it marks as read, and answers what is not.
//!
//! ```
//! use groupchat_client::{Draft, GroupView, News, Service};
//! # use groupchat_client::minidom::Element;
//!
//! fn take(view: &mut GroupView, news: &News) {
//!     match news {
//!         News::Message { group, stanza_id } => {
//!             if let Some(echo) = echo(view, group, stanza_id) {
//!                 // An id made of what it answers: should it be said twice, the service takes it once.
//!                 view.post(group, &format!("echo-{stanza_id}"), &echo);
//!             }
//!         }
//!         News::Stored { group, id, .. } => {
//!             if let Some(answered) = id.strip_prefix("echo-") {
//!                 view.mark_read(group, answered);
//!             }
//!         }
//!         _ => {}
//!     }
//! }
//!
//! fn echo(view: &GroupView, group: &str, stanza_id: &str) -> Option<Draft> {
//!     let state = view.group(group)?;
//!     let message = state.message(stanza_id)?;
//!     let is_read = state.read_position().is_some_and(|read| read >= stanza_id);
//!     let is_for_me = message.mentions(view.account(), state.own_mid()) && !state.is_own(message);
//!     let text = state.text(stanza_id).filter(|_| is_for_me && !is_read)?;
//!     Some(Draft::text(text).reply_to(stanza_id, &message.author()))
//! }
//!
//! let mut view = GroupView::new(Service::new("groupchat.shakespeare.lit"), "bot@shakespeare.lit");
//! # fn drive(view: &mut GroupView, stanza: &str) -> Vec<Element> {
//! # let stanza: Element = stanza.parse().unwrap();
//! # let news = view.take(&stanza);
//! # news.iter().for_each(|news| take(view, news));
//! # std::iter::from_fn(|| view.next_stanza()).collect()
//! # }
//! // Logged in:
//! view.connected();
//! // … and for each stanza that comes:
//! # while view.next_stanza().is_some() {}
//! # drive(&mut view, "<iq xmlns='jabber:client' from='groupchat.shakespeare.lit' type='result' id='gv1'><query xmlns='http://jabber.org/protocol/groupchat#inbox'/></iq>");
//! # drive(&mut view, "<iq xmlns='jabber:client' from='groupchat.shakespeare.lit' type='result' id='gv2'><fin xmlns='urn:xmpp:mam:2' complete='true'/></iq>");
//! let stanza = "<message xmlns='jabber:client' from='tea@groupchat.shakespeare.lit/alice' type='groupchat' id='m1'>
//!     <body>@bot Milk?</body>
//!     <x xmlns='jabber:x:data' type='at' id='bot@shakespeare.lit'/>
//!     <stanza-id xmlns='urn:xmpp:sid:0' by='tea@groupchat.shakespeare.lit' id='000660b82cac4400'/>
//!   </message>".parse().unwrap();
//! for news in view.take(&stanza) {
//!     take(&mut view, &news);
//! }
//! # let asked: Vec<Element> = std::iter::from_fn(|| view.next_stanza()).collect();
//! # let own = asked.iter().find(|asked| asked.attr("to") == Some("tea@groupchat.shakespeare.lit")).unwrap();
//! # let said = drive(&mut view, &format!("<iq xmlns='jabber:client' from='tea@groupchat.shakespeare.lit' type='result' id='{}'><query xmlns='http://jabber.org/protocol/groupchat#memberinfo'><item jid='bot@shakespeare.lit' mid='bot'/></query></iq>", own.attr("id").unwrap()));
//! let echo = said.iter().find(|stanza| stanza.attr("id") == Some("echo-000660b82cac4400")).unwrap();
//! assert_eq!(echo.attr("to"), Some("tea@groupchat.shakespeare.lit"));
//! # let read = drive(&mut view, "<message xmlns='jabber:client' from='tea@groupchat.shakespeare.lit/bot' type='groupchat' id='echo-000660b82cac4400'><body>@bot Milk?</body><stanza-id xmlns='urn:xmpp:sid:0' by='tea@groupchat.shakespeare.lit' id='000660b82cac4401'/></message>");
//! # assert!(read.iter().any(|stanza| stanza.children().any(|child| child.attr("id") == Some("000660b82cac4400"))));
//! ```
//!
//! # On a connection
//!
//! With tokio-xmpp's stream, which connects again by itself. This is the rest of that bot, all of which is
//! `examples/echo-bot`; `examples/groupchat-cli` is a client for terminals and scripts on the same stream.
//!
//! ```text
//! [dependencies]
//! anyhow = "1"
//! futures = "0.3"
//! groupchat-client = "0.1"
//! minidom = "0.19"
//! tokio = { version = "1", features = ["macros", "rt-multi-thread", "time"] }
//! tokio-xmpp = { version = "6", default-features = false, features = ["insecure-tcp"] }
//! xso = "0.4"
//! ```
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use anyhow::{Context as _, Result};
//! use futures::StreamExt as _;
//! use groupchat_client::{GroupView, News, Service};
//! use minidom::Element;
//! use tokio_xmpp::connect::{DnsConfig, TcpServerConnector};
//! use tokio_xmpp::jid::Jid;
//! use tokio_xmpp::stanzastream::{Event, StanzaStream, StreamEvent};
//! use tokio_xmpp::xmlstream::Timeouts;
//! # fn take(_: &mut GroupView, _: &News) {}
//!
//! #[tokio::main]
//! async fn main() -> Result<()> {
//!     let account = "bot@shakespeare.lit";
//!     let password = std::env::var("PASSWORD")?;
//!     let mut view = GroupView::new(Service::of_account(account), account);
//!
//!     // A server on this machine. Elsewhere, with the features `starttls`, `ring` and `rustls-native-certs`:
//!     // StartTlsServerConnector(DnsConfig::srv_default_client("shakespeare.lit"))
//!     let server = TcpServerConnector(DnsConfig::addr("127.0.0.1:5222"));
//!     let jid = Jid::new(&format!("{account}/echo-bot"))?;
//!     let mut stream = StanzaStream::new_c2s(server, jid, password, Timeouts::default(), 16);
//!     let mut retry = tokio::time::interval(Duration::from_secs(30));
//!     loop {
//!         tokio::select! {
//!             event = stream.next() => match event.context("the connection is gone")? {
//!                 // A new session; of one that goes on (XEP-0198) nothing was missed.
//!                 Event::Stream(StreamEvent::Reset { .. }) => {
//!                     send(&stream, &Element::bare("presence", "jabber:client")).await?;
//!                     view.connected();
//!                 }
//!                 Event::Stream(StreamEvent::Suspended | StreamEvent::Resumed) => {}
//!                 Event::Stanza(stanza) => {
//!                     for news in view.take(&xso::transform::<Element, _>(&stanza)?) {
//!                         take(&mut view, &news);
//!                     }
//!                 }
//!             },
//!             _ = retry.tick() => if view.is_waiting() { view.retry() },
//!         }
//!         while let Some(stanza) = view.next_stanza() {
//!             send(&stream, &stanza).await?;
//!         }
//!     }
//! }
//!
//! async fn send(stream: &StanzaStream, stanza: &Element) -> Result<()> {
//!     stream.send(Box::new(xso::transform(stanza)?)).await;
//!     Ok(())
//! }
//! ```
//!
//! Five things to see to:
//!
//! * The server passes on what it kept, and what the group tells all of one's devices, only after the client's own initial
//!   `<presence/>`.
//! * Call [`GroupView::retry`] every half minute or so while [`GroupView::is_waiting`]: a service that was killed while
//!   it was asked never answers.
//! * Keep the device's resource when you connect again: the service knows a message that is sent twice by the full JID
//!   and the `id`.
//! * Build `xmpp-parsers` without its feature `component`, which changes the namespace of everything.
//! * Hold tokio-xmpp's `StanzaStream` as it is. In 6.0.0 its halves, and its `Client`, which is made of them, can stop telling
//!   what comes: a half that is asked while the other one sends is never woken again.
//!
//! **Not here:** connecting, service discovery beyond the usual name, encryption, keeping messages on a disk.

mod address;
mod archive;
mod draft;
mod event;
mod group;
mod message;
mod request;
mod service;
mod view;
mod xml;

pub use archive::{ArchivePage, ArchiveQuery};
pub use draft::Draft;
pub use event::{Event, Invitation};
pub use group::Group;
pub use groupchat_payloads as payloads;
pub use groupchat_payloads::{
    Announced, Announcement, GroupItem, InboxItem, Invalid, Item, LastMessage, MemberKey, Readers,
};
pub use message::{Content, Mention, Message, Via};
pub use minidom;
pub use request::{AnswerError, Page, Paging, Refusal, Request};
pub use service::{Inbox, NewGroup, Service};
pub use view::{Cursor, GroupState, GroupView, News};
