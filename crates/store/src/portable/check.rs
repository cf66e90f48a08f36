//! What is to be imported is looked at as closely as what users send: it will be sent to them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use groupchat_core::{
    BareJid, By, GroupId, History, Jid, Join, Limits, Mid, Nick, Receive, Role, Settings, Visibility,
};
use sha1::{Digest as _, Sha1};

use super::record::{AvatarRecord, GroupRecord, MemberRecord, MessageRecord, PendingRecord, SettingsRecord};

/// What columns hold, in characters.
const NAME_CHARS_MAX: usize = 384;
const NICK_CHARS_MAX: usize = 64;
const CLIENT_ID_CHARS_MAX: usize = 255;
const KIND_CHARS_MAX: usize = 32;
const LANG_CHARS_MAX: usize = 35;
const MEDIA_TYPE_CHARS_MAX: usize = 64;
/// The most that a configuration allows.
const DESCRIPTION_CHARS_MAX: usize = 10_000;
const AVATAR_BYTES_MAX: usize = 180_000;
/// Ids, counts and times stay far from the ends of what a number holds.
const COUNT_MAX: i64 = i64::MAX / 4;

/// What is wrong, in words.
pub(super) type Checked<T> = Result<T, String>;

pub(super) fn group(record: &GroupRecord) -> Checked<(GroupId, Settings)> {
    let id = GroupId::parse(&record.id).map_err(|problem| problem.to_string())?;
    if id.as_str() != record.id {
        return Err(format!("the group id `{}` is written `{id}`", record.id));
    }
    count("countable", record.countable)?;
    text("held", record.held.as_ref().map_or("", |held| &held.why), usize::MAX)?;
    let avatar = record.avatar.as_ref().map(avatar).transpose()?.unwrap_or_default();
    if record.locked.is_some() && record.held.is_some() {
        return Err("a room that nobody configured yet cannot be held".to_owned());
    }
    Ok((id, settings(&record.settings, avatar)?))
}

/// All by name, on both sides, so that none can be left out without a word.
fn settings(record: &SettingsRecord, avatar: Arc<str>) -> Checked<Settings> {
    let SettingsRecord {
        name,
        description,
        kind,
        visibility,
        join,
        invite,
        configure,
        post,
        mention_all,
        history,
        receipts,
        retention_days,
        subject,
        lang,
        frozen,
    } = record;
    for (what, text, max) in [
        ("name", name, NAME_CHARS_MAX),
        ("description", description, DESCRIPTION_CHARS_MAX),
        ("type", kind, KIND_CHARS_MAX),
        ("subject", subject, NAME_CHARS_MAX),
        ("lang", lang, LANG_CHARS_MAX),
    ] {
        self::text(what, text, max)?;
    }
    Ok(Settings {
        name: name.as_str().into(),
        description: description.as_str().into(),
        kind: kind.as_str().into(),
        visibility: choice("visibility", visibility, Visibility::parse)?,
        invite: choice("invite", invite, By::parse)?,
        configure: choice("configure", configure, By::parse)?,
        post: choice("post", post, By::parse)?,
        mention_all: choice("mention_all", mention_all, By::parse)?,
        join: choice("join", join, Join::parse)?,
        history: choice("history", history, History::parse)?,
        receipts: *receipts,
        retention_days: *retention_days,
        subject: subject.as_str().into(),
        lang: lang.as_str().into(),
        avatar,
        frozen: *frozen,
    })
}

/// A picture; its hash.
fn avatar(record: &AvatarRecord) -> Checked<Arc<str>> {
    let AvatarRecord { media_type, hash, data } = record;
    text("media_type", media_type, MEDIA_TYPE_CHARS_MAX)?;
    if !media_type.starts_with("image/") {
        return Err(format!("`{media_type}` is no picture"));
    }
    if data.len() / 4 * 3 > AVATAR_BYTES_MAX + 2 {
        return Err(format!("the picture has more than {AVATAR_BYTES_MAX} bytes"));
    }
    let bytes = STANDARD.decode(data).map_err(|_| "the picture is not in base64".to_owned())?;
    if bytes.is_empty() || bytes.len() > AVATAR_BYTES_MAX {
        return Err(format!("a picture has 1 to {AVATAR_BYTES_MAX} bytes, and not {}", bytes.len()));
    }
    let is_its = Sha1::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>() == *hash;
    if !is_its {
        return Err(format!("`{hash}` is not the SHA-1 of the picture"));
    }
    Ok(hash.as_str().into())
}

/// A member, with what his nick is compared by.
pub(super) fn member(record: &MemberRecord) -> Checked<String> {
    account(&record.jid)?;
    let limits = Limits { nick_chars: NICK_CHARS_MAX, ..Limits::default() };
    let mid = Mid::parse(&record.mid, &limits).map_err(|refusal| refusal.to_string())?;
    if mid.as_str() != record.mid {
        return Err(format!("the member id `{}` is written `{mid}`", record.mid));
    }
    let nick = Nick::parse(&record.nick, &limits).map_err(|refusal| refusal.to_string())?;
    choice("role", &record.role, Role::parse)?;
    choice("receive", &record.receive, Receive::parse)?;
    count("seen", record.seen)?;
    Ok(nick.key())
}

pub(super) fn pending(record: &PendingRecord) -> Checked<()> {
    account(&record.jid)?;
    match (record.kind.as_str(), &record.by) {
        ("request", None) => {}
        ("invitation", Some(by)) => account(by)?,
        _ => return Err(format!("`{}` is no request, and no invitation by somebody", record.kind)),
    }
    let texts = [Some(&record.written), record.mid.as_ref(), record.nick.as_ref()];
    texts.into_iter().flatten().try_for_each(|text| self::text("request", text, usize::MAX))?;
    let role = record.role.as_deref().filter(|role| !role.is_empty());
    role.map_or(Ok(()), |role| choice("role", role, Role::parse).map(drop))
}

pub(super) fn message(record: &MessageRecord) -> Checked<()> {
    if !matches!(record.kind.as_str(), "message" | "event") {
        return Err(format!("`{}` is neither `message` nor `event`", record.kind));
    }
    let sender = Jid::parse(&record.sender).map_err(|problem| problem.to_string())?;
    if sender.to_string() != record.sender {
        return Err(format!("the address `{}` is written `{sender}`", record.sender));
    }
    text("mid", &record.mid, NICK_CHARS_MAX)?;
    text("client_id", record.client_id.as_deref().unwrap_or_default(), CLIENT_ID_CHARS_MAX)?;
    text("body", record.body.as_deref().unwrap_or_default(), usize::MAX)?;
    text("payload", &record.payload, usize::MAX)?;
    count("ordinal", record.ordinal)?;
    record.mentions.iter().try_for_each(|mid| text("mentions", mid, NICK_CHARS_MAX))?;
    let Some(retracted) = &record.retracted else { return Ok(()) };
    if record.body.is_some() || !record.payload.is_empty() {
        return Err("it was taken back, and still has a text".to_owned());
    }
    text("retracted", &retracted.by, NICK_CHARS_MAX)?;
    if let Some(original) = &retracted.original {
        text("original", original.body.as_deref().unwrap_or_default(), usize::MAX)?;
        text("original", &original.payload, usize::MAX)?;
    }
    text("reason", retracted.reason.as_deref().unwrap_or_default(), usize::MAX)
}

/// The address of an account, as it is written here.
pub(super) fn account(text: &str) -> Checked<()> {
    let jid = BareJid::parse(text).map_err(|problem| problem.to_string())?;
    if jid.as_str() == text { Ok(()) } else { Err(format!("the address `{text}` is written `{jid}`")) }
}

fn choice<T>(what: &str, value: &str, parse: fn(&str) -> Option<T>) -> Checked<T> {
    parse(value).ok_or_else(|| format!("`{what}` cannot be `{value}`"))
}

/// A text that can stand in a stanza.
fn text(what: &str, text: &str, chars_max: usize) -> Checked<()> {
    let is_illegal = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if text.chars().any(is_illegal) {
        return Err(format!("`{what}` has a character that XML does not have"));
    }
    if text.len() > chars_max && text.chars().count() > chars_max {
        return Err(format!("`{what}` has more than {chars_max} characters"));
    }
    Ok(())
}

fn count(what: &str, number: i64) -> Checked<()> {
    if (0..=COUNT_MAX).contains(&number) { Ok(()) } else { Err(format!("`{what}` cannot be {number}")) }
}
