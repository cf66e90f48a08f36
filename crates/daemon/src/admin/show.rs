//! What administrators are shown, as lines for people. What members said is not among it.

use std::fmt::Write as _;

use groupchat_core::page::{From, Page};
use groupchat_core::{BareJid, GroupId, PendingKind, Timestamp};
use groupchat_store::{Store, StoreError};

use crate::watch::Watch;

/// Groups of a user that are shown.
const GROUPS_MAX: usize = 1_000;

/// How the service is.
pub(super) fn status(watch: &Watch) -> String {
    let link = watch.metrics.link.numbers();
    let (copies, bytes) = watch.metrics.queue_load();
    format!(
        "link          {}\nconnections   {}\nsessions      {}\nmessages      {} stored since the start\n\
         waiting       {copies} copies, {} KiB\nrefused       {}\ncame back     {}",
        if link.is_up { "up" } else { "down" },
        link.connections,
        watch.metrics.sessions.get(),
        watch.metrics.messages.get(),
        bytes / 1_024,
        watch.metrics.refused.get(),
        watch.metrics.bounces.get(),
    )
}

/// Groups, one a line.
pub(super) async fn groups(
    store: &Store,
    search: Option<&str>,
    after: Option<&str>,
    limit: u64,
) -> Result<String, StoreError> {
    let found = store.list_groups(search, after, limit).await?;
    let mut text = String::new();
    for group in &found {
        let _ =
            writeln!(text, "{}\t{} members\t{}\t{}", group.id, group.members, group.visibility, group.name);
    }
    let _ = write!(text, "{} groups", found.len());
    Ok(text)
}

/// One group.
pub(super) async fn group(store: &Store, id: &GroupId) -> Result<String, StoreError> {
    let Some(group) = store.load(id).await? else { return Ok(format!("there is no group `{id}`")) };
    let mut text = String::new();
    if group.deleted {
        text.push_str("deleted; its id stays taken\n");
    }
    for (name, value) in group.settings.properties() {
        let _ = writeln!(text, "{name:<15} {value}");
    }
    for member in group.members() {
        let _ = writeln!(text, "{:<8} {}\t{}\t{}", member.role.as_str(), member.jid, member.mid, member.nick);
    }
    for pending in group.pending() {
        let kind = match &pending.kind {
            PendingKind::Request => "asks to join".to_owned(),
            PendingKind::Invitation { by } => format!("invited by {by}"),
        };
        let _ = writeln!(text, "waiting  {}\t{kind}", pending.jid);
    }
    let _ = write!(text, "{} members, {} messages that count", group.members().len(), group.countable);
    Ok(text)
}

/// One user.
pub(super) async fn user(store: &Store, jid: &BareJid, now: Timestamp) -> Result<String, StoreError> {
    let mut text = String::new();
    let inbox = store.inbox(jid, &Page { from: From::Start, items_max: GROUPS_MAX }, now).await?;
    for item in &inbox.page.items {
        let _ = writeln!(
            text,
            "{:<8} {}\t{} unread\tread up to {}\t{}",
            item.role.as_str(),
            item.id,
            item.unread,
            item.read,
            item.name
        );
    }
    for (device, address, _) in store.sessions().await? {
        if device.bare() == jid {
            let _ = writeln!(
                text,
                "online   {device}\t{}",
                address.map_or_else(String::new, |at| at.to_string())
            );
        }
    }
    for (account, why) in store.unreachable().await? {
        if account == *jid {
            let _ = writeln!(text, "gets no copies for later: {why:?}");
        }
    }
    let _ = write!(text, "in {} groups", inbox.page.total);
    Ok(text)
}

/// The newest acts, oldest first.
pub(super) async fn audit(store: &Store, limit: u64) -> Result<String, StoreError> {
    let lines = store.audited(limit).await?.into_iter().map(|entry| {
        let at =
            jiff::Timestamp::from_millisecond(entry.at.0).map_or_else(|_| String::new(), |at| at.to_string());
        format!("{at}\t{}\t{}\t{}", entry.by, entry.act, entry.outcome)
    });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}
