//! `watch`: shows what comes, until it is interrupted.

use std::time::Duration;

use anyhow::Result;
use groupchat_client::News;
use serde_json::json;

use crate::login::Login;
use crate::output::{self, Output};
use crate::session::{Happening, Session};

/// Shows everything, or what is of these groups.
pub(crate) async fn run(
    login: &Login,
    output: &Output,
    groups: &[String],
    mark_read: bool,
    seconds: Option<u64>,
) -> Result<()> {
    let mut session = Session::open(login, true);
    let wanted: Vec<String> =
        groups.iter().map(|group| login.service.group(group).address().to_owned()).collect();
    let until = tokio::time::Instant::now()
        + seconds.map_or(Duration::from_secs(u32::MAX.into()), Duration::from_secs);
    loop {
        let happening = tokio::select! {
            happening = session.next() => happening?,
            () = tokio::time::sleep_until(until) => break,
            _ = tokio::signal::ctrl_c() => break,
        };
        match happening {
            Happening::Online => output.tell(&json!({ "type": "online" }), ""),
            Happening::Offline => output.tell(&json!({ "type": "offline" }), "(offline)"),
            Happening::News(news) => {
                for news in news.iter().filter(|news| concerns(news, &wanted)) {
                    show(&mut session, output, news, mark_read);
                }
                session.flush().await?;
            }
        }
    }
    session.close().await;
    Ok(())
}

fn show(session: &mut Session, output: &Output, news: &News, mark_read: bool) {
    if let Some((object, line)) = output::news(&session.view, news) {
        let line = group_of(news)
            .filter(|_| !line.is_empty())
            .map_or(line.clone(), |group| format!("[{group}] {line}"));
        output.tell(&object, &line);
    }
    if let (true, News::Message { group, stanza_id }) = (mark_read, news) {
        session.view.mark_read(group, stanza_id);
    }
}

fn concerns(news: &News, wanted: &[String]) -> bool {
    wanted.is_empty() || group_of(news).is_none_or(|group| wanted.iter().any(|wanted| wanted == group))
}

/// The group that something happened in.
pub(crate) fn group_of(news: &News) -> Option<&str> {
    match news {
        News::Message { group, .. }
        | News::Stored { group, .. }
        | News::Refused { group, .. }
        | News::Read { group, .. }
        | News::Announced { group, .. }
        | News::Changed { group }
        | News::History { group }
        | News::Gone { group }
        | News::Private { group, .. } => Some(group),
        News::Passing(message) => Some(&message.group),
        News::Invited(invitation) => Some(&invitation.group),
        News::CaughtUp | News::CatchUpRefused(_) => None,
    }
}
