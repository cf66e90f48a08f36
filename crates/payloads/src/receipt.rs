//! Read receipts: the legacy `<read/>` and XEP-0333's `<displayed/>`.

use minidom::Element;

use crate::{empty, ns, set};

/// How a receipt is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptForm {
    /// `<read xmlns='http://jabber.org/protocol/chatstates'/>`
    Read,
    /// `<displayed xmlns='urn:xmpp:chat-markers:0'/>`, XEP-0333 §3
    Displayed,
}

/// Somebody has read up to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// How it is written.
    pub form: ReceiptForm,
    /// The message; legacy receipts may name none.
    pub id: Option<String>,
}

impl Receipt {
    /// Reads the element if it is a receipt.
    pub fn read(element: &Element) -> Option<Self> {
        let form = if element.is("read", ns::CHATSTATES) {
            ReceiptForm::Read
        } else if element.is("displayed", ns::CHAT_MARKERS) {
            ReceiptForm::Displayed
        } else {
            return None;
        };
        Some(Self { form, id: element.attr("id").filter(|id| !id.is_empty()).map(str::to_owned) })
    }

    /// The element.
    pub fn write(&self) -> Element {
        let mut element = match self.form {
            ReceiptForm::Read => empty("read", ns::CHATSTATES),
            ReceiptForm::Displayed => empty("displayed", ns::CHAT_MARKERS),
        };
        if let Some(id) = &self.id {
            set(&mut element, "id", id);
        }
        element
    }
}
