//! A group that was a room, as the lines of an import.

use groupchat_core::{BareJid, Group, Member};
use groupchat_store::portable::{GroupRecord, Id, MemberRecord, MessageRecord, Moment, SettingsRecord};

use super::{Line, is_countable};

/// Longest `id` of a stanza that is kept.
const CLIENT_ID_CHARS_MAX: usize = 255;

pub(super) fn group_record(group: &Group, born: i64, countable: i64) -> GroupRecord {
    let settings = &group.settings;
    GroupRecord {
        id: group.id.to_string(),
        created: Moment(born),
        deleted: None,
        locked: None,
        held: None,
        settings: SettingsRecord {
            name: settings.name.to_string(),
            description: settings.description.to_string(),
            kind: settings.kind.to_string(),
            visibility: settings.visibility.as_str().to_owned(),
            join: settings.join.as_str().to_owned(),
            invite: settings.invite.as_str().to_owned(),
            configure: settings.configure.as_str().to_owned(),
            post: settings.post.as_str().to_owned(),
            mention_all: settings.mention_all.as_str().to_owned(),
            history: settings.history.as_str().to_owned(),
            receipts: settings.receipts,
            retention_days: settings.retention_days,
            subject: settings.subject.to_string(),
            lang: settings.lang.to_string(),
            frozen: settings.frozen,
        },
        avatar: None,
        countable,
        last: None,
        preview: None,
    }
}

pub(super) fn member_record(group: &str, member: &Member, left: Option<i64>, countable: i64) -> MemberRecord {
    MemberRecord {
        group: group.to_owned(),
        group_name: None,
        jid: member.jid.to_string(),
        mid: member.mid.to_string(),
        nick: member.nick.to_string(),
        role: member.role.as_str().to_owned(),
        joined: Moment(member.joined.0),
        left: left.map(Moment),
        receive: member.receive.as_str().to_owned(),
        mute_until: None,
        read: None,
        read_at: None,
        seen: countable,
    }
}

pub(super) fn message_record(
    group: &str,
    (id, ordinal): (Id, i64),
    (jid, mid): (&BareJid, &str),
    line: Line,
) -> MessageRecord {
    let countable = is_countable(&line);
    let Line { at, client_id, said, .. } = line;
    MessageRecord {
        group: group.to_owned(),
        id,
        at: Moment(at),
        kind: "message".to_owned(),
        sender: jid.to_string(),
        mid: mid.to_owned(),
        client_id: client_id.filter(|id| id.chars().count() <= CLIENT_ID_CHARS_MAX),
        body: said.body.map(|body| body.to_string()),
        payload: said.payload,
        ordinal,
        countable,
        corrects: None,
        admins_only: false,
        mentions_all: false,
        mentions: Vec::new(),
        retracted: None,
    }
}
