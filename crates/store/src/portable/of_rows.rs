//! Rows of the tables as lines of an export.

use groupchat_entity::{avatar, group, member, message};

use super::record::{
    AvatarRecord, GroupRecord, HeldRecord, MemberRecord, MessageRecord, Record, RetractedRecord,
    SettingsRecord,
};
use super::values::{Id, Moment};
use crate::rows;

pub(super) fn of_group(row: group::Model, avatar: Option<avatar::Model>) -> GroupRecord {
    GroupRecord {
        id: row.group_id,
        created: Moment(row.created_at),
        deleted: row.deleted_at.map(Moment),
        locked: row.locked_at.map(Moment),
        held: row.held_at.map(|at| HeldRecord { since: Moment(at), why: row.held_why.unwrap_or_default() }),
        settings: SettingsRecord {
            name: row.name,
            description: row.description,
            kind: row.kind,
            visibility: row.visibility,
            join: row.join,
            invite: row.invite,
            configure: row.configure,
            post: row.post,
            mention_all: row.mention_all,
            history: row.history,
            receipts: row.receipts,
            retention_days: row.retention_days.try_into().unwrap_or_default(),
            subject: row.subject,
            lang: row.lang,
        },
        avatar: avatar.map(|found| AvatarRecord {
            media_type: found.kind,
            hash: row.avatar,
            data: found.data,
        }),
        countable: row.countable,
        last: Id::some(row.last_id),
        preview: Id::some(row.preview_id),
    }
}

pub(super) fn of_member(row: member::Model, group_name: Option<String>) -> Record {
    Record::Member(MemberRecord {
        group: row.group_id,
        group_name,
        jid: row.user_id,
        mid: row.mid,
        nick: row.nick,
        role: row.authority,
        joined: Moment(row.joined_at),
        left: row.left_at.map(Moment),
        receive: row.receive,
        mute_until: row.mute_until.map(Moment),
        read: Id::some(row.read_id),
        read_at: (row.read_at != 0).then_some(Moment(row.read_at)),
        seen: row.seen,
    })
}

pub(super) fn of_message(row: message::Model, mut mentions: Vec<String>) -> MessageRecord {
    let mentions_all = mentions.iter().any(|mid| mid == rows::EVERYBODY);
    mentions.retain(|mid| mid != rows::EVERYBODY);
    MessageRecord {
        group: row.group_id,
        id: Id(row.msg_id),
        at: Moment(row.timestamp),
        kind: row.kind,
        sender: row.sender_jid,
        mid: row.mid,
        client_id: row.client_id,
        body: row.body,
        payload: row.payload,
        ordinal: row.ordinal,
        countable: row.countable,
        corrects: row.corrects.map(Id),
        admins_only: row.read_by == rows::read_by(groupchat_core::ReadBy::Admins),
        mentions_all,
        mentions,
        retracted: row.retracted_at.map(|at| RetractedRecord {
            at: Moment(at),
            by: row.retracted_by.unwrap_or_default(),
            moderated: row.moderated,
            reason: row.reason,
            original: None,
        }),
    }
}
