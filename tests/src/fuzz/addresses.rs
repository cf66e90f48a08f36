//! Addresses, group ids, member ids and nicks: what is canonical stays as it is, whatever was sent; and what is made of
//! them can be read again.

use std::fmt::Display;

use groupchat_core::{BareJid, GroupId, Jid, Limits, Mid, Nick};

use crate::wire::SERVICE;

/// Columns of the database, in characters; and what every index holds, in bytes.
const JID_CHARS_MAX: usize = 512;
const JID_BYTES_MAX: usize = 1_600;
const GROUP_ID_CHARS_MAX: usize = 255;
const NICK_KEY_CHARS_MAX: usize = 255;

/// # Panics
/// An address does not stay as it is, or breaks a limit.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // Nothing else comes through XML.
    let text: String = text.chars().filter(|c| *c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}')).collect();
    let limits = Limits::default();
    address(&text);
    if let Ok(group) = GroupId::parse(&text) {
        group_id(&group);
    }
    if let Ok(mid) = Mid::parse(&text, &limits) {
        member_id(&mid, &limits);
    }
    if let Ok(nick) = Nick::parse(&text, &limits) {
        nickname(&nick, &limits);
    }
}

fn address(text: &str) {
    let Ok(jid) = Jid::parse(text) else { return };
    let shown = plain(&jid, JID_CHARS_MAX);
    assert_eq!(Jid::parse(&shown), Ok(jid.clone()), "{text:?} became {shown:?}, which does not stay so");
    assert_eq!(Jid::from_stored(&shown), jid, "{shown:?} is stored as something else");
    assert_eq!(BareJid::parse(&shown).as_ref(), Ok(jid.bare()), "{shown:?} has another account");
    let bare = plain(jid.bare(), JID_CHARS_MAX);
    assert!(bare.len() <= JID_BYTES_MAX, "{} bytes in {bare:?}", bare.len());
    let again = match jid.bare().local() {
        Some(local) => format!("{local}@{}", jid.bare().domain()),
        None => jid.bare().domain().to_owned(),
    };
    assert_eq!(again, bare, "the parts are not the whole");
    assert!(!jid.bare().domain().is_empty(), "{shown:?} has no domain");
    // The way of a group's id when a stanza is for it.
    if let Some(group) = jid.bare().local().and_then(|local| GroupId::parse(local).ok()) {
        group_id(&group);
    }
}

fn group_id(group: &GroupId) {
    let shown = plain(group, GROUP_ID_CHARS_MAX);
    assert_eq!(GroupId::parse(&shown).as_ref(), Ok(group), "{shown:?} does not stay so");
    let at = group.at(SERVICE);
    let jid = Jid::parse(&at).unwrap_or_else(|why| panic!("the group {at:?} has no address: {why}"));
    assert_eq!((jid.bare().as_str(), jid.resource()), (at.as_str(), None), "another group's address");
}

fn member_id(mid: &Mid, limits: &Limits) {
    let shown = plain(mid, limits.nick_chars);
    assert_eq!(Mid::parse(&shown, limits).as_ref(), Ok(mid), "{shown:?} does not stay so");
    let address = format!("tea@{SERVICE}/{shown}");
    let jid = Jid::parse(&address).unwrap_or_else(|why| panic!("{address:?} is no address: {why}"));
    assert_eq!(jid.resource(), Some(&*shown), "another member's address");
}

fn nickname(nick: &Nick, limits: &Limits) {
    let shown = plain(nick, limits.nick_chars);
    let again = Nick::parse(&shown, limits).map(|nick| nick.to_string());
    assert_eq!(again.as_ref(), Ok(&shown), "{shown:?} does not stay so");
    let key = nick.key();
    assert!(key.chars().count() <= NICK_KEY_CHARS_MAX, "the key of {shown:?} is too long");
    assert_eq!(Nick::from_stored(&key).key(), key, "the key of {shown:?} does not stay so");
}

/// The text, checked for what none of them may have.
fn plain(shown: &impl Display, chars_max: usize) -> String {
    let shown = shown.to_string();
    assert!(!shown.is_empty(), "nothing is a name");
    assert!(!shown.chars().any(char::is_control), "control characters in {shown:?}");
    assert!(shown.chars().count() <= chars_max, "{} characters in {shown:?}", shown.chars().count());
    shown
}
