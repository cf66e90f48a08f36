//! Whatever is quoted in an answer or passed on: nothing that a user writes makes the service say what servers close the
//! link for. Hosts take 256 KiB of a user, in which every quotation mark becomes six bytes when it is written again.

use anyhow::{Context, Result, bail, ensure};
use groupchat_link::reader::{Read, ReadLimits, StanzaReader};
use groupchat_link::{COMPONENT_NS, Incoming};
use groupchat_tests::wire::{SERVICE, Wire};
use groupchat_tests::xml::set_attribute;
use minidom::Element;

const TEA: &str = "tea@groupchat.shakespeare.lit";
const GC: &str = "http://jabber.org/protocol/groupchat";
/// What a user writes where he may write what he likes: if it were repeated in an answer, that would be too long.
const LONG: usize = 16_000;
/// An answer, whatever was asked. Prosody closes the link at 512 KiB.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// What is passed on to others: `limits.message_bytes`, and what it is wrapped in.
const COPY_BYTES_MAX: usize = 160 * 1024;

/// A stanza of mallory's, who is a member; `long` stands where he may write what he likes.
fn stanzas(long: &str) -> Vec<String> {
    let mut all = Vec::new();
    for to in [SERVICE.to_owned(), TEA.to_owned(), format!("{TEA}/bob"), format!("no@{SERVICE}")] {
        for namespace in [
            format!("{GC}#{long}"),
            format!("{GC}#creategroup"),
            format!("{GC}#updategroup"),
            format!("{GC}#addmember"),
            format!("{GC}#removemember"),
            format!("{GC}#updatemember"),
            format!("{GC}#join"),
            format!("{GC}#mysettings"),
            format!("{GC}#memberinfo"),
            format!("{GC}#groupinfo"),
            format!("{GC}#receipts"),
            format!("{GC}#inbox"),
            "urn:xmpp:mam:2".to_owned(),
            "http://jabber.org/protocol/disco#info".to_owned(),
            "http://jabber.org/protocol/disco#items".to_owned(),
            "urn:xmpp:message-moderate:1".to_owned(),
            long.to_owned(),
        ] {
            let item = format!(r#"<item jid="{long}@h.lit" nick="{long}" mid="{long}" role="{long}"/>"#);
            let property =
                format!(r#"<property name="{long}" value="{long}"/><property name="name">{long}</property>"#);
            let set = format!(
                "<set xmlns='http://jabber.org/protocol/rsm'><max>{long}</max><after>{long}</after></set>"
            );
            let form = format!(
                r#"<x xmlns='jabber:x:data' type='submit'><field var="{long}"><value>{long}</value></field></x>"#
            );
            for inner in [item, property, set, form, format!(r#"<message id="{long}"/>"#), String::new()] {
                let query = format!(
                    r#"<query xmlns="{namespace}" node="{long}" queryid="{long}" id="{long}">{inner}</query>"#
                );
                all.push(format!(r#"<iq to='{to}' type='get' id='q'>{query}</iq>"#));
                all.push(format!(r#"<iq to='{to}' type='set' id="{long}">{query}</iq>"#));
                all.push(format!(
                    r#"<presence to='{to}' id="{long}"><x xmlns="{namespace}"/>{inner}</presence>"#
                ));
            }
        }
        for child in [
            format!("<body>{long}</body>"),
            format!("<subject>{long}</subject>"),
            format!(r#"<x xmlns='jabber:x:data' type='at' id="{long}"/>"#),
            format!(r#"<read xmlns='http://jabber.org/protocol/chatstates' id="{long}"/>"#),
            format!(r#"<replace xmlns='urn:xmpp:message-correct:0' id="{long}"/><body>x</body>"#),
            format!(r#"<retract xmlns='urn:xmpp:message-retract:1' id="{long}"/>"#),
            format!(r#"<odd xmlns="{long}"/>"#),
            format!(r#"<odd xmlns="urn:odd" a="{long}"/>"#),
            format!(r#"<error xmlns="{long}"/>"#),
        ] {
            for kind in ["groupchat", "chat", "error", long] {
                all.push(format!(r#"<message to='{to}' type="{kind}" id='x'>{child}</message>"#));
                all.push(format!(r#"<message to='{to}' type="{kind}" id="{long}">{child}</message>"#));
            }
        }
    }
    all
}

#[tokio::test]
async fn nothing_that_is_said_outgrows_what_servers_take() -> Result<()> {
    let mut wire = Wire::start(1_000, |config| {
        config.limits.user_stanzas_burst = 1_000_000;
        config.limits.group_messages_burst = 1_000_000;
    })?;
    let members =
        "<item jid='bob@shakespeare.lit' mid='bob'/><item jid='mallory@shakespeare.lit' role='admin'/>";
    let create = format!(
        "<query xmlns='{GC}#creategroup'><properties><property name='members'>{members}</property></properties></query>"
    );
    wire.ask("alice", "set", TEA, &create).await?;
    wire.say("bob", &format!("<presence to='{SERVICE}'/>")).await?;
    let (mut answers, mut copies) = (0, 0);
    for stanza in stanzas(&"'".repeat(LONG)) {
        let shape = stanza.replace(&"'".repeat(LONG), "…");
        let mut stanza = read(&stanza).await.with_context(|| shape.clone())?;
        set_attribute(&mut stanza, "from", "mallory@shakespeare.lit/pda");
        wire.to.send(Incoming::Stanza(stanza)).await?;
        for (to, text) in wire.said(SERVICE).await? {
            let said = read(&text).await.with_context(|| format!("no XML after {shape}"))?;
            let is_answer =
                to.starts_with("mallory@") && matches!(said.attr("type"), Some("error" | "result"));
            let bytes_max = if is_answer { ANSWER_BYTES_MAX } else { COPY_BYTES_MAX };
            *(if is_answer { &mut answers } else { &mut copies }) += 1;
            ensure!(text.len() <= bytes_max, "{} bytes after {shape}: {text:.300}", text.len());
        }
    }
    ensure!(answers > 1_000 && copies > 10, "{answers} answers, {copies} copies: this tries too little");
    Ok(())
}

/// As the link reads it: other readers do not take such long words.
async fn read(text: &str) -> Result<Element> {
    match StanzaReader::new(text.as_bytes(), COMPONENT_NS, ReadLimits::default()).next().await? {
        Read::Stanza(stanza) => Ok(stanza),
        other => bail!("{other:?}"),
    }
}
