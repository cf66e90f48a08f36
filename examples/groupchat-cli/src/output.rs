//! How things look: for people, and as JSON.

use std::io::Write as _;

use groupchat_client::{
    Announced, Announcement, Content, GroupState, GroupView, Item, Message, News, Readers, Via,
};
use serde_json::{Map, Value, json};

use crate::session::Problem;

/// Where and how results are told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// One thing: the object, or the line for people.
    pub(crate) fn tell(self, object: &Value, line: &str) {
        let text = if self.json { object.to_string() } else { clean(line) };
        if !text.is_empty() {
            print(&text);
        }
    }

    /// What went wrong, for people where errors go.
    pub(crate) fn problem(self, problem: &anyhow::Error) {
        let (object, line) = failure(problem);
        if self.json {
            print(&object.to_string());
        } else {
            // There is nobody to tell if this cannot be written either.
            writeln!(std::io::stderr(), "error: {}", clean(&line)).ok();
        }
    }
}

/// What went wrong.
pub(crate) fn failure(problem: &anyhow::Error) -> (Value, String) {
    let condition = match problem.downcast_ref::<Problem>() {
        Some(Problem::Refused(refusal)) => Some(refusal.condition.as_str()),
        _ => None,
    };
    let text = format!("{problem:#}");
    (json!({ "type": "error", "text": text, "condition": condition }), text)
}

/// Writes a line; whoever reads them may be gone, and then there is nothing more to do.
fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// A line without what would move a terminal's cursor or change its colours.
pub(crate) fn clean(line: &str) -> String {
    line.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

pub(crate) fn group(state: &GroupState) -> (Value, String) {
    let last = state.last();
    let object = json!({
        "type": "group",
        "group": state.address(),
        "name": state.name(),
        "role": state.role(),
        "unread": state.unread(),
        "mentions": state.mentioned(),
        "receive": state.receive(),
        "muted_until": state.muted_until(),
        "last": last.map(|(stanza_id, from, text)| json!({ "stanza_id": stanza_id, "from": from, "text": text })),
    });
    let mut line = format!("{:<24} {}", state.name(), state.address());
    if state.unread() > 0 {
        line += &format!("  {} unread", state.unread());
    }
    if state.mentioned() > 0 {
        line += &format!(", {} for you", state.mentioned());
    }
    if state.muted_until().is_some() || state.receive().is_some_and(|receive| receive != "all") {
        line += "  (muted)";
    }
    if let Some((_, from, text)) = last {
        let beginning: String = text.lines().next().unwrap_or_default().chars().take(60).collect();
        line += &format!("\n    {}: {beginning}", state.nick(from));
    }
    (object, line)
}

pub(crate) fn member(group: &str, item: &Item) -> (Value, String) {
    let object = json!({
        "type": "member", "group": group, "jid": item.jid, "mid": item.mid, "nick": item.nick, "role": item.role,
    });
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    (object, format!("{:<20} {:<8} {}", text(&item.nick), text(&item.role), text(&item.jid)))
}

pub(crate) fn readers(group: &str, stanza_id: &str, readers: &Readers) -> (Value, String) {
    let members: Vec<Value> =
        readers.who.iter().map(|(mid, stamp)| json!({ "mid": mid, "stamp": stamp })).collect();
    let object = json!({
        "type": "readers", "group": group, "stanza_id": stanza_id, "members": members,
        "read": readers.read, "unread": readers.unread,
    });
    let who: Vec<&str> = readers.who.iter().map(|(mid, _)| mid.as_str()).collect();
    let line = format!("read by {} of {}: {}", readers.read, readers.read + readers.unread, who.join(", "));
    (object, line.trim_end_matches(": ").to_owned())
}

/// A message or event of the timeline.
pub(crate) fn message(state: &GroupState, view: &GroupView, message: &Message) -> Option<(Value, String)> {
    let (group, stanza_id) = (state.address(), message.stanza_id.as_deref());
    let nick = message.mid.as_deref().map(|mid| state.nick(mid)).unwrap_or_default();
    let is_own = state.is_own(message);
    let (text, corrects) = match &message.content {
        Content::Text(text) => (text, None),
        Content::Correction { of, text } => (text, Some(of)),
        Content::Event(event) => return Some(announced(group, event, stanza_id)),
        Content::Retracted => {
            let object = json!({ "type": "retracted", "group": group, "stanza_id": stanza_id });
            return Some((object, format!("{nick}: (taken back)")));
        }
        Content::Subject(subject) => {
            let object =
                json!({ "type": "subject", "group": group, "stanza_id": stanza_id, "text": subject });
            return Some((object, format!("* {nick} sets the subject: {subject}")));
        }
        Content::Retraction { of, .. } => {
            let object = json!({ "type": "retracted", "group": group, "stanza_id": of });
            return Some((object, format!("* {nick} takes a message back")));
        }
        Content::Other => {
            let object = json!({
                "type": "payload", "group": group, "stanza_id": stanza_id, "id": message.id, "from": message.mid,
            });
            return Some((object, format!("{nick}: (something that cannot be shown here)")));
        }
        Content::ChatState(state) => {
            let object = json!({ "type": "state", "group": group, "from": message.mid, "state": state });
            return Some((object, String::new()));
        }
    };
    let mentioned = !is_own && message.mentions(view.account(), state.own_mid());
    let object = json!({
        "type": "message", "group": group, "stanza_id": stanza_id, "id": message.id, "from": message.mid,
        "nick": nick, "own": is_own, "text": text, "mentioned": mentioned, "corrects": corrects,
        "via": match message.via { Via::Live => "live", Via::Offline => "offline", Via::Archive => "archive" },
        "stamp": message.stamp,
    });
    let mark = if corrects.is_some() { " (corrected)" } else { "" };
    let bell = if mentioned { "» " } else { "" };
    Some((object, format!("{bell}{nick}: {text}{mark}")))
}

/// A change of a group.
pub(crate) fn announced(group: &str, event: &Announcement, stanza_id: Option<&str>) -> (Value, String) {
    let change = match event.kind {
        Announced::Created => "created",
        Announced::Updated => "updated",
        Announced::Deleted => "deleted",
        Announced::Added => "added",
        Announced::Removed => "removed",
        Announced::MembersUpdated => "members-updated",
        Announced::MySettings => "my-settings",
        Announced::Join => "asks-to-join",
    };
    let settings: Map<String, Value> =
        event.properties.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let members: Vec<Value> = event
        .items
        .iter()
        .map(|item| json!({ "jid": item.jid, "mid": item.mid, "nick": item.nick, "role": item.role }))
        .collect();
    let object = json!({
        "type": "event", "group": group, "change": change, "members": members, "settings": settings,
        "stanza_id": stanza_id,
    });
    let names: Vec<&str> = event
        .items
        .iter()
        .filter_map(|item| item.nick.as_deref().or(item.mid.as_deref()).or(item.jid.as_deref()))
        .collect();
    let names = names.join(", ");
    let values: Vec<String> =
        event.properties.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let line = match event.kind {
        Announced::Created => "* the group was made".to_owned(),
        Announced::Updated => format!("* {}", values.join(", ")),
        Announced::Deleted => "* the group was deleted".to_owned(),
        Announced::Added => format!("* {names} came"),
        Announced::Removed => format!("* {names} went"),
        Announced::MembersUpdated => {
            let now = |item: &Item| {
                format!(
                    "{} is {}",
                    item.nick.clone().unwrap_or_default(),
                    item.role.clone().unwrap_or_default()
                )
            };
            format!("* {}", event.items.iter().map(now).collect::<Vec<_>>().join(", "))
        }
        Announced::MySettings => format!("* my settings: {}", values.join(", ")),
        Announced::Join => format!("* {names} asks to be let in"),
    };
    (object, line)
}

/// What happened, as far as it is to be told.
pub(crate) fn news(view: &GroupView, news: &News) -> Option<(Value, String)> {
    Some(match news {
        News::Message { group, stanza_id } => {
            let state = view.group(group)?;
            message(state, view, state.message(stanza_id)?)?
        }
        News::Passing(passing) => message(view.group(&passing.group)?, view, passing)?,
        News::Announced { group, announcement } => announced(group, announcement, None),
        News::Stored { group, id, stanza_id } => {
            (json!({ "type": "stored", "group": group, "id": id, "stanza_id": stanza_id }), String::new())
        }
        News::Refused { group, id, refusal } => (
            json!({
                "type": "error", "group": group, "id": id, "condition": refusal.condition, "text": refusal.text,
            }),
            format!("! not sent: {refusal}"),
        ),
        News::Read { group, mid, id } => {
            let nick = view.group(group).map_or_else(|| mid.clone(), |state| state.nick(mid));
            (json!({ "type": "read", "group": group, "by": mid, "id": id }), format!("  ✓✓ read by {nick}"))
        }
        News::Gone { group } => {
            (json!({ "type": "gone", "group": group }), format!("* you are no longer in {group}"))
        }
        News::Invited(invitation) => (
            json!({
                "type": "invited", "group": invitation.group, "name": invitation.name, "by": invitation.by,
                "text": invitation.text,
            }),
            format!("* you are invited to “{}” ({}): join or leave it", invitation.name, invitation.group),
        ),
        News::Private { group, mid, body } => {
            let object = json!({ "type": "private", "group": group, "from": mid, "text": body });
            (object, format!("{mid} (to you alone): {body}"))
        }
        News::CaughtUp => (json!({ "type": "ready" }), String::new()),
        News::CatchUpRefused(refusal) => (
            json!({ "type": "error", "condition": refusal.condition, "text": refusal.text }),
            format!("! what was missed cannot be read: {refusal}"),
        ),
        News::Changed { .. } | News::History { .. } => return None,
    })
}
