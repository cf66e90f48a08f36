//! What comes in: stanzas of the service, read.
//!
//! Whatever else arrives (of other services, of one's contacts) is no event, and neither is what somebody forges: a group
//! speaks from its own address, and only it says what is stored under which id.

use groupchat_payloads::{Announced, Announcement, Receipt, ns};
use minidom::Element;

use crate::xml::{self, DELAY, FORWARD, MAM, MUC_USER, attribute, child};
use crate::{Message, Refusal, Service, Via, address};

/// Something that the service or one of its groups says.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A message in a group, live or kept for later by one's server.
    Message(Message),
    /// A message out of an archive, before the answer to the query.
    Archived {
        /// The id of the query.
        query_id: Option<String>,
        /// The message, with its time.
        message: Message,
    },
    /// A group tells of a change, by presence. The archive has it, too, with an id that tells its place.
    Announced {
        /// The group's address.
        group: String,
        /// The `id` of the request, on the device that made it by presence or iq.
        id: Option<String>,
        /// What was changed.
        announcement: Announcement,
    },
    /// One is invited: [`Group::join`](crate::Group::join) accepts, [`Group::leave`](crate::Group::leave) declines.
    Invited(Invitation),
    /// Somebody has read up to a message; told to its author, and to the reader's other devices.
    Read {
        /// The group's address.
        group: String,
        /// Who has read.
        mid: String,
        /// The message, by `id` or stanza-id.
        id: String,
    },
    /// A private message of a member.
    Private {
        /// The group's address.
        group: String,
        /// Who says it.
        mid: String,
        /// Its `id`.
        id: Option<String>,
        /// Its text.
        body: String,
    },
    /// A message or a presence of one's own was refused. Answers to an iq are read by their
    /// [`Request`](crate::Request).
    Refused {
        /// The address that it was for.
        address: String,
        /// Its `id`.
        id: Option<String>,
        /// Why.
        refusal: Refusal,
    },
}

/// An invitation to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The group's address.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Who invites.
    pub by: Option<String>,
    /// The role that one would have.
    pub role: Option<String>,
    /// What is said to it.
    pub text: Option<String>,
}

impl Service {
    /// What a stanza says, if it is of this service and says something of groups. Answers to requests are not read here,
    /// but by the [`Request`](crate::Request).
    ///
    /// ```
    /// use groupchat_client::{Event, Service};
    ///
    /// let service = Service::new("groupchat.shakespeare.lit");
    /// let stanza = "<message xmlns='jabber:client' from='tea@groupchat.shakespeare.lit/alice'
    ///       to='bob@shakespeare.lit/pda' type='groupchat' id='m1'>
    ///     <body>Milk?</body>
    ///     <stanza-id xmlns='urn:xmpp:sid:0' by='tea@groupchat.shakespeare.lit' id='000660b82cac4400'/>
    ///   </message>".parse().unwrap();
    /// let Some(Event::Message(message)) = service.read(&stanza) else { panic!() };
    /// assert_eq!((message.mid.as_deref(), message.text()), (Some("alice"), Some("Milk?")));
    /// ```
    pub fn read(&self, stanza: &Element) -> Option<Event> {
        let from = stanza.attr("from").filter(|from| self.has(from))?;
        if stanza.attr("type") == Some("error") {
            let refused = || Event::Refused {
                address: from.to_owned(),
                id: attribute(stanza, "id"),
                refusal: Refusal::read(stanza),
            };
            return (stanza.name() != "iq").then(refused);
        }
        match stanza.name() {
            "message" => message(stanza, from),
            "presence" => announcement(stanza, from),
            _ => None,
        }
    }
}

fn announcement(presence: &Element, from: &str) -> Option<Event> {
    let by_group = address::resource(from).is_none() && address::localpart(from).is_some();
    if !by_group || presence.attr("type").is_some() {
        return None;
    }
    let announcement = Announcement::read(presence)?;
    Some(Event::Announced { group: from.to_owned(), id: attribute(presence, "id"), announcement })
}

fn message(stanza: &Element, from: &str) -> Option<Event> {
    // Of an archive, or of the group itself: never of a member, who could write it as well.
    if address::resource(from).is_none() {
        if let Some(result) = child(stanza, "result", MAM) {
            return archived(result, from);
        }
        if let Some(told) = letter(stanza, from) {
            return Some(told);
        }
    }
    address::localpart(from)?;
    let offline = child(stanza, "x", ns::OFFLINE).is_some();
    if stanza.attr("type") != Some("groupchat") && !offline {
        let (mid, body) = (address::resource(from)?, xml::plain(stanza, "body")?);
        let (group, id) = (address::bare(from).to_owned(), attribute(stanza, "id"));
        return Some(Event::Private { group, mid: mid.to_owned(), id, body: body.text() });
    }
    if let Some(read) = receipt(stanza, from) {
        return Some(read);
    }
    let via = if offline { Via::Offline } else { Via::Live };
    Some(Event::Message(Message::read(stanza, via, stamp(stanza))?))
}

/// What a group writes to somebody who is away: that he was added, or is invited.
fn letter(stanza: &Element, from: &str) -> Option<Event> {
    if stanza.attr("type").is_some_and(|kind| kind != "normal") {
        return None;
    }
    let announcement = Announcement::read(stanza)?;
    let invite = child(stanza, "x", MUC_USER).and_then(|x| child(x, "invite", MUC_USER));
    if announcement.kind == Announced::Join && invite.is_some() {
        let name = announcement.property("name").map(str::to_owned);
        return Some(Event::Invited(Invitation {
            group: from.to_owned(),
            name: name.unwrap_or_else(|| address::localpart(from).unwrap_or_default().to_owned()),
            by: invite.and_then(|invite| attribute(invite, "from")),
            role: announcement.items.first().and_then(|item| item.role.clone()),
            text: xml::plain(stanza, "body").map(Element::text),
        }));
    }
    Some(Event::Announced { group: from.to_owned(), id: None, announcement })
}

fn archived(result: &Element, from: &str) -> Option<Event> {
    let forwarded = child(result, "forwarded", FORWARD)?;
    let stanza = xml::plain(forwarded, "message")?;
    // A group's archive holds what is the group's; that of the service, of all groups there.
    let group = address::bare(stanza.attr("from")?);
    let fits =
        if address::localpart(from).is_some() { group == from } else { address::domain(group) == from };
    let mut message = Message::read(stanza, Via::Archive, stamp(forwarded)).filter(|_| fits)?;
    message.stanza_id = attribute(result, "id");
    Some(Event::Archived { query_id: attribute(result, "queryid"), message })
}

fn receipt(stanza: &Element, from: &str) -> Option<Event> {
    if xml::plain(stanza, "body").is_some() {
        return None;
    }
    let receipt = stanza.children().find_map(Receipt::read)?;
    let (group, mid) = (address::bare(from).to_owned(), address::resource(from)?.to_owned());
    Some(Event::Read { group, mid, id: receipt.id? })
}

/// When it was said, if it did not come at once. XEP-0203.
fn stamp(element: &Element) -> Option<String> {
    attribute(child(element, "delay", DELAY)?, "stamp")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Content;

    fn read(xml: &str) -> Option<Event> {
        Service::new("g.lit").read(&xml.replacen(' ', " xmlns='jabber:client' ", 1).parse().unwrap())
    }

    #[test]
    fn only_the_service_is_heard() {
        let said = |from: &str| {
            read(&format!("<message from='{from}' type='groupchat' id='1'><body>hi</body></message>"))
                .is_some()
        };
        assert!(said("tea@g.lit/bob"));
        assert!(!said("tea@evil.lit/bob") && !said("g.lit.evil.lit") && !said("alice@shakespeare.lit/pda"));
    }

    #[test]
    fn a_member_cannot_speak_for_the_group() {
        let archive = "<result xmlns='urn:xmpp:mam:2' id='9'><forwarded xmlns='urn:xmpp:forward:0'>\
            <message xmlns='jabber:client' from='tea@g.lit/alice' type='groupchat'><body>lie</body></message>\
            </forwarded></result><body>x</body>";
        let private = read(&format!("<message from='tea@g.lit/bob' type='chat'>{archive}</message>"));
        assert!(matches!(private, Some(Event::Private { .. })));
        let added = "<x xmlns='http://jabber.org/protocol/groupchat#addmember'/><item jid='a@b'/>";
        assert_eq!(read(&format!("<presence from='tea@g.lit/bob'>{added}</presence>")), None);
        let lie =
            read(&format!("<message from='tea@g.lit/bob' type='groupchat'>{added}<body>x</body></message>"));
        let Some(Event::Message(lie)) = lie else { panic!("{lie:?}") };
        assert_eq!(lie.content, Content::Text("x".into()));
        let foreign = "<message xmlns='jabber:client' from='milk@g.lit/eve' type='groupchat'><body>lie</body></message>";
        let mixed = read(&format!(
            "<message from='tea@g.lit'><result xmlns='urn:xmpp:mam:2' id='9'>\
             <forwarded xmlns='urn:xmpp:forward:0'>{foreign}</forwarded></result></message>"
        ));
        assert_eq!(mixed, None);
    }

    #[test]
    fn an_offline_copy_is_of_the_group() {
        let copy = read(
            "<message from='tea@g.lit/bob' type='chat' id='m1'><body>hi</body>\
             <stanza-id xmlns='urn:xmpp:sid:0' by='tea@g.lit' id='0001'/>\
             <delay xmlns='urn:xmpp:delay' stamp='2026-11-20T17:00:00Z'/>\
             <x xmlns='http://jabber.org/protocol/groupchat#offline'/></message>",
        );
        let Some(Event::Message(copy)) = copy else { panic!("{copy:?}") };
        assert_eq!((copy.via, copy.stanza_id.as_deref()), (Via::Offline, Some("0001")));
        assert_eq!(copy.stamp.as_deref(), Some("2026-11-20T17:00:00Z"));
    }

    #[test]
    fn receipts_invitations_refusals() {
        let receipt = "<read xmlns='http://jabber.org/protocol/chatstates' id='m1'/>";
        let receipt = read(&format!("<message from='tea@g.lit/bob' type='groupchat'>{receipt}</message>"));
        let read_by_bob = Event::Read { group: "tea@g.lit".into(), mid: "bob".into(), id: "m1".into() };
        assert_eq!(receipt, Some(read_by_bob));
        let invited = read(
            "<message from='tea@g.lit' id='9'><x xmlns='http://jabber.org/protocol/groupchat#join'/>\
             <item jid='carol@s.lit' role='member'/><properties><property name='name'>Tea</property></properties>\
             <x xmlns='http://jabber.org/protocol/muc#user'><invite from='alice@s.lit'/></x><body>Come</body></message>",
        );
        let Some(Event::Invited(invited)) = invited else { panic!("{invited:?}") };
        assert_eq!((invited.name.as_str(), invited.by.as_deref()), ("Tea", Some("alice@s.lit")));
        let refused = read(
            "<message from='tea@g.lit' id='m1' type='error'><error type='auth'>\
             <forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
        );
        assert!(matches!(refused, Some(Event::Refused { id: Some(id), .. }) if id == "m1"));
    }
}
