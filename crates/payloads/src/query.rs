//! Questions about groups and members, in an iq of type get.

use minidom::Element;

use crate::{Invalid, empty, is, ns, property, set};

/// One question, as written. Paging (XEP-0059) is read by whoever pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// `#items`: my groups.
    Items,
    /// `#groupinfo`: what a group says of itself; to the service with a name, all groups called so.
    GroupInfo {
        /// The exact name looked for.
        name: Option<String>,
    },
    /// `#members`: who is in.
    Members,
    /// `#memberinfo`: one member.
    MemberInfo(MemberKey),
    /// `#receipts`: who has read the message with this stanza-id.
    Receipts {
        /// The stanza-id, or the `id` that the sender gave.
        message: String,
    },
    /// `#inbox`: one's groups with what is unread in them.
    Inbox,
}

/// What a member is looked up by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberKey {
    /// The shown name.
    Nick(String),
    /// The member id.
    Mid(String),
    /// The account.
    Jid(String),
}

impl Query {
    /// Reads a query element; `None` when its namespace names no question.
    ///
    /// # Errors
    /// [`Invalid`] naming the field that is missing or wrong.
    pub fn read(query: &Element) -> Result<Option<Self>, Invalid> {
        let namespace = query.ns();
        let property = || -> Result<Option<(String, String)>, Invalid> {
            for child in query.children() {
                if let Some(found) = property::read(child, &namespace)? {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        };
        Ok(Some(match namespace.as_str() {
            ns::ITEMS => Self::Items,
            ns::MEMBERS => Self::Members,
            ns::GROUPINFO => Self::GroupInfo {
                name: match property()? {
                    Some((name, value)) if name == "name" => Some(value),
                    Some((other, _)) => {
                        return Err(Invalid(format!("groups are looked up by name, not by `{other}`")));
                    }
                    None => None,
                },
            },
            ns::MEMBERINFO => Self::MemberInfo(match property()? {
                Some((name, value)) if name == "nick" => MemberKey::Nick(value),
                Some((name, value)) if name == "mid" => MemberKey::Mid(value),
                Some((name, value)) if name == "jid" => MemberKey::Jid(value),
                _ => return Err(Invalid("name a member: <property name='nick|mid|jid' value='…'/>".into())),
            }),
            ns::INBOX => Self::Inbox,
            ns::RECEIPTS => {
                let message = query.children().find(|child| is(child, "message", ns::RECEIPTS));
                let id = message.and_then(|message| message.attr("id"));
                let id = id.ok_or_else(|| Invalid("name a message: <message id='…'/>".into()))?;
                Self::Receipts { message: id.to_owned() }
            }
            _ => return Ok(None),
        }))
    }

    /// The query element.
    pub fn write(&self) -> Element {
        if let Self::Receipts { message } = self {
            let mut element = empty("message", ns::RECEIPTS);
            set(&mut element, "id", message);
            return Element::builder("query", ns::RECEIPTS).append(element).build();
        }
        let (namespace, property) = match self {
            Self::Items => (ns::ITEMS, None),
            Self::Inbox => (ns::INBOX, None),
            Self::Receipts { .. } => (ns::RECEIPTS, None),
            Self::Members => (ns::MEMBERS, None),
            Self::GroupInfo { name } => (ns::GROUPINFO, name.as_ref().map(|name| ("name", name))),
            Self::MemberInfo(MemberKey::Nick(nick)) => (ns::MEMBERINFO, Some(("nick", nick))),
            Self::MemberInfo(MemberKey::Mid(mid)) => (ns::MEMBERINFO, Some(("mid", mid))),
            Self::MemberInfo(MemberKey::Jid(jid)) => (ns::MEMBERINFO, Some(("jid", jid))),
        };
        let mut query = empty("query", namespace);
        if let Some((name, value)) = property {
            query.append_child(property::property_attribute(name, value, namespace));
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for query in [
            Query::Items,
            Query::Members,
            Query::GroupInfo { name: None },
            Query::GroupInfo { name: Some("组".into()) },
            Query::MemberInfo(MemberKey::Nick("n".into())),
            Query::MemberInfo(MemberKey::Mid("m".into())),
            Query::MemberInfo(MemberKey::Jid("a@b".into())),
            Query::Receipts { message: "0006".into() },
            Query::Inbox,
        ] {
            assert_eq!(Query::read(&query.write()), Ok(Some(query)));
        }
    }

    #[test]
    fn a_member_must_be_named_by_something_known() {
        let query: Element = "<query xmlns='http://jabber.org/protocol/groupchat#memberinfo'>\
            <property name='shoe' value='42'/></query>"
            .parse()
            .unwrap();
        assert!(Query::read(&query).is_err());
    }
}
