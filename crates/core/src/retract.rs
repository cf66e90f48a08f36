//! A message is taken back: by its author (XEP-0424), or by somebody who looks after the group (XEP-0425). The archive
//! keeps a tombstone in its place.

use crate::{
    BareJid, Change, Decision, Group, Limits, Mentions, Notice, Post, Refusal, Retraction, Role, post,
};

/// Longest reason, in characters: everybody gets it, twice over.
const REASON_CHARS_MAX: usize = 1_000;

/// Takes a message back.
pub(crate) fn retract(
    group: &Group,
    actor: &BareJid,
    retraction: &Retraction,
    limits: &Limits,
) -> Result<Decision, Refusal> {
    match &retraction.post {
        Some(message) => {
            // Also by one who may not post any more: it is his.
            let author = post::author(group, actor, message, limits)?;
            post::own(retraction.found.as_ref(), author)?;
            post::mentions(group, author, &message.mentions)?;
            let notice = Notice::Message {
                author: author.mid.clone(),
                // What stands in it for clients that cannot take back is nothing to remember, or to count.
                post: Post { body: None, ..message.clone() },
                mentions: Mentions::default(),
                countable: false,
                retracts: true,
            };
            decision(retraction, &author.mid, notice)
        }
        None => {
            let moderator = group.actor(actor)?;
            let found = retraction.found.as_ref().ok_or(Refusal::NoSuchMessage)?;
            if retraction.reason.as_ref().is_some_and(|reason| reason.chars().count() > REASON_CHARS_MAX) {
                return Err(Refusal::TooLong { what: "reason", chars_max: REASON_CHARS_MAX });
            }
            if moderator.role < Role::Admin && found.mid != moderator.mid {
                return Err(Refusal::NotAllowed("only owners and admins may take back messages of others"));
            }
            let notice = Notice::Moderated {
                message: found.id,
                by: moderator.mid.clone(),
                reason: retraction.reason.clone(),
            };
            decision(retraction, &moderator.mid, notice)
        }
    }
}

fn decision(retraction: &Retraction, by: &crate::Mid, notice: Notice) -> Result<Decision, Refusal> {
    let found = retraction.found.as_ref().ok_or(Refusal::NoSuchMessage)?;
    let change = Change::Retracted {
        message: found.id,
        by: by.clone(),
        moderated: retraction.post.is_none(),
        reason: retraction.reason.clone(),
    };
    Ok(Decision { changes: vec![change], notices: vec![notice] })
}
