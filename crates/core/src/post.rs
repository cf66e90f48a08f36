//! A member says something, or changes the subject.

use std::sync::Arc;

use crate::{
    BareJid, Change, Decision, Event, Group, Limits, Member, Mentions, MentionsAsked, Notice, Post, Refusal,
    Settings, Storage, Visibility,
};

/// Longest `id` of a message, in characters: it is indexed, and answers are found by it.
const CLIENT_ID_CHARS_MAX: usize = 255;
/// Most members that one message mentions by name; each gets a row. More people are everybody.
const MENTIONS_MAX: usize = 100;

/// Passes a message on to every member. A correction must be of a message of one's own (XEP-0308 §6).
pub(crate) fn post(
    group: &Group,
    actor: &BareJid,
    post: &Post,
    limits: &Limits,
) -> Result<Decision, Refusal> {
    let author = author(group, actor, post, limits)?;
    if !group.settings.post.permits(author.role) {
        return Err(Refusal::MayNotPost);
    }
    if let Some(correction) = &post.corrects {
        own(correction.found.as_ref(), author)?;
    }
    let mentions = mentions(group, author, &post.mentions)?;
    let countable = post.storage == Storage::Stored && post.body.is_some() && post.corrects.is_none();
    let notice = Notice::Message {
        author: author.mid.clone(),
        post: post.clone(),
        mentions,
        countable,
        retracts: false,
    };
    let change = countable.then(|| Change::Posted { author: author.jid.clone() });
    Ok(Decision { changes: change.into_iter().collect(), notices: vec![notice] })
}

/// The author of a message that can be passed on.
pub(crate) fn author<'a>(
    group: &'a Group,
    actor: &BareJid,
    post: &Post,
    limits: &Limits,
) -> Result<&'a Member, Refusal> {
    let author = group.member(actor).ok_or_else(|| stranger(group))?;
    if post.payload.len() > limits.message_bytes {
        return Err(Refusal::TooLarge { bytes_max: limits.message_bytes });
    }
    check_id(post.client_id.as_ref())?;
    Ok(author)
}

fn check_id(id: Option<&Arc<str>>) -> Result<(), Refusal> {
    match id {
        Some(id) if id.chars().count() > CLIENT_ID_CHARS_MAX => {
            Err(Refusal::TooLong { what: "message id", chars_max: CLIENT_ID_CHARS_MAX })
        }
        _ => Ok(()),
    }
}

/// A message that only its author may touch.
pub(crate) fn own(found: Option<&crate::Found>, author: &Member) -> Result<(), Refusal> {
    match found {
        Some(found) if found.mid == author.mid => Ok(()),
        _ => Err(Refusal::NotYourMessage),
    }
}

/// Changes the subject; everybody gets it as a message (XEP-0045 §8.1).
pub(crate) fn subject(
    group: &Group,
    actor: &BareJid,
    client_id: Option<&Arc<str>>,
    subject: &Arc<str>,
    limits: &Limits,
) -> Result<Decision, Refusal> {
    let author = group.member(actor).ok_or_else(|| stranger(group))?;
    if !group.settings.configure.permits(author.role) {
        return Err(Refusal::NotAllowed("only owners and admins may change the subject here"));
    }
    check_id(client_id)?;
    if subject.chars().count() > limits.name_chars {
        return Err(Refusal::TooLong { what: "subject", chars_max: limits.name_chars });
    }
    let change = Change::Updated(Settings { subject: subject.clone(), ..group.settings.clone() });
    let event = Event::Subject { author: author.mid.clone(), subject: subject.clone() };
    Ok(Decision { changes: vec![change], notices: vec![Notice::Announce(event)] })
}

/// Whom a message mentions; names of nobody here count for nothing.
pub(crate) fn mentions(group: &Group, author: &Member, asked: &MentionsAsked) -> Result<Mentions, Refusal> {
    if asked.all && !group.settings.mention_all.permits(author.role) {
        return Err(Refusal::MayNotMentionAll);
    }
    let mut members = Vec::new();
    for member in asked.members.iter().filter_map(|who| group.find(who)) {
        if !members.contains(&member.mid) && members.len() < MENTIONS_MAX {
            members.push(member.mid.clone());
        }
    }
    Ok(Mentions { all: asked.all, members })
}

/// What somebody hears who sends a message to a group that he is not in.
pub(crate) fn stranger(group: &Group) -> Refusal {
    match group.settings.visibility {
        Visibility::Public => Refusal::NotMember,
        Visibility::Private => Refusal::NoSuchGroup,
    }
}
