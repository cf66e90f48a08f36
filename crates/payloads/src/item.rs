//! `<item jid nick mid role/>`: a member, as written.

use minidom::Element;

use crate::{is, set};

/// A member, in requests and answers. Fields that are missing are chosen by the service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Item {
    /// The account.
    pub jid: Option<String>,
    /// The member id.
    pub mid: Option<String>,
    /// The shown name.
    pub nick: Option<String>,
    /// `owner`, `admin` or `member`.
    pub role: Option<String>,
}

impl Item {
    /// Reads the element when it is an item of `namespace` (or of the stream's).
    pub fn read(element: &Element, namespace: &str) -> Option<Self> {
        let attribute = |name: &str| element.attr(name).map(str::to_owned);
        is(element, "item", namespace).then(|| Self {
            jid: attribute("jid"),
            mid: attribute("mid"),
            nick: attribute("nick"),
            role: attribute("role"),
        })
    }

    /// The element in `namespace`.
    pub fn write(&self, namespace: &str) -> Element {
        let mut element = crate::empty("item", namespace);
        let fields = [("jid", &self.jid), ("mid", &self.mid), ("nick", &self.nick), ("role", &self.role)];
        for (name, value) in fields {
            if let Some(value) = value {
                set(&mut element, name, value);
            }
        }
        element
    }
}
