//! What administrators are shown. What members said is not among it.

use groupchat_core::page::{From, Page};
use groupchat_core::{BareJid, GroupId, PendingKind, Timestamp, Unreachable};
use groupchat_store::{Audited, Store, StoreError};

use super::report::Report;
use crate::returned::CameBack;
use crate::watch::Watch;

/// Groups of a user that are shown.
const GROUPS_MAX: usize = 1_000;
/// Rows of a list that are shown at once, however many are asked for.
const ROWS_MAX: u64 = 1_000;

/// How the service is, at this moment: whether or not anybody takes samples.
pub(super) async fn status(watch: &Watch) -> Report {
    watch.look().await;
    watch.count().await;
    let link = watch.metrics.link.numbers();
    let (copies, bytes) = watch.metrics.queue_load();
    Report::of(if link.is_up { "at work" } else { "without a link" })
        .fact("link", if link.is_up { "up" } else { "down" })
        .fact("connections", link.connections)
        .fact("database", if watch.metrics.database_up.get() == 1 { "up" } else { "down" })
        .fact("groups", watch.metrics.groups.get())
        .fact("members", watch.metrics.members.get())
        .fact("sessions", watch.metrics.sessions.get())
        .fact("messages", format!("{} stored since the start", watch.metrics.messages.get()))
        .fact("waiting", format!("{copies} copies, {} KiB", bytes / 1_024))
        .fact("refused", watch.metrics.refused.get())
        .fact("came back", watch.metrics.bounces.get())
}

/// Groups, a row each.
pub(super) async fn groups(
    store: &Store,
    search: Option<&str>,
    after: Option<&str>,
    limit: u64,
) -> Result<Report, StoreError> {
    let limit = limit.min(ROWS_MAX);
    let found = store.list_groups(search, after, limit).await?;
    let more = match found.last() {
        Some(last) if found.len() as u64 == limit => format!("; there may be more: --after {}", last.id),
        _ => String::new(),
    };
    let rows: Vec<_> = found
        .into_iter()
        .map(|group| [group.id.to_string(), group.members.to_string(), group.visibility, group.name])
        .collect();
    let note = format!("{} groups{more}", rows.len());
    Ok(Report::of(note).table(["id", "members", "visibility", "name"], rows))
}

/// One group.
pub(super) async fn group(store: &Store, id: &GroupId) -> Result<Report, StoreError> {
    let Some(group) = store.load(id).await? else {
        return Ok(Report::of(format!("there is no group `{id}`")));
    };
    let note = format!("{} members, {} messages that count", group.members().len(), group.countable);
    let mut report = Report::of(note);
    if group.deleted {
        report = report.fact("deleted", "yes; its id stays taken");
    }
    if let Some(hold) = store.held(id).await? {
        let since = jiff::Timestamp::from_millisecond(hold.since.0).map(|at| at.to_string());
        report = report.fact("legal hold", format!("since {}: {}", since.unwrap_or_default(), hold.why));
    }
    for (name, value) in group.settings.properties() {
        report = report.fact(name, value);
    }
    let nothing = String::new;
    let members = group.members().iter().map(|member| {
        let role = member.role.as_str().to_owned();
        [role, member.jid.to_string(), member.mid.to_string(), member.nick.to_string()]
    });
    let pending = group.pending().iter().map(|pending| {
        let kind = match &pending.kind {
            PendingKind::Request => "asks".to_owned(),
            PendingKind::Invitation { by } => format!("invited by {by}"),
        };
        [kind, pending.jid.to_string(), nothing(), nothing()]
    });
    let banned = group.banned();
    let banned = banned.iter().map(|jid| ["banned".to_owned(), jid.to_string(), nothing(), nothing()]);
    let people = members.chain(pending).chain(banned).collect();
    Ok(report.table(["role", "address", "id", "nick"], people))
}

/// One user.
pub(super) async fn user(store: &Store, jid: &BareJid, now: Timestamp) -> Result<Report, StoreError> {
    let inbox = store.inbox(jid, &Page { from: From::Start, items_max: GROUPS_MAX }, now).await?;
    let devices = store.sessions_of(jid).await?.into_iter().map(|(device, _)| device.to_string());
    let unreachable = store.why_unreachable(jid).await?;
    let rows = inbox.page.items.iter().map(|item| {
        let (role, read) = (item.role.as_str().to_owned(), item.read.to_string());
        [item.id.to_string(), role, item.unread.to_string(), read, item.name.to_string()]
    });
    let rows = rows.collect();
    Ok(Report::of(format!("in {} groups", inbox.page.total))
        .facts("online", devices.collect())
        .facts("no copies for later", unreachable.map(|why| why.as_str().into()).into_iter().collect())
        .table(["group", "role", "unread", "read up to", "name"], rows))
}

/// How messages of a group reach one of its members.
pub(super) async fn member(
    store: &Store,
    id: &GroupId,
    jid: &BareJid,
    returned: Vec<CameBack>,
) -> Result<Report, StoreError> {
    let group = store.load(id).await?.filter(|group| !group.deleted);
    let Some(group) = group else { return Ok(Report::of(format!("there is no group `{id}`"))) };
    let Some(member) = group.member(jid) else {
        return Ok(Report::of(format!("{jid} is no member of `{id}`")));
    };
    let devices = store.sessions_of(jid).await?;
    let devices = devices.into_iter().map(|(device, since)| format!("{device} since {}", date(since)));
    let present = store.present_in(id).await?.into_iter().filter(|device| device.bare() == jid);
    let copies = match store.why_unreachable(jid).await? {
        None => "yes",
        Some(Unreachable::Full) => "no: the server says that it keeps no more",
        Some(Unreachable::Gone) => "no: the server says that there is no such account",
        Some(Unreachable::InRooms) => "no: only ever seen in rooms, whose clients ask the archive",
    };
    let rows: Vec<_> =
        returned.into_iter().map(|one| [date(one.at), one.from, one.condition, one.id]).collect();
    Ok(Report::of(format!("{} came back lately", rows.len()))
        .fact("role", member.role.as_str())
        .fact("id", &member.mid)
        .fact("nick", &member.nick)
        .fact("member since", date(member.joined))
        .fact("gets messages", member.receive.as_str())
        .facts("muted until", member.mute_until.map(date).into_iter().collect())
        .fact("read up to", member.read)
        .fact("unread", group.countable - member.seen)
        .facts("online", devices.collect())
        .facts("in the room", present.map(|device| device.to_string()).collect())
        .fact("gets copies for later", copies)
        .table(["at", "from", "why", "message"], rows))
}

fn date(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| String::new(), |at| at.to_string())
}

/// The newest acts, oldest first; of those before a line, if it is named.
pub(super) async fn audit(store: &Store, before: Option<u64>, limit: u64) -> Result<Report, StoreError> {
    let before = before.map(|number| i64::try_from(number).unwrap_or(i64::MAX));
    let limit = limit.min(ROWS_MAX);
    let lines = store.audited(before, limit).await?;
    let older = match lines.first() {
        Some(first) if lines.len() as u64 == limit => format!("; what is older: --before {}", first.number),
        _ => String::new(),
    };
    let row = |line: Audited| [line.number.to_string(), date(line.at), line.by, line.act, line.outcome];
    let rows: Vec<_> = lines.into_iter().map(row).collect();
    let note = format!("{} lines{older}", rows.len());
    Ok(Report::of(note).table(["line", "at", "by", "act", "outcome"], rows).last_first())
}
