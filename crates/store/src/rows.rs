//! Rows to values and back. Values of a later version (a role, a setting) become the careful one of ours, so that
//! they keep no group from loading; an address that is none is an error.

use groupchat_core::{
    Archived, ArchivedKind, BareJid, Group, GroupId, Jid, Member, Mid, Nick, Role, Settings, StanzaId,
    Timestamp,
};
use groupchat_entity::{ban, group, member, message};
use sea_orm::{NotSet, Set};

pub(crate) fn new_group(new: &Group, now: Timestamp) -> group::ActiveModel {
    group::ActiveModel {
        uid: NotSet,
        group_id: Set(new.id.to_string()),
        name: Set(new.settings.name.to_string()),
        description: Set(new.settings.description.to_string()),
        kind: Set(new.settings.kind.to_string()),
        visibility: Set(new.settings.visibility.as_str().to_owned()),
        invite: Set(new.settings.invite.as_str().to_owned()),
        configure: Set(new.settings.configure.as_str().to_owned()),
        post: Set(new.settings.post.as_str().to_owned()),
        members: Set(new.members().len() as i64),
        version: Set(new.version),
        created_at: Set(now.0),
        deleted_at: Set(new.deleted.then_some(now.0)),
    }
}

pub(crate) fn settings(row: &group::Model) -> Settings {
    let mut settings = Settings::default();
    for (name, value) in [
        ("name", &row.name),
        ("description", &row.description),
        ("type", &row.kind),
        ("visibility", &row.visibility),
        ("invite", &row.invite),
        ("configure", &row.configure),
        ("post", &row.post),
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
        is_received: Set(true),
        authority: Set(new.role.as_str().to_owned()),
        mid: Set(new.mid.to_string()),
        nick: Set(new.nick.to_string()),
        nick_key: Set(new.nick.key()),
        joined_at: Set(new.joined.0),
        left_at: Set(None),
        read_id: Set(new.read.0),
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
    }
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
    }
}

pub(crate) fn message(row: message::Model) -> Archived {
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
        payload: row.payload.into(),
    }
}

pub(crate) fn kind(kind: ArchivedKind) -> &'static str {
    match kind {
        ArchivedKind::Message => "message",
        ArchivedKind::Event => "event",
    }
}
