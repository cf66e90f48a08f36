//! What the view asks for, and what it makes of the answers. One request of each kind is open at a time.

use groupchat_payloads::{InboxItem, Item, MemberKey};
use minidom::Element;

use super::{Cursor, GroupState, GroupView, News};
use crate::{AnswerError, ArchivePage, ArchiveQuery, Group, Paging, Refusal};

/// Something that is not known and is to be asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ask {
    /// Tell me my groups, my counters and my settings.
    Inbox,
    /// Tell me everything behind the cursor.
    CatchUp,
    /// Who am I in this group?
    OwnMember(String),
    /// Is this group still there, and what are its settings?
    Info(String),
    /// Who is in it?
    Members(String),
    /// What was said before what I have?
    History(String),
    /// Who has read this message (its stanza-id)?
    Readers(String, String),
}

/// A request that is not answered yet.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub(super) ask: Ask,
    to: String,
    /// Everything up to here was stored before it was asked.
    floor: String,
    /// Where a catch-up starts, and its number.
    start: Start,
    number: u64,
    /// The groups that were known when it was asked.
    known: Vec<String>,
    groups: Vec<InboxItem>,
    members: Vec<Item>,
}

/// Where a catch-up starts.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Start {
    /// Nothing is known: the newest, as many as are wanted.
    Newest,
    /// The archive was empty before.
    Beginning,
    /// Behind this message.
    After(String),
    /// At this time: the message itself is gone.
    Time(String),
}

/// What a message of an archive is to the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Archived {
    /// Something that was missed.
    Missed,
    /// Something older, which is no news.
    History,
    /// Nothing that is wanted; only where the archive ends.
    Place,
}

/// Items of a page.
const PAGE: u32 = 100;
/// As often is asked anew at once for what was refused, until a catch-up is done or all is asked anew.
const REPEATS_MAX: u32 = 3;

impl GroupView {
    /// The request for what is wanted.
    pub(super) fn ask(&mut self, ask: Ask) -> Element {
        let floor = self.cursor.as_ref().map(|cursor| cursor.stanza_id.clone()).unwrap_or_default();
        let to = match &ask {
            Ask::Inbox | Ask::CatchUp => self.service.address().to_owned(),
            Ask::OwnMember(group)
            | Ask::Info(group)
            | Ask::Members(group)
            | Ask::History(group)
            | Ask::Readers(group, _) => group.clone(),
        };
        let start = self.start();
        if ask == Ask::CatchUp {
            self.catch_ups += 1;
        }
        let number = self.catch_ups;
        let known = self.groups().map(|state| state.address.clone()).collect();
        let open = Open { ask, to, floor, start, number, known, groups: Vec::new(), members: Vec::new() };
        self.send(open, None)
    }

    /// Sends the request, or its next page.
    fn send(&mut self, open: Open, page: Option<String>) -> Element {
        self.requests += 1;
        let id = format!("gv{}", self.requests);
        let paging = Paging { after: page.clone(), ..Paging::max(PAGE) };
        let iq = match &open.ask {
            Ask::Inbox => self.service.inbox(Some(&paging)).iq(&id),
            Ask::CatchUp => self.service.archive(&self.catch_up_query(&id, &open.start, page)).iq(&id),
            Ask::OwnMember(group) => Group::new(group).member(MemberKey::Jid(self.account.clone())).iq(&id),
            Ask::Info(group) => Group::new(group).info().iq(&id),
            Ask::Members(group) => Group::new(group).members(Some(&paging)).iq(&id),
            Ask::History(group) => {
                let oldest = self.groups.get(group).and_then(|state| state.oldest()).unwrap_or_default();
                Group::new(group).archive(&ArchiveQuery::before(&id, oldest).max(PAGE)).iq(&id)
            }
            Ask::Readers(group, message) => Group::new(group).readers(message).iq(&id),
        };
        self.open.insert(id, open);
        iq
    }

    fn catch_up_query(&self, id: &str, start: &Start, page: Option<String>) -> ArchiveQuery {
        let query = match (start, page) {
            // Where none is wanted, the newest tells where the archive ends.
            (Start::Newest, _) => return ArchiveQuery::latest(id).max(self.newest_max.max(1)),
            (Start::After(from), None) => ArchiveQuery::after(id, from),
            (Start::Beginning | Start::Time(_), None) => ArchiveQuery::all(id),
            (_, Some(page)) => ArchiveQuery::after(id, &page),
        };
        let query = if let Start::Time(stamp) = start { query.start(stamp) } else { query };
        query.max(PAGE)
    }

    /// What a message is that comes to the query with this id, if it is one of ours.
    pub(super) fn archive_asked(&self, query_id: Option<&str>) -> Option<Archived> {
        let open = self.open.get(query_id?)?;
        match open.ask {
            Ask::CatchUp if open.start == Start::Newest && self.newest_max == 0 => Some(Archived::Place),
            Ask::CatchUp => Some(Archived::Missed),
            Ask::History(_) => Some(Archived::History),
            _ => None,
        }
    }

    /// Takes the answer to a request of the view; `None` if it is none.
    pub(super) fn take_answer(&mut self, iq: &Element) -> Option<Vec<News>> {
        let id = iq.attr("id").filter(|_| matches!(iq.attr("type"), Some("result" | "error")))?;
        if self.open.get(id)?.to != iq.attr("from")? {
            return None;
        }
        let open = self.open.remove(id)?;
        let mut news = Vec::new();
        if let Err(problem) = self.note(iq, open.clone(), &mut news) {
            match problem {
                AnswerError::Refused(refusal) => self.refused(open, refusal, &mut news),
                // Asking again would bring the same.
                AnswerError::Unreadable(_) => {}
            }
        }
        Some(news)
    }

    fn note(&mut self, iq: &Element, open: Open, news: &mut Vec<News>) -> Result<(), AnswerError> {
        match open.ask.clone() {
            Ask::Inbox => self.note_inbox(iq, open, news)?,
            Ask::CatchUp => {
                let page = self.service.archive(&ArchiveQuery::default()).answer(iq)?;
                self.note_catch_up(page, open, news);
            }
            Ask::OwnMember(group) => {
                let item = Group::new(&group).member(MemberKey::Jid(self.account.clone())).answer(iq)?;
                if let Some((state, mid)) = self.groups.get_mut(&group).zip(item.mid) {
                    state.learn_own_mid(mid, &open.floor);
                }
                self.know_self(&group);
                self.shorten_group(&group);
                news.push(News::Changed { group });
            }
            Ask::Info(group) => {
                let item = Group::new(&group).info().answer(iq)?;
                if item.role.is_none() {
                    self.forget(&group, news);
                } else if let Some(state) = self.groups.get_mut(&group) {
                    state.gone = false;
                    state.take_info(item, &open.floor);
                    news.push(News::Changed { group });
                }
            }
            Ask::Members(group) => self.note_members(iq, open, group, news)?,
            Ask::History(group) => {
                let page = Group::new(&group).archive(&ArchiveQuery::default()).answer(iq)?;
                if let Some(state) = self.groups.get_mut(&group) {
                    state.complete_after =
                        if page.complete { Some(String::new()) } else { page.first.or(Some(String::new())) };
                }
                news.push(News::History { group });
            }
            Ask::Readers(group, message) => {
                let readers = Group::new(&group).readers(&message).answer(iq)?;
                if let Some(state) = self.groups.get_mut(&group) {
                    state.take_readers(&message, readers.who.into_iter().map(|(mid, _)| mid));
                }
                news.push(News::Changed { group });
            }
        }
        Ok(())
    }

    fn note_inbox(&mut self, iq: &Element, mut open: Open, news: &mut Vec<News>) -> Result<(), AnswerError> {
        let inbox = self.service.inbox(None).answer(iq)?;
        open.groups.extend(inbox.groups.items);
        if let Some(page) = inbox.groups.last {
            let iq = self.send(open, Some(page));
            self.out.push_back(iq);
            return Ok(());
        }
        let (floor, settled) = (open.floor, self.settled());
        let listed: Vec<String> = open.groups.iter().map(|item| item.jid.clone()).collect();
        for item in open.groups {
            let address = item.jid.clone();
            let state = self.state(&address);
            let before = (state.unread(), state.mentioned());
            let unsaid = state.take_inbox(item, &floor);
            let misses_last = state.misses_last(&settled);
            if (state.unread(), state.mentioned()) != before {
                news.push(News::Changed { group: address.clone() });
            }
            self.invitations.remove(&address);
            if let Some(read) = unsaid {
                self.out.push_back(Group::new(&address).read(&read));
                self.recount(&address);
            }
            if misses_last && self.caught_up {
                self.want(Ask::CatchUp);
            }
        }
        // A group that moved while pages were read may be missing in them: only it can say that it is not there.
        let missing: Vec<String> =
            self.groups.keys().filter(|known| !listed.contains(*known)).cloned().collect();
        missing.into_iter().for_each(|group| self.want(Ask::Info(group)));
        Ok(())
    }

    fn note_members(
        &mut self,
        iq: &Element,
        mut open: Open,
        group: String,
        news: &mut Vec<News>,
    ) -> Result<(), AnswerError> {
        let page = Group::new(&group).members(None).answer(iq)?;
        open.members.extend(page.items);
        if let Some(last) = page.last {
            let iq = self.send(open, Some(last));
            self.out.push_back(iq);
        } else if let Some(state) = self.groups.get_mut(&group) {
            state.take_members(open.members, &open.floor);
            self.know_self(&group);
            news.push(News::Changed { group });
        }
        Ok(())
    }

    /// The end of a page: the cursor moves to it, for everything before has come.
    fn note_catch_up(&mut self, page: ArchivePage, open: Open, news: &mut Vec<News>) {
        if let Some(last) = page.last.clone() {
            let stamp =
                self.newest_archived.take().filter(|(id, _)| *id == last).and_then(|(_, stamp)| stamp);
            self.cursor = Some(Cursor { stanza_id: last, stamp });
            self.is_cursor_gone = false;
        }
        let is_newest = open.start == Start::Newest;
        if let (false, false, Some(last)) = (page.complete, is_newest, page.last.clone()) {
            let iq = self.send(open, Some(last));
            self.out.push_back(iq);
            return;
        }
        if let (true, false, Some(first)) = (is_newest, page.complete, &page.first) {
            let mut counted = true;
            self.groups.values_mut().for_each(|state| counted &= state.forget_before(first));
            if !counted {
                self.want(Ask::Inbox);
            }
        }
        let edge = match &open.start {
            Start::Newest if self.newest_max == 0 => Some(page.last.unwrap_or_default()),
            Start::Newest if !page.complete => page.first,
            Start::Newest | Start::Beginning => Some(String::new()),
            Start::After(from) => Some(from.clone()),
            Start::Time(_) => None,
        };
        for state in self.groups.values_mut() {
            let is_open =
                state.complete_after.is_none() && !state.gone && open.known.contains(&state.address);
            if let Some(edge) = edge.as_ref().filter(|_| is_open) {
                state.reaches(edge);
            }
            state.found_in_archive(open.number);
        }
        // Whoever was out of a group when he asked was not told.
        let unclear: Vec<String> =
            self.groups().filter(|state| state.is_unclear()).map(|state| state.address.clone()).collect();
        unclear.into_iter().for_each(|group| self.want(Ask::OwnMember(group)));
        self.was_empty = page.complete && self.cursor.is_none();
        (self.caught_up, self.repeats) = (true, 0);
        self.shorten();
        if std::mem::take(&mut self.sends_again) {
            self.outbox.hold();
        }
        self.resend();
        news.push(News::CaughtUp);
    }

    fn refused(&mut self, open: Open, refusal: Refusal, news: &mut Vec<News>) {
        if refusal.is_temporary() {
            self.stalled.insert(open.ask);
            return;
        }
        match open.ask.clone() {
            Ask::CatchUp => self.catch_up_refused(open, refusal, news),
            // A group of the page before is gone.
            Ask::Inbox if refusal.is_not_found() && !open.groups.is_empty() && self.may_repeat() => {
                self.want(Ask::Inbox);
            }
            Ask::Info(group) => self.forget(&group, news),
            Ask::History(group) => {
                if let Some(state) = self.groups.get_mut(&group) {
                    state.complete_after = Some(String::new());
                }
                news.push(News::History { group });
            }
            Ask::OwnMember(group) => {
                if self.groups.get(&group).is_some_and(GroupState::has_unclear_receipts) {
                    self.want(Ask::Inbox);
                }
            }
            Ask::Inbox | Ask::Members(_) | Ask::Readers(..) => {}
        }
    }

    /// A catch-up that is refused for good is asked in another way at once, if there is one; else with the next
    /// [`retry`](GroupView::retry).
    fn catch_up_refused(&mut self, open: Open, refusal: Refusal, news: &mut Vec<News>) {
        let may_repeat = self.may_repeat();
        if may_repeat && refusal.is_not_found() && matches!(open.start, Start::After(_)) {
            // The message is gone, or is of a group that one is no longer in: go by its time.
            self.is_cursor_gone = true;
            let start = self.start();
            if start == Start::Newest {
                self.groups.values_mut().for_each(|state| state.complete_after = None);
            }
            let iq = self.send(Open { start, ..open }, None);
            self.out.push_back(iq);
        } else if may_repeat && self.start() != open.start {
            self.want(Ask::CatchUp);
        } else {
            self.stalled.insert(Ask::CatchUp);
            news.push(News::CatchUpRefused(refusal));
        }
    }

    /// Something that was refused is asked anew at once, but not for ever.
    fn may_repeat(&mut self) -> bool {
        self.repeats += 1;
        self.repeats <= REPEATS_MAX
    }

    /// Where the next catch-up starts.
    fn start(&self) -> Start {
        match &self.cursor {
            // Until a catch-up is done from there: what was said since is not to be passed over.
            Some(cursor) if self.is_cursor_gone => cursor.stamp.clone().map_or(Start::Newest, Start::Time),
            Some(cursor) => Start::After(cursor.stanza_id.clone()),
            None if self.was_empty => Start::Beginning,
            None => Start::Newest,
        }
    }
}
