//! One member's picture of his groups, kept true from whatever arrives.
//!
//! What is known of a group is in `group.rs`, what is asked for in `sync.rs`, what is said in `outbox.rs`, what is made
//! of an arrival in `take.rs`.

mod group;
mod news;
mod outbox;
mod sync;
mod take;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use minidom::Element;

pub use group::GroupState;
pub use news::News;
use outbox::Outbox;
use sync::{Archived, Ask, Open};

use crate::{Draft, Event, Group, Invitation, Message, Service, address};

/// One member's picture of all his groups: who is in them, what was said, what is unread, who has read what.
///
/// It has no connection and no clock. Three calls drive it:
///
/// * [`connected`](Self::connected) after each login,
/// * [`take`](Self::take) with each stanza that arrives; it gives [`News`] to be shown,
/// * [`next_stanza`](Self::next_stanza) until it gives nothing more, for what is to be sent: announcing oneself,
///   questions, messages.
///
/// And now and then [`retry`](Self::retry), while [`is_waiting`](Self::is_waiting): the service may have been down.
///
/// Whatever is lost, doubled or comes in another order, the picture becomes that of the archive: messages are told apart
/// and sorted by stanza-id, and after each login, and whenever something shows that something is missing, the archive is
/// asked for what is behind the [cursor](Self::cursor). Live copies never move the cursor.
///
/// ```
/// use groupchat_client::{Draft, GroupView, News, Service};
///
/// let mut view = GroupView::new(Service::new("groupchat.shakespeare.lit"), "bob@shakespeare.lit");
/// view.connected();
/// // The service is told that the device is there, and asked for the inbox, and then for what was missed.
/// let sent: Vec<_> = std::iter::from_fn(|| view.next_stanza()).collect();
/// assert_eq!(sent.iter().map(|stanza| stanza.name()).collect::<Vec<_>>(), ["presence", "iq"]);
///
/// let stanza = "<message xmlns='jabber:client' from='tea@groupchat.shakespeare.lit/alice' type='groupchat' id='m1'>
///     <body>@bob milk?</body>
///     <x xmlns='jabber:x:data' type='at' id='bob@shakespeare.lit'/>
///     <stanza-id xmlns='urn:xmpp:sid:0' by='tea@groupchat.shakespeare.lit' id='000660b82cac4400'/>
///   </message>".parse().unwrap();
/// // Which member of the group it is itself, the device has to ask; then the message is told.
/// assert!(view.take(&stanza).is_empty());
/// let asked = view.next_stanza().unwrap();
/// assert_eq!(asked.attr("to"), Some("tea@groupchat.shakespeare.lit"));
/// let answer = format!("<iq xmlns='jabber:client' from='tea@groupchat.shakespeare.lit' type='result' id='{}'>
///     <query xmlns='http://jabber.org/protocol/groupchat#memberinfo'>
///       <item jid='bob@shakespeare.lit' mid='b1' nick='bob' role='member'/>
///     </query>
///   </iq>", asked.attr("id").unwrap()).parse().unwrap();
/// let news = view.take(&answer);
/// let tea = view.group("tea@groupchat.shakespeare.lit").unwrap();
/// assert_eq!((tea.unread(), tea.mentioned()), (1, 1));
/// let told = |news: &News| matches!(news, News::Message { stanza_id, .. } if tea.text(stanza_id) == Some("@bob milk?"));
/// assert!(news.iter().any(told));
/// // The same once more, however it comes: nothing new.
/// assert!(view.take(&stanza).is_empty());
/// ```
#[derive(Debug, Clone)]
pub struct GroupView {
    service: Service,
    account: String,
    groups: BTreeMap<String, GroupState>,
    invitations: BTreeMap<String, Invitation>,
    cursor: Option<Cursor>,
    /// The service knows nothing of the cursor's message: the catch-up goes by its time.
    is_cursor_gone: bool,
    /// A catch-up found nothing at all: the next one begins at the beginning.
    was_empty: bool,
    /// The newest message of an archive that came, and its time.
    newest_archived: Option<(String, Option<String>)>,
    /// Since the last login.
    caught_up: bool,
    catch_ups: u64,
    /// As often was asked anew at once for what was refused.
    repeats: u32,
    /// What is not known to be stored is sent again after the next catch-up.
    sends_again: bool,
    requests: u64,
    wanted: BTreeSet<Ask>,
    open: HashMap<String, Open>,
    stalled: BTreeSet<Ask>,
    out: VecDeque<Element>,
    outbox: Outbox,
    /// News of groups in which one does not know yet which member one is: whether it is one's own, or mentions one.
    held: Vec<News>,
    keep: usize,
    newest_max: u32,
}

/// Up to where a device has everything: what to keep when it is turned off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The last message of the archive that is known to be preceded by no unknown one.
    pub stanza_id: String,
    /// Its time, for when the message itself is gone.
    pub stamp: Option<String>,
}

impl GroupView {
    /// The picture of this account (a JID; a resource is dropped), with nothing known yet.
    pub fn new(service: Service, account: &str) -> Self {
        Self {
            service,
            account: address::canonical(account),
            groups: BTreeMap::new(),
            invitations: BTreeMap::new(),
            cursor: None,
            is_cursor_gone: false,
            was_empty: false,
            newest_archived: None,
            caught_up: false,
            catch_ups: 0,
            repeats: 0,
            sends_again: false,
            requests: 0,
            wanted: BTreeSet::new(),
            open: HashMap::new(),
            stalled: BTreeSet::new(),
            out: VecDeque::new(),
            outbox: Outbox::default(),
            held: Vec::new(),
            keep: 1_000,
            newest_max: 100,
        }
    }

    /// Goes on from where a device was: the first catch-up asks for what is behind the cursor.
    #[must_use]
    pub fn from_cursor(mut self, cursor: Cursor) -> Self {
        self.cursor = Some(cursor);
        self
    }

    /// Keeps at most so many messages of each group (1,000); the counters stay right without the older ones.
    #[must_use]
    pub fn keep(mut self, messages_max: usize) -> Self {
        self.keep = messages_max.max(1);
        self
    }

    /// Asks for so many of the newest messages of all groups when nothing is known (100); with 0 for none, and then only
    /// what is said from now on is news.
    #[must_use]
    pub fn newest(mut self, messages_max: u32) -> Self {
        self.newest_max = messages_max;
        self
    }

    /// The service.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// The account, a bare JID.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// My groups, by address.
    pub fn groups(&self) -> impl Iterator<Item = &GroupState> {
        self.groups.values().filter(|state| !state.gone)
    }

    /// One of them, by address.
    pub fn group(&self, address: &str) -> Option<&GroupState> {
        let known = self.groups.get(address).or_else(|| self.groups.get(&address::canonical(address)));
        known.filter(|state| !state.gone)
    }

    /// Invitations that are neither accepted nor declined.
    pub fn invitations(&self) -> impl Iterator<Item = &Invitation> {
        self.invitations.values()
    }

    /// Up to where everything is known, if anything is.
    pub fn cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref()
    }

    /// Is everything there that was stored before the last login?
    pub fn is_caught_up(&self) -> bool {
        self.caught_up
    }

    /// The device has logged in, with a new session (not: resumed an old one, XEP-0198 §5).
    pub fn connected(&mut self) {
        (self.caught_up, self.repeats, self.sends_again) = (false, 0, false);
        self.out.clear();
        self.out.push_back(self.service.announce());
        let unanswered: Vec<Ask> = self.open.drain().map(|(_, open)| open.ask).collect();
        self.wanted.extend(unanswered);
        self.wanted.append(&mut self.stalled);
        self.wanted.extend([Ask::Inbox, Ask::CatchUp]);
        self.outbox.hold();
        self.groups.values_mut().for_each(GroupState::forget_told);
    }

    /// Is there something unanswered: a request, or a message that is not known to be stored?
    pub fn is_waiting(&self) -> bool {
        !(self.open.is_empty() && self.stalled.is_empty() && self.wanted.is_empty() && self.outbox.is_empty())
    }

    /// Asks again for what was not answered, or refused for now, and sends again what is not known to be stored, once the
    /// archive has told that it is not: the service tells messages that were sent again only for some minutes. To be
    /// called every half minute or so while [`Self::is_waiting`].
    pub fn retry(&mut self) {
        let unanswered: Vec<Ask> = self.open.drain().map(|(_, open)| open.ask).collect();
        self.wanted.extend(unanswered);
        self.wanted.append(&mut self.stalled);
        self.out.push_back(self.service.announce());
        self.repeats = 0;
        if !self.outbox.is_empty() {
            self.sends_again = true;
            self.want(Ask::CatchUp);
        }
    }

    /// Asks the inbox again, which shows whether anything was missed.
    pub fn check(&mut self) {
        self.want(Ask::Inbox);
    }

    /// Asks for everybody in the group, who is known then and stays so.
    pub fn load_members(&mut self, group: &str) {
        self.want(Ask::Members(address::canonical(group)));
    }

    /// Asks for the settings of the group.
    pub fn load_info(&mut self, group: &str) {
        self.want(Ask::Info(address::canonical(group)));
    }

    /// Asks for what was said before what is known; [`News::History`] when it is there. Nothing is asked if there is
    /// nothing more.
    pub fn load_history(&mut self, group: &str) {
        let group = address::canonical(group);
        if self.groups.get(&group).is_some_and(|state| !state.reaches_start()) {
            self.want(Ask::History(group));
        }
    }

    /// Asks who has read a message of one's own.
    pub fn load_readers(&mut self, group: &str, stanza_id: &str) {
        self.want(Ask::Readers(address::canonical(group), stanza_id.to_owned()));
    }

    /// Says something. `id` must be unlike those of one's other messages; [`News::Stored`] or [`News::Refused`] come
    /// under it. It is sent when what was missed is known, and again until it is stored.
    pub fn post(&mut self, group: &str, id: &str, draft: &Draft) {
        let group = Group::new(group);
        self.outbox.add(group.address(), id, group.message(id, draft));
        if self.caught_up {
            self.resend();
        }
    }

    /// The ids of messages that are not known to be stored, in the order in which they were posted.
    pub fn pending(&self) -> impl Iterator<Item = &str> {
        self.outbox.ids()
    }

    /// Everything in the group up to this message is read: tells the author, unless that was known.
    pub fn mark_read(&mut self, group: &str, stanza_id: &str) {
        let group = Group::new(group);
        let Some(state) = self.groups.get_mut(group.address()) else { return };
        if state.move_read(stanza_id) {
            self.out.push_back(group.read(stanza_id));
            self.recount(group.address());
        }
    }

    /// What is to be sent next; nothing: all is said.
    pub fn next_stanza(&mut self) -> Option<Element> {
        if let Some(stanza) = self.out.pop_front() {
            return Some(stanza);
        }
        // At login the inbox comes first: with it, what then comes is known to have been read or not.
        let inbox_first =
            !self.caught_up && (self.is_open(&Ask::Inbox) || self.stalled.contains(&Ask::Inbox));
        let is_busy = |ask: &Ask| self.is_open(ask) || self.stalled.contains(ask);
        let may = |ask: &&Ask| !(is_busy(ask) || inbox_first && **ask == Ask::CatchUp);
        let ask = self.wanted.iter().find(may).cloned()?;
        self.wanted.remove(&ask);
        Some(self.ask(ask))
    }

    /// Takes a stanza that arrived. What is none of the view's business changes nothing.
    pub fn take(&mut self, stanza: &Element) -> Vec<News> {
        if stanza.name() == "iq" {
            let mut news = self.take_answer(stanza).unwrap_or_default();
            self.release(&mut news);
            return news;
        }
        let mut news = Vec::new();
        match self.service.read(stanza) {
            Some(Event::Message(message)) => self.take_message(message, &mut news),
            Some(Event::Archived { query_id, message }) => {
                // What nobody asked for may be anything.
                if let Some(what) = self.archive_asked(query_id.as_deref()) {
                    self.newest_archived = message.stanza_id.clone().map(|id| (id, message.stamp.clone()));
                    self.take_archived(message, what, &mut news);
                }
            }
            Some(Event::Announced { group, announcement, .. }) => {
                self.take_announcement(group, announcement, &mut news);
            }
            Some(Event::Invited(invitation)) => {
                if !self.groups.contains_key(&invitation.group) {
                    self.invitations.insert(invitation.group.clone(), invitation.clone());
                }
                news.push(News::Invited(invitation));
            }
            Some(Event::Read { group, mid, id }) => self.take_receipt(group, mid, id, &mut news),
            Some(Event::Private { group, mid, body, .. }) => news.push(News::Private { group, mid, body }),
            Some(Event::Refused { address, id, refusal }) => {
                self.take_refusal(&address, id, refusal, &mut news);
            }
            None => {}
        }
        self.release(&mut news);
        news
    }

    fn take_archived(&mut self, message: Message, what: Archived, news: &mut Vec<News>) {
        let (mut found, held) = (Vec::new(), self.held.len());
        if what != Archived::Place {
            self.take_message(message, &mut found);
        }
        if what == Archived::History {
            self.held.truncate(held);
            found.retain(|news| matches!(news, News::Stored { .. }));
        }
        news.append(&mut found);
    }

    pub(super) fn recount(&mut self, group: &str) {
        if self.groups.get(group).is_some_and(GroupState::needs_recount) {
            self.want(Ask::Inbox);
        }
    }

    fn want(&mut self, ask: Ask) {
        self.wanted.insert(ask);
    }

    /// Is it being asked?
    fn is_open(&self, ask: &Ask) -> bool {
        self.open.values().any(|open| open.ask == *ask)
    }

    fn resend(&mut self) {
        while let Some(stanza) = self.outbox.next() {
            self.out.push_back(stanza);
        }
    }

    fn state(&mut self, group: &str) -> &mut GroupState {
        let account = &self.account;
        self.groups.entry(group.to_owned()).or_insert_with(|| GroupState::new(group, account))
    }

    /// After a catch-up: what that did not settle, another would not settle either.
    fn shorten(&mut self) {
        let settled = self.settled();
        self.groups.values_mut().for_each(|state| state.shorten(self.keep, &settled));
    }

    /// Forgets what is beyond the limit, as far as its place is settled; else has it settled first.
    fn shorten_group(&mut self, group: &str) {
        let settled = self.settled();
        let Some(state) = self.groups.get_mut(group) else { return };
        state.shorten(self.keep, &settled);
        if self.caught_up && state.unsettled(&settled) > self.keep {
            self.want(Ask::CatchUp);
        }
    }

    /// Up to where the archive was read.
    pub(super) fn settled(&self) -> String {
        self.cursor.as_ref().map(|cursor| cursor.stanza_id.clone()).unwrap_or_default()
    }
}
