//! Stanzas out of the protocol's own words, each nearly right: what a client could send that has one thing wrong.
//!
//! Not here: who sends them, and what comes of it.

use super::super::choices::Choices;
use crate::wire::SERVICE;

/// Where the groups of the beginning are: a private and a public one.
pub(super) const TEA: &str = "tea";
pub(super) const OPEN: &str = "open";

const GC: &str = "http://jabber.org/protocol/groupchat";

const LOCALS: &[&str] = &[TEA, TEA, TEA, OPEN, OPEN, "new", "newer", "nope", "TEA", "测试群", "{group}"];
const USERS: &[&str] = &["alice", "bob", "carol", "dora", "eve", "mallory"];
const MIDS: &[&str] = &["alice", "bob", "carol", "dora", "eve", "m", "{mid}", "凤 2"];
const IDS: &[&str] = &["{1}", "m1", "m2", "{2}", "{3}", "{iq}", "", "0006000000000000", "x&apos;y"];
const TEXTS: &[&str] =
    &["Tea", "a &lt; b", "", "凤", "🐎", "Ｔｅａ", " two  words ", "&#10;", "true", "0", "-1", "{1}"];
const ROLES: &[&str] = &["member", "admin", "owner", "king"];
const TIMES: &[&str] = &["2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "yesterday", ""];

const PROPERTIES: &[(&str, &[&str])] = &[
    ("name", TEXTS),
    ("description", TEXTS),
    ("visibility", &["public", "private"]),
    ("join", &["open", "approval", "closed"]),
    ("invite", &["members", "admins"]),
    ("configure", &["members", "admins"]),
    ("post", &["admins", "members"]),
    ("mention_all", &["members", "admins"]),
    ("history", &["since-join", "all"]),
    ("receipts", &["off", "on"]),
    ("retention_days", &["1", "0", "36501"]),
    ("type", &["customized", "system"]),
    ("receive", &["none", "mentions", "all"]),
    ("mute_until", TIMES),
    ("addable", &["nobody", "domain", "everyone"]),
    ("id", TEXTS),
    ("colour", TEXTS),
];

/// What a message may hold.
const CONTENTS: &[&str] = &[
    "<body>Milk?</body>",
    "<body>{text}</body>",
    "<subject>{text}</subject>",
    "<read xmlns='http://jabber.org/protocol/chatstates' id='{id}'/>",
    "<displayed xmlns='urn:xmpp:chat-markers:0' id='{id}'/>",
    "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
    "<markable xmlns='urn:xmpp:chat-markers:0'/>",
    "<replace xmlns='urn:xmpp:message-correct:0' id='{id}'/>",
    "<retract xmlns='urn:xmpp:message-retract:1' id='{id}'/>",
    "<apply-to xmlns='urn:xmpp:fasten:0' id='{id}'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to>",
    "<x xmlns='jabber:x:data' type='at' id='all'/>",
    "<x xmlns='jabber:x:data' type='at' id='{jid}'/>",
    "<reference xmlns='urn:xmpp:reference:0' type='mention' uri='xmpp:{jid}'/>",
    "<no-store xmlns='urn:xmpp:hints'/>",
    "<store xmlns='urn:xmpp:hints'/>",
    "<thread>{text}</thread>",
    "<stanza-id xmlns='urn:xmpp:sid:0' by='tea@groupchat.shakespeare.lit' id='{id}'/>",
    "<origin-id xmlns='urn:xmpp:sid:0' id='{id}'/>",
    "<delay xmlns='urn:xmpp:delay' from='tea@groupchat.shakespeare.lit' stamp='2020-01-01T00:00:00Z'/>",
    "<request xmlns='urn:xmpp:receipts'/>",
    "<received xmlns='urn:xmpp:receipts' id='{id}'/>",
    "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='{jid}'/></x>",
    "<encrypted xmlns='eu.siacs.conversations.axolotl'><payload>{text}</payload></encrypted>",
    "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
    "<q:x xmlns:q='urn:q' q:a='1' xml:lang='de'><body xmlns='jabber:client'>{text}</body></q:x>",
    "loose {text}",
];

/// What may be asked for beside the protocol's own questions.
const STANDARD: &[&str] = &[
    "<query xmlns='http://jabber.org/protocol/disco#info'/>",
    "<query xmlns='http://jabber.org/protocol/disco#items'>{page}</query>",
    "<query xmlns='http://jabber.org/protocol/disco#info' node='{text}'/>",
    "<ping xmlns='urn:xmpp:ping'/>",
    "<query xmlns='jabber:iq:version'/>",
    "<time xmlns='urn:xmpp:time'/>",
    "<query xmlns='jabber:iq:last'/>",
    "<vCard xmlns='vcard-temp'/>",
    "<query xmlns='urn:xmpp:mam:2'/>",
    "<metadata xmlns='urn:xmpp:mam:2'/>",
    "<prefs xmlns='urn:xmpp:mam:2' default='always'/>",
    "<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='{affiliation}' jid='{jid}'/></query>",
    "<query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='{affiliation}' nick='{text}'/><item role='none' nick='{text}'/></query>",
    "<query xmlns='http://jabber.org/protocol/muc#admin'><item role='none' nick='bob'><reason>{text}</reason></item></query>",
    "<query xmlns='http://jabber.org/protocol/muc#admin'/>",
    "<query xmlns='http://jabber.org/protocol/muc#owner'/>",
    "<query xmlns='http://jabber.org/protocol/muc#owner'><destroy jid='{jid}'><reason>{text}</reason></destroy></query>",
    "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'><field var='muc#roomconfig_roomname'><value>{text}</value></field><field var='muc#roomconfig_publicroom'><value>1</value></field></x></query>",
    "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='cancel'/></query>",
    "<unique xmlns='http://jabber.org/protocol/muc#unique'/>",
    "<query xmlns='jabber:iq:register'/>",
    "<query xmlns='jabber:iq:register'><username>{text}</username></query>",
    "<query xmlns='jabber:iq:register'><remove/></query>",
    "<moderate xmlns='urn:xmpp:message-moderate:1' id='{id}'><retract xmlns='urn:xmpp:message-retract:1'/><reason>{text}</reason></moderate>",
    "<apply-to xmlns='urn:xmpp:fasten:0' id='{id}'><moderate xmlns='urn:xmpp:message-moderate:0'><retract xmlns='urn:xmpp:message-retract:0'/></moderate></apply-to>",
    "",
];

const ARCHIVE_FIELDS: &[(&str, &[&str])] = &[
    ("after-id", IDS),
    ("before-id", IDS),
    ("ids", IDS),
    ("start", TIMES),
    ("end", TIMES),
    ("with", &["tea@groupchat.shakespeare.lit", "tea@groupchat.shakespeare.lit/bob", "bob@shakespeare.lit"]),
    ("FORM_TYPE", &["urn:xmpp:mam:2"]),
    ("colour", TEXTS),
];

const OPERATIONS: &[&str] = &[
    "creategroup",
    "updategroup",
    "addmember",
    "removemember",
    "updatemember",
    "mysettings",
    "join",
    "deletegroup",
    "dance",
];
const QUESTIONS: &[&str] = &["members", "memberinfo", "groupinfo", "items", "receipts", "inbox", "join"];

/// A stanza without `from`, as its sender would write it. `{1}` and the like stand for what was heard before.
pub(super) fn stanza(choices: &mut Choices<'_>) -> String {
    match choices.below(16) {
        0..=3 => message(choices),
        4..=5 => operation_by_presence(choices),
        6 => presence(choices),
        7..=9 => iq(choices, "set", operation),
        10..=11 => iq(choices, "get", question),
        12 => iq(choices, "set", archive),
        13 => {
            let kind = choices.of(&["get", "set", "get", "nonsense"]);
            iq(choices, kind, |choices| fill(choices.of(STANDARD), choices))
        }
        14 => private(choices),
        _ => returned(choices),
    }
}

fn group(choices: &mut Choices<'_>) -> String {
    match choices.below(12) {
        11 => SERVICE.to_owned(),
        _ => format!("{}@{SERVICE}", choices.of(LOCALS)),
    }
}

fn member_address(choices: &mut Choices<'_>) -> String {
    format!("{}@{SERVICE}/{}", choices.of(LOCALS), choices.of(MIDS))
}

fn user(choices: &mut Choices<'_>) -> String {
    let name = choices.of(USERS);
    match choices.below(10) {
        6 => format!("{name}@elsewhere.lit"),
        7 => member_address(choices),
        8 => format!("{name}@shakespeare.lit/pda"),
        9 => choices.of(TEXTS).to_owned(),
        _ => format!("{name}@shakespeare.lit"),
    }
}

fn message(choices: &mut Choices<'_>) -> String {
    let (to, id) = (group(choices), choices.of(IDS));
    let kind = choices.of(&["groupchat", "groupchat", "group", "normal", "chat", "headline"]);
    let count = 1 + choices.below(4);
    let content: String = (0..count).map(|_| fill(choices.of(CONTENTS), choices)).collect();
    format!("<message to='{to}' type='{kind}' id='{id}'>{content}</message>")
}

fn operation_by_presence(choices: &mut Choices<'_>) -> String {
    let (to, id, name) = (group(choices), choices.of(IDS), choices.of(OPERATIONS));
    let inside = parts(name, choices);
    format!("<presence to='{to}' id='{id}'><x xmlns='{GC}#{name}'/>{inside}</presence>")
}

fn presence(choices: &mut Choices<'_>) -> String {
    let to = if choices.once_in(3) { member_address(choices) } else { group(choices) };
    let kind = choices.of(&["", " type='unavailable'", " type='subscribe'", " type='probe'", " type='x'"]);
    let muc = if choices.once_in(3) { "<x xmlns='http://jabber.org/protocol/muc'/>" } else { "" };
    format!("<presence to='{to}'{kind}>{muc}</presence>")
}

fn iq(choices: &mut Choices<'_>, kind: &str, payload: impl Fn(&mut Choices<'_>) -> String) -> String {
    let (to, id) = (group(choices), choices.of(IDS));
    let payload = payload(choices);
    format!("<iq to='{to}' type='{kind}' id='{id}'>{payload}</iq>")
}

fn operation(choices: &mut Choices<'_>) -> String {
    let name = choices.of(OPERATIONS);
    let ban = if choices.once_in(4) { " ban='true'" } else { "" };
    let inside = parts(name, choices);
    format!("<query xmlns='{GC}#{name}'{ban}>{inside}</query>")
}

/// What belongs to an operation; now and then what does not.
fn parts(operation: &str, choices: &mut Choices<'_>) -> String {
    let (properties, items) = match operation {
        "creategroup" => (true, true),
        "updategroup" | "mysettings" => (true, choices.once_in(8)),
        "deletegroup" => (false, false),
        _ => (choices.once_in(8), true),
    };
    let mut inside = String::new();
    if properties {
        let count = choices.below(3);
        let list: String = (0..count).map(|_| property(choices)).collect();
        inside.push_str(&format!("<properties>{list}</properties>"));
    }
    if items {
        let count = choices.below(4);
        let list: String = (0..count).map(|_| item(choices)).collect();
        match operation {
            "creategroup" => inside.push_str(&format!("<property name='members'>{list}</property>")),
            _ => inside.push_str(&list),
        }
    }
    inside
}

fn property(choices: &mut Choices<'_>) -> String {
    let (name, values) = choices.of(PROPERTIES);
    let values = if choices.once_in(8) { TEXTS } else { values };
    let value = choices.of(values);
    match choices.below(2) {
        0 => format!("<property name='{name}'>{value}</property>"),
        _ => format!("<property name='{name}' value='{value}'/>"),
    }
}

fn item(choices: &mut Choices<'_>) -> String {
    let jid = user(choices);
    let mid = match choices.below(4) {
        0 => format!(" mid='{}'", choices.of(MIDS)),
        _ => String::new(),
    };
    let nick = match choices.below(4) {
        0 => format!(" nick='{}'", choices.of(TEXTS)),
        _ => String::new(),
    };
    let role = match choices.below(2) {
        0 => format!(" role='{}'", choices.of(ROLES)),
        _ => String::new(),
    };
    let jid = if !mid.is_empty() && choices.once_in(2) { String::new() } else { format!(" jid='{jid}'") };
    format!("<item{jid}{mid}{nick}{role}/>")
}

fn question(choices: &mut Choices<'_>) -> String {
    let name = choices.of(QUESTIONS);
    let inside = match name {
        "memberinfo" => {
            let (key, value) = (choices.of(&["mid", "nick", "jid", "shoe"]), user(choices));
            let value = if key == "jid" { value } else { choices.of(MIDS).to_owned() };
            format!("<property name='{key}' value='{value}'/>")
        }
        "groupinfo" if choices.once_in(2) => format!("<property name='name' value='{}'/>", choices.of(TEXTS)),
        "receipts" => format!("<message id='{}'/>", choices.of(IDS)),
        _ => page(choices),
    };
    format!("<query xmlns='{GC}#{name}'>{inside}</query>")
}

fn page(choices: &mut Choices<'_>) -> String {
    if !choices.once_in(3) {
        return String::new();
    }
    let max = choices.of(&["<max>1</max>", "", "<max>0</max>", "<max>many</max>"]);
    let keys = if choices.once_in(2) { MIDS } else { IDS };
    let key = choices.of(keys);
    let from = choices.of(&["", "<after>{}</after>", "<before>{}</before>", "<before/>", "<index>1</index>"]);
    let from = from.replace("{}", key);
    format!("<set xmlns='http://jabber.org/protocol/rsm'>{max}{from}</set>")
}

fn archive(choices: &mut Choices<'_>) -> String {
    let count = choices.below(3);
    let fields: String = (0..count)
        .map(|_| {
            let (var, values) = choices.of(ARCHIVE_FIELDS);
            format!("<field var='{var}'><value>{}</value></field>", choices.of(values))
        })
        .collect();
    let flip = if choices.once_in(4) { "<flip-page/>" } else { "" };
    let page = page(choices);
    format!(
        "<query xmlns='urn:xmpp:mam:2' queryid='q'><x xmlns='jabber:x:data' type='submit'>{fields}</x>{page}{flip}</query>"
    )
}

/// Between members, by their addresses in the group.
fn private(choices: &mut Choices<'_>) -> String {
    let (to, id) = (member_address(choices), choices.of(IDS));
    match choices.below(4) {
        0 => {
            let content = fill(choices.of(CONTENTS), choices);
            format!("<message to='{to}' type='chat' id='{id}'>{content}</message>")
        }
        1 => {
            let (kind, content) = (choices.of(&["get", "set"]), fill(choices.of(STANDARD), choices));
            format!("<iq to='{to}' type='{kind}' id='{id}'>{content}</iq>")
        }
        2 => format!("<iq to='{to}' type='result' id='{{iq}}'><vCard xmlns='vcard-temp'/></iq>"),
        _ => format!("<iq to='{to}' type='error' id='{{iq}}'><error type='cancel'/></iq>"),
    }
}

/// What hosts send back when a device is gone.
fn returned(choices: &mut Choices<'_>) -> String {
    let from = if choices.once_in(4) { group(choices) } else { member_address(choices) };
    let name = choices.of(&["message", "message", "message", "presence", "iq"]);
    let id = choices.of(&["m1", "{heard}", "{1}", "m2", "{iq}", ""]);
    format!(
        "<{name} to='{from}' type='error' id='{id}'><error type='cancel'>\
         <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></{name}>"
    )
}

/// A template with its gaps filled.
fn fill(template: &str, choices: &mut Choices<'_>) -> String {
    let mut text = template.to_owned();
    for gap in ["{text}", "{id}", "{jid}", "{page}", "{affiliation}"] {
        if text.contains(gap) {
            let value = match gap {
                "{text}" => choices.of(TEXTS).to_owned(),
                "{id}" => choices.of(IDS).to_owned(),
                "{jid}" => user(choices),
                "{affiliation}" => {
                    choices.of(&["none", "outcast", "member", "admin", "owner", "king"]).to_owned()
                }
                _ => page(choices),
            };
            text = text.replace(gap, &value);
        }
    }
    text
}
