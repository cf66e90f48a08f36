//! Read receipts: the reader tells the group, the group tells the author. PROTOCOL: read receipts; XEP-0333.

use std::sync::Arc;

use groupchat_core::{GroupId, MessageRef, Mid, ReadReceipt};
use groupchat_payloads::{Receipt, ReceiptForm};
use minidom::Element;

use super::message::message_from;
use crate::{Outbound, xml};

/// The receipt in a message without a body, if there is one.
pub(crate) fn decode(stanza: &Element, client_id: Option<Arc<str>>) -> Option<ReadReceipt> {
    let receipt = stanza.children().find_map(Receipt::read)?;
    let message = receipt.id.map_or(MessageRef::Newest, |id| MessageRef::Id(id.into()));
    let displayed = receipt.form == ReceiptForm::Displayed;
    Some(ReadReceipt { client_id, message, found: None, displayed })
}

/// A receipt as the author's devices, and the reader's other ones, get it: in the form that the reader sent.
pub fn receipt(
    domain: &str,
    group: &GroupId,
    reader: &Mid,
    message_id: &str,
    client_id: Option<&str>,
    displayed: bool,
    to: Vec<Arc<str>>,
) -> Outbound {
    let form = if displayed { ReceiptForm::Displayed } else { ReceiptForm::Read };
    let content = xml::content([&Receipt { form, id: Some(message_id.to_owned()) }.write()]);
    message_from(&group.at(domain), Some(reader), client_id, Some("groupchat"), to, &content)
}
