//! `chat`: talk line by line, in a terminal with what comes shown above the line that is being typed.

use anyhow::{Context as _, Result};
use groupchat_client::{Group, GroupState, Message, NewGroup, News};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;

use crate::command;
use crate::lines::Lines;
use crate::login::Login;
use crate::output::{self, Output};
use crate::session::{Happening, Session};
use crate::watch::group_of;

const HELP: &str = "\
A line is said to the group that is open; @nick mentions, @all mentions everybody. What begins with / is a command:
  /groups              my groups, with what is unread
  /open GROUP          open a group, by id or name
  /history             what was said before
  /members             who is in it
  /who                 who has read my last message
  /create NAME         make a group, and open it
  /add JID …           add accounts        /remove JID     remove one
  /rename NAME         another name        /join GROUP     join, or accept an invitation
  /mute, /unmute       nothing of this group, and everything again
  /leave               leave the group that is open
  /quit                end";

/// Messages that are shown of a group that is opened.
const SHOWN: usize = 15;

struct Chat<'a> {
    session: Session,
    lines: Lines,
    output: &'a Output,
    /// The address of the group that is open.
    open: Option<String>,
}

/// Talks until there are no more lines.
pub(crate) async fn run(login: &Login, output: &Output, group: Option<String>) -> Result<()> {
    let session = Session::open(login, true);
    let mut chat = Chat { session, lines: Lines::new()?, output, open: None };
    let ended = chat.talk(group).await;
    let Chat { session, lines, .. } = chat;
    lines.close();
    session.close().await;
    ended
}

impl Chat<'_> {
    async fn talk(&mut self, group: Option<String>) -> Result<()> {
        self.session.until(|_, news| matches!(news, News::CaughtUp).then_some(())).await?;
        while self.session.view.is_waiting() {
            self.session.settle().await?;
        }
        self.session.forget_backlog();
        match group {
            Some(group) => self.open(&group).await?,
            None => self.list()?,
        }
        self.tell(&json!({ "type": "ready" }), "")?;
        let mut has_input = true;
        // When the lines are at their end, what was said is still waited for.
        while has_input || self.session.view.pending().next().is_some() {
            tokio::select! {
                // What happened is shown before the next line is taken, so that answers stand below their questions.
                biased;
                happening = self.session.next() => self.show(happening?)?,
                line = self.lines.next(), if has_input => match line? {
                    Some(line) => {
                        let line = line.trim();
                        if line == "/quit" {
                            has_input = false;
                        } else if let Err(problem) = self.take(line).await {
                            self.problem(&problem)?;
                        }
                    }
                    None => has_input = false,
                },
            }
        }
        Ok(())
    }

    async fn take(&mut self, line: &str) -> Result<()> {
        let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match command {
            "" => Ok(()),
            "/help" | "/?" => self.tell(&json!({ "type": "help", "text": HELP }), HELP),
            "/groups" => self.list(),
            "/open" => self.open(rest).await,
            "/create" => {
                let made =
                    self.session.ask(&self.session.view.service().create(NewGroup::named(rest))).await?;
                self.session.view.check();
                self.open_known(made.jid).await
            }
            "/join" => {
                let group = self.session.view.service().group(rest);
                self.session.ask(&group.join(None)).await
            }
            said if !said.starts_with('/') => {
                let group = self.opened()?.to_owned();
                let draft = self.session.draft(&group, line, &[]).await?;
                self.session.post(&group, &draft).await.map(|_| ())
            }
            _ => self.on_open(command, rest).await,
        }
    }

    /// Commands for the group that is open.
    async fn on_open(&mut self, command: &str, rest: &str) -> Result<()> {
        let address = self.opened()?.to_owned();
        let group = Group::new(&address);
        let request = match command {
            "/history" => return self.history(&address).await,
            "/members" => {
                for item in self.session.ask(&group.members(None)).await?.items {
                    let (object, line) = output::member(&address, &item);
                    self.tell(&object, &line)?;
                }
                return Ok(());
            }
            "/who" => return self.readers(&group).await,
            "/add" => group.add(rest.split_whitespace()),
            "/remove" => group.remove(rest),
            "/rename" => group.rename(rest),
            "/mute" => group.receive("none"),
            "/unmute" => group.my_settings([("receive", "all"), ("mute_until", "")]),
            "/leave" => group.leave(),
            unknown => anyhow::bail!("there is no {unknown}; /help tells what there is"),
        };
        self.session.ask(&request).await
    }

    fn opened(&self) -> Result<&str> {
        self.open.as_deref().context("no group is open: /open GROUP, or /groups to see yours")
    }

    async fn open(&mut self, wanted: &str) -> Result<()> {
        let address = self.session.find(wanted)?.address().to_owned();
        self.open_known(address).await
    }

    async fn open_known(&mut self, address: String) -> Result<()> {
        self.lines.prompt(&format!("{}> ", Group::new(&address).id()))?;
        self.open = Some(address.clone());
        if self.session.view.group(&address).is_none() {
            return Ok(());
        }
        self.session.view.load_members(&address);
        command::load(&mut self.session, &address, SHOWN).await?;
        self.show_last(&address, SHOWN)
    }

    async fn history(&mut self, address: &str) -> Result<()> {
        let known = self.session.view.group(address).map_or(0, |group| group.timeline().count());
        command::load(&mut self.session, address, known + SHOWN).await?;
        self.show_last(address, known + SHOWN)
    }

    fn show_last(&mut self, address: &str, count: usize) -> Result<()> {
        let Some(state) = self.session.view.group(address) else { return Ok(()) };
        let last: Vec<Message> = state.timeline().rev().take(count).cloned().collect();
        for message in last.iter().rev() {
            self.show_message(message)?;
        }
        if let Some(newest) = last.first().and_then(|message| message.stanza_id.clone()) {
            self.session.view.mark_read(address, &newest);
        }
        Ok(())
    }

    async fn readers(&mut self, group: &Group) -> Result<()> {
        let state = self.session.view.group(group.address()).context("you are no longer in it")?;
        let mine = state.timeline().rev().find(|message| state.is_own(message));
        let mine = mine.and_then(|message| message.stanza_id.clone()).context("you said nothing yet")?;
        let readers = self.session.ask(&group.readers(&mine)).await?;
        let (object, line) = output::readers(group.address(), &mine, &readers);
        self.tell(&object, &line)
    }

    fn list(&mut self) -> Result<()> {
        let groups: Vec<_> = self.session.view.groups().map(output::group).collect();
        if groups.is_empty() && !self.output.json {
            self.lines.print("you are in no group: /create NAME makes one")?;
        }
        for (object, line) in groups {
            self.tell(&object, &line)?;
        }
        Ok(())
    }

    fn show(&mut self, happening: Happening) -> Result<()> {
        let news = match happening {
            Happening::Online => return self.tell(&json!({ "type": "online" }), "(online)"),
            Happening::Offline => return self.tell(&json!({ "type": "offline" }), "(offline)"),
            Happening::News(news) => news,
        };
        for news in news {
            if let News::Message { group, stanza_id } = &news {
                let Some(message) =
                    self.session.view.group(group).and_then(|state| state.message(stanza_id)).cloned()
                else {
                    continue;
                };
                self.show_message(&message)?;
                if self.open.as_deref() == Some(group) {
                    self.session.view.mark_read(group, stanza_id);
                }
            } else if let Some((object, line)) = output::news(&self.session.view, &news) {
                let line = self.placed(group_of(&news).unwrap_or_default(), &line);
                self.tell(&object, &line)?;
            }
        }
        Ok(())
    }

    fn show_message(&mut self, message: &Message) -> Result<()> {
        let view = &self.session.view;
        let Some(state) = view.group(&message.group) else { return Ok(()) };
        let Some((object, line)) = output::message(state, view, message) else { return Ok(()) };
        let mark = if state.is_own(message) { tick(state, message) } else { "" };
        let line = format!("{} {line}{mark}", time(message.stamp.as_deref()));
        let line = self.placed(&message.group, &line);
        self.tell(&object, &line)
    }

    /// The line with the name of its group, if another one is open.
    fn placed(&self, group: &str, line: &str) -> String {
        if line.is_empty() || self.open.as_deref() == Some(group) {
            return line.to_owned();
        }
        let name = self.session.view.group(group).map_or(group, GroupState::name);
        format!("[{name}] {line}")
    }

    fn tell(&mut self, object: &serde_json::Value, line: &str) -> Result<()> {
        let text = if self.output.json { object.to_string() } else { output::clean(line) };
        if text.is_empty() { Ok(()) } else { self.lines.print(&text) }
    }

    fn problem(&mut self, problem: &anyhow::Error) -> Result<()> {
        let (object, line) = output::failure(problem);
        self.tell(&object, &format!("! {line}"))
    }
}

/// Stored, or read by somebody.
fn tick(state: &GroupState, message: &Message) -> &'static str {
    let read = message.stanza_id.as_deref().is_some_and(|id| !state.read_by(id).is_empty());
    if read { "  ✓✓" } else { "  ✓" }
}

/// Hours and minutes where the terminal is; what has no time was said just now.
fn time(stamp: Option<&str>) -> String {
    let said = stamp.and_then(|stamp| stamp.parse::<Timestamp>().ok()).unwrap_or_else(Timestamp::now);
    said.to_zoned(TimeZone::system()).strftime("%H:%M").to_string()
}
