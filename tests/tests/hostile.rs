//! A user who sends anything: random and malformed stanzas of every type and size that the host lets through, and some
//! that it does not. The link stays up, the process lives, and other users are served meanwhile.
//!
//! `HOSTILE_STANZAS=100000` makes it the long run; `HOSTILE_SEED` repeats one.

#![expect(clippy::print_stdout, reason = "the seed must be known to repeat a run")]

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use groupchat_tests::client::Client;
use groupchat_tests::real::{Account, Addresses, Component, Domain, Ejabberd, Prosody};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const PASSWORD: &str = "secret";
const PATIENCE: Duration = Duration::from_secs(60);
/// Stanzas between two proofs that others are served.
const ROUND: usize = 250;
/// One of so many stanzas is no XML. The host ends the session for it, and a login takes longer than a hundred stanzas.
const ILLEGAL_EVERY: usize = 200;
/// Enough for every kind of stanza to come up many times, and over in half a minute.
const STANZAS: usize = 4_000;

#[tokio::test(flavor = "multi_thread")]
async fn hostile_on_prosody() -> Result<()> {
    let (domain, accounts) = cast("hostile-prosody.lit");
    let host = Prosody::start(std::slice::from_ref(&domain), &accounts)?;
    // Deeper than what overflows the stack of a recursive reader.
    let result = besiege(&domain, host.addresses, 6_000).await;
    drop(host);
    result
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_on_ejabberd() -> Result<()> {
    let (domain, accounts) = cast("hostile-ejabberd.lit");
    let host = Ejabberd::start(std::slice::from_ref(&domain), &accounts)?;
    // COMPAT: ejabberd 23.01 itself did not survive a nesting of 5,000.
    let result = besiege(&domain, host.addresses, 500).await;
    drop(host);
    result
}

fn cast(name: &str) -> (Domain, Vec<Account>) {
    let domain = Domain { name: name.into(), component_secret: "s3cret".into() };
    let account = |user: &str| Account { domain: name.into(), user: user.into(), password: PASSWORD.into() };
    (domain, ["alice", "bob", "mallory"].map(account).to_vec())
}

async fn besiege(domain: &Domain, host: Addresses, depth: usize) -> Result<()> {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let stanzas = number("HOSTILE_STANZAS").unwrap_or(STANZAS);
    let seed = number("HOSTILE_SEED").unwrap_or_else(|| rand::random::<u32>() as usize);
    println!("{}: {stanzas} stanzas, HOSTILE_SEED={seed}", domain.name);
    // Nobody is told to wait: everything is to reach the service.
    let unhurried = [
        "user_stanzas_per_second",
        "user_stanzas_burst",
        "group_messages_per_second",
        "group_messages_burst",
    ];
    let unhurried = unhurried.map(|limit| format!("limits.{limit} = 1000000"));
    let mut component = Component::start(domain, &host, &unhurried)?;
    let login = |user: &'static str| Client::login(host.clients, &domain.name, user, PASSWORD, "pda");
    let (mut alice, mut bob, mut mallory) =
        (login("alice").await?, login("bob").await?, login("mallory").await?);
    for client in [&alice, &bob] {
        announce(client, domain).await?;
    }
    found_group(&mut alice, domain).await?;
    let mut dice = Dice { random: StdRng::seed_from_u64(seed as u64), domain: domain.component(), depth };
    let mut logins = 1;
    for sent in 0..stanzas {
        if mallory.send(dice.bytes()).await.is_err() {
            // The host threw him out; that costs nobody else anything.
            mallory = login("mallory").await?;
            logins += 1;
        }
        while mallory.next(Duration::ZERO).await.is_some() {}
        if sent % ROUND == ROUND - 1 {
            served(&mut alice, &mut bob, domain, sent).await.with_context(|| component.log_tail())?;
        }
    }
    ensure!(component.is_running()?, "the service ended");
    let log = component.log_text();
    ensure!(log.matches("Component link is up").count() == 1, "the link was not up all the time");
    ensure!(
        !log.contains("Dropped copies"),
        "something that would have ended the link was not refused in time"
    );
    ensure!(!log.contains("panicked"), "a task broke down");
    println!("{}: mallory logged in {logins} times", domain.name);
    Ok(())
}

async fn announce(client: &Client, domain: &Domain) -> Result<()> {
    client.send(&format!("<presence/><presence to='{}'/>", domain.component())).await
}

/// Alice makes a group of the three, so that mallory can hurt from within. Tries until the service is connected.
async fn found_group(alice: &mut Client, domain: &Domain) -> Result<()> {
    let (service, name) = (domain.component(), &domain.name);
    for attempt in 0..100 {
        alice
            .send(&format!(
                "<iq type='set' id='c{attempt}' to='tea@{service}'>\
                 <query xmlns='http://jabber.org/protocol/groupchat#creategroup'><properties>\
                 <property name='members'><item jid='bob@{name}'/><item jid='mallory@{name}'/></property>\
                 </properties></query></iq>"
            ))
            .await?;
        while let Some(received) = alice.next(Duration::from_secs(10)).await {
            if received.stanza.attr("id") == Some(&format!("c{attempt}")) && received.stanza.name() == "iq" {
                if received.stanza.attr("type") == Some("result") {
                    announce(alice, domain).await?;
                    return Ok(());
                }
                break;
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    bail!("the group could not be made")
}

/// A message of alice reaches herself and bob, and bob's question is answered.
async fn served(alice: &mut Client, bob: &mut Client, domain: &Domain, round: usize) -> Result<()> {
    let service = domain.component();
    let id = format!("proof-{round}");
    alice
        .send(&format!(
            "<message to='tea@{service}' type='groupchat' id='{id}'><body>Still here</body></message>"
        ))
        .await?;
    bob.send(&format!(
        "<iq type='get' id='{id}' to='{service}'><query xmlns='http://jabber.org/protocol/groupchat#items'/></iq>"
    ))
    .await?;
    expect(alice, &[("message", &id)]).await.context("alice does not get her own message")?;
    expect(bob, &[("message", &id), ("iq", &id)]).await.context("bob is not served")
}

async fn expect(client: &mut Client, wanted: &[(&str, &str)]) -> Result<()> {
    let mut missing: Vec<_> = wanted.to_vec();
    while !missing.is_empty() {
        let Some(received) = client.next(PATIENCE).await else { bail!("{missing:?} did not come") };
        let stanza = received.stanza;
        ensure!(stanza.attr("type") != Some("error") || stanza.attr("id") != Some(wanted[0].1), "{stanza:?}");
        missing.retain(|(name, id)| stanza.name() != *name || stanza.attr("id") != Some(id));
    }
    Ok(())
}

/// Makes up stanzas.
struct Dice {
    random: StdRng,
    domain: String,
    depth: usize,
}

const GC: &str = "http://jabber.org/protocol/groupchat";

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.random.random_range(0..sides)
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }

    /// A stanza, now and then with bytes in it that no XML may have.
    fn bytes(&mut self) -> Vec<u8> {
        let mut bytes = self.stanza().into_bytes();
        if self.roll(ILLEGAL_EVERY) == 0 {
            let illegal: [&[u8]; 8] = [
                b"\x01",
                b"&#1;",
                b"&#xFFFE;",
                b"&bad;",
                b"\xff",
                // U+FFFF, a zero in two bytes, half of a pair.
                b"\xef\xbf\xbf",
                b"\xc0\x80",
                b"\xed\xa0\x80",
            ];
            let at = bytes.windows(2).position(|end| end == b"</").unwrap_or(bytes.len());
            bytes.splice(at..at, illegal[self.roll(illegal.len())].iter().copied());
        }
        bytes
    }

    fn stanza(&mut self) -> String {
        let name = self.pick(&["message", "presence", "iq", "message", "iq", "presence", "x", "message"]);
        let kind = self.pick(match name {
            "message" => {
                &["", "groupchat", "groupchat", "group", "chat", "normal", "error", "headline", "nonsense"]
            }
            "presence" => &["", "", "unavailable", "subscribe", "probe", "error", "subscribed", "nonsense"],
            _ => &["get", "set", "get", "set", "result", "error", "nonsense", ""],
        });
        let kind = if kind.is_empty() { String::new() } else { format!(" type='{kind}'") };
        let to = self.address();
        let id = match self.roll(6) {
            0 => String::new(),
            1 => format!(" id='{}'", "i".repeat(self.roll(3_000))),
            _ => format!(" id='{}'", self.text()),
        };
        let extra = match self.roll(30) {
            0 => format!(" long='{}'", "a".repeat(9_000)),
            1 => " xmlns:q='urn:q' q:a='1'".to_owned(),
            2 => " xml:lang='zh'".to_owned(),
            3 => " from='alice@elsewhere.lit/forged'".to_owned(),
            _ => String::new(),
        };
        let children: String = (0..self.roll(4)).map(|_| self.child()).collect();
        format!("<{name} to='{to}'{kind}{id}{extra}>{children}</{name}>")
    }

    fn address(&mut self) -> String {
        let domain = self.domain.clone();
        let local =
            self.pick(&["tea", "tea", "tea", "TEA", "nope", "测试群", "ｔｅａ", "e\u{301}", "ß", "tea%5C"]);
        match self.roll(8) {
            0 => domain,
            1 => format!("{domain}/{}", self.text()),
            2 => format!("{local}@{domain}/{}", self.text()),
            3 => format!("{local}@{domain}/bob"),
            _ => format!("{local}@{domain}"),
        }
    }

    fn text(&mut self) -> String {
        let long = "l".repeat(1 + self.roll(2_000));
        let texts = [
            "x",
            "m1",
            "proof-249",
            "家😀",
            "a b",
            "&lt;&amp;&apos;&quot;",
            "\u{202e}rtl",
            "-1",
            "",
            &long,
            "0006000000000000",
        ];
        self.pick(&texts).to_owned()
    }

    fn child(&mut self) -> String {
        let text = self.text();
        match self.roll(14) {
            0 => format!("<body>{text}</body>"),
            1 => format!("<subject>{text}</subject>"),
            2 => self.deep(),
            3 => format!("<a>{}</a>", "<b/>".repeat(self.roll(12_000))),
            4 => format!("<read xmlns='http://jabber.org/protocol/chatstates' id='{text}'/>"),
            5 => "<q:x xmlns:q='urn:q' q:a='1' q:b='2'/>".to_owned(),
            6 => format!(
                "<error type='{text}'><not-exists xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
            ),
            7 => self.standard(),
            8 => format!("loose {text}"),
            9 => self.wide(),
            10 => self.long(),
            _ => self.operation(),
        }
    }

    fn deep(&mut self) -> String {
        let depth = self.roll(self.depth);
        format!("{}{}", "<n>".repeat(depth), "</n>".repeat(depth))
    }

    /// Attributes or namespaces without end.
    fn wide(&mut self) -> String {
        let many = 0..self.roll(3_000);
        match self.roll(3) {
            0 => format!("<a{}/>", many.map(|n| format!(" a{n}='{n}'")).collect::<String>()),
            1 => format!("<a{}/>", many.map(|n| format!(" xmlns:p{n}='urn:p'")).collect::<String>()),
            _ => format!(
                "<a{}/>",
                many.map(|n| format!(" xmlns:p{n}='urn:{n}' p{n}:a=''")).collect::<String>()
            ),
        }
    }

    /// Long names; a quotation mark is six bytes when it is written again.
    fn long(&mut self) -> String {
        let letters = self.roll(60_000);
        match self.roll(4) {
            0 => format!("<{}/>", "n".repeat(letters)),
            1 => format!("<a {}=''/>", "茶".repeat(letters / 3)),
            2 => format!("<x xmlns=\"{GC}#{}\"/>", "'".repeat(letters)),
            _ => format!("<query xmlns=\"{}\"/>", "'".repeat(letters)),
        }
    }

    fn standard(&mut self) -> String {
        let namespace = self.pick(&[
            "http://jabber.org/protocol/disco#info",
            "http://jabber.org/protocol/disco#items",
            "urn:xmpp:ping",
            "jabber:iq:version",
            "urn:xmpp:mam:2",
            "http://jabber.org/protocol/muc",
            "http://jabber.org/protocol/muc#owner",
            "jabber:x:data",
            "vcard-temp",
            "urn:xmpp:jingle:1",
            "urn:xmpp:message-moderate:1",
            "urn:xmpp:message-retract:1",
            "urn:xmpp:message-correct:0",
        ]);
        let name = self.pick(&[
            "query", "ping", "x", "vCard", "time", "moderate", "retract", "replace", "metadata", "prefs",
        ]);
        let text = self.text();
        let rsm = self.pick(&[
            "<max>-1</max>",
            "<max>99999999999999999999</max>",
            "<before/>",
            "<index>2</index>",
            "<after>x</after>",
        ]);
        format!(
            "<{name} xmlns='{namespace}' node='{text}' id='{text}'><set xmlns='http://jabber.org/protocol/rsm'>{rsm}</set></{name}>"
        )
    }

    fn operation(&mut self) -> String {
        let operation = self.pick(&[
            "#items",
            "#groupinfo",
            "#members",
            "#memberinfo",
            "#creategroup",
            "#updategroup",
            "#deletegroup",
            // No #removemember: he would leave, and hurt from outside only.
            "#addmember",
            "#updatemember",
            "#mysettings",
            "#receipts",
            "#join",
            "#inbox",
            "#",
            "",
            "#nonsense",
        ]);
        let name = self.pick(&["x", "query"]);
        let (a, b, c) = (self.text(), self.text(), self.text());
        let role = self.pick(&["owner", "admin", "member", "king", ""]);
        let key =
            self.pick(&["name", "description", "visibility", "members", "nick", "jid", "mid", "id", ""]);
        let items =
            format!("<item jid='{a}@{b}/{c}' nick='{a}' mid='{b}' role='{role}'/>").repeat(self.roll(3));
        let property = format!("<property name='{key}' value='{a}'>{items}</property>");
        match self.roll(3) {
            0 => format!("<{name} xmlns='{GC}{operation}'/>{items}<properties>{property}</properties>"),
            1 => {
                format!("<{name} xmlns='{GC}{operation}'>{items}<properties>{property}</properties></{name}>")
            }
            _ => format!("<{name} xmlns='{GC}{operation}'>{property}{items}</{name}>"),
        }
    }
}
