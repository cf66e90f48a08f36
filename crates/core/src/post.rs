//! A member says something.

use crate::{BareJid, Decision, Group, Limits, Notice, Post, Refusal, Visibility};

/// Longest `id` of a message, in characters: it is indexed, and answers are found by it.
const CLIENT_ID_CHARS_MAX: usize = 255;

/// Passes a message on to every member.
pub(crate) fn post(
    group: &Group,
    actor: &BareJid,
    post: &Post,
    limits: &Limits,
) -> Result<Decision, Refusal> {
    let author = group.member(actor).ok_or_else(|| stranger(group))?;
    if !group.settings.post.permits(author.role) {
        return Err(Refusal::MayNotPost);
    }
    if post.payload.len() > limits.message_bytes {
        return Err(Refusal::TooLarge { bytes_max: limits.message_bytes });
    }
    if post.client_id.as_ref().is_some_and(|id| id.chars().count() > CLIENT_ID_CHARS_MAX) {
        return Err(Refusal::TooLong { what: "message id", chars_max: CLIENT_ID_CHARS_MAX });
    }
    let notice = Notice::Message { author: author.mid.clone(), post: post.clone() };
    Ok(Decision { change: None, notices: vec![notice] })
}

/// What somebody hears who sends a message to a group that he is not in.
pub(crate) fn stranger(group: &Group) -> Refusal {
    match group.settings.visibility {
        Visibility::Public => Refusal::NotMember,
        Visibility::Private => Refusal::NoSuchGroup,
    }
}
