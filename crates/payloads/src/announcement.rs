//! Announcements: what a group tells its members of a change, by presence, in the archive, or in a message to somebody
//! who was away. Reading alone: the service makes them of what its rules decided.

use minidom::Element;

use crate::{Item, is, ns, property};

/// What kind of change is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announced {
    /// `#creategroup`: the group was made, with its receiver in it.
    Created,
    /// `#updategroup`: settings were changed.
    Updated,
    /// `#deletegroup`: the group is gone.
    Deleted,
    /// `#addmember`: members came.
    Added,
    /// `#removemember`: members went, or a request or invitation came to nothing.
    Removed,
    /// `#updatemember`: nicks or roles were changed.
    MembersUpdated,
    /// `#mysettings`: one's own settings, from another of one's devices.
    MySettings,
    /// `#join`: somebody asks to be let in; or, in a message, one is invited.
    Join,
}

/// An announcement, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// What kind of change it tells.
    pub kind: Announced,
    /// The members that it is about.
    pub items: Vec<Item>,
    /// Properties with their new values, without `id`.
    pub properties: Vec<(String, String)>,
    /// The status codes of its `<x/>`; unknown ones, too.
    pub codes: Vec<u16>,
}

impl Announcement {
    /// Reads the announcement among the children of a presence or message; `None` if there is none. Who says it, the
    /// caller has to look at: only the address of a group may.
    pub fn read(stanza: &Element) -> Option<Self> {
        let (head, kind) = stanza.children().find_map(|child| Some((child, kind_of(child)?)))?;
        let namespace = head.ns();
        let mut found = Self { kind, items: Vec::new(), properties: Vec::new(), codes: codes(head) };
        for child in stanza.children() {
            if let Some(item) = Item::read(child, &namespace) {
                found.items.push(item);
            } else if is(child, "properties", &namespace) {
                let read = child.children().filter_map(|child| property::read(child, &namespace).ok()?);
                found.properties.extend(read.filter(|(name, _)| name != "id"));
            }
        }
        Some(found)
    }

    /// The new value of a property, if it is named.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn kind_of(child: &Element) -> Option<Announced> {
    if child.name() != "x" {
        return None;
    }
    Some(match child.ns().as_str() {
        ns::CREATEGROUP => Announced::Created,
        ns::UPDATEGROUP => Announced::Updated,
        ns::DELETEGROUP => Announced::Deleted,
        ns::ADDMEMBER => Announced::Added,
        ns::REMOVEMEMBER => Announced::Removed,
        ns::UPDATEMEMBER => Announced::MembersUpdated,
        ns::MYSETTINGS => Announced::MySettings,
        ns::JOIN => Announced::Join,
        _ => return None,
    })
}

fn codes(head: &Element) -> Vec<u16> {
    let status = head.children().filter(|child| child.name() == "status");
    status.filter_map(|status| status.attr("code")?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_in_the_streams_namespace() {
        let presence: Element = "<presence xmlns='jabber:client'>\
            <x xmlns='http://jabber.org/protocol/groupchat#addmember'><status code='110'/></x>\
            <item jid='c@d' mid='c' nick='凤' role='member'/>\
            <properties><property name='name'>Tea</property><property name='id'>tea</property></properties>\
            </presence>"
            .parse()
            .unwrap();
        let read = Announcement::read(&presence).unwrap();
        assert_eq!((read.kind, read.codes.as_slice()), (Announced::Added, [110].as_slice()));
        assert_eq!(read.items[0].nick.as_deref(), Some("凤"));
        assert_eq!(read.properties, [("name".to_owned(), "Tea".to_owned())]);
        assert_eq!(read.property("name"), Some("Tea"));
    }

    #[test]
    fn other_stanzas_are_none() {
        let presence: Element =
            "<presence xmlns='jabber:client'><x xmlns='vcard-temp:x:update'/></presence>".parse().unwrap();
        assert_eq!(Announcement::read(&presence), None);
    }
}
