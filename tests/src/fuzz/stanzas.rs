//! Whole stories: stanzas of a few people through the real service on a database of its own, with what it promises
//! checked after each of them (`stanzas/checks.rs`) and at the end (`stanzas/finale.rs`).
//!
//! An input is text. Its first byte chooses the configuration, and whether the end is checked; each further line is a
//! step. A line's first byte says whose device speaks. If `<` follows, the rest is what it sends, as it stands; else the
//! rest are choices out of the grammar. A line that begins with `+` is several stanzas at once, and `!` starts the
//! service anew.

mod checks;
mod finale;
mod grammar;
mod scene;
mod world;

use std::time::Duration;

use groupchat_link::reader::{Read, ReadLimits, StanzaReader};
use groupchat_link::{COMPONENT_NS, Incoming};
use xmpp_groupchat::config::{Absent, Config};

use super::choices::Choices;
use crate::xml::set_attribute;
use scene::Scene;

/// Whose stanzas are played. A host would pass on no others; the bare ones are what hosts send in a user's place.
const DEVICES: &[&str] = &[
    "alice@shakespeare.lit/pda",
    "bob@shakespeare.lit/pda",
    "carol@shakespeare.lit/pda",
    "dora@shakespeare.lit/pda",
    "mallory@shakespeare.lit/pda",
    "eve@elsewhere.lit/x y",
    "alice@shakespeare.lit/phone",
    "bob@shakespeare.lit/phone",
    "carol@shakespeare.lit",
    "shakespeare.lit",
];

/// Steps of one story: what goes wrong does so early, or never.
const STEPS_MAX: usize = 24;
const AT_ONCE_MAX: usize = 4;
const RESTARTS_MAX: usize = 2;

/// # Panics
/// The service breaks a promise, or ends.
pub fn run(data: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(play(data));
    runtime.shutdown_timeout(Duration::from_secs(1));
}

async fn play(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let how = lines.next().and_then(|line| line.first().copied()).unwrap_or(b' ');
    let mut scene = Scene::start(move |config| configure(config, how)).await;
    let mut restarts = 0;
    for line in lines.take(STEPS_MAX) {
        match line.split_first() {
            Some((b'!', _)) if restarts < RESTARTS_MAX => {
                restarts += 1;
                scene.restart().await;
            }
            Some((b'+', rest)) => step(&mut scene, rest, AT_ONCE_MAX).await,
            Some(_) => step(&mut scene, line, 1).await,
            None => {}
        }
    }
    // Which takes longer than most stories.
    if how & 4 == 4 {
        finale::play(&mut scene).await;
    }
    scene.end().await;
}

/// Every other configuration that changes what is done with a stanza.
fn configure(config: &mut Config, how: u8) {
    let limits = &mut config.limits;
    // Nobody is told to wait: the clock of the machine would say who.
    for rate in [
        &mut limits.user_stanzas_per_second,
        &mut limits.user_stanzas_burst,
        &mut limits.group_messages_per_second,
        &mut limits.group_messages_burst,
    ] {
        *rate = 1_000_000;
    }
    if how & 1 == 1 {
        config.delivery.absent = Absent::Archive;
    }
    if how & 2 == 2 {
        limits.members_per_group = 4;
        limits.groups_per_user = 2;
        limits.pending_per_group = 1;
        limits.nick_chars = 8;
        limits.page_items = 2;
        limits.message_bytes = 200;
        limits.sessions_per_user = 1;
    }
}

async fn step(scene: &mut Scene, line: &[u8], at_once_max: usize) {
    let mut choices = Choices::new(line);
    let mut stanzas = Vec::new();
    for _ in 0..at_once_max {
        let device = choices.of(DEVICES);
        if choices.rest().starts_with(b"<") {
            let text = String::from_utf8_lossy(choices.rest());
            stanzas.extend(as_the_link_reads_it(device, &scene.heard.fill(&text)).await);
            break;
        }
        let text = scene.heard.fill(&grammar::stanza(&mut choices));
        stanzas.extend(as_the_link_reads_it(device, &text).await);
        if choices.rest().is_empty() {
            break;
        }
    }
    if !stanzas.is_empty() {
        checks::play(scene, stanzas).await;
    }
}

/// What comes in by the link when a device sends this text. Hosts put the sender's address in, and pass on nothing that
/// is no XML and no stanza.
async fn as_the_link_reads_it(device: &str, text: &str) -> Vec<Incoming> {
    let mut reader = StanzaReader::new(text.as_bytes(), COMPONENT_NS, ReadLimits::default());
    let mut stanzas = Vec::new();
    while stanzas.len() < AT_ONCE_MAX {
        match reader.next().await {
            Ok(Read::Stanza(mut stanza)) if scene::is_stanza(&stanza) => {
                set_attribute(&mut stanza, "from", device);
                stanzas.push(Incoming::Stanza(stanza));
            }
            Ok(Read::Stanza(_)) => {}
            Ok(Read::Skipped(mut skipped)) => {
                skipped.from = Some(device.to_owned());
                stanzas.push(Incoming::Skipped(skipped));
            }
            Ok(Read::Eof) | Err(_) => break,
        }
    }
    stanzas
}
