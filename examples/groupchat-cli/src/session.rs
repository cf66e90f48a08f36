//! One's groups on a connection: what arrives goes into the view, and what the view wants said is sent.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use groupchat_client::{AnswerError, Draft, GroupState, GroupView, News, Refusal, Request};
use minidom::Element;
use tokio::time::{Instant, Interval, MissedTickBehavior, timeout_at};

use crate::link::{Input, Link};
use crate::login::{Login, letters};

/// How long the service may take to answer a command.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often what is not answered is asked again.
const RETRY: Duration = Duration::from_secs(5);

/// Why something cannot be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("the service refuses: {0}")]
    Refused(Refusal),
    #[error("{0}")]
    Login(String),
    #[error("the service does not answer")]
    Silent,
}

/// What happened.
#[derive(Debug)]
pub(crate) enum Happening {
    Online,
    Offline,
    News(Vec<News>),
}

pub(crate) struct Session {
    pub view: GroupView,
    link: Link,
    retry: Interval,
    is_present: bool,
    is_online: bool,
    requests: u64,
    answers: Vec<Element>,
    /// What happened while something else was waited for.
    backlog: VecDeque<Happening>,
}

impl Session {
    /// Starts connecting. `is_present`: take what the server keeps for the account, and be seen by its contacts.
    pub(crate) fn open(login: &Login, is_present: bool) -> Self {
        let mut retry = tokio::time::interval(RETRY);
        retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
        retry.reset();
        Self {
            view: GroupView::new(login.service.clone(), login.jid.to_bare().as_str()),
            link: Link::open(login),
            retry,
            is_present,
            is_online: false,
            requests: 0,
            answers: Vec::new(),
            backlog: VecDeque::new(),
        }
    }

    /// Starts, and waits until everything that was missed is there.
    pub(crate) async fn caught_up(login: &Login) -> Result<Self> {
        let mut session = Self::open(login, false);
        let outcome = |_: &GroupView, news: &News| match news {
            News::CaughtUp => Some(Ok(())),
            News::CatchUpRefused(refusal) => Some(Err(refusal.clone())),
            _ => None,
        };
        session.until(outcome).await??;
        // The list of groups is asked for at the same time.
        while session.view.is_waiting() {
            session.settle().await?;
        }
        session.forget_backlog();
        Ok(session)
    }

    /// Waits until something more is known of what is asked for at a login.
    pub(crate) async fn settle(&mut self) -> Result<()> {
        let happening = tokio::time::timeout(PATIENCE, self.step()).await.map_err(|_| Problem::Silent)??;
        self.backlog.push_back(happening);
        Ok(())
    }

    /// What happened until now is in the view, and is not to be told one by one.
    pub(crate) fn forget_backlog(&mut self) {
        self.backlog.clear();
    }

    /// What happens next. May be dropped without losing anything that is not asked for again.
    pub(crate) async fn next(&mut self) -> Result<Happening> {
        match self.backlog.pop_front() {
            Some(happening) => Ok(happening),
            None => self.step().await,
        }
    }

    async fn step(&mut self) -> Result<Happening> {
        self.flush().await?;
        loop {
            let input = tokio::select! {
                input = self.link.next() => input?,
                _ = self.retry.tick() => {
                    if self.is_online && self.view.is_waiting() {
                        self.view.retry();
                        self.flush().await?;
                    }
                    continue;
                }
            };
            self.is_online = !matches!(input, Input::Offline);
            let happening = match input {
                Input::Online => {
                    if self.is_present {
                        self.link.send(&Element::bare("presence", "jabber:client")).await?;
                    }
                    self.view.connected();
                    Happening::Online
                }
                Input::Offline => Happening::Offline,
                Input::Resumed => Happening::Online,
                Input::Stanza(stanza) => {
                    let is_answer =
                        stanza.name() == "iq" && stanza.attr("id").is_some_and(|id| id.starts_with("cli"));
                    if is_answer {
                        self.answers.push(stanza);
                        Happening::News(Vec::new())
                    } else if let Some(answer) = pong(&stanza) {
                        self.link.send(&answer).await?;
                        continue;
                    } else {
                        Happening::News(self.view.take(&stanza))
                    }
                }
            };
            self.retry.reset();
            self.flush().await?;
            return Ok(happening);
        }
    }

    /// Sends what the view wants said.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        while let Some(stanza) = self.view.next_stanza() {
            self.link.send(&stanza).await?;
        }
        Ok(())
    }

    /// Waits for the news that is looked for.
    pub(crate) async fn until<T>(
        &mut self,
        mut wanted: impl FnMut(&GroupView, &News) -> Option<T>,
    ) -> Result<T> {
        let until = Instant::now() + PATIENCE;
        loop {
            let happening = timeout_at(until, self.step()).await.map_err(|_| Problem::Silent)??;
            let found = match &happening {
                Happening::News(news) => news.iter().find_map(|news| wanted(&self.view, news)),
                Happening::Online | Happening::Offline => None,
            };
            self.backlog.push_back(happening);
            if let Some(found) = found {
                return Ok(found);
            }
        }
    }

    /// Asks, and waits for the answer. What happens meanwhile comes by [`Self::next`].
    pub(crate) async fn ask<A>(&mut self, request: &Request<A>) -> Result<A> {
        self.requests += 1;
        let id = format!("cli{}", self.requests);
        self.link.send(&request.iq(&id)).await?;
        let until = Instant::now() + PATIENCE;
        loop {
            let happening = timeout_at(until, self.step()).await.map_err(|_| Problem::Silent)??;
            self.backlog.push_back(happening);
            let mine = |answer: &Element| {
                answer.attr("id") == Some(&id) && answer.attr("from") == Some(request.to())
            };
            let Some(position) = self.answers.iter().position(mine) else { continue };
            return match request.answer(&self.answers.remove(position)) {
                Ok(answer) => Ok(answer),
                Err(AnswerError::Refused(refusal)) => Err(Problem::Refused(refusal).into()),
                Err(AnswerError::Unreadable(what)) => Err(what.into()),
            };
        }
    }

    /// Says something; gives the id under which it was posted.
    pub(crate) async fn post(&mut self, group: &str, draft: &Draft) -> Result<String> {
        let id = letters(16);
        self.view.post(group, &id, draft);
        self.flush().await?;
        Ok(id)
    }

    /// The group that is meant: by address, id or name.
    pub(crate) fn find(&self, wanted: &str) -> Result<&GroupState> {
        let address = self.view.service().group(wanted).address().to_owned();
        if let Some(found) = self.view.group(&address) {
            return Ok(found);
        }
        let named: Vec<&GroupState> = self.view.groups().filter(|group| group.name() == wanted).collect();
        match named.as_slice() {
            [one] => Ok(one),
            [] => bail!("you are in no group `{wanted}`"),
            several => {
                let addresses: Vec<&str> = several.iter().map(|group| group.address()).collect();
                bail!("several groups are called `{wanted}`: {}", addresses.join(", "))
            }
        }
    }

    /// What is to be said, with those mentioned whose `@nick` stands in it, or who are named.
    pub(crate) async fn draft(&mut self, group: &str, text: &str, named: &[String]) -> Result<Draft> {
        let mut draft = Draft::text(text);
        if !text.contains('@') && named.is_empty() {
            return Ok(draft);
        }
        let members = self.members(group).await?;
        if named.iter().any(|nick| nick == "all") || says(text, "all") {
            draft = draft.mention_all();
        }
        for (mid, nick) in &members {
            if says(text, nick) || named.contains(nick) || named.contains(mid) {
                draft = draft.mention(mid, nick);
            }
        }
        let unknown = named
            .iter()
            .find(|name| *name != "all" && !members.iter().any(|(mid, nick)| mid == *name || nick == *name));
        match unknown {
            Some(unknown) => bail!("nobody in the group is called `{unknown}`"),
            None => Ok(draft),
        }
    }

    /// Member ids and nicks.
    async fn members(&mut self, group: &str) -> Result<Vec<(String, String)>> {
        if self.view.group(group).context("no such group")?.members().is_none() {
            self.view.load_members(group);
            let there = |view: &GroupView, _: &News| view.group(group)?.members().map(|_| ());
            self.until(there).await?;
        }
        let members = self.view.group(group).and_then(GroupState::members).unwrap_or_default();
        Ok(members.into_values().filter_map(|item| Some((item.mid?, item.nick?))).collect())
    }

    /// Tells the service that the device goes, and closes the stream.
    pub(crate) async fn close(self) {
        // The server says so, too.
        self.link.send(&self.view.service().leave()).await.ok();
        self.link.close().await;
    }
}

/// Does `@nick` stand in the text, as a word?
fn says(text: &str, nick: &str) -> bool {
    let at = format!("@{nick}");
    text.match_indices(&at).any(|(position, _)| {
        let next = text[position + at.len()..].chars().next();
        next.is_none_or(|next| !next.is_alphanumeric())
    })
}

/// The answer to a ping (XEP-0199), and to whatever else is asked of a device that offers nothing.
fn pong(stanza: &Element) -> Option<Element> {
    let asks = stanza.name() == "iq" && matches!(stanza.attr("type"), Some("get" | "set"));
    let is_ping = stanza.children().any(|child| child.is("ping", "urn:xmpp:ping"));
    let mut answer = Element::bare("iq", "jabber:client");
    for (name, value) in [("to", stanza.attr("from")), ("id", stanza.attr("id"))] {
        if let Some(value) = value.filter(|_| asks) {
            groupchat_client::payloads::set(&mut answer, name, value);
        }
    }
    groupchat_client::payloads::set(&mut answer, "type", if is_ping { "result" } else { "error" });
    if !is_ping {
        const STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
        let mut error = Element::bare("error", "jabber:client");
        groupchat_client::payloads::set(&mut error, "type", "cancel");
        error.append_child(Element::bare("service-unavailable", STANZAS));
        answer.append_child(error);
    }
    asks.then_some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        assert!(says("@bob, tea?", "bob") && says("茶？@小红", "小红"));
        assert!(!says("@bobby tea?", "bob") && !says("bob", "bob"));
    }
}
