//! What rooms (XEP-0045) cost, and what becomes of one that nobody configures while nothing can be stored.

use std::fmt::Write;

use anyhow::{Result, ensure};
use groupchat_link::Outgoing;
use groupchat_tests::wire::Wire;
use sea_orm::{ConnectionTrait, Database};

const TEA: &str = "tea@groupchat.shakespeare.lit";
const MUC: &str = "http://jabber.org/protocol/muc";
const DOMAIN: &str = "groupchat.shakespeare.lit";
const QUEUE_BYTES: usize = 16 * 1024 * 1024;

async fn join(wire: &Wire, user: &str) -> Result<()> {
    wire.say(user, &format!("<presence to='{TEA}/{user}'><x xmlns='{MUC}'/></presence>")).await
}

async fn set_post(wire: &Wire, value: &str) -> Result<()> {
    let set = format!(
        "<iq type='set' id='u' to='{TEA}'><query xmlns='http://jabber.org/protocol/groupchat#updategroup'>\
         <property name='post' value='{value}'/></query></iq>"
    );
    wire.say("alice", &set).await
}

/// How often something is said of an occupant, when that is so often at least.
async fn presences(wire: &mut Wire, expected: usize) -> Result<usize> {
    let mut count = 0;
    while count < expected {
        let Outgoing { head, to, tail, .. } = wire.hear().await?;
        count += if head.starts_with("<presence") && tail.contains("muc#user") { to.len() } else { 0 };
    }
    Ok(count)
}

#[tokio::test]
async fn a_large_room_is_not_told_of_everybody_what_he_may_do_now() -> Result<()> {
    const MEMBERS: usize = 60;
    const GONE: usize = 40;
    let mut wire = Wire::start(QUEUE_BYTES, |_| {})?;
    let mut items = String::new();
    for number in 0..MEMBERS {
        write!(items, "<item jid='m{number}@shakespeare.lit' nick='m{number}'/>")?;
    }
    let create = format!(
        "<query xmlns='http://jabber.org/protocol/groupchat#creategroup'><properties>\
         <property name='members'>{items}</property></properties></query>"
    );
    wire.ask("alice", "set", TEA, &create).await?;
    for number in 0..MEMBERS {
        join(&wire, &format!("m{number}")).await?;
    }
    // Everybody hears of everybody, himself among them.
    ensure!(presences(&mut wire, MEMBERS * MEMBERS).await? == MEMBERS * MEMBERS);
    // Nothing has changed by this.
    set_post(&wire, "members").await?;
    set_post(&wire, "admins").await?;
    ensure!(presences(&mut wire, MEMBERS).await? == MEMBERS, "each is to hear of himself alone");
    for number in 0..GONE {
        wire.say(&format!("m{number}"), &format!("<presence type='unavailable' to='{TEA}/m{number}'/>"))
            .await?;
    }
    let farewells = (0..GONE).map(|gone| MEMBERS - gone).sum();
    ensure!(presences(&mut wire, farewells).await? == farewells, "more than that was said before");
    // Of few everybody hears.
    set_post(&wire, "members").await?;
    let few = (MEMBERS - GONE) * (MEMBERS - GONE);
    ensure!(presences(&mut wire, few).await? == few, "everybody is to hear of everybody");
    let more = wire.hear_all().await;
    ensure!(!more.iter().any(|stanza| stanza.contains("<presence")), "more than that was said: {more:#?}");
    Ok(())
}

#[tokio::test]
async fn a_room_that_cannot_be_given_up_now_is_given_up_later() -> Result<()> {
    let mut wire = Wire::start(QUEUE_BYTES, |_| {})?;
    join(&wire, "alice").await?;
    let made = wire.said(DOMAIN).await?;
    ensure!(made.iter().any(|(_, stanza)| stanza.contains("code='201'")), "{made:#?}");
    let database = Database::connect(wire.url()).await?;
    // As if it was long ago; and nothing can be deleted.
    database.execute_unprepared("UPDATE tig_group SET \"lockedAt\" = 1").await?;
    let never = "CREATE TRIGGER never BEFORE DELETE ON tig_group BEGIN SELECT RAISE(ABORT, 'never'); END";
    database.execute_unprepared(never).await?;

    let mut wire = wire.crash(QUEUE_BYTES, |_| {}).await?;
    let heard = wire.said(DOMAIN).await?;
    let heard = [heard.into_iter().map(|(_, stanza)| stanza).collect(), wire.hear_all().await].concat();
    ensure!(!heard.iter().any(|stanza| stanza.contains("type='error'")), "nobody asked: {heard:#?}");
    ensure!(!heard.iter().any(|stanza| stanza.contains("<destroy")), "it is not stored: {heard:#?}");

    database.execute_unprepared("DROP TRIGGER never").await?;
    let farewell = wire.hear().await?;
    ensure!(farewell.tail.contains("<destroy"), "{farewell:?}");
    join(&wire, "bob").await?;
    let made = wire.said(DOMAIN).await?;
    ensure!(
        made.iter().any(|(to, stanza)| to.starts_with("bob") && stanza.contains("code='201'")),
        "{made:#?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_list_that_is_too_long_is_refused_and_can_be_had_by_pages() -> Result<()> {
    const MEMBERS: usize = 6_000;
    let mut wire = Wire::start(QUEUE_BYTES, |config| config.limits.members_per_group = MEMBERS + 1)?;
    let create = "<query xmlns='http://jabber.org/protocol/groupchat#creategroup'/>";
    wire.ask("alice", "set", TEA, create).await?;
    for chunk in 0..MEMBERS / 500 {
        let mut items = String::new();
        for number in 0..500 {
            write!(items, "<item jid='a-member-of-{chunk}-{number}@shakespeare.lit'/>")?;
        }
        let add = format!("<query xmlns='http://jabber.org/protocol/groupchat#addmember'>{items}</query>");
        let answer = wire.ask("alice", "set", TEA, &add).await?.concat();
        ensure!(answer.contains("type='result'"), "{answer}");
    }
    let list = |set: &str| format!("<query xmlns='{MUC}#admin'><item affiliation='member'/>{set}</query>");
    let whole = wire.ask("alice", "get", TEA, &list("")).await?.pop().unwrap_or_default();
    ensure!(whole.contains("<policy-violation"), "{} bytes", whole.len());
    let (mut after, mut count) = (String::new(), 0);
    loop {
        let set = format!("<set xmlns='http://jabber.org/protocol/rsm'><max>100</max>{after}</set>");
        let page = wire.ask("alice", "get", TEA, &list(&set)).await?.pop().unwrap_or_default();
        ensure!(page.contains(&format!("<count>{MEMBERS}</count>")), "{page}");
        let found = page.matches("<item ").count();
        let Some((_, last)) = page.split_once("<last>") else { break };
        count += found;
        after = format!("<after>{}</after>", last.split('<').next().unwrap_or_default());
    }
    ensure!(count == MEMBERS, "{count} of {MEMBERS}");
    Ok(())
}
