//! Operations on groups: what may travel in a presence beside `<x/>`, or in a `<query/>`.

use minidom::Element;

use crate::{Invalid, Item, empty, is, ns, property, set};

/// One operation, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// `#creategroup`
    CreateGroup {
        /// The settings: names and values.
        properties: Vec<(String, String)>,
        /// The first members.
        members: Vec<Item>,
    },
    /// `#updategroup`
    UpdateGroup {
        /// What is to change: names and values.
        properties: Vec<(String, String)>,
    },
    /// `#deletegroup`
    DeleteGroup,
    /// `#addmember`
    AddMember {
        /// Who is to come.
        items: Vec<Item>,
    },
    /// `#removemember`
    RemoveMember {
        /// Who is to go; nobody: the sender.
        items: Vec<Item>,
        /// They are to be kept out.
        ban: bool,
    },
    /// `#updatemember`
    UpdateMember {
        /// Whom, by jid or mid, with the new nick, the new role, or both.
        items: Vec<Item>,
    },
    /// `#mysettings`
    MySettings {
        /// What is to change: names and values.
        properties: Vec<(String, String)>,
    },
    /// `#join`
    Join {
        /// The nick that is wanted.
        nick: Option<String>,
    },
}

impl Operation {
    /// Reads the operation of `namespace` from the children of a presence or of a query, as far as there is one.
    /// `head` is the `<x/>` or `<query/>` that names it.
    ///
    /// # Errors
    /// [`Invalid`] naming the field that is missing or wrong.
    pub fn read<'a>(
        namespace: &str,
        head: &Element,
        children: impl Iterator<Item = &'a Element>,
    ) -> Result<Option<Self>, Invalid> {
        let mut found = Parts::default();
        for child in children {
            found.take(child, namespace)?;
        }
        let items = found.items;
        let ban = head.attr("ban").or(found.ban).is_some_and(|value| matches!(value, "true" | "1"));
        Ok(Some(match namespace {
            ns::CREATEGROUP => Self::CreateGroup { properties: found.properties, members: found.members },
            ns::UPDATEGROUP => Self::UpdateGroup { properties: found.properties },
            ns::DELETEGROUP => Self::DeleteGroup,
            ns::ADDMEMBER => Self::AddMember { items },
            ns::REMOVEMEMBER => Self::RemoveMember { items, ban },
            ns::UPDATEMEMBER => Self::UpdateMember { items },
            ns::MYSETTINGS => Self::MySettings { properties: found.properties },
            ns::JOIN => Self::Join { nick: items.into_iter().find_map(|item| item.nick) },
            _ => return Ok(None),
        }))
    }

    /// The namespace that names the operation.
    pub fn namespace(&self) -> &'static str {
        match self {
            Self::CreateGroup { .. } => ns::CREATEGROUP,
            Self::UpdateGroup { .. } => ns::UPDATEGROUP,
            Self::DeleteGroup => ns::DELETEGROUP,
            Self::AddMember { .. } => ns::ADDMEMBER,
            Self::RemoveMember { .. } => ns::REMOVEMEMBER,
            Self::UpdateMember { .. } => ns::UPDATEMEMBER,
            Self::MySettings { .. } => ns::MYSETTINGS,
            Self::Join { .. } => ns::JOIN,
        }
    }

    /// The operation as the payload of an iq of type set.
    pub fn write_query(&self) -> Element {
        let namespace = self.namespace();
        let mut query = empty("query", namespace);
        match self {
            Self::CreateGroup { properties, members } => {
                let mut list = property::properties(pairs(properties), namespace);
                if !members.is_empty() {
                    let mut element = empty("property", namespace);
                    set(&mut element, "name", "members");
                    append(&mut element, members);
                    list.append_child(element);
                }
                query.append_child(list);
            }
            Self::UpdateGroup { properties } | Self::MySettings { properties } => {
                query.append_child(property::properties(pairs(properties), namespace));
            }
            Self::DeleteGroup => {}
            Self::AddMember { items } | Self::UpdateMember { items } => append(&mut query, items),
            Self::RemoveMember { items, ban } => {
                append(&mut query, items);
                if *ban {
                    set(&mut query, "ban", "true");
                }
            }
            Self::Join { nick } => {
                let item = nick.clone().map(|nick| Item { nick: Some(nick), ..Item::default() });
                append(&mut query, item.as_slice());
            }
        }
        query
    }
}

fn append(element: &mut Element, items: &[Item]) {
    let namespace = element.ns();
    for item in items {
        element.append_child(item.write(&namespace));
    }
}

fn pairs(properties: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    properties.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

#[derive(Default)]
struct Parts<'a> {
    properties: Vec<(String, String)>,
    members: Vec<Item>,
    items: Vec<Item>,
    ban: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn take(&mut self, child: &'a Element, namespace: &str) -> Result<(), Invalid> {
        if let Some(item) = Item::read(child, namespace) {
            self.items.push(item);
            self.ban = self.ban.or(child.attr("ban"));
        } else if is(child, "properties", namespace) {
            for element in child.children() {
                self.property(element, namespace)?;
            }
        } else {
            self.property(child, namespace)?;
        }
        Ok(())
    }

    fn property(&mut self, element: &Element, namespace: &str) -> Result<(), Invalid> {
        match property::read(element, namespace)? {
            Some((name, _)) if name == "members" && namespace == ns::CREATEGROUP => {
                self.members.extend(element.children().filter_map(|child| Item::read(child, namespace)));
            }
            // The service tells a group's id this way; a client that echoes it asks for nothing.
            Some((name, _)) if name == "id" => {}
            Some(property) => self.properties.push(property),
            None => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(xml: &str) -> Result<Option<Operation>, Invalid> {
        let query: Element = xml.parse().unwrap();
        Operation::read(&query.ns(), &query, query.children())
    }

    #[test]
    fn what_is_written_is_read() {
        let item = |jid: &str| Item { jid: Some(jid.into()), nick: Some("凤".into()), ..Item::default() };
        for operation in [
            Operation::CreateGroup {
                properties: vec![("name".into(), "The <Coven>".into())],
                members: vec![item("a@b/c"), Item { role: Some("admin".into()), ..item("d@e") }],
            },
            Operation::UpdateGroup { properties: vec![("description".into(), " two\nlines ".into())] },
            Operation::DeleteGroup,
            Operation::AddMember { items: vec![item("a@b")] },
            Operation::RemoveMember { items: vec![item("a@b")], ban: true },
            Operation::RemoveMember { items: vec![], ban: false },
            Operation::UpdateMember { items: vec![item("a@b")] },
            Operation::MySettings { properties: vec![("receive".into(), "none".into())] },
            Operation::Join { nick: Some("凤".into()) },
            Operation::Join { nick: None },
        ] {
            let query = operation.write_query();
            assert_eq!(Operation::read(operation.namespace(), &query, query.children()), Ok(Some(operation)));
        }
    }

    #[test]
    fn the_streams_namespace_is_read_too_and_attribute_values() {
        let operation = read(
            "<query xmlns='http://jabber.org/protocol/groupchat#updategroup'>\
             <properties xmlns='jabber:client'><property name='name' value='Tea'/></properties></query>",
        );
        let properties = vec![("name".to_owned(), "Tea".to_owned())];
        assert_eq!(operation, Ok(Some(Operation::UpdateGroup { properties })));
    }

    #[test]
    fn strange_operations_are_told_apart() {
        assert_eq!(read("<query xmlns='http://jabber.org/protocol/groupchat#dance'/>"), Ok(None));
        let nameless =
            read("<query xmlns='http://jabber.org/protocol/groupchat#updategroup'><property/></query>");
        assert_eq!(nameless, Err(Invalid("a <property/> has no name".into())));
        let foreign = read(
            "<query xmlns='http://jabber.org/protocol/groupchat#addmember'><item xmlns='x' jid='a@b'/></query>",
        );
        assert_eq!(foreign, Ok(Some(Operation::AddMember { items: vec![] })));
    }
}
