//! A member tells that he has read up to a message. Positions only move forward; one is kept per member.

use crate::{BareJid, Change, Decision, Group, Notice, ReadReceipt, Refusal, post};

/// Moves the reader's position and tells the author, if the receipt says anything new.
pub(crate) fn read(group: &Group, actor: &BareJid, receipt: &ReadReceipt) -> Result<Decision, Refusal> {
    let reader = group.member(actor).ok_or_else(|| post::stranger(group))?;
    let Some((upto, author, message_id)) = &receipt.found else {
        return Ok(Decision::default());
    };
    if *upto <= reader.read || *author == reader.mid {
        return Ok(Decision::default());
    }
    let change = Change::Read { jid: reader.jid.clone(), upto: *upto };
    let notice = Notice::Receipt {
        reader: reader.mid.clone(),
        // An author who left hears no more of the group; the reader's other devices do.
        author: group.member_by_mid(author).map(|author| author.jid.clone()),
        message_id: message_id.clone(),
        client_id: receipt.client_id.clone(),
        displayed: receipt.displayed,
    };
    Ok(Decision { change: Some(change), notices: vec![notice] })
}
