//! Groups are made before a run, and their archives read after it, by plain questions of clients.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use minidom::Element;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::cast::{self, PASSWORD};
use super::evidence::{Message, Reading};
use super::hear;
use super::scene::Scene;
use crate::client::Client;
use crate::xml::{CLIENT_NS, compact, escape};

const MAM: &str = "urn:xmpp:mam:2";
const RSM: &str = "http://jabber.org/protocol/rsm";
/// How long a question is asked again before it is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// Makes all groups, each by its owner.
pub(super) async fn found_groups(scene: &Scene) -> Result<()> {
    let (service, host) = (scene.domain.component(), &scene.domain.name);
    for (group, members) in cast::groups() {
        let mut owner = log_in(scene, members[0], "founder").await?;
        owner.send(&format!("<presence to='{service}'/>")).await?;
        let items: String = members.iter().map(|member| format!("<item jid='{member}@{host}'/>")).collect();
        let payload = format!(
            "<query xmlns='http://jabber.org/protocol/groupchat#creategroup'><properties>\
             <property name='members'>{items}</property></properties></query>"
        );
        ask(&mut owner, "set", &format!("{group}@{service}"), &payload)
            .await
            .with_context(|| format!("making the group {group}"))?;
        // Its session ends for the service as well.
        owner.close().await;
    }
    Ok(())
}

/// Every member reads the archive of every group that he is in.
pub(super) async fn read_all(scene: &std::sync::Arc<Scene>) -> Result<Vec<Reading>> {
    let mut readers = JoinSet::new();
    for user in cast::users() {
        let scene = scene.clone();
        readers.spawn(async move { read_of(&scene, user).await });
    }
    let readings = readers.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(readings.into_iter().flatten().collect())
}

async fn read_of(scene: &Scene, user: &'static str) -> Result<Vec<Reading>> {
    let mut client = log_in(scene, user, "reader").await?;
    let mut readings = Vec::new();
    for group in cast::groups_of(user) {
        let rows = read(&mut client, group, &scene.domain.component())
            .await
            .with_context(|| format!("{user} reads the archive of {group}"))?;
        readings.push(Reading { user: user.into(), group: group.into(), rows });
    }
    Ok(readings)
}

/// The whole archive of a group, page by page. What no member said is left out.
async fn read(client: &mut Client, group: &str, service: &str) -> Result<Vec<Message>> {
    let (mut rows, mut after) = (Vec::new(), String::new());
    loop {
        let payload = format!("<query xmlns='{MAM}'><set xmlns='{RSM}'><max>100</max>{after}</set></query>");
        let (before, answer) = ask(client, "set", &format!("{group}@{service}"), &payload).await?;
        rows.extend(before.iter().filter_map(|stanza| row(stanza, service)));
        let fin = answer.get_child("fin", MAM).context("an answer without <fin/>")?;
        let last = fin.get_child("set", RSM).and_then(|set| set.get_child("last", RSM)).map(Element::text);
        match last.filter(|_| fin.attr("complete") != Some("true")) {
            Some(last) => after = format!("<after>{}</after>", escape(&last)),
            None => return Ok(rows),
        }
    }
}

fn row(stanza: &Element, service: &str) -> Option<Message> {
    let result = stanza.get_child("result", MAM)?;
    let forwarded = result.get_child("forwarded", "urn:xmpp:forward:0")?;
    let (_, message) = hear::copy(forwarded.get_child("message", CLIENT_NS)?, service)?;
    Some(message)
}

async fn log_in(scene: &Scene, user: &str, resource: &str) -> Result<Client> {
    Client::login(scene.clients, &scene.domain.name, user, PASSWORD, resource).await
}

/// Asks until there is a result; gives the stanzas before it, and it.
async fn ask(client: &mut Client, kind: &str, to: &str, payload: &str) -> Result<(Vec<Element>, Element)> {
    let start = Instant::now();
    let mut refusal = String::from("no answer");
    for attempt in 0.. {
        let id = format!("ask-{attempt}");
        client.send(&format!("<iq type='{kind}' id='{id}' to='{to}'>{payload}</iq>")).await?;
        let mut before = Vec::new();
        while let Some(received) = client.next(ANSWER_TIME_MAX).await {
            let stanza = received.stanza;
            if stanza.name() != "iq" || stanza.attr("id") != Some(&id) || stanza.attr("from") != Some(to) {
                before.push(stanza);
            } else if stanza.attr("type") == Some("result") {
                return Ok((before, stanza));
            } else {
                refusal = compact(&stanza);
                break;
            }
        }
        if start.elapsed() > PATIENCE {
            break;
        }
        sleep(Duration::from_millis(300)).await;
    }
    bail!("not answered by {to}: {refusal}")
}
