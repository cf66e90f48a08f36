//! Decide, store, speak: what cannot be stored is refused to whoever asked, nobody else hears of it, and nothing of it
//! remains. When the database is well again, so is the service, without a restart.

use std::time::Duration;

use anyhow::{Result, ensure};
use groupchat_link::Outgoing;
use groupchat_tests::wire::{SERVICE, Wire};
use sea_orm::{ConnectionTrait, Database};
use tokio::time::timeout;

const TEA: &str = "tea@groupchat.shakespeare.lit";
const CREATE: &str = "<query xmlns='http://jabber.org/protocol/groupchat#creategroup'><properties>\
    <property name='name' value='Tea'/><property name='members'><item jid='bob@shakespeare.lit'/></property>\
    </properties></query>";
const RENAME: &str = "<iq type='set' id='u' to='tea@groupchat.shakespeare.lit'>\
    <query xmlns='http://jabber.org/protocol/groupchat#updategroup'><property name='name' value='Coffee'/></query></iq>";
const INFO: &str = "<query xmlns='http://jabber.org/protocol/groupchat#groupinfo'/>";

fn post(id: &str) -> String {
    format!("<message type='groupchat' id='{id}' to='{TEA}'><body>Milk?</body></message>")
}

/// What is said until there is a message or an error among it, and nothing more comes.
async fn heard(wire: &mut Wire) -> Result<Vec<String>> {
    let mut heard = Vec::new();
    let is_end = |heard: &Vec<String>| {
        heard.iter().any(|h: &String| h.contains("'error'") || h.contains("'groupchat'"))
    };
    while !is_end(&heard) {
        let Outgoing { head, to, tail, .. } = wire.hear().await?;
        heard.extend(to.iter().map(|to| format!("{to} {head}{tail}")));
    }
    while let Ok(Some(Outgoing { head, to, tail, .. })) =
        timeout(Duration::from_millis(300), wire.from.recv()).await
    {
        heard.extend(to.iter().map(|to| format!("{to} {head}{tail}")));
    }
    Ok(heard)
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused_and_nobody_hears_of_it() -> Result<()> {
    let mut wire = Wire::start(64 * 1_024, |_| {})?;
    wire.ask("alice", "set", TEA, CREATE).await?;
    wire.say("alice", &post("m0")).await?;
    let first = heard(&mut wire).await?;
    ensure!(first.iter().any(|stanza| stanza.contains("id='m0'")), "{first:#?}");

    let database = Database::connect(wire.url()).await?;
    database.execute_unprepared("ALTER TABLE tig_group_message RENAME TO elsewhere").await?;
    for refused in [post("m1"), RENAME.to_owned()] {
        wire.say("alice", &refused).await?;
        let heard = heard(&mut wire).await?;
        ensure!(heard.len() == 1, "one refusal and nothing else: {heard:#?}");
        ensure!(heard[0].starts_with("alice@shakespeare.lit/pda "), "{heard:#?}");
        ensure!(
            heard[0].contains("<internal-server-error ") && heard[0].contains("type='wait'"),
            "{heard:#?}"
        );
    }

    database.execute_unprepared("ALTER TABLE elsewhere RENAME TO tig_group_message").await?;
    wire.say("alice", &post("m2")).await?;
    let well = heard(&mut wire).await?;
    ensure!(well.iter().any(|stanza| stanza.contains("id='m2'")), "{well:#?}");
    ensure!(!well.iter().any(|stanza| stanza.contains("id='m1'")), "{well:#?}");
    let answer = wire.ask("alice", "get", TEA, INFO).await?.concat();
    ensure!(
        answer.contains("name='Tea'") && !answer.contains("Coffee"),
        "half of the refused change remains: {answer}"
    );
    Ok(())
}

/// How often something is to be said again.
const RESENDS: usize = 40;

#[tokio::test]
async fn what_is_said_again_is_told_as_said_only_when_it_is() -> Result<()> {
    let mut wire = Wire::start(1_024 * 1_024, |config| {
        config.service.admins.push("ops@shakespeare.lit".to_owned());
        config.limits.user_stanzas_burst = 100_000;
        config.limits.group_messages_burst = 100_000;
    })?;
    wire.ask("alice", "set", TEA, CREATE).await?;
    wire.say("bob", "<presence to='groupchat.shakespeare.lit'/>").await?;
    wire.say("alice", &post("m0")).await?;
    heard(&mut wire).await?;
    let database = Database::connect(wire.url()).await?;
    let refuse =
        "CREATE TRIGGER refuse BEFORE INSERT ON tig_group_message BEGIN SELECT RAISE(FAIL, 'full'); END";
    database.execute_unprepared(refuse).await?;
    let field = |name: &str, value: &str| format!("<field var='{name}'><value>{value}</value></field>");
    let fields = [field("id", "tea"), field("jid", "bob@shakespeare.lit"), field("limit", "1")].concat();
    let resend = |number: usize| {
        format!(
            "<iq type='set' id='r{number}' to='groupchat.shakespeare.lit'>\
             <command xmlns='http://jabber.org/protocol/commands' node='resend'>\
             <x xmlns='jabber:x:data' type='submit'>{fields}</x></command></iq>"
        )
    };
    // Messages that cannot be stored are always on their way, so that most are in one batch with such.
    let mut posts = 0..;
    for number in posts.by_ref().take(3) {
        wire.say("alice", &post(&format!("x{number}"))).await?;
    }
    wire.say("ops", &resend(0)).await?;
    let (mut done, mut refused, mut copies) = (0, 0, 0);
    while done + refused < RESENDS {
        let Outgoing { head, tail, .. } = wire.hear().await?;
        let said = format!("{head}{tail}");
        copies += usize::from(said.contains(" id='m0'"));
        if said.contains(" id='x") {
            let number = posts.next().unwrap_or_default();
            wire.say("alice", &post(&format!("x{number}"))).await?;
        } else if said.contains(" id='r") {
            ensure!(said.contains("1 messages sent again") || said.contains("could not be stored"), "{said}");
            done += usize::from(said.contains("1 messages sent again"));
            refused += usize::from(said.contains("could not be stored"));
            if done + refused < RESENDS {
                wire.say("ops", &resend(done + refused)).await?;
            }
        }
    }
    // Nothing of what was decided before is still on its way when this is answered.
    let rest = wire.said(SERVICE).await?;
    copies += rest.iter().filter(|(_, said)| said.contains(" id='m0'")).count();
    ensure!(copies == done, "{done} were told as said, {refused} as not; {copies} were said");
    ensure!(refused > 0, "nothing was tried");
    Ok(())
}
