//! Rows of the tables as lines of an export.

use groupchat_entity::{avatar, group, member, message};

use super::record::{
    AvatarRecord, GroupRecord, HeldRecord, MemberRecord, MessageRecord, Record, RetractedRecord,
    SettingsRecord,
};
use super::values::{Id, Moment};
use crate::rows;

pub(super) fn of_group(row: group::Model, avatar: Option<avatar::Model>) -> GroupRecord {
    // All columns by name, so that none can be left out without a word.
    let group::Model {
        uid: _,
        group_id,
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
        avatar: hash,
        frozen,
        subject,
        // Counted, and made anew.
        members: _,
        version: _,
        countable,
        last_id,
        preview_id,
        created_at,
        deleted_at,
        locked_at,
        held_at,
        held_why,
    } = row;
    let settings = SettingsRecord {
        name,
        description,
        kind,
        visibility,
        join,
        invite,
        configure,
        post,
        mention_all,
        history,
        receipts,
        retention_days: retention_days.try_into().unwrap_or_default(),
        subject,
        lang,
        frozen,
    };
    GroupRecord {
        id: group_id,
        created: Moment(created_at),
        deleted: deleted_at.map(Moment),
        locked: locked_at.map(Moment),
        held: held_at.map(|at| HeldRecord { since: Moment(at), why: held_why.unwrap_or_default() }),
        settings,
        avatar: avatar.map(|found| AvatarRecord { media_type: found.kind, hash, data: found.data }),
        countable,
        last: Id::some(last_id),
        preview: Id::some(preview_id),
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
