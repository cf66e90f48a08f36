//! A group: what is asked of it, and what is done to it.

use groupchat_payloads::{
    GroupItem, Invalid, Item, MemberKey, Operation, Query, Readers, Receipt, ReceiptForm, ns,
};
use minidom::Element;

use crate::archive::{ArchivePage, ArchiveQuery};
use crate::request::{Page, Paging, Request, done, payload};
use crate::service::paged;
use crate::xml::{MODERATE, RETRACT, element, text, with};
use crate::{Draft, NewGroup, address};

/// A group, by its address.
///
/// Operations are written as an iq, whose answer says whether it was done; that members hear of it by an
/// [announcement](crate::Event::Announced), the asker's devices, too.
///
/// ```
/// use groupchat_client::{Draft, Service};
///
/// let tea = Service::new("groupchat.shakespeare.lit").group("tea");
/// let add = tea.add(["bob@shakespeare.lit"]).iq("a1");
/// assert_eq!(add.attr("type"), Some("set"));
/// let message = tea.message("m1", &Draft::text("Milk?"));
/// assert_eq!(message.attr("type"), Some("groupchat"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    address: String,
}

impl Group {
    /// The group at this address, such as `tea@groupchat.shakespeare.lit`; a resource is dropped.
    pub fn new(address: &str) -> Self {
        Self { address: address::canonical(address) }
    }

    /// The group's address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The group's id, the part before the `@`.
    pub fn id(&self) -> &str {
        address::localpart(&self.address).unwrap_or_default()
    }

    /// The address of a member, by which others in the group know him.
    pub fn member_address(&self, mid: &str) -> String {
        format!("{}/{mid}", self.address)
    }

    /// What the group says of itself (`#groupinfo`): to members with their role and all settings.
    pub fn info(&self) -> Request<GroupItem> {
        Request::get(&self.address, Query::GroupInfo { name: None }.write(), |iq| {
            let query = payload(iq, "query", ns::GROUPINFO)?;
            let item = query.children().find_map(|item| GroupItem::read(item, ns::GROUPINFO));
            item.ok_or_else(|| Invalid("the answer names no group".into()))
        })
    }

    /// Who is in it (`#members`), by pages in large groups.
    pub fn members(&self, paging: Option<&Paging>) -> Request<Page<Item>> {
        Request::get(&self.address, paged(Query::Members.write(), paging), |iq| {
            let query = payload(iq, "query", ns::MEMBERS)?;
            Ok(Page::read(query, |item| Item::read(item, ns::MEMBERS)))
        })
    }

    /// One member (`#memberinfo`), by nick, member id or account.
    pub fn member(&self, key: MemberKey) -> Request<Item> {
        Request::get(&self.address, Query::MemberInfo(key).write(), |iq| {
            let query = payload(iq, "query", ns::MEMBERINFO)?;
            let item = query.children().find_map(|item| Item::read(item, ns::MEMBERINFO));
            item.ok_or_else(|| Invalid("the answer names no member".into()))
        })
    }

    /// Who has read a message (`#receipts`), by its stanza-id.
    pub fn readers(&self, stanza_id: &str) -> Request<Readers> {
        let query = Query::Receipts { message: stanza_id.to_owned() }.write();
        Request::get(&self.address, query, |iq| {
            let query = payload(iq, "query", ns::RECEIPTS)?;
            Readers::read(query).ok_or_else(|| Invalid("the answer counts nobody".into()))
        })
    }

    /// A part of the group's archive (XEP-0313).
    pub fn archive(&self, query: &ArchiveQuery) -> Request<ArchivePage> {
        Request::set(&self.address, query.write(), ArchivePage::read)
    }

    /// Makes the group. Its id is taken: `conflict`.
    pub fn create(&self, group: NewGroup) -> Request<GroupItem> {
        Request::set(&self.address, group.write(), created)
    }

    /// Changes settings (`#updategroup`): all that are named, or none.
    pub fn update<'a>(&self, settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Request<()> {
        self.operation(&Operation::UpdateGroup { properties: pairs(settings) })
    }

    /// Gives the group another name.
    pub fn rename(&self, name: &str) -> Request<()> {
        self.update([("name", name)])
    }

    /// Deletes the group, for good.
    pub fn delete(&self) -> Request<()> {
        self.operation(&Operation::DeleteGroup)
    }

    /// Adds accounts as members (`#addmember`): all of them, or none.
    pub fn add<'a>(&self, jids: impl IntoIterator<Item = &'a str>) -> Request<()> {
        self.add_members(jids.into_iter().map(of_jid).collect())
    }

    /// Adds members with the nicks, member ids and roles that are given.
    pub fn add_members(&self, items: Vec<Item>) -> Request<()> {
        self.operation(&Operation::AddMember { items })
    }

    /// Removes an account (`#removemember`); also declines its request, or takes back its invitation.
    pub fn remove(&self, jid: &str) -> Request<()> {
        self.operation(&Operation::RemoveMember { items: vec![of_jid(jid)], ban: false })
    }

    /// Removes an account and keeps it out; it need not be a member.
    pub fn ban(&self, jid: &str) -> Request<()> {
        self.operation(&Operation::RemoveMember { items: vec![of_jid(jid)], ban: true })
    }

    /// Leaves the group; declines an invitation to it.
    pub fn leave(&self) -> Request<()> {
        self.operation(&Operation::RemoveMember { items: Vec::new(), ban: false })
    }

    /// Changes members (`#updatemember`), named by `mid` or `jid`: a new nick, a new role, or both.
    pub fn update_members(&self, items: Vec<Item>) -> Request<()> {
        self.operation(&Operation::UpdateMember { items })
    }

    /// Gives a member another role: `owner`, `admin` or `member`.
    pub fn set_role(&self, jid: &str, role: &str) -> Request<()> {
        self.update_members(vec![Item { role: Some(role.into()), ..of_jid(jid) }])
    }

    /// Gives a member another nick; one's own everybody may.
    pub fn set_nick(&self, jid: &str, nick: &str) -> Request<()> {
        self.update_members(vec![Item { nick: Some(nick.into()), ..of_jid(jid) }])
    }

    /// Joins an open group, asks to be let in, or accepts an invitation (`#join`).
    pub fn join(&self, nick: Option<&str>) -> Request<()> {
        self.operation(&Operation::Join { nick: nick.map(str::to_owned) })
    }

    /// Which messages of others reach my devices: `all`, `mentions` or `none` (`#mysettings`).
    pub fn receive(&self, what: &str) -> Request<()> {
        self.my_settings([("receive", what)])
    }

    /// No messages until then (XEP-0082, such as `2026-12-24T17:00:00Z`); an empty text ends it.
    pub fn mute_until(&self, stamp: &str) -> Request<()> {
        self.my_settings([("mute_until", stamp)])
    }

    /// Changes what of the group reaches my devices.
    pub fn my_settings<'a>(&self, settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Request<()> {
        self.operation(&Operation::MySettings { properties: pairs(settings) })
    }

    /// Takes anybody's message back, as an owner or admin, or one's own (XEP-0425).
    pub fn moderate(&self, stanza_id: &str, reason: Option<&str>) -> Request<()> {
        let moderate = element("moderate", MODERATE, &[("id", stanza_id)]);
        let reason = reason.map(|reason| text("reason", MODERATE, reason));
        let retract = Element::bare("retract", RETRACT);
        Request::set(&self.address, with(moderate, [retract].into_iter().chain(reason)), done)
    }

    /// A message to everybody. Its copy to one's own devices, under the same `id`, says that it is stored; until then it
    /// may be sent again under that id, which has to be unlike those of one's other messages.
    pub fn message(&self, id: &str, draft: &Draft) -> Element {
        let message =
            element("message", ns::CLIENT, &[("to", &self.address), ("type", "groupchat"), ("id", id)]);
        with(message, draft.write(&self.address))
    }

    /// A private message to one member, through the group; it is kept in no archive.
    pub fn private(&self, mid: &str, id: &str, text_said: &str) -> Element {
        let to = self.member_address(mid);
        let message = element("message", ns::CLIENT, &[("to", &to), ("type", "chat"), ("id", id)]);
        with(message, [text("body", ns::CLIENT, text_said)])
    }

    /// Everything up to this message is read: its author is told, and my other devices.
    pub fn read(&self, stanza_id: &str) -> Element {
        let receipt = Receipt { form: ReceiptForm::Read, id: Some(stanza_id.to_owned()) };
        with(self.unstored(), [receipt.write()])
    }

    /// The same in the form of XEP-0333.
    pub fn displayed(&self, stanza_id: &str) -> Element {
        let receipt = Receipt { form: ReceiptForm::Displayed, id: Some(stanza_id.to_owned()) };
        with(self.unstored(), [receipt.write()])
    }

    /// A chat state (XEP-0085): `composing`, `paused`, `active`, `inactive` or `gone`.
    pub fn chat_state(&self, state: &str) -> Element {
        with(self.unstored(), [Element::bare(state, ns::CHATSTATES)])
    }

    /// Another subject; an empty one takes it away.
    pub fn subject(&self, id: &str, subject: &str) -> Element {
        let message =
            element("message", ns::CLIENT, &[("to", &self.address), ("type", "groupchat"), ("id", id)]);
        with(message, [text("subject", ns::CLIENT, subject)])
    }

    fn unstored(&self) -> Element {
        element("message", ns::CLIENT, &[("to", &self.address), ("type", "groupchat")])
    }

    fn operation(&self, operation: &Operation) -> Request<()> {
        Request::set(&self.address, operation.write_query(), done)
    }
}

/// The group that was made.
pub(crate) fn created(iq: &Element) -> Result<GroupItem, Invalid> {
    let query = payload(iq, "query", ns::CREATEGROUP)?;
    let item = query.children().find_map(|item| GroupItem::read(item, ns::CREATEGROUP));
    item.ok_or_else(|| Invalid("the answer names no group".into()))
}

fn of_jid(jid: &str) -> Item {
    Item { jid: Some(jid.to_owned()), ..Item::default() }
}

fn pairs<'a>(settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
