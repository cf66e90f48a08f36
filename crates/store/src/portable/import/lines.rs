//! The lines below a group: each is looked at, and written with others of its kind.

use groupchat_core::ReadBy;
use groupchat_entity::{ban, kept, member, mention, message, pending};
use sea_orm::{DbErr, EntityTrait, NotSet, Set, SqlErr};

use super::{DOING, GroupImport};
use crate::error::Doing;
use crate::portable::check;
use crate::portable::record::{BanRecord, MemberRecord, MessageRecord, PendingRecord};
use crate::{ROWS_PER_STATEMENT, StoreError, rows};

/// MariaDB takes 16 MiB in one packet.
const BYTES_PER_STATEMENT: usize = 4 * 1024 * 1024;

impl GroupImport {
    pub(super) async fn member(&mut self, record: MemberRecord) -> Result<(), StoreError> {
        self.own(&record.group)?;
        let who = || format!("the member `{}`", record.jid);
        let nick_key = check::member(&record).map_err(|why| self.refused(format!("{}: {why}", who())))?;
        if record.group_name.is_some() {
            return Err(self.refused(format!("{}: this is a line of a user's export", who())));
        }
        if record.left.is_none() {
            if !self.names.accounts.insert(record.jid.clone()) || !self.names.nicks.insert(nick_key.clone()) {
                return Err(self.refused(format!("{}: is in it twice, or his nick is", who())));
            }
            self.done.members += 1;
            self.owners += usize::from(record.role == "owner");
        } else {
            self.done.former += 1;
        }
        self.members.push(member::ActiveModel {
            id: NotSet,
            group_id: Set(record.group),
            user_id: Set(record.jid),
            is_received: Set(record.receive != "none"),
            receive: Set(record.receive),
            mute_until: Set(record.mute_until.map(|at| at.0)),
            authority: Set(record.role),
            mid: Set(record.mid),
            nick: Set(record.nick),
            nick_key: Set(nick_key),
            joined_at: Set(record.joined.0),
            left_at: Set(record.left.map(|at| at.0)),
            read_id: Set(record.read.map_or(0, |id| id.0)),
            read_at: Set(record.read_at.map_or(0, |at| at.0)),
            seen: Set(record.seen),
        });
        if self.members.len() >= ROWS_PER_STATEMENT { self.write_members().await } else { Ok(()) }
    }

    pub(super) async fn ban(&mut self, record: BanRecord) -> Result<(), StoreError> {
        self.own(&record.group)?;
        check::account(&record.jid).map_err(|why| self.refused(why))?;
        self.done.bans += 1;
        let row = ban::ActiveModel {
            id: NotSet,
            group_id: Set(record.group),
            user_id: Set(record.jid),
            banned_at: Set(record.since.0),
        };
        let new = ban::Entity::insert(row).exec_without_returning(&self.tx).await;
        self.inserted(new.map(drop), "somebody is banned twice")
    }

    pub(super) async fn pending(&mut self, record: PendingRecord) -> Result<(), StoreError> {
        self.own(&record.group)?;
        check::pending(&record).map_err(|why| self.refused(why))?;
        // Invitations behind what was said are made again.
        self.reaches(record.since.0.saturating_mul(1_000))?;
        self.done.pending += 1;
        let row = pending::ActiveModel {
            id: NotSet,
            group_id: Set(record.group),
            user_id: Set(record.jid),
            kind: Set(record.kind),
            invited_by: Set(record.by),
            jid: Set(record.written),
            mid: Set(record.mid),
            nick: Set(record.nick),
            authority: Set(record.role),
            since: Set(record.since.0),
        };
        let new = pending::Entity::insert(row).exec_without_returning(&self.tx).await;
        self.inserted(new.map(drop), "somebody waits twice")
    }

    pub(super) async fn message(&mut self, record: MessageRecord) -> Result<(), StoreError> {
        self.own(&record.group)?;
        let refused = |why: String| self.refused(format!("the message `{}`: {why}", record.id));
        check::message(&record).map_err(refused)?;
        if record.id.0 <= self.last_message {
            return Err(refused("it is not behind the one before it".into()));
        }
        if record.ordinal > self.record.countable {
            return Err(refused("it counts further than its group".into()));
        }
        if self.record.held.is_none() && record.retracted.as_ref().is_some_and(|by| by.original.is_some()) {
            return Err(refused("what was taken back is kept in groups that are held alone".into()));
        }
        self.last_message = record.id.0;
        self.last = self.last.max(record.id.0);
        let is_preview = self.record.preview.is_some_and(|preview| preview.0 == record.id.0);
        if is_preview || (record.kind == "message" && record.body.is_some()) {
            self.preview = self.preview.max(record.id.0);
        }
        self.reaches(record.id.0)?;
        self.done.messages += 1;
        let everybody = record.mentions_all.then(|| rows::EVERYBODY.to_owned());
        self.mentions.extend(record.mentions.into_iter().chain(everybody).map(|mid| mention::ActiveModel {
            id: NotSet,
            group_id: Set(record.group.clone()),
            mid: Set(mid),
            msg_id: Set(record.id.0),
            author: Set(record.mid.clone()),
        }));
        let original = record.retracted.as_ref().and_then(|retracted| retracted.original.as_ref());
        self.kept.extend(original.map(|original| kept::ActiveModel {
            msg_id: Set(record.id.0),
            group_id: Set(record.group.clone()),
            body: Set(original.body.clone()),
            payload: Set(original.payload.clone()),
        }));
        let kept = original.map_or(0, |original| original.payload.len());
        let bytes = record.payload.len() + record.body.as_ref().map_or(0, String::len) + kept + 1_024;
        if self.bytes + bytes > BYTES_PER_STATEMENT {
            self.write_messages().await?;
        }
        self.bytes += bytes;
        let retracted = record.retracted.as_ref();
        self.messages.push(message::ActiveModel {
            msg_id: Set(record.id.0),
            group_id: Set(record.group),
            timestamp: Set(record.at.0),
            sender_jid: Set(record.sender),
            mid: Set(record.mid),
            kind: Set(record.kind),
            client_id: Set(record.client_id),
            body: Set(record.body),
            payload: Set(record.payload),
            ordinal: Set(record.ordinal),
            countable: Set(record.countable),
            corrects: Set(record.corrects.map(|id| id.0)),
            read_by: Set(
                rows::read_by(if record.admins_only { ReadBy::Admins } else { ReadBy::Members }).into()
            ),
            retracted_at: Set(retracted.map(|retracted| retracted.at.0)),
            retracted_by: Set(retracted.map(|retracted| retracted.by.clone())),
            moderated: Set(retracted.is_some_and(|retracted| retracted.moderated)),
            reason: Set(retracted.and_then(|retracted| retracted.reason.clone())),
        });
        if self.messages.len() >= ROWS_PER_STATEMENT { self.write_messages().await } else { Ok(()) }
    }

    pub(super) async fn write_members(&mut self) -> Result<(), StoreError> {
        let new = member::Entity::insert_many(std::mem::take(&mut self.members));
        let new = new.exec_without_returning(&self.tx).await;
        self.inserted(new.map(drop), "a member id is in it twice")
    }

    pub(super) async fn write_messages(&mut self) -> Result<(), StoreError> {
        self.bytes = 0;
        let new = message::Entity::insert_many(std::mem::take(&mut self.messages));
        let new = new.exec_without_returning(&self.tx).await;
        if new.as_ref().is_err_and(is_taken) {
            return Err(StoreError::ImportClash(self.id.clone()));
        }
        new.doing(DOING)?;
        let originals = kept::Entity::insert_many(std::mem::take(&mut self.kept));
        originals.exec_without_returning(&self.tx).await.doing(DOING)?;
        let mentions = std::mem::take(&mut self.mentions);
        for chunk in mentions.chunks(ROWS_PER_STATEMENT) {
            let new = mention::Entity::insert_many(chunk.iter().cloned());
            new.exec_without_returning(&self.tx).await.doing(DOING)?;
        }
        Ok(())
    }

    /// What is unique, and was there.
    fn inserted(&self, outcome: Result<(), DbErr>, twice: &str) -> Result<(), StoreError> {
        match &outcome {
            Err(error) if is_taken(error) => Err(self.refused(twice)),
            _ => outcome.doing(DOING),
        }
    }
}

fn is_taken(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}
