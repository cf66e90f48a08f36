//! What each kind of stanza is taken for. Whole use cases are conversations; here are the corners of the door.

use groupchat_core::{Command, MemberRef, MessageRef, Storage};

use super::*;
use crate::{Presence, Query};

fn read(xml: &str) -> Decoded {
    let xml = xml.replacen(' ', " xmlns='jabber:component:accept' from='hag@s.lit/pda' ", 1);
    decode(&xml.parse().unwrap(), &BareJid::parse("g.s.lit").unwrap(), &Limits::default())
}

fn command(xml: &str) -> Command {
    match read(xml) {
        Decoded::Command(request) => request.command,
        other => panic!("{other:?}"),
    }
}

fn answer(xml: &str) -> String {
    match read(xml) {
        Decoded::Answered(outbound) => format!("{} to='{}'{}", outbound.head, outbound.to[0], outbound.tail),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_loses_what_only_the_group_may_say() {
    let Command::Post(post) = command(
        "<message to='Tea@g.s.lit' type='group' id='1'><body>Hi &amp; bye</body>\
         <stanza-id xmlns='urn:xmpp:sid:0' by='tea@g.s.lit' id='forged'/>\
         <stanza-id xmlns='urn:xmpp:sid:0' by='hag@s.lit' id='own'/>\
         <occupant-id xmlns='urn:xmpp:occupant-id:0' id='x'/>\
         <x xmlns='jabber:x:data' type='at' id='all'/></message>",
    ) else {
        panic!("not a post")
    };
    assert_eq!(post.body.as_deref(), Some("Hi & bye"));
    assert_eq!(
        &*post.payload,
        "<body>Hi &amp; bye</body><stanza-id xmlns='urn:xmpp:sid:0' by='hag@s.lit' id='own'/>\
         <x xmlns='jabber:x:data' id='all' type='at'/>"
    );
}

#[test]
fn what_is_kept_is_told_apart_from_what_passes() {
    let storage = |children: &str| match command(&format!(
        "<message to='tea@g.s.lit' type='groupchat'>{children}</message>"
    )) {
        Command::Post(post) => post.storage,
        other => panic!("{other:?}"),
    };
    let composing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
    let reaction = "<reactions xmlns='urn:xmpp:reactions:0' id='1'/>";
    let no_store = "<no-store xmlns='urn:xmpp:hints'/>";
    assert_eq!(storage(composing), Storage::LiveOnly);
    assert_eq!(storage(&format!("{composing}{no_store}<thread>1</thread>")), Storage::LiveOnly);
    assert_eq!(storage("<received xmlns='urn:xmpp:receipts' id='1'/>"), Storage::LiveOnly);
    assert_eq!(storage(reaction), Storage::Stored);
    assert_eq!(storage(&format!("{reaction}{no_store}")), Storage::LiveOnly);
    assert_eq!(storage(&format!("<body>x</body>{no_store}")), Storage::Stored);
}

#[test]
fn receipts_are_read_in_both_forms() {
    let Command::Read(read) =
        command("<message to='tea@g.s.lit'><read xmlns='http://jabber.org/protocol/chatstates'/></message>")
    else {
        panic!("no receipt")
    };
    assert_eq!((read.message, read.displayed), (MessageRef::Newest, false));
    let Command::Read(read) =
        command("<message to='tea@g.s.lit'><displayed xmlns='urn:xmpp:chat-markers:0' id='7'/></message>")
    else {
        panic!("no receipt")
    };
    assert_eq!((read.message, read.displayed), (MessageRef::Id("7".into()), true));
}

#[test]
fn an_operation_reads_the_same_from_presence_and_iq() {
    let presence = command(
        "<presence to='tea@g.s.lit/anything'><x xmlns='http://jabber.org/protocol/groupchat#removemember'/>\
         <item mid='crone'/><x xmlns='vcard-temp:x:update'/></presence>",
    );
    let iq = command(
        "<iq to='tea@g.s.lit' type='set' id='1'>\
         <query xmlns='http://jabber.org/protocol/groupchat#removemember'><item mid='crone'/></query></iq>",
    );
    assert_eq!(presence, iq);
    let Command::RemoveMembers(removal) = iq else { panic!("no removal") };
    assert_eq!(removal.who, [MemberRef::Mid(Mid::from_stored("crone"))]);
}

#[test]
fn presence_is_news_of_a_device_whatever_else_it_carries() {
    let news = |xml: &str| match read(xml) {
        Decoded::Presence(Presence { address, available, .. }) => (address.to_string(), available),
        other => panic!("{other:?}"),
    };
    assert_eq!(news("<presence to='g.s.lit'/>"), ("g.s.lit".into(), true));
    assert_eq!(
        news("<presence to='Tea@g.s.lit/x'><show>nonsense</show></presence>"),
        ("tea@g.s.lit/x".into(), true)
    );
    assert_eq!(news("<presence to='tea@g.s.lit' type='unavailable'/>"), ("tea@g.s.lit".into(), false));
}

#[test]
fn what_cannot_be_understood_is_refused_with_the_reason() {
    for (stanza, condition) in [
        ("<iq to='g.s.lit' type='get' id='1'/>", "bad-request"),
        ("<iq to='g.s.lit' type='dance' id='1'><x/></iq>", "bad-request"),
        ("<iq to='g.s.lit' type='get' id='1'><query xmlns='urn:unknown'/></iq>", "service-unavailable"),
        ("<iq to='a b@g.s.lit' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>", "jid-malformed"),
        (
            "<iq to='tea@g.s.lit' type='get' id='1'><query xmlns='http://jabber.org/protocol/groupchat#dance'/></iq>",
            "service-unavailable",
        ),
        (
            "<iq to='g.s.lit' type='get' id='1'><query xmlns='http://jabber.org/protocol/groupchat#members'/></iq>",
            "bad-request",
        ),
        ("<message to='tea@g.s.lit' type='chat'><body>x</body></message>", "bad-request"),
        ("<message to='tea@g.s.lit' type='groupchat'/>", "bad-request"),
        ("<message to='g.s.lit'><body>x</body></message>", "service-unavailable"),
        (
            "<presence to='tea@g.s.lit'><x xmlns='http://jabber.org/protocol/muc'/></presence>",
            "jid-malformed",
        ),
        ("<presence to='g.s.lit/n'><x xmlns='http://jabber.org/protocol/muc'/></presence>", "bad-request"),
        ("<presence to='tea@g.s.lit' type='nonsense'/>", "bad-request"),
        (
            "<presence to='g.s.lit'><x xmlns='http://jabber.org/protocol/groupchat#deletegroup'/></presence>",
            "bad-request",
        ),
        (
            "<presence to='tea@g.s.lit'><x xmlns='http://jabber.org/protocol/groupchat#addmember'/><item jid='x@g.s.lit'/></presence>",
            "not-acceptable",
        ),
    ] {
        let answer = answer(stanza);
        assert!(answer.contains(&format!("<{condition} ")), "{stanza}\n{answer}");
        assert!(answer.contains("to='hag@s.lit/pda'") && answer.contains("<text "), "{answer}");
        assert!(!answer.contains("jabber:component:accept"), "{answer}");
    }
}

#[test]
fn errors_and_strangers_are_never_answered() {
    for stanza in [
        "<message to='g.s.lit' type='error'/>",
        "<presence to='tea@g.s.lit' type='error'/>",
        "<iq to='tea@g.s.lit' type='error' id='1'/>",
        "<iq to='tea@g.s.lit' type='result' id='1'/>",
        "<iq to='a b@g.s.lit' type='error' id='1'/>",
        "<iq to='other.lit' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<message type='groupchat'><body>x</body></message>",
        "<other to='g.s.lit'/>",
    ] {
        assert!(matches!(read(stanza), Decoded::Ignored(_)), "{stanza}");
    }
    let echo = "<message xmlns='jabber:component:accept' from='tea@g.s.lit/x' to='tea@g.s.lit' type='groupchat'><body>x</body></message>";
    let echo = decode(&echo.parse().unwrap(), &BareJid::parse("g.s.lit").unwrap(), &Limits::default());
    assert_eq!(echo, Decoded::Ignored("it is our own"));
}

#[test]
fn an_announcement_of_another_service_is_no_request() {
    let presence = "<presence xmlns='jabber:component:accept' from='tea@groups.other.lit' to='tea@g.s.lit'>\
         <x xmlns='http://jabber.org/protocol/groupchat#deletegroup'/></presence>";
    let domain = BareJid::parse("g.s.lit").unwrap();
    let read = decode(&presence.parse().unwrap(), &domain, &Limits::default());
    assert!(matches!(read, Decoded::Answered(_)), "{read:?}");
}

#[test]
fn a_bounce_leads_back_by_its_addresses_and_id() {
    let Decoded::Bounce(bounce) =
        read("<message to='tea@g.s.lit/crone' type='error' id='m1'><error/></message>")
    else {
        panic!("no bounce")
    };
    assert_eq!((bounce.mid, bounce.id), (Some(Mid::from_stored("crone")), Some("m1".into())));
}

#[test]
fn standard_questions_are_known() {
    for (payload, query) in [
        ("<ping xmlns='urn:xmpp:ping'/>", Query::Ping),
        ("<query xmlns='jabber:iq:version'/>", Query::Version),
        ("<time xmlns='urn:xmpp:time'/>", Query::Time),
        ("<query xmlns='jabber:iq:last'/>", Query::Uptime),
        ("<query xmlns='http://jabber.org/protocol/disco#info'/>", Query::DiscoInfo),
    ] {
        let Decoded::Query(question) = read(&format!("<iq to='g.s.lit' type='get' id='1'>{payload}</iq>"))
        else {
            panic!("{payload}")
        };
        assert_eq!((question.query, question.shows_session), (query, false));
    }
}

#[test]
fn what_is_for_one_member_is_passed_on_without_forgeries() {
    let Decoded::Private(private) = read(
        "<message to='tea@g.s.lit/crone' type='chat' id='p'><body>psst</body>\
         <x xmlns='http://jabber.org/protocol/muc#user'/></message>",
    ) else {
        panic!("not private")
    };
    assert_eq!((private.mid.as_str(), &*private.content), ("crone", "<body>psst</body>"));
    for (kind, taken_for) in [
        ("get", crate::PrivateKind::Get),
        ("set", crate::PrivateKind::Set),
        ("result", crate::PrivateKind::Result),
        ("error", crate::PrivateKind::Error),
    ] {
        let iq =
            format!("<iq to='tea@g.s.lit/crone' type='{kind}' id='1'><ping xmlns='urn:xmpp:ping'/></iq>");
        assert!(matches!(read(&iq), Decoded::Private(private) if private.kind == taken_for), "{kind}");
    }
}

#[test]
fn mentions_are_read_in_both_forms() {
    let Command::Post(post) = command(
        "<message to='tea@g.s.lit' type='groupchat'><body>x</body><x xmlns='jabber:x:data' type='at' id='Hag@s.lit/pda'/>\
         <x xmlns='jabber:x:data' type='at' id='all'/><x xmlns='jabber:x:data' type='submit' id='other'/>\
         <reference xmlns='urn:xmpp:reference:0' type='mention' uri='xmpp:tea@g.s.lit/crone'/>\
         <reference xmlns='urn:xmpp:reference:0' type='data' uri='xmpp:no@s.lit'/></message>",
    ) else {
        panic!("not a post")
    };
    let hag = MemberRef::Jid(BareJid::parse("hag@s.lit").unwrap());
    assert_eq!(post.mentions.members, [hag, MemberRef::Mid(Mid::from_stored("crone"))]);
    assert!(post.mentions.all);
}

#[test]
fn messages_are_taken_back_in_both_versions() {
    let retracts =
        |child: &str| match command(&format!("<message to='tea@g.s.lit' type='groupchat'>{child}</message>"))
        {
            Command::Retract(retraction) => (retraction.id.to_string(), retraction.post.is_some()),
            other => panic!("{other:?}"),
        };
    assert_eq!(
        retracts("<retract xmlns='urn:xmpp:message-retract:1' id='7'/><body>/me took it back</body>"),
        ("7".into(), true)
    );
    let old =
        "<apply-to xmlns='urn:xmpp:fasten:0' id='7'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to>";
    assert_eq!(retracts(old), ("7".into(), true));
    let moderates =
        |payload: &str| match command(&format!("<iq to='tea@g.s.lit' type='set' id='1'>{payload}</iq>")) {
            Command::Retract(retraction) => {
                (retraction.id.to_string(), retraction.reason, retraction.post.is_some())
            }
            other => panic!("{other:?}"),
        };
    assert_eq!(
        moderates(
            "<moderate xmlns='urn:xmpp:message-moderate:1' id='8'><retract xmlns='urn:xmpp:message-retract:1'/></moderate>"
        ),
        ("8".into(), None, false)
    );
    assert_eq!(
        moderates(
            "<apply-to xmlns='urn:xmpp:fasten:0' id='8'><moderate xmlns='urn:xmpp:message-moderate:0'>\
             <retract xmlns='urn:xmpp:message-retract:0'/><reason>rude</reason></moderate></apply-to>"
        ),
        ("8".into(), Some("rude".into()), false)
    );
}

#[test]
fn a_user_says_to_the_service_who_may_add_him() {
    let consent = |property: &str| {
        read(&format!(
            "<iq to='g.s.lit' type='set' id='1'><query xmlns='http://jabber.org/protocol/groupchat#mysettings'>{property}</query></iq>"
        ))
    };
    let read = consent("<property name='addable' value='nobody'/>");
    assert!(matches!(read, Decoded::Consent { addable: Addable::Nobody, .. }), "{read:?}");
    for wrong in ["", "<property name='addable' value='king'/>", "<property name='receive' value='all'/>"] {
        assert!(matches!(consent(wrong), Decoded::Answered(_)), "{wrong}");
    }
}
