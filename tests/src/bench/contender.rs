//! What is compared: how a message comes into a group of each kind, and what serves it.

use anyhow::{Context, Result, ensure};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use super::UNHURRIED;
use super::crowd::{Crowd, user};
use crate::component_link::connect;
use crate::counting_host::scan::{Found, Head, Scanner};
use crate::real::{Addresses, Component, Domain, Usage};
use crate::script::HostKind;

/// What people write.
pub(super) const BODY: &str =
    "A hundred bytes of text or so, as people write them to each other in the groups they are members of.";

/// How many recipients ejabberd's multicast service takes at once, as the hosts of the tests are configured.
const RECIPIENTS_MAX: usize = 1_000;

/// How long a service may take to find its host.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who passes a message on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contender {
    /// The host's own rooms (XEP-0045).
    Rooms,
    /// A component that stores and decides nothing, and writes what was made before: as many stanzas as the host takes
    /// off a link.
    Link,
    /// The same with a stanza for everybody (XEP-0033): as much as the host's multicast service passes on. Only on
    /// ejabberd; on Prosody that service is ours.
    Addressed,
    /// Ours, with a stanza for each.
    Plain,
    /// Ours, with a stanza for many.
    Multicast,
}

impl Contender {
    /// All of them, in the order in which they are played.
    pub const ALL: [Self; 5] = [Self::Rooms, Self::Link, Self::Addressed, Self::Plain, Self::Multicast];

    /// Is there such a thing on this host?
    pub fn is_on(self, host: HostKind) -> bool {
        self != Self::Addressed || host == HostKind::Ejabberd
    }

    /// As whoever wants only some names it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Rooms => "rooms",
            Self::Link => "link",
            Self::Addressed => "addressed",
            Self::Plain => "plain",
            Self::Multicast => "multicast",
        }
    }

    /// As tables name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rooms => "host's own MUC",
            Self::Link => "a component that only writes, one stanza a copy",
            Self::Addressed => "a component that only writes, multicast",
            Self::Plain => "xmpp-groupchat, one stanza a copy",
            Self::Multicast => "xmpp-groupchat, multicast",
        }
    }
}

/// A group and what serves it.
pub(super) struct Group {
    address: String,
    service: Service,
}

/// Who passes on what members write to the group.
enum Service {
    Host,
    Ours(Component),
    Link { _working: AbortOnDropHandle<Result<()>> },
}

impl Group {
    /// Makes the group, with everybody in it and known to be online.
    pub(super) async fn make(
        who: Contender,
        domain: &Domain,
        host: Addresses,
        crowd: &mut Crowd,
    ) -> Result<Self> {
        match who {
            Contender::Rooms => {
                let room = format!("tea@rooms.{}", domain.name);
                enter(&room, crowd).await?;
                Ok(Self { address: room, service: Service::Host })
            }
            Contender::Link | Contender::Addressed => {
                let link = connect(host.components, domain).await?;
                let address = format!("tea@{}", domain.component());
                let written = match who {
                    Contender::Link => Written::each(&address, &crowd.jids),
                    _ => Written::together(&address, &format!("multicast.{}", domain.name), &crowd.jids),
                };
                let working = tokio::spawn(only_write(link, written));
                let service = Service::Link { _working: AbortOnDropHandle::new(working) };
                Ok(Self { address, service })
            }
            Contender::Plain | Contender::Multicast => {
                let component = serve(who == Contender::Multicast, domain, &host).await?;
                let group = format!("tea@{}", domain.component());
                found(&group, domain, crowd).await.with_context(|| component.log_tail())?;
                Ok(Self { address: group, service: Service::Ours(component) })
            }
        }
    }

    /// Has this member say something.
    pub(super) async fn post(&self, member: usize, crowd: &mut Crowd) -> Result<()> {
        let (id, group) = (crowd.id(member), &self.address);
        let message =
            format!("<message type='groupchat' id='{id}' to='{group}'><body>{BODY}</body></message>");
        crowd.say(member, &message).await
    }

    /// What the service takes of the machine, if it is ours.
    pub(super) fn usage(&self) -> Result<Option<Usage>> {
        match &self.service {
            Service::Ours(component) => component.usage().map(Some),
            Service::Host | Service::Link { .. } => Ok(None),
        }
    }
}

/// What a component writes that only writes, but for the id of the message, which goes between these parts.
struct Written(Vec<String>);

impl Written {
    /// A stanza for each.
    fn each(group: &str, jids: &[String]) -> Self {
        Self::stanzas(group, jids.iter().map(|jid| (jid.as_str(), String::new())))
    }

    /// A stanza for all of them, or for as many as the service takes.
    fn together(group: &str, service: &str, jids: &[String]) -> Self {
        let addresses = |some: &[String]| {
            let each = some.iter().map(|jid| format!("<address type='bcc' jid='{jid}'/>"));
            format!(
                "<addresses xmlns='http://jabber.org/protocol/address'>{}</addresses>",
                each.collect::<String>()
            )
        };
        Self::stanzas(group, jids.chunks(RECIPIENTS_MAX).map(|some| (service, addresses(some))))
    }

    /// They look as ours do.
    fn stanzas<'a>(group: &str, all: impl Iterator<Item = (&'a str, String)>) -> Self {
        let stanza_id = format!("<stanza-id xmlns='urn:xmpp:sid:0' by='{group}' id='00064748462043e8'/>");
        let mut parts = vec![String::new()];
        for (to, addresses) in all {
            let last = parts.len() - 1;
            parts[last].push_str(&format!("<message from='{group}/u0' type='groupchat' to='{to}' id='"));
            parts.push(format!("'>{addresses}<body>{BODY}</body>{stanza_id}</message>"));
        }
        Self(parts)
    }

    fn write(&self, id: &[u8], buffer: &mut Vec<u8>) {
        for (number, part) in self.0.iter().enumerate() {
            buffer.extend_from_slice(if number == 0 { b"" } else { id });
            buffer.extend_from_slice(part.as_bytes());
        }
    }
}

/// Whatever message comes, everybody gets a copy.
async fn only_write(link: TcpStream, written: Written) -> Result<()> {
    let (mut input, mut output) = link.into_split();
    let mut scanner = Scanner::behind_header();
    loop {
        ensure!(input.read_buf(scanner.buffer()).await? > 0, "the host closed the link");
        let mut copies = Vec::new();
        while let Some(found) = scanner.next() {
            let Found::Element(element) = found else { continue };
            let head = Head::of(element);
            if head.name == b"message" && head.kind == b"groupchat" {
                written.write(head.id, &mut copies);
            }
        }
        output.write_all(&copies).await?;
    }
}

async fn serve(multicast: bool, domain: &Domain, host: &Addresses) -> Result<Component> {
    let mut settings: Vec<_> = UNHURRIED.iter().map(|limit| format!("{limit} = 1000000")).collect();
    settings.push(format!("delivery.multicast = \"{}\"", if multicast { "external" } else { "off" }));
    let component = Component::start(domain, host, &settings)?;
    let wanted = if multicast { "(multicast)" } else { "Component link is up" };
    let start = Instant::now();
    while !component.log_text().contains(wanted) {
        ensure!(start.elapsed() < PATIENCE, "no `{wanted}`:\n{}", component.log_tail());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(component)
}

/// Everybody is added to a group, and announces himself.
async fn found(group: &str, domain: &Domain, crowd: &mut Crowd) -> Result<()> {
    let service = domain.component();
    let items: String =
        (1..crowd.len()).map(|member| format!("<item jid='{}@{}'/>", user(member), domain.name)).collect();
    let wanted = crowd.others() + 1;
    let create = format!(
        "<iq type='set' id='create' to='{group}'><query xmlns='http://jabber.org/protocol/groupchat#creategroup'>\
         <properties><property name='members'>{items}</property></properties></query></iq>"
    );
    // With a ping behind each announcement: its answer says that the session is stored.
    crowd
        .all_say(1, |_| {
            format!(
                "<presence to='{service}'/><iq type='get' id='there' to='{service}'><ping xmlns='urn:xmpp:ping'/></iq>"
            )
        })
        .await?;
    let wanted = wanted + crowd.len() as u64;
    crowd.say(0, &create).await?;
    crowd.wait_for_others(wanted).await
}

/// Everybody joins a room: the subject comes last.
async fn enter(room: &str, crowd: &mut Crowd) -> Result<()> {
    for member in 0..crowd.len() {
        let wanted = crowd.others() + 1;
        let join = format!(
            "<presence to='{room}/{}'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>",
            user(member)
        );
        crowd.say(member, &join).await?;
        crowd.wait_for_others(wanted).await?;
    }
    Ok(())
}
