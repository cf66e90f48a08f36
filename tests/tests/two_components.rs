//! Two services that are in each other's groups: whatever is said first, and by whom, they do not go on answering each
//! other. Everything that one says to an address of the other is delivered, and counted, until both are silent.

use anyhow::{Context, Result, ensure};
use groupchat_link::Incoming;
use groupchat_tests::wire::{Wire, parsed};
use xmpp_groupchat::config::Config;

const ONE: &str = "groupchat.one.lit";
const TWO: &str = "groupchat.two.lit";
const GC: &str = "http://jabber.org/protocol/groupchat";

/// Stanzas between the two after one that somebody said. The most that any has to say is three, when it adds a group of
/// the other: to the one that is in, to the one that is added, and a letter to that; and each may be answered once.
const EXCHANGE_MAX: usize = 6;
/// Besides, whoever joins a room is told what was said there before: that has a `<delay/>`, and may be
/// answered once, too.
const HISTORY_MAX: usize = 100;

/// The two services.
struct Pair([Wire; 2]);

impl Pair {
    /// Each has a group `tea` of alice, bob and the other's group, which may do everything there.
    async fn start() -> Result<Self> {
        let at = |domain: &'static str| {
            Wire::start(1_000, move |config: &mut Config| {
                config.component.domain = domain.to_owned();
                // Rates would end what goes round, and are not what is tried.
                config.limits.user_stanzas_per_second = 1_000_000;
                config.limits.user_stanzas_burst = 1_000_000;
                config.limits.group_messages_per_second = 1_000_000;
                config.limits.group_messages_burst = 1_000_000;
            })
        };
        let mut pair = Self([at(ONE)?, at(TWO)?]);
        for (domain, other) in [(ONE, TWO), (TWO, ONE)] {
            let properties = "<property name='name' value='Tea'/><property name='visibility' value='public'/>\
                 <property name='configure' value='members'/><property name='invite' value='members'/>\
                 <property name='mention_all' value='members'/>";
            let members = format!(
                "<property name='members'><item jid='bob@users.lit' mid='bob'/>\
                 <item jid='tea@{other}' mid='other' role='owner'/></property>"
            );
            let properties = format!("<properties>{properties}{members}</properties>");
            pair.alice(domain, "set", &format!("tea@{domain}"), "creategroup", &properties).await?;
            pair.settle("setting up").await?;
        }
        Ok(pair)
    }

    fn service(&mut self, domain: &str) -> &mut Wire {
        &mut self.0[usize::from(domain == TWO)]
    }

    async fn deliver(&mut self, domain: &str, stanza: &str) -> Result<()> {
        let stanza = parsed(stanza).with_context(|| stanza.to_owned())?;
        self.service(domain).to.send(Incoming::Stanza(stanza)).await.context("the service is gone")
    }

    async fn alice(&mut self, domain: &str, kind: &str, to: &str, name: &str, inner: &str) -> Result<()> {
        let query = format!("<query xmlns='{GC}#{name}'>{inner}</query>");
        let head = format!("<iq from='alice@users.lit/pda' to='{to}' type='{kind}' id='{name}'>");
        self.deliver(domain, &format!("{head}{query}</iq>")).await
    }

    /// What a service tells of its group.
    async fn info(&mut self, domain: &str) -> Result<String> {
        let query = format!("<query xmlns='{GC}#groupinfo'/>");
        let heard = self.service(domain).ask("somebody", "get", &format!("tea@{domain}"), &query).await?;
        Ok(heard.concat())
    }

    /// Delivers until there is nothing more to be delivered. What was said to the other.
    async fn settle(&mut self, what: &str) -> Result<Vec<String>> {
        let mut exchanged = Vec::new();
        loop {
            let before = exchanged.len();
            for domain in [ONE, TWO] {
                for (to, stanza) in self.service(domain).said(domain).await? {
                    let other = if domain == ONE { TWO } else { ONE };
                    if to.split('/').next().is_some_and(|bare| bare.ends_with(other)) {
                        self.deliver(other, &stanza).await?;
                        exchanged.push(stanza);
                    }
                }
            }
            let past = exchanged.iter().filter(|stanza| stanza.contains("<delay ")).count();
            let is_little = past <= HISTORY_MAX && exchanged.len() <= 2 * past + EXCHANGE_MAX;
            ensure!(is_little, "{what}: it does not end:\n{}", exchanged.join("\n"));
            if exchanged.len() == before {
                return Ok(exchanged);
            }
        }
    }
}

#[tokio::test]
async fn what_a_user_says_ends() -> Result<()> {
    let mut pair = Pair::start().await?;
    let to = format!("tea@{ONE}");
    let member = format!("{to}/other");
    let item = |rest: &str| format!("<item {rest}/>");
    let properties = |name: &str, value: &str| {
        format!("<properties><property name='{name}' value='{value}'/></properties>")
    };
    for (operation, inner) in [
        ("updategroup", properties("name", "More tea")),
        ("updategroup", properties("description", "For ever")),
        ("updatemember", item("mid='bob' nick='Bobby'")),
        ("updatemember", item("mid='bob' role='admin'")),
        ("addmember", item("jid='carol@users.lit' mid='carol'")),
        ("removemember", item("mid='carol'")),
        ("mysettings", "<property name='receive' value='mentions'/>".to_owned()),
        ("addmember", item("jid='milk@groupchat.two.lit'")),
        ("removemember", "<item jid='dora@users.lit' ban='true'/>".to_owned()),
    ] {
        pair.alice(ONE, "set", &to, operation, &inner).await?;
        pair.settle(operation).await?;
    }
    let from = "from='alice@users.lit/pda'";
    let all = "<x xmlns='jabber:x:data' type='at' id='all'/>";
    for stanza in [
        format!("<message {from} to='{to}' type='groupchat' id='m1'><body>Tea?</body>{all}</message>"),
        format!("<message {from} to='{to}' type='groupchat' id='m2'><subject>Tea</subject></message>"),
        format!(
            "<message {from} to='{to}' type='groupchat' id='m3'>\
             <retract xmlns='urn:xmpp:message-retract:1' id='m1'/></message>"
        ),
        format!(
            "<message {from} to='{to}' type='groupchat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
        ),
        format!("<message {from} to='{member}' type='chat' id='p1'><body>psst</body></message>"),
        format!("<iq {from} to='{member}' type='get' id='i1'><vCard xmlns='vcard-temp'/></iq>"),
        format!("<presence {from} to='{to}' type='subscribe'/>"),
    ] {
        pair.deliver(ONE, &stanza).await?;
        pair.settle(&stanza).await?;
    }
    pair.alice(ONE, "set", &to, "deletegroup", "").await?;
    pair.settle("deletegroup").await?;
    // An announcement is no request, though who makes it is an owner.
    let info = pair.info(TWO).await?;
    ensure!(info.contains(" name='Tea'") && info.contains(" members='3'"), "{info}");
    Ok(())
}

/// Everything that could come from the other, whether or not it ever says so: first as its group, then as a member of it.
#[tokio::test]
async fn what_the_other_says_ends() -> Result<()> {
    let mut pair = Pair::start().await?;
    let kinds: [(&str, &[&str], &[&str]); 3] = [
        (
            "message",
            &["", "groupchat", "group", "chat", "normal", "headline", "error"],
            &[
                "<body>Tea?</body>",
                "<body>Tea?</body><x xmlns='jabber:x:data' type='at' id='all'/>",
                "<read xmlns='http://jabber.org/protocol/chatstates'/>",
                "<displayed xmlns='urn:xmpp:chat-markers:0' id='m'/>",
                "<subject>Tea</subject>",
                "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
                "<x xmlns='http://jabber.org/protocol/groupchat#addmember'/><body>You are in</body>",
                "",
            ],
        ),
        (
            "presence",
            &[
                "",
                "unavailable",
                "subscribe",
                "subscribed",
                "unsubscribe",
                "unsubscribed",
                "probe",
                "error",
                "odd",
            ],
            &[
                "",
                "<x xmlns='http://jabber.org/protocol/groupchat#updategroup'/>\
                 <properties><property name='name'>Tea</property></properties>",
                "<x xmlns='http://jabber.org/protocol/groupchat#updategroup'/>\
                 <properties><property name='name'>Tea</property><property name='id'>tea</property></properties>",
                "<x xmlns='http://jabber.org/protocol/groupchat#updatemember'/><item mid='bob' nick='Rob'/>",
                "<x xmlns='http://jabber.org/protocol/groupchat#addmember'/><item jid='eve@users.lit'/>",
                "<x xmlns='http://jabber.org/protocol/groupchat#removemember'/><item jid='eve@users.lit'/>",
                "<x xmlns='http://jabber.org/protocol/groupchat#join'/>",
                "<x xmlns='http://jabber.org/protocol/muc'/>",
            ],
        ),
        (
            "iq",
            &["get", "set", "result", "error", "odd", ""],
            &[
                "<ping xmlns='urn:xmpp:ping'/>",
                "<query xmlns='http://jabber.org/protocol/disco#info'/>",
                "<query xmlns='http://jabber.org/protocol/groupchat#members'/>",
                "<query xmlns='http://jabber.org/protocol/groupchat#updategroup'>\
                 <properties><property name='name'>Tea</property></properties></query>",
                "<query xmlns='urn:unknown'/>",
                "",
            ],
        ),
    ];
    let mut said = 0;
    for from in [format!("tea@{ONE}"), format!("tea@{ONE}/alice"), ONE.to_owned()] {
        for to in
            [TWO.to_owned(), format!("tea@{TWO}"), format!("tea@{TWO}/alice"), format!("tea@{TWO}/other")]
        {
            for (name, types, payloads) in kinds {
                for kind in types {
                    let kind = if kind.is_empty() { String::new() } else { format!(" type='{kind}'") };
                    for payload in payloads {
                        said += 1;
                        let stanza =
                            format!("<{name} from='{from}' to='{to}' id='s{said}'{kind}>{payload}</{name}>");
                        pair.deliver(TWO, &stanza).await?;
                        pair.settle(&stanza).await?;
                    }
                }
            }
        }
    }
    ensure!(said > 1_500, "only {said} stanzas were tried");
    for domain in [ONE, TWO] {
        let info = pair.info(domain).await?;
        ensure!(info.contains(" members='3'"), "the groups are no longer in each other: {info}");
    }
    Ok(())
}

#[tokio::test]
async fn a_group_is_no_member_of_itself() -> Result<()> {
    let mut pair = Pair::start().await?;
    let to = format!("tea@{ONE}");
    pair.alice(ONE, "set", &to, "addmember", &format!("<item jid='{to}'/>")).await?;
    let said = pair.service(ONE).said(ONE).await?;
    ensure!(said.len() == 1 && said[0].1.contains("<not-acceptable "), "{said:#?}");
    Ok(())
}
