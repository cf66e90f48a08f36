//! What the service can do by itself: messages into one group, all of whose members are online at a host that only
//! counts. The database stores everything for good (SQLite, `synchronous=FULL`), as in use.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::time::sleep;

use super::contender::BODY;
use super::{UNHURRIED, WARM_UP};
use crate::counting_host::{CountingHost, Counts};
use crate::real::{Addresses, Component, Domain, Usage};

/// Copies on their way, about; of one group the service lets 100,000 wait.
const COPIES_ON_THEIR_WAY: usize = 50_000;
/// Messages on their way at most: more than the service stores at once.
const MESSAGES_MAX: usize = 512;
/// How long what was begun may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub struct Alone {
    /// Messages a second.
    pub messages: f64,
    /// Copies a second.
    pub copies: f64,
    /// Seconds of processor time for a million copies.
    pub cpu: f64,
    /// Memory at the end.
    pub resident_kib: u64,
}

/// Measures with so many members for so long.
pub async fn alone(members: usize, time: Duration) -> Result<Alone> {
    let domain = Domain { name: "alone.lit".into(), component_secret: "s3cret".into() };
    let service = domain.component();
    let host = CountingHost::start(&service).await?;
    let settings: Vec<_> = UNHURRIED.iter().map(|limit| format!("{limit} = 1000000")).collect();
    let addresses = Addresses { clients: host.address(), components: host.address(), web: host.address() };
    let component = Component::start(&domain, &addresses, &settings)?;
    host.linked().await.with_context(|| component.log_tail())?;
    gather(&host, &service, members).await?;

    let on_their_way = (COPIES_ON_THEIR_WAY / members).clamp(4, MESSAGES_MAX) as u64;
    let start = Instant::now();
    let mut sent = 0;
    let mut since: Option<(Instant, Counts, Usage)> = None;
    loop {
        if host.counts().incomplete() >= on_their_way {
            sleep(Duration::from_micros(200)).await;
        } else {
            let from = device(sent % members);
            let id = format!("m{sent}");
            let message = format!(
                "<message type='groupchat' id='{id}' from='{from}' to='tea@{service}'><body>{BODY}</body></message>"
            );
            host.say_to_all(&id, &message);
            sent += 1;
        }
        match since {
            None if start.elapsed() > WARM_UP => {
                since = Some((Instant::now(), host.counts(), component.usage()?));
            }
            Some((at, ..)) if at.elapsed() > time => break,
            _ => {}
        }
    }
    let (at, before, usage_before) = since.context("no time to measure")?;
    let (seconds, after, usage) = (at.elapsed().as_secs_f64(), host.counts(), component.usage()?);
    ensure!(
        host.settled(PATIENCE).await && host.counts().refused == 0,
        "{:?}\n{}",
        host.counts(),
        component.log_tail()
    );
    let copies = (after.delivered - before.delivered) as f64;
    Ok(Alone {
        messages: (after.complete - before.complete) as f64 / seconds,
        copies: copies / seconds,
        cpu: (usage.cpu_seconds - usage_before.cpu_seconds) * 1_000_000.0 / copies,
        resident_kib: usage.resident_kib,
    })
}

fn device(member: usize) -> String {
    format!("u{member}@alone.lit/pda")
}

/// Makes the group, with everybody in it and online.
async fn gather(host: &CountingHost, service: &str, members: usize) -> Result<()> {
    let account = |member: usize| format!("u{member}@alone.lit");
    (0..members).for_each(|member| host.add_account(&account(member)));
    let items: String = (1..members).map(|member| format!("<item jid='{}'/>", account(member))).collect();
    let create = format!(
        "<iq type='set' id='create' from='{}' to='tea@{service}'>\
         <query xmlns='http://jabber.org/protocol/groupchat#creategroup'><properties>\
         <property name='members'>{items}</property></properties></query></iq>",
        device(0)
    );
    host.ask("create", &create).await?;
    for member in 0..members {
        host.log_in(&device(member));
        host.say(&format!("<presence from='{}' to='{service}'/>", device(member)));
    }
    let ping = format!(
        "<iq type='get' id='there' from='{}' to='{service}'><ping xmlns='urn:xmpp:ping'/></iq>",
        device(0)
    );
    host.ask("there", &ping).await.map(drop)
}
