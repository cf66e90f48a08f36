//! Who is present in groups as in rooms, so that a restart sends nobody away; and by which names a room knows people.

use std::collections::{BTreeSet, HashMap};

use groupchat_core::{
    BareJid, GroupId, Jid, Mid, Nick, Occupant, Role, RoomChange, SessionChange, StanzaId, Unreachable,
};
use groupchat_entity::{member, native, occupant, unreachable};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, NotSet, QueryFilter, QueryOrder, QuerySelect,
    SelectGetableTuple, Selector, Set,
};

use crate::error::Doing;
use crate::{ROWS_PER_STATEMENT, Store, StoreError, rows};

/// Somebody who is, or was, in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// His nick, the last one if he has left.
    pub nick: Nick,
    /// His account.
    pub jid: BareJid,
    /// His role; `None`: he has left.
    pub role: Option<Role>,
}

impl Store {
    /// Every device that is present in a group as in a room, in the order in which they came; what `Rooms::restore` wants.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn occupants(&self) -> Result<Vec<(GroupId, Occupant)>, StoreError> {
        let rows = occupant::Entity::find().order_by_asc(occupant::Column::Id).all(&self.db).await;
        Ok(rows.doing("reading who is present in rooms")?.iter().map(read).collect())
    }

    /// Is this device present in this group as in a room?
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn is_present(&self, group: &GroupId, device: &Jid) -> Result<bool, StoreError> {
        let found = place(group, device).one(&self.db).await;
        Ok(found.doing("looking for an occupant")?.is_some())
    }

    /// The devices that are present in a group as in a room, in the order in which they came.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn present_in(&self, group: &GroupId) -> Result<Vec<Jid>, StoreError> {
        let list = occupant::Entity::find().filter(occupant::Column::GroupId.eq(group.as_str()));
        let found = list.order_by_asc(occupant::Column::Id).all(&self.db).await;
        Ok(found
            .doing("reading who is present in a room")?
            .iter()
            .map(|row| Jid::from_stored(&row.jid))
            .collect())
    }

    /// Did this account ever come by a client of the protocol's own?
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn came_natively(&self, account: &BareJid) -> Result<bool, StoreError> {
        let found = native::Entity::find_by_id(account.to_string()).one(&self.db).await;
        Ok(found.doing("looking how an account came")?.is_some())
    }

    /// Is this an account that only ever came by rooms?
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn is_in_rooms_only(&self, account: &BareJid) -> Result<bool, StoreError> {
        let found = unreachable::Entity::find_by_id(account.to_string()).one(&self.db).await;
        let found = found.doing("looking how an account came")?;
        Ok(found.is_some_and(|row| Unreachable::from_stored(&row.why) == Unreachable::InRooms))
    }

    /// Who is, or was, behind these member ids.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn known(
        &self,
        group: &GroupId,
        mids: &BTreeSet<&Mid>,
    ) -> Result<HashMap<Mid, Known>, StoreError> {
        let mids: Vec<&str> = mids.iter().map(|mid| mid.as_str()).collect();
        let mut known = HashMap::with_capacity(mids.len());
        for chunk in mids.chunks(ROWS_PER_STATEMENT) {
            let found = member::Entity::find()
                .filter(member::Column::GroupId.eq(group.as_str()))
                .filter(member::Column::Mid.is_in(chunk.iter().copied()));
            for row in found.all(&self.db).await.doing("looking for members")? {
                let role = row.left_at.is_none().then(|| rows::role(&row.authority));
                let member = rows::member(&row);
                known.insert(member.mid, Known { nick: member.nick, jid: member.jid, role });
            }
        }
        Ok(known)
    }
}

fn read(row: &occupant::Model) -> (GroupId, Occupant) {
    let occupant = Occupant {
        jid: Jid::from_stored(&row.jid),
        text: row.jid.as_str().into(),
        since: StanzaId(row.since),
        presence: row.presence.as_str().into(),
    };
    (GroupId::from_stored(&row.group_id), occupant)
}

fn one(group: &GroupId, device: &Jid) -> Condition {
    Condition::all()
        .add(occupant::Column::Jid.eq(device.to_string()))
        .add(occupant::Column::GroupId.eq(group.as_str()))
}

/// The place of a device in a group, if it is there.
fn place(group: &GroupId, device: &Jid) -> Selector<SelectGetableTuple<i64>> {
    let ids = occupant::Entity::find().select_only().column(occupant::Column::Id).filter(one(group, device));
    ids.into_tuple::<i64>()
}

/// Writes who came, who went, and who says something new of himself.
pub(crate) async fn apply(tx: &DatabaseTransaction, changes: &[RoomChange]) -> Result<(), StoreError> {
    for change in changes {
        match change {
            RoomChange::Left(group, device) => {
                let gone = occupant::Entity::delete_many().filter(one(group, device)).exec(tx).await;
                gone.doing("noting that an occupant went")?;
            }
            RoomChange::Entered(group, occupant) => enter(tx, group, occupant).await?,
        }
    }
    Ok(())
}

/// Who is there already keeps his place.
async fn enter(tx: &DatabaseTransaction, group: &GroupId, new: &Occupant) -> Result<(), StoreError> {
    let known = place(group, &new.jid).one(tx).await.doing("looking for an occupant")?;
    if let Some(id) = known {
        let update = occupant::Entity::update_many()
            .col_expr(occupant::Column::Since, Expr::value(new.since.0))
            .col_expr(occupant::Column::Presence, Expr::value(&*new.presence))
            .filter(occupant::Column::Id.eq(id));
        return update.exec(tx).await.doing("noting what an occupant says").map(drop);
    }
    let row = occupant::ActiveModel {
        id: NotSet,
        group_id: Set(group.to_string()),
        jid: Set(new.jid.to_string()),
        since: Set(new.since.0),
        presence: Set(new.presence.to_string()),
    };
    occupant::Entity::insert(row)
        .exec_without_returning(tx)
        .await
        .doing("noting that an occupant came")
        .map(drop)
}

/// Notes which accounts came by clients of the protocol's own.
pub(crate) async fn note_natives(
    tx: &DatabaseTransaction,
    changes: &[SessionChange],
) -> Result<(), StoreError> {
    let came = changes.iter().filter_map(|change| match change {
        SessionChange::Learnt(device, ..) => Some(device.bare().as_str()),
        _ => None,
    });
    let came: Vec<&str> = came.collect::<BTreeSet<_>>().into_iter().collect();
    for chunk in came.chunks(ROWS_PER_STATEMENT) {
        let rows = chunk.iter().map(|user| native::ActiveModel { user_id: Set((*user).to_owned()) });
        let known =
            OnConflict::column(native::Column::UserId).update_column(native::Column::UserId).to_owned();
        let insert = native::Entity::insert_many(rows).on_conflict(known);
        insert.exec_without_returning(tx).await.doing("noting how accounts came")?;
    }
    Ok(())
}
