//! The service: what is asked of it as a whole.

use groupchat_payloads::{GroupItem, InboxItem, Item, Operation, Query, ns};
use minidom::Element;

use crate::archive::{ArchivePage, ArchiveQuery};
use crate::request::{Page, Paging, Request, done, payload};
use crate::xml::{element, with};
use crate::{Group, address};

/// A groupchat service, by its domain.
///
/// ```
/// use groupchat_client::Service;
///
/// let service = Service::of_account("alice@shakespeare.lit/pda");
/// assert_eq!(service.address(), "groupchat.shakespeare.lit");
/// // The first thing after each login: from here on messages come to this device.
/// let presence = service.announce();
/// assert_eq!(presence.attr("to"), Some("groupchat.shakespeare.lit"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    address: String,
}

/// What a new group is to be like; what is not said the service chooses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewGroup {
    /// Settings, by name: `name`, `description`, `visibility`, …
    pub properties: Vec<(String, String)>,
    /// Further members. The maker becomes owner in any case.
    pub members: Vec<Item>,
}

impl NewGroup {
    /// A group of this name.
    pub fn named(name: &str) -> Self {
        Self { properties: vec![("name".into(), name.into())], members: Vec::new() }
    }

    /// With a setting more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.properties.push((name.into(), value.into()));
        self
    }

    /// With a member more.
    #[must_use]
    pub fn member(mut self, jid: &str) -> Self {
        self.members.push(Item { jid: Some(jid.into()), ..Item::default() });
        self
    }

    pub(crate) fn write(self) -> Element {
        Operation::CreateGroup { properties: self.properties, members: self.members }.write_query()
    }
}

/// The inbox: a page of one's groups, and sums over all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbox {
    /// The groups, newest activity first.
    pub groups: Page<InboxItem>,
    /// Unread messages in all groups, whatever the page.
    pub unread: u32,
    /// Mentions in all groups.
    pub mentions: u32,
}

impl Service {
    /// The service at this domain.
    pub fn new(domain: &str) -> Self {
        Self { address: address::canonical(domain) }
    }

    /// The service where it usually is: at `groupchat.` before the account's own domain. Service discovery
    /// (XEP-0030) on that domain tells for certain.
    pub fn of_account(jid: &str) -> Self {
        Self::new(&format!("groupchat.{}", address::domain(jid)))
    }

    /// The service's domain.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A group of the service: by its id, or by its whole address.
    pub fn group(&self, gid: &str) -> Group {
        if gid.contains('@') { Group::new(gid) } else { Group::new(&format!("{gid}@{}", self.address)) }
    }

    /// Tells the service that this device is there. To be sent after each login; it covers all groups.
    pub fn announce(&self) -> Element {
        element("presence", ns::CLIENT, &[("to", &self.address)])
    }

    /// Tells the service that this device goes. Servers say so for a device that logs out.
    pub fn leave(&self) -> Element {
        element("presence", ns::CLIENT, &[("to", &self.address), ("type", "unavailable")])
    }

    /// Is the service there? A ping (XEP-0199): answered when everything this device sent before is stored.
    pub fn ping(&self) -> Request<()> {
        Request::get(&self.address, Element::bare("ping", "urn:xmpp:ping"), done)
    }

    /// My groups (`#items`).
    pub fn my_groups(&self, paging: Option<&Paging>) -> Request<Page<GroupItem>> {
        Request::get(&self.address, paged(Query::Items.write(), paging), |iq| {
            let query = payload(iq, "query", ns::ITEMS)?;
            Ok(Page::read(query, |item| GroupItem::read(item, ns::ITEMS)))
        })
    }

    /// Groups that are called exactly so: all public ones, and one's own.
    pub fn find(&self, name: &str) -> Request<Vec<GroupItem>> {
        let query = Query::GroupInfo { name: Some(name.to_owned()) }.write();
        Request::get(&self.address, query, |iq| {
            let query = payload(iq, "query", ns::GROUPINFO)?;
            Ok(query.children().filter_map(|item| GroupItem::read(item, ns::GROUPINFO)).collect())
        })
    }

    /// My groups with what is unread in them (`#inbox`).
    pub fn inbox(&self, paging: Option<&Paging>) -> Request<Inbox> {
        Request::get(&self.address, paged(Query::Inbox.write(), paging), |iq| {
            let query = payload(iq, "query", ns::INBOX)?;
            let sum = |name: &str| query.attr(name).and_then(|sum| sum.parse().ok()).unwrap_or(0);
            let groups = Page::read(query, InboxItem::read);
            Ok(Inbox { groups, unread: sum("unread"), mentions: sum("mentions") })
        })
    }

    /// Makes a group whose id the service makes up; the answer tells it.
    pub fn create(&self, group: NewGroup) -> Request<GroupItem> {
        Request::set(&self.address, group.write(), crate::group::created)
    }

    /// Who may add me to groups: `everyone`, `domain` or `nobody`. Others who try invite me.
    pub fn set_addable(&self, who: &str) -> Request<()> {
        let properties = vec![("addable".to_owned(), who.to_owned())];
        Request::set(&self.address, Operation::MySettings { properties }.write_query(), done)
    }

    /// The archive of all of one's groups, as one stream in one order (XEP-0313).
    pub fn archive(&self, query: &ArchiveQuery) -> Request<ArchivePage> {
        Request::set(&self.address, query.write(), ArchivePage::read)
    }

    /// Is this an address of the service, of one of its groups, or of a member of one?
    pub fn has(&self, address: &str) -> bool {
        address::domain(address) == self.address
    }
}

/// The query with a `<set/>`.
pub(crate) fn paged(query: Element, paging: Option<&Paging>) -> Element {
    with(query, paging.map(Paging::write))
}
