//! Who was online, so that a restart forgets nobody.
//!
//! A session is the rows of one full JID: one for each address of ours that it announced itself to, or one with an
//! empty address when only its traffic told of it. Its oldest row says how old it is, so that row is not deleted
//! as long as the session lives: it may lose its address.

use std::collections::{HashMap, HashSet};

use groupchat_core::{BareJid, Jid, SessionChange, StanzaId, Timestamp};
use groupchat_entity::session::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, NotSet, QueryFilter, QueryOrder, Set};

use crate::error::Doing;
use crate::{ROWS_PER_STATEMENT, Store, StoreError};

impl Store {
    /// Every device with the addresses it announced itself to and since when, oldest first; what `Sessions::restore` wants.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn sessions(&self) -> Result<Vec<(Jid, Option<Jid>, StanzaId)>, StoreError> {
        let rows = Entity::find().order_by_asc(Column::Id).all(&self.db).await.doing("reading sessions")?;
        Ok(rows.iter().map(session).collect())
    }
}

impl Store {
    /// The devices of an account and since when each is known, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn sessions_of(&self, account: &BareJid) -> Result<Vec<(Jid, Timestamp)>, StoreError> {
        let of_account = Column::Jid.starts_with(format!("{account}/"));
        let rows = Entity::find().filter(of_account).order_by_asc(Column::Id).all(&self.db).await;
        let mut devices: Vec<(Jid, Timestamp)> = Vec::new();
        for row in rows.doing("reading the sessions of an account")? {
            let device = Jid::from_stored(&row.jid);
            // An underscore in an address stands for any letter there.
            if device.bare() == account && devices.iter().all(|(known, _)| *known != device) {
                devices.push((device, Timestamp(row.seen_at)));
            }
        }
        Ok(devices)
    }
}

fn session(row: &Model) -> (Jid, Option<Jid>, StanzaId) {
    let address = (!row.address.is_empty()).then(|| Jid::from_stored(&row.address));
    (Jid::from_stored(&row.jid), address, StanzaId(row.since))
}

/// What a batch does to one session, in the end.
#[derive(Default)]
struct Net {
    /// What the database has of it goes first.
    ended: bool,
    /// Addresses that the database may have and that go.
    left: HashSet<String>,
    /// Addresses that come, each with its place in the batch.
    learnt: Vec<(usize, String)>,
    /// When it last announced itself.
    since: StanzaId,
}

/// Writes the changes of a batch, in a few statements however many they are.
pub(crate) async fn apply(
    tx: &DatabaseTransaction,
    changes: &[SessionChange],
    now: Timestamp,
) -> Result<(), StoreError> {
    let nets = net(changes);
    let ended: Vec<&str> = nets.iter().filter(|(_, net)| net.ended).map(|(jid, _)| jid.as_str()).collect();
    for chunk in ended.chunks(ROWS_PER_STATEMENT) {
        let gone = Entity::delete_many().filter(Column::Jid.is_in(chunk.iter().copied()));
        gone.exec(tx).await.doing("ending sessions")?;
    }
    let lasting: Vec<&str> = nets.iter().filter(|(_, net)| !net.ended).map(|(jid, _)| jid.as_str()).collect();
    let mut stored: HashMap<String, Vec<Model>> = HashMap::new();
    for chunk in lasting.chunks(ROWS_PER_STATEMENT) {
        let known = Entity::find().filter(Column::Jid.is_in(chunk.iter().copied())).order_by_asc(Column::Id);
        for row in known.all(tx).await.doing("looking for sessions")? {
            stored.entry(row.jid.clone()).or_default().push(row);
        }
    }
    let mut new = Vec::new();
    for (jid, net) in &nets {
        let known = stored.remove(jid).unwrap_or_default();
        let known = leave(tx, known, &net.left).await?;
        come_again(tx, &known, net).await?;
        new.extend(unknown(net, &known).map(|(place, address)| (*place, jid, address.as_str(), net.since)));
    }
    new.sort_unstable();
    for chunk in new.chunks(ROWS_PER_STATEMENT) {
        let rows = chunk.iter().map(|(_, jid, address, since)| row(jid, address, *since, now));
        Entity::insert_many(rows).exec_without_returning(tx).await.doing("storing sessions")?;
    }
    Ok(())
}

/// Puts together what a batch says of each session. (Of accounts: `reach`.)
fn net(changes: &[SessionChange]) -> HashMap<String, Net> {
    let mut nets: HashMap<String, Net> = HashMap::new();
    for (place, change) in changes.iter().enumerate() {
        match change {
            SessionChange::Ended(jid) => {
                nets.insert(jid.to_string(), Net { ended: true, ..Net::default() });
            }
            SessionChange::Left(jid, address) => {
                let net = nets.entry(jid.to_string()).or_default();
                for learnt in net.learnt.iter_mut().filter(|(_, learnt)| *learnt == address.to_string()) {
                    learnt.1.clear();
                }
                net.left.insert(address.to_string());
            }
            SessionChange::Lost(..) | SessionChange::Found(_) => {}
            SessionChange::Learnt(jid, address, since) => {
                let address = address.as_ref().map(Jid::to_string).unwrap_or_default();
                let net = nets.entry(jid.to_string()).or_default();
                net.since = net.since.max(*since);
                if !net.learnt.iter().any(|(_, learnt)| *learnt == address) {
                    net.learnt.push((place, address));
                }
            }
        }
    }
    nets
}

/// Takes a session off addresses; what is left of its rows, oldest first.
async fn leave(
    tx: &DatabaseTransaction,
    known: Vec<Model>,
    left: &HashSet<String>,
) -> Result<Vec<Model>, StoreError> {
    let mut rest: Vec<Model> = Vec::with_capacity(known.len());
    for mut row in known {
        if !left.contains(&row.address) {
            rest.push(row);
        } else if rest.is_empty() {
            let oldest = Entity::update_many()
                .col_expr(Column::Address, Expr::value(""))
                .filter(Column::Id.eq(row.id));
            oldest.exec(tx).await.doing("taking a session off an address")?;
            row.address.clear();
            rest.push(row);
        } else {
            let other = Entity::delete_by_id(row.id).exec(tx).await;
            other.doing("taking a session off an address")?;
        }
    }
    Ok(rest)
}

/// A session that is known announced itself again: what was said before is not for it any more.
async fn come_again(tx: &DatabaseTransaction, known: &[Model], net: &Net) -> Result<(), StoreError> {
    // The oldest row is the one that stays.
    if let Some(row) = known.first().filter(|row| row.since < net.since.0) {
        let later = Entity::update_many().col_expr(Column::Since, Expr::value(net.since.0));
        later.filter(Column::Id.eq(row.id)).exec(tx).await.doing("noting that a device came again")?;
    }
    Ok(())
}

/// What a batch says of a session that its rows do not say yet. That a session is there, any row says.
fn unknown<'a>(net: &'a Net, known: &[Model]) -> impl Iterator<Item = &'a (usize, String)> {
    let is_new = |(_, address): &&(usize, String)| known.iter().all(|row| row.address != *address);
    let new: Vec<_> = net.learnt.iter().filter(is_new).collect();
    let is_first = known.is_empty();
    let told =
        move |(at, (_, address)): &(usize, &(usize, String))| !address.is_empty() || (is_first && *at == 0);
    new.into_iter().enumerate().filter(told).map(|(_, new)| new)
}

fn row(jid: &str, address: &str, since: StanzaId, now: Timestamp) -> ActiveModel {
    ActiveModel {
        id: NotSet,
        jid: Set(jid.to_owned()),
        address: Set(address.to_owned()),
        seen_at: Set(now.0),
        since: Set(since.0),
    }
}
