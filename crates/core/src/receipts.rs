//! A member tells that he has read up to a message. Positions only move forward; one is kept per member.

use crate::{BareJid, Change, Decision, Group, Notice, ReadReceipt, Refusal, post};

/// Moves the reader's position, and tells the author and the reader's other devices, if the receipt says anything new.
pub(crate) fn read(group: &Group, actor: &BareJid, receipt: &ReadReceipt) -> Result<Decision, Refusal> {
    let reader = group.member(actor).ok_or_else(|| post::stranger(group))?;
    let Some(found) = &receipt.found else {
        return Ok(Decision::default());
    };
    if found.id <= reader.read || found.mid == reader.mid {
        return Ok(Decision::default());
    }
    let seen = found.seen.clamp(reader.seen, group.countable.max(reader.seen));
    let change = Change::Read { jid: reader.jid.clone(), upto: found.id, seen };
    // An author who left hears no more of the group, nor one where receipts are off; the reader's own devices do.
    let author = group.member_by_mid(&found.mid).filter(|_| group.settings.receipts);
    let notice = Notice::Receipt {
        reader: reader.mid.clone(),
        author: author.map(|author| author.jid.clone()),
        message_id: found.named.clone(),
        client_id: receipt.client_id.clone(),
        displayed: receipt.displayed,
    };
    Ok(Decision { changes: vec![change], notices: vec![notice] })
}
