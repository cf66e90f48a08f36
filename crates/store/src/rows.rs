//! Rows to values and back. Values of a later version (a role, a setting) become the careful one of ours, so that
//! they keep no group from loading; an address that is none is an error.

use groupchat_core::{
    Archived, ArchivedKind, BareJid, Group, GroupId, Jid, Member, MemberSpec, Mentions, Mid, Nick, Pending,
    PendingKind, ReadBy, Receive, Role, Settings, StanzaId, Timestamp,
};
use groupchat_entity::{ban, group, member, mention, message, pending};
use sea_orm::{NotSet, Set};

/// The mention of everybody names nobody.
pub(crate) const EVERYBODY: &str = "";

/// What the addresses of an account's devices look like to a database; some of others may look so, too.
pub(crate) fn devices_like(account: &str) -> String {
    format!("{}/%", account.replace(['%', '_', '\\'], "_"))
}

/// Is this a device of that account?
pub(crate) fn is_device_of(device: &str, account: &str) -> bool {
    device.strip_prefix(account).is_some_and(|rest| rest.starts_with('/'))
}

pub(crate) fn new_group(new: &Group, now: Timestamp) -> group::ActiveModel {
    group::ActiveModel {
        group_id: Set(new.id.to_string()),
        members: Set(new.members().len() as i64),
        version: Set(new.version),
        countable: Set(new.countable),
        created_at: Set(now.0),
        deleted_at: Set(new.deleted.then_some(now.0)),
        locked_at: Set(new.locked.then_some(now.0)),
        ..new_settings(&new.settings)
    }
}

pub(crate) fn new_settings(new: &Settings) -> group::ActiveModel {
    // All by name, so that none can be left out without a word.
    let Settings {
        name,
        description,
        kind,
        visibility,
        invite,
        configure,
        post,
        mention_all,
        join,
        history,
        receipts,
        retention_days,
        lang,
        avatar,
        frozen,
        subject,
    } = new;
    group::ActiveModel {
        name: Set(name.to_string()),
        description: Set(description.to_string()),
        kind: Set(kind.to_string()),
        visibility: Set(visibility.as_str().to_owned()),
        invite: Set(invite.as_str().to_owned()),
        configure: Set(configure.as_str().to_owned()),
        post: Set(post.as_str().to_owned()),
        mention_all: Set(mention_all.as_str().to_owned()),
        join: Set(join.as_str().to_owned()),
        history: Set(history.as_str().to_owned()),
        receipts: Set(*receipts),
        retention_days: Set((*retention_days).into()),
        lang: Set(lang.to_string()),
        avatar: Set(avatar.to_string()),
        frozen: Set(*frozen),
        subject: Set(subject.to_string()),
        ..group::ActiveModel::default()
    }
}

pub(crate) fn settings(row: &group::Model) -> Settings {
    let mut settings = Settings {
        receipts: row.receipts,
        retention_days: row.retention_days.try_into().unwrap_or_default(),
        lang: row.lang.as_str().into(),
        avatar: row.avatar.as_str().into(),
        frozen: row.frozen,
        subject: row.subject.as_str().into(),
        ..Settings::default()
    };
    for (name, value) in [
        ("name", &row.name),
        ("description", &row.description),
        ("type", &row.kind),
        ("visibility", &row.visibility),
        ("invite", &row.invite),
        ("configure", &row.configure),
        ("post", &row.post),
        ("mention_all", &row.mention_all),
        ("join", &row.join),
        ("history", &row.history),
    ] {
        settings.restore(name, value);
    }
    settings
}

pub(crate) fn new_member(group: &GroupId, new: &Member) -> member::ActiveModel {
    member::ActiveModel {
        id: NotSet,
        group_id: Set(group.to_string()),
        user_id: Set(new.jid.to_string()),
        is_received: Set(new.receive != Receive::None),
        receive: Set(new.receive.as_str().to_owned()),
        mute_until: Set(new.mute_until.map(|until| until.0)),
        authority: Set(new.role.as_str().to_owned()),
        mid: Set(new.mid.to_string()),
        nick: Set(new.nick.to_string()),
        nick_key: Set(new.nick.key()),
        joined_at: Set(new.joined.0),
        left_at: Set(None),
        read_id: Set(new.read.0),
        read_at: Set(0),
        seen: Set(new.seen),
    }
}

pub(crate) fn member(row: &member::Model) -> Member {
    Member {
        jid: BareJid::from_stored(&row.user_id),
        mid: Mid::from_stored(&row.mid),
        nick: Nick::from_stored(&row.nick),
        role: role(&row.authority),
        joined: Timestamp(row.joined_at),
        read: StanzaId(row.read_id),
        seen: row.seen,
        receive: receive(&row.receive),
        mute_until: row.mute_until.map(Timestamp),
    }
}

pub(crate) fn receive(text: &str) -> Receive {
    Receive::parse(text).unwrap_or(Receive::All)
}

pub(crate) fn role(authority: &str) -> Role {
    Role::parse(authority).unwrap_or(Role::Member)
}

pub(crate) fn new_ban(group: &GroupId, jid: &BareJid, now: Timestamp) -> ban::ActiveModel {
    ban::ActiveModel {
        id: NotSet,
        group_id: Set(group.to_string()),
        user_id: Set(jid.to_string()),
        banned_at: Set(now.0),
    }
}

pub(crate) fn new_pending(group: &GroupId, new: &Pending) -> pending::ActiveModel {
    let (kind, invited_by) = match &new.kind {
        PendingKind::Request => (REQUEST, None),
        PendingKind::Invitation { by } => (INVITATION, Some(by.to_string())),
    };
    pending::ActiveModel {
        id: NotSet,
        group_id: Set(group.to_string()),
        user_id: Set(new.jid.to_string()),
        kind: Set(kind.to_owned()),
        invited_by: Set(invited_by),
        jid: Set(new.spec.jid.clone()),
        mid: Set(new.spec.mid.clone()),
        nick: Set(new.spec.nick.clone()),
        authority: Set(new.spec.role.clone()),
        since: Set(new.since.0),
    }
}

pub(crate) fn pending(row: pending::Model) -> Pending {
    let kind = match row.invited_by {
        Some(by) if row.kind == INVITATION => PendingKind::Invitation { by: BareJid::from_stored(&by) },
        _ => PendingKind::Request,
    };
    Pending {
        jid: BareJid::from_stored(&row.user_id),
        kind,
        spec: MemberSpec { jid: row.jid, mid: row.mid, nick: row.nick, role: row.authority },
        since: Timestamp(row.since),
    }
}

const REQUEST: &str = "request";
pub(crate) const INVITATION: &str = "invitation";

pub(crate) fn new_message(new: &Archived) -> message::ActiveModel {
    message::ActiveModel {
        msg_id: Set(new.id.0),
        group_id: Set(new.group.to_string()),
        timestamp: Set(new.at.0),
        sender_jid: Set(new.sender.to_string()),
        mid: Set(new.mid.to_string()),
        kind: Set(kind(new.kind).to_owned()),
        client_id: Set(new.client_id.as_deref().map(str::to_owned)),
        body: Set(new.body.as_deref().map(str::to_owned)),
        payload: Set(new.payload.to_string()),
        ordinal: Set(new.ordinal),
        countable: Set(new.countable),
        corrects: Set(new.corrects.map(|message| message.0)),
        read_by: Set(read_by(new.read_by).to_owned()),
        retracted_at: NotSet,
        retracted_by: NotSet,
        moderated: NotSet,
        reason: NotSet,
    }
}

pub(crate) fn new_mentions(new: &Archived) -> impl Iterator<Item = mention::ActiveModel> {
    // Whoever is mentioned with everybody is not mentioned twice.
    let named = new.mentions.members.iter().map(Mid::as_str).filter(|_| !new.mentions.all);
    named.chain(new.mentions.all.then_some(EVERYBODY)).map(|mid| mention::ActiveModel {
        id: NotSet,
        group_id: Set(new.group.to_string()),
        mid: Set(mid.to_owned()),
        msg_id: Set(new.id.0),
        author: Set(new.mid.to_string()),
    })
}

pub(crate) fn add_mention(mentions: &mut Mentions, mid: &str) {
    match mid {
        EVERYBODY => mentions.all = true,
        mid => mentions.members.push(Mid::from_stored(mid)),
    }
}

pub(crate) fn message(row: message::Model, mentions: Mentions) -> Archived {
    Archived {
        id: StanzaId(row.msg_id),
        group: GroupId::from_stored(&row.group_id),
        at: Timestamp(row.timestamp),
        kind: if row.kind == kind(ArchivedKind::Message) {
            ArchivedKind::Message
        } else {
            ArchivedKind::Event
        },
        sender: Jid::from_stored(&row.sender_jid),
        mid: Mid::from_stored(&row.mid),
        client_id: row.client_id.map(Into::into),
        body: row.body.map(Into::into),
        ordinal: row.ordinal,
        countable: row.countable,
        corrects: row.corrects.map(StanzaId),
        read_by: read_by_of(&row.read_by),
        mentions,
        payload: row.payload.into(),
    }
}

pub(crate) fn read_by_of(text: &str) -> ReadBy {
    if text == read_by(ReadBy::Members) { ReadBy::Members } else { ReadBy::Admins }
}

pub(crate) fn read_by(by: ReadBy) -> &'static str {
    match by {
        ReadBy::Members => "members",
        ReadBy::Admins => "admins",
    }
}

pub(crate) fn kind(kind: ArchivedKind) -> &'static str {
    match kind {
        ArchivedKind::Message => "message",
        ArchivedKind::Event => "event",
    }
}
