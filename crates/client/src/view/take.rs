//! What the view makes of each kind of arrival.

use groupchat_payloads::{Announced, Announcement};

use super::{Ask, GroupState, GroupView, News};
use crate::{Content, Message, Refusal, Via, address};

impl GroupView {
    pub(super) fn take_message(&mut self, message: Message, news: &mut Vec<News>) {
        let group = message.group.clone();
        let Some(stanza_id) = message.stanza_id.clone() else {
            news.push(News::Passing(Box::new(message)));
            return;
        };
        let is_live = message.via == Via::Live;
        let is_known_group = self.groups.contains_key(&group);
        let (mid, sent_id, content) = (message.mid.clone(), message.id.clone(), message.content.clone());
        let state = self.state(&group);
        let was_told = matches!(&content, Content::Event(event) if state.was_announced(event));
        let is_new = state.insert(message);
        let takes_back_counted = is_new && state.takes_back_counted(&content, &stanza_id);
        let is_counting = matches!(content, Content::Retraction { .. }) && self.is_open(&Ask::Inbox);
        let own = self.groups.get(&group).and_then(GroupState::own_mid).map(str::to_owned);
        if let Some(sent_id) = sent_id.filter(|_| mid.is_some() && (own.is_none() || own == mid))
            && self.outbox.stored(&group, &sent_id)
        {
            if let Some((state, mid)) = self.groups.get_mut(&group).zip(mid.clone()) {
                state.learn_own_mid(mid, &stanza_id);
            }
            news.push(News::Stored { group: group.clone(), id: sent_id, stanza_id: stanza_id.clone() });
        }
        self.know_self(&group);
        if !is_new {
            return;
        }
        if !is_known_group || takes_back_counted || is_counting {
            self.want(Ask::Inbox);
        }
        if own.is_none()
            && mid.is_some()
            && self.groups.get(&group).is_some_and(|state| state.own_mid().is_none())
        {
            self.want(Ask::OwnMember(group.clone()));
        }
        if let Content::Event(event) = &content {
            self.note_event(&group, event, &stanza_id);
        }
        if is_live {
            self.shorten_group(&group);
        }
        if was_told {
            return;
        }
        let is_unknown =
            mid.is_some() && self.groups.get(&group).is_some_and(|state| state.own_mid().is_none());
        let told = News::Message { group, stanza_id };
        // What comes behind something that is held waits, too, for the order's sake.
        if is_unknown || self.held.iter().any(|held| group_of(held) == group_of(&told)) {
            self.held.push(told);
        } else {
            news.push(told);
        }
    }

    /// Tells what was held, where it is known by now who one is, or nobody will say so.
    pub(super) fn release(&mut self, news: &mut Vec<News>) {
        if self.held.is_empty() {
            return;
        }
        let may_be_said = |group: &str| {
            let ask = Ask::OwnMember(group.to_owned());
            self.wanted.contains(&ask)
                || self.stalled.contains(&ask)
                || self.open.values().any(|open| open.ask == ask)
        };
        let is_unknown = |group: &str| self.groups.get(group).is_some_and(|state| state.own_mid().is_none());
        let waits = |held: &News| group_of(held).is_some_and(|group| is_unknown(group) && may_be_said(group));
        let (waiting, told): (Vec<News>, Vec<News>) =
            std::mem::take(&mut self.held).into_iter().partition(|held| waits(held));
        self.held = waiting;
        news.extend(told);
    }

    /// What an archived event says of oneself.
    fn note_event(&mut self, group: &str, event: &Announcement, stanza_id: &str) {
        let me = event.items.iter().any(|item| item.jid.as_deref() == Some(self.account.as_str()));
        if me
            && event.kind == Announced::Added
            && self.groups.get_mut(group).is_some_and(|state| state.joined_at(stanza_id))
        {
            self.want(Ask::Inbox);
        }
    }

    pub(super) fn take_announcement(
        &mut self,
        group: String,
        announcement: Announcement,
        news: &mut Vec<News>,
    ) {
        let me = announcement.items.iter().any(|item| item.jid.as_deref() == Some(self.account.as_str()));
        match announcement.kind {
            Announced::MySettings => {
                if let Some(state) = self.groups.get_mut(&group) {
                    state.take_my_settings(&announcement);
                }
                news.push(News::Announced { group, announcement });
                return;
            }
            Announced::Deleted => {
                self.close(&group, news);
                return;
            }
            Announced::Removed if me => {
                self.invitations.remove(&group);
                self.close(&group, news);
                return;
            }
            // Somebody who is not in a group hears of it only what concerns himself.
            Announced::Added | Announced::Created => {
                if !self.groups.contains_key(&group) {
                    self.want(Ask::Inbox);
                }
                self.invitations.remove(&group);
            }
            Announced::Updated | Announced::Removed | Announced::MembersUpdated | Announced::Join => {}
        }
        let number = self.catch_ups + 1;
        let state = self.state(&group);
        state.gone = false;
        state.announce(number, announcement.clone());
        self.know_self(&group);
        self.want(Ask::CatchUp);
        news.push(News::Announced { group, announcement });
    }

    /// What it means that one is known to be this member, if one is: one's own receipts are no longer anybody's.
    pub(super) fn know_self(&mut self, group: &str) {
        if self.groups.get_mut(group).is_some_and(GroupState::settle_own) {
            self.want(Ask::Inbox);
        }
        self.recount(group);
    }

    /// One is told to be out of a group. It may be old news: the inbox says whether it is so.
    fn close(&mut self, group: &str, news: &mut Vec<News>) {
        if let Some(state) = self.groups.get_mut(group) {
            state.gone = true;
            state.lose_track();
            self.want(Ask::Inbox);
        }
        news.push(News::Gone { group: group.to_owned() });
    }

    pub(super) fn forget(&mut self, group: &str, news: &mut Vec<News>) {
        if let Some(state) = self.groups.remove(group)
            && !state.gone
        {
            news.push(News::Gone { group: group.to_owned() });
        }
    }

    pub(super) fn take_receipt(&mut self, group: String, mid: String, id: String, news: &mut Vec<News>) {
        let Some(state) = self.groups.get_mut(&group) else {
            // The inbox that is on its way may not know of it yet.
            self.want(Ask::Inbox);
            return;
        };
        let is_news = state.take_receipt(&mid, &id);
        // It may be that of another device of one's own.
        if state.own_mid().is_none() {
            self.want(Ask::OwnMember(group.clone()));
        }
        self.know_self(&group);
        if is_news {
            news.push(News::Read { group, mid, id });
        }
    }

    pub(super) fn take_refusal(
        &mut self,
        address: &str,
        id: Option<String>,
        refusal: Refusal,
        news: &mut Vec<News>,
    ) {
        let group = address::bare(address).to_owned();
        let is_ours = id.as_deref().is_some_and(|id| self.outbox.has(&group, id));
        if is_ours && refusal.is_temporary() {
            return;
        }
        if let Some(id) = id.as_deref().filter(|_| is_ours) {
            self.outbox.stored(&group, id);
        }
        news.push(News::Refused { group, id, refusal });
    }
}

/// The group of a message that is told.
fn group_of(news: &News) -> Option<&str> {
    match news {
        News::Message { group, .. } => Some(group),
        _ => None,
    }
}
