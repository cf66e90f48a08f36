//! An import: a group from an export into this database, whole or not at all. What was written is read again before it is
//! kept, and must be what came.

mod lines;

use std::collections::HashSet;

use groupchat_core::{BareJid, GroupId, StanzaId, Timestamp};
use groupchat_entity::{avatar, ban, cursor, group, kept, member, mention, message, occupant, pending};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, Select, Set};
use sha2::{Digest as _, Sha256};

use super::check;
use super::parts::{Part, read};
use super::record::{GroupRecord, Record};
use super::values::Id;
use crate::error::Doing;
use crate::outbox::move_cursor;
use crate::{Store, StoreError, rows};

/// Nothing may have been said so much later than now: ids follow times, so it would keep them ahead for ever.
const AHEAD_MS_MAX: i64 = 10 * 60 * 1_000;
const DOING: &str = "importing";
const UNSAID: &str =
    "the service has not said yet what it has stored: let it run until nothing waits, and stop it";
const DIFFERS: &str = "what was written does not read as it came";

/// What is done with a group whose id is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenThere {
    /// It is refused.
    Refuse,
    /// The one that is there goes, with all that was said in it.
    Replace,
}

/// What a group came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Who is in.
    pub members: usize,
    /// Who was in.
    pub former: usize,
    /// Who is kept out.
    pub bans: usize,
    /// Who waits for an answer.
    pub pending: usize,
    /// Rows of its archive.
    pub messages: usize,
}

/// A group on its way in.
#[derive(Debug)]
pub struct GroupImport {
    tx: DatabaseTransaction,
    domain: BareJid,
    id: GroupId,
    record: GroupRecord,
    latest: i64,
    /// How far the service has said what is there; nobody is to hear of what is behind that.
    said: Option<Said>,
    /// How far what is imported reaches.
    reach: i64,
    /// Over all lines but that of the group.
    digest: Sha256,
    step: u8,
    done: Imported,
    last: i64,
    last_message: i64,
    preview: i64,
    owners: usize,
    names: Names,
    members: Vec<member::ActiveModel>,
    messages: Vec<message::ActiveModel>,
    mentions: Vec<mention::ActiveModel>,
    kept: Vec<kept::ActiveModel>,
    /// About so many bytes in the messages that wait to be written.
    bytes: usize,
}

/// What is unique in a group, beyond what the database sees to.
#[derive(Debug, Default)]
struct Names {
    accounts: HashSet<String>,
    nicks: HashSet<String>,
}

/// How far the service has said what is stored.
#[derive(Debug)]
struct Said {
    upto: i64,
    /// Nothing is behind that.
    is_all: bool,
}

impl Said {
    /// `None`: nobody keeps account of it yet, and whoever begins will take everything for said.
    async fn by(tx: &DatabaseTransaction, domain: &BareJid) -> Result<Option<Self>, StoreError> {
        let row = cursor::Entity::find_by_id(domain.as_str()).one(tx).await.doing(DOING)?;
        let Some(cursor::Model { position: upto, .. }) = row else { return Ok(None) };
        let (rows, invitations) = behind(upto);
        Ok(Some(Self { upto, is_all: !is_any(tx, rows, invitations).await? }))
    }

    /// Has the service said all of this group?
    async fn has_all_of(&self, tx: &DatabaseTransaction, id: &GroupId) -> Result<bool, StoreError> {
        let (rows, invitations) = behind(self.upto);
        let rows = rows.filter(message::Column::GroupId.eq(id.as_str()));
        let invitations = invitations.filter(pending::Column::GroupId.eq(id.as_str()));
        Ok(self.is_all || !is_any(tx, rows, invitations).await?)
    }
}

/// What is said when the service starts: rows of the archive, and invitations, which are in no archive.
fn behind(upto: i64) -> (Select<message::Entity>, Select<pending::Entity>) {
    let rows = message::Entity::find().filter(message::Column::MsgId.gt(upto));
    // An id is about the microsecond of its making.
    let invitations = pending::Entity::find()
        .filter(pending::Column::Kind.eq(rows::INVITATION))
        .filter(pending::Column::Since.gt(upto / 1_000));
    (rows, invitations)
}

async fn is_any(
    tx: &DatabaseTransaction,
    rows: Select<message::Entity>,
    invitations: Select<pending::Entity>,
) -> Result<bool, StoreError> {
    let row = rows.select_only().column(message::Column::MsgId).limit(1).into_tuple::<i64>();
    let invitation = invitations.select_only().column(pending::Column::Id).limit(1).into_tuple::<i64>();
    let row = row.one(tx).await.doing(DOING)?;
    Ok(row.is_some() || invitation.one(tx).await.doing(DOING)?.is_some())
}

impl Store {
    /// Begins to import a group into the service of this domain, which must not run meanwhile: the engine has groups in memory.
    /// Payloads must be well-formed; here they are text. `now` is what its times may not be much later than.
    ///
    /// # Errors
    /// [`StoreError::GroupThere`]; [`StoreError::Import`]: something is wrong with the line; [`StoreError::Behind`];
    /// [`StoreError::Database`].
    pub async fn import_group(
        &self,
        record: GroupRecord,
        domain: &BareJid,
        when_there: WhenThere,
        now: Timestamp,
    ) -> Result<GroupImport, StoreError> {
        self.refuse_behind().await?;
        let (id, settings) = check::group(&record).map_err(|why| refused(&record.id, why))?;
        let tx = self.begin().await?;
        let there = group::Entity::find().filter(group::Column::GroupId.eq(id.as_str())).lock_exclusive();
        let said = Said::by(&tx, domain).await?;
        let mut version = 1;
        if let Some(there) = there.one(&tx).await.doing(DOING)? {
            if when_there == WhenThere::Refuse {
                return Err(StoreError::GroupThere(id));
            }
            if there.held_at.is_some() {
                return Err(refused(&record.id, "the one that is there is under a legal hold".to_owned()));
            }
            if let Some(said) = &said
                && !said.has_all_of(&tx, &id).await?
            {
                return Err(refused(&record.id, UNSAID.to_owned()));
            }
            version = there.version + 1;
            clear(&tx, &id).await?;
        }
        let row = group::ActiveModel {
            group_id: Set(id.to_string()),
            members: Set(0),
            version: Set(version),
            countable: Set(record.countable),
            created_at: Set(record.created.0),
            deleted_at: Set(record.deleted.map(|at| at.0)),
            locked_at: Set(record.locked.map(|at| at.0)),
            held_at: Set(record.held.as_ref().map(|held| held.since.0)),
            held_why: Set(record.held.as_ref().map(|held| held.why.clone())),
            ..rows::new_settings(&settings)
        };
        group::Entity::insert(row).exec_without_returning(&tx).await.doing(DOING)?;
        if let Some(found) = &record.avatar {
            let row = avatar::ActiveModel {
                group_id: Set(id.to_string()),
                kind: Set(found.media_type.clone()),
                data: Set(found.data.clone()),
            };
            avatar::Entity::insert(row).exec_without_returning(&tx).await.doing(DOING)?;
        }
        let mut import = GroupImport {
            tx,
            domain: domain.clone(),
            id,
            latest: now.0.saturating_add(AHEAD_MS_MAX),
            said,
            reach: 0,
            digest: Sha256::new(),
            step: 0,
            done: Imported::default(),
            last: record.last.map_or(0, |id| id.0),
            last_message: 0,
            // Of what comes: that of a row of another group would show what it says.
            preview: 0,
            owners: 0,
            names: Names::default(),
            members: Vec::new(),
            messages: Vec::new(),
            mentions: Vec::new(),
            kept: Vec::new(),
            bytes: 0,
            record,
        };
        import.reaches(import.last)?;
        Ok(import)
    }
}

impl GroupImport {
    /// Takes the next line, in the order of an export.
    ///
    /// # Errors
    /// [`StoreError::Import`]; [`StoreError::Database`]. Nothing of the group is kept then, as when this value is dropped.
    pub async fn add(&mut self, record: Record) -> Result<(), StoreError> {
        note(&mut self.digest, &record);
        match record {
            Record::Member(record) => {
                self.step_to(1)?;
                self.member(record).await
            }
            Record::Ban(record) => {
                self.step_to(2)?;
                self.ban(record).await
            }
            Record::Pending(record) => {
                self.step_to(3)?;
                self.pending(record).await
            }
            Record::Message(record) => {
                self.step_to(4)?;
                self.message(*record).await
            }
            _ => Err(self.refused("this line is not of a group")),
        }
    }

    /// Writes what is left, reads all of it again, and keeps it, if it is to be `kept`.
    ///
    /// # Errors
    /// [`StoreError::Import`], also when it does not read as it came; [`StoreError::Database`]. Nothing is kept then.
    pub async fn finish(mut self, kept: bool) -> Result<Imported, StoreError> {
        self.write_members().await?;
        self.write_messages().await?;
        if self.record.deleted.is_some() && self.done.members > 0 {
            return Err(self.refused("it is deleted, and has members"));
        }
        if self.record.deleted.is_none() && self.owners == 0 {
            return Err(self.refused("nobody is its owner"));
        }
        let update = group::Entity::update_many()
            .col_expr(group::Column::Members, Expr::value(self.done.members as i64))
            .col_expr(group::Column::LastId, Expr::value(self.last))
            .col_expr(group::Column::PreviewId, Expr::value(self.preview))
            .filter(group::Column::GroupId.eq(self.id.as_str()));
        update.exec(&self.tx).await.doing(DOING)?;
        self.read_again().await?;
        if let Some(said) = self.said.as_ref().filter(|said| said.upto < self.reach) {
            debug_assert!(said.is_all, "what reaches further was refused");
            move_cursor(&self.tx, &self.domain, StanzaId(self.reach)).await?;
        }
        if kept {
            self.tx.commit().await.doing("keeping what was imported")?;
        } else {
            self.tx.rollback().await.doing("dropping what was tried")?;
        }
        Ok(self.done)
    }

    /// Makes sure that what is there now is what came.
    async fn read_again(&mut self) -> Result<(), StoreError> {
        self.record.last = Id::some(self.last);
        self.record.preview = Id::some(self.preview);
        let mut digest = Sha256::new();
        for part in Part::of_group(self.id.as_str()) {
            let mut part = Some(part);
            while let Some(now) = part.take() {
                let page = read(&self.tx, &now).await?;
                for record in page.records {
                    match record {
                        Record::Group(group) if *group == self.record => {}
                        Record::Group(_) => return Err(self.refused(DIFFERS)),
                        record => note(&mut digest, &record),
                    }
                }
                part = page.rest;
            }
        }
        if digest.finalize() == self.digest.clone().finalize() { Ok(()) } else { Err(self.refused(DIFFERS)) }
    }

    fn refused(&self, why: impl Into<String>) -> StoreError {
        refused(self.id.as_str(), why.into())
    }

    fn step_to(&mut self, step: u8) -> Result<(), StoreError> {
        if step < self.step {
            return Err(self.refused("its lines are not in their order: members, bans, pending, messages"));
        }
        self.step = step;
        Ok(())
    }

    fn own(&self, group: &str) -> Result<(), StoreError> {
        if group == self.id.as_str() { Ok(()) } else { Err(self.refused(format!("a line is of `{group}`"))) }
    }

    /// Nobody hears of what is imported as if it had just been said.
    fn reaches(&mut self, id: i64) -> Result<(), StoreError> {
        if id / 1_000 > self.latest {
            return Err(self.refused("something in it is later than now"));
        }
        self.reach = self.reach.max(id);
        match &self.said {
            Some(said) if id > said.upto && !said.is_all => Err(self.refused(UNSAID)),
            _ => Ok(()),
        }
    }
}

fn refused(group: &str, why: String) -> StoreError {
    StoreError::Import { group: group.to_owned(), why }
}

/// A line, as the checksum has it.
fn note(digest: &mut Sha256, record: &Record) {
    digest.update(format!("{record:?}\n").as_bytes());
}

/// Takes away all of a group.
async fn clear(tx: &DatabaseTransaction, id: &GroupId) -> Result<(), StoreError> {
    let id = id.as_str();
    mention::Entity::delete_many().filter(mention::Column::GroupId.eq(id)).exec(tx).await.doing(DOING)?;
    kept::Entity::delete_many().filter(kept::Column::GroupId.eq(id)).exec(tx).await.doing(DOING)?;
    message::Entity::delete_many().filter(message::Column::GroupId.eq(id)).exec(tx).await.doing(DOING)?;
    pending::Entity::delete_many().filter(pending::Column::GroupId.eq(id)).exec(tx).await.doing(DOING)?;
    ban::Entity::delete_many().filter(ban::Column::GroupId.eq(id)).exec(tx).await.doing(DOING)?;
    occupant::Entity::delete_many().filter(occupant::Column::GroupId.eq(id)).exec(tx).await.doing(DOING)?;
    avatar::Entity::delete_by_id(id).exec(tx).await.doing(DOING)?;
    member::Entity::delete_many().filter(member::Column::GroupId.eq(id)).exec(tx).await.doing(DOING)?;
    group::Entity::delete_many().filter(group::Column::GroupId.eq(id)).exec(tx).await.doing(DOING).map(drop)
}
