//! Commands that do one thing and end.

use std::io::Read as _;

use anyhow::{Context as _, Result, bail};
use groupchat_client::{Group, NewGroup, News, Request};
use serde_json::json;

use crate::login::Login;
use crate::options::Action;
use crate::output::{self, Output};
use crate::session::{Problem, Session};

/// Does it.
pub(crate) async fn run(login: &Login, output: &Output, action: Action) -> Result<()> {
    let mut session = Session::caught_up(login).await?;
    let done = act(&mut session, output, action).await;
    session.close().await;
    done
}

async fn act(session: &mut Session, output: &Output, action: Action) -> Result<()> {
    match action {
        Action::Groups => {
            let mut groups: Vec<_> = session.view.groups().collect();
            groups.sort_by_key(|group| std::cmp::Reverse(group.last().map(|(id, ..)| id.to_owned())));
            for group in groups {
                let (object, line) = output::group(group);
                output.tell(&object, &line);
            }
            for invitation in session.view.invitations() {
                let news = News::Invited(invitation.clone());
                tell(session, output, &news);
            }
            Ok(())
        }
        Action::Read { group, last, mark } => read(session, output, &group, last, mark).await,
        Action::Send { group, text, mention } => say(session, output, &group, text, &mention).await,
        Action::Create { name, id, member, set } => create(session, output, &name, id, &member, &set).await,
        Action::Members { group } => {
            let address = session.find(&group)?.address().to_owned();
            let mut paging = groupchat_client::Paging::max(100);
            loop {
                let page = session.ask(&Group::new(&address).members(Some(&paging))).await?;
                for item in &page.items {
                    let (object, line) = output::member(&address, item);
                    output.tell(&object, &line);
                }
                let Some(last) = page.last else { return Ok(()) };
                paging.after = Some(last);
            }
        }
        Action::Receipts { group, message } => {
            let address = session.find(&group)?.address().to_owned();
            let readers = session.ask(&Group::new(&address).readers(&message)).await?;
            let (object, line) = output::readers(&address, &message, &readers);
            output.tell(&object, &line);
            Ok(())
        }
        Action::Mark { group } => {
            let address = session.find(&group)?.address().to_owned();
            mark(session, &address).await?;
            done(output)
        }
        Action::Retract { group, message } => {
            let address = session.find(&group)?.address().to_owned();
            let draft = groupchat_client::Draft::retraction(&message);
            post(session, output, &address, &draft).await
        }
        action => operate(session, output, action).await,
    }
}

/// What is asked of a group and just done.
async fn operate(session: &mut Session, output: &Output, action: Action) -> Result<()> {
    let group_of = |wanted: &str| session.find(wanted).map(|group| Group::new(group.address()));
    let request: Request<()> = match &action {
        Action::Add { group, jids } => group_of(group)?.add(jids.iter().map(String::as_str)),
        Action::Remove { group, jid, ban: false } => group_of(group)?.remove(jid),
        Action::Remove { group, jid, ban: true } => group_of(group)?.ban(jid),
        // One need not be in it: an invitation is declined like this.
        Action::Leave { group } => {
            group_of(group).unwrap_or_else(|_| session.view.service().group(group)).leave()
        }
        Action::Join { group, nick } => session.view.service().group(group).join(nick.as_deref()),
        Action::Rename { group, name } => group_of(group)?.rename(name),
        Action::Set { group, settings } => group_of(group)?.update(pairs(settings)?),
        Action::Role { group, jid, role } => group_of(group)?.set_role(jid, role),
        Action::Delete { group } => group_of(group)?.delete(),
        Action::Mute { group, mentions: true, .. } => group_of(group)?.receive("mentions"),
        Action::Mute { group, until: Some(until), .. } => group_of(group)?.mute_until(until),
        Action::Mute { group, .. } => group_of(group)?.receive("none"),
        Action::Unmute { group } => group_of(group)?.my_settings([("receive", "all"), ("mute_until", "")]),
        _ => bail!("that is no operation on a group"),
    };
    session.ask(&request).await?;
    done(output)
}

fn done(output: &Output) -> Result<()> {
    output.tell(&json!({ "type": "done" }), "");
    Ok(())
}

fn tell(session: &Session, output: &Output, news: &News) {
    if let Some((object, line)) = output::news(&session.view, news) {
        output.tell(&object, &line);
    }
}

async fn read(session: &mut Session, output: &Output, group: &str, last: usize, mark_it: bool) -> Result<()> {
    let address = session.find(group)?.address().to_owned();
    load(session, &address, last).await?;
    let state = session.view.group(&address).context("you are no longer in it")?;
    let shown: Vec<_> = state.timeline().rev().take(last).collect();
    for message in shown.into_iter().rev() {
        if let Some((object, line)) = output::message(state, &session.view, message) {
            output.tell(&object, &line);
        }
    }
    if mark_it {
        mark(session, &address).await?;
    }
    Ok(())
}

/// Loads of the archive what is not there yet, until there are so many messages, or no more.
pub(crate) async fn load(session: &mut Session, address: &str, last: usize) -> Result<()> {
    loop {
        let state = session.view.group(address).context("you are no longer in it")?;
        if state.reaches_start() || state.timeline().count() >= last {
            return Ok(());
        }
        session.view.load_history(address);
        let there =
            |_: &_, news: &News| matches!(news, News::History { group } if group == address).then_some(());
        session.until(there).await?;
    }
}

/// Tells the group that everything is read, and makes sure that it was heard.
async fn mark(session: &mut Session, address: &str) -> Result<()> {
    let newest = session.view.group(address).and_then(|state| state.last().map(|(id, ..)| id.to_owned()));
    if let Some(newest) = newest {
        session.view.mark_read(address, &newest);
        session.flush().await?;
        // Answered when everything before it is stored.
        let ping = session.view.service().ping();
        session.ask(&ping).await?;
    }
    Ok(())
}

async fn say(
    session: &mut Session,
    output: &Output,
    group: &str,
    text: String,
    mention: &[String],
) -> Result<()> {
    let address = session.find(group)?.address().to_owned();
    let text = if text == "-" { standard_input()? } else { text };
    let draft = session.draft(&address, &text, mention).await?;
    post(session, output, &address, &draft).await
}

async fn post(
    session: &mut Session,
    output: &Output,
    address: &str,
    draft: &groupchat_client::Draft,
) -> Result<()> {
    let posted = session.post(address, draft).await?;
    let outcome = session.until(|_, news| match news {
        News::Stored { id, .. } if *id == posted => Some(Ok(news.clone())),
        News::Refused { id: Some(id), refusal, .. } if *id == posted => Some(Err(refusal.clone())),
        _ => None,
    });
    match outcome.await? {
        Ok(stored) => tell(session, output, &stored),
        Err(refusal) => return Err(Problem::Refused(refusal).into()),
    }
    Ok(())
}

fn standard_input() -> Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("cannot read the standard input")?;
    Ok(text.trim_end_matches('\n').to_owned())
}

async fn create(
    session: &mut Session,
    output: &Output,
    name: &str,
    id: Option<String>,
    members: &[String],
    settings: &[String],
) -> Result<()> {
    let mut group = NewGroup::named(name);
    for (name, value) in pairs(settings)? {
        group = group.with(name, value);
    }
    for jid in members {
        group = group.member(jid);
    }
    let service = session.view.service().clone();
    let request = match id {
        Some(id) => service.group(&id).create(group),
        None => service.create(group),
    };
    let made = session.ask(&request).await?;
    let object = json!({ "type": "created", "group": made.jid, "id": made.id, "name": name });
    output.tell(&object, &made.jid);
    Ok(())
}

fn pairs(settings: &[String]) -> Result<Vec<(&str, &str)>> {
    let pair = |setting: &'_ String| -> Result<()> {
        setting.split_once('=').map(|_| ()).with_context(|| format!("`{setting}` is not NAME=VALUE"))
    };
    settings.iter().try_for_each(pair)?;
    Ok(settings.iter().filter_map(|setting| setting.split_once('=')).collect())
}
