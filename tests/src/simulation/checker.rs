//! What must hold when everything is mended.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use anyhow::{Context, Result, ensure};
use groupchat_core::page::{From, Page};
use groupchat_core::reading::{ArchiveFilter, Shown};
use groupchat_core::{ArchivedKind, BareJid, GroupId};
use groupchat_store::{ArchiveScope, Store};

use super::Tally;
use super::people::{Copy, Device, DeviceLink, GHOST, GROUPS, GUEST, Messages, address, announced_name};
use super::world::World;
use crate::script::HOST;

/// Checks all of it; what the run did.
pub(super) async fn check(world: &mut World) -> Result<Tally> {
    let quiet = says_nothing_when_restarted(world).await;
    quiet.context("after a clean stop there must be nothing left to say")?;
    let archive = Archive::read(world).await?;
    archive.holds_what_was_reflected(&world.messages)?;
    for (index, device) in world.devices.iter().enumerate() {
        in_order(device, index, &world.messages, &archive)?;
    }
    let archive_only = everybody_has_everything(world, &archive)?;
    renames_were_heard(world, &archive)?;
    rooms_hold_who_is_there(world).await?;
    let copies = world.devices.iter().map(|device| device.got.copies.len()).sum();
    let unique =
        |device: &Device| device.got.copies.iter().map(|copy| &copy.stanza_id).collect::<HashSet<_>>().len();
    let repeats = copies - world.devices.iter().map(unique).sum::<usize>();
    let reflected = world.messages.sent.iter().filter(|sent| sent.reflected.is_some()).count();
    Ok(Tally { sent: world.messages.sent.len(), reflected, copies, repeats, archive_only, ..world.tally })
}

/// A cursor that stays behind would have the same things said at every start.
async fn says_nothing_when_restarted(world: &mut World) -> Result<()> {
    let service = world.service.take().context("no service")?;
    let rest = service.stop().await?;
    if let Some(slice) = rest.try_next() {
        anyhow::bail!("it said while it stopped {}{}", slice.outgoing().head, slice.outgoing().tail);
    }
    world.start();
    world.work().await?;
    let service = world.service.as_ref().context("no service")?;
    match service.queue.try_next() {
        Some(slice) => anyhow::bail!("it says again {}{}", slice.outgoing().head, slice.outgoing().tail),
        None => Ok(()),
    }
}

/// What the archives hold, read as a member would.
struct Archive {
    /// The messages of each group by stanza-id.
    messages: BTreeMap<String, BTreeMap<String, Copy>>,
    /// Names that the groups were given.
    names: BTreeSet<String>,
}

impl Archive {
    async fn read(world: &World) -> Result<Self> {
        let store = Store::open(&format!("sqlite://{}", world.database.display())).await?;
        let (mut messages, mut names) = (BTreeMap::new(), BTreeSet::new());
        for (group, _) in GROUPS {
            let id = GroupId::parse(group).map_err(anyhow::Error::msg)?;
            let reader = BareJid::parse(&format!("alice@{HOST}")).map_err(anyhow::Error::msg)?;
            let page = Page { from: From::Start, items_max: 100_000 };
            let scope = ArchiveScope::Group { id, reader };
            let found = store.archive(&scope, &ArchiveFilter::default(), &page).await?;
            ensure!(found.complete, "the archive of {group} is not one page");
            let ids: Vec<_> = found.items.iter().map(|row| row.archived.id).collect();
            ensure!(ids.is_sorted(), "the archive of {group} is not in order");
            names.extend(found.items.iter().filter_map(name_in));
            let of_group = found.items.iter().filter(|row| row.archived.kind == ArchivedKind::Message);
            messages.insert(
                address(group),
                of_group.map(|row| (row.archived.id.to_string(), copy_in(group, row))).collect(),
            );
        }
        store.close().await?;
        Ok(Self { messages, names })
    }

    fn copy(&self, group: &str, stanza_id: &str) -> Option<&Copy> {
        self.messages.get(group)?.get(stanza_id)
    }

    /// Whoever saw his message come back finds it here, once.
    fn holds_what_was_reflected(&self, messages: &Messages) -> Result<()> {
        for (number, sent) in messages.sent.iter().enumerate() {
            let (id, group) = (Messages::id(number), address(sent.group));
            let rows = self.messages.get(&group).into_iter().flat_map(BTreeMap::values);
            let rows: Vec<_> = rows.filter(|row| row.id == id).collect();
            ensure!(rows.len() <= 1, "{id} is archived {} times", rows.len());
            if let Some(stanza_id) = &sent.reflected {
                ensure!(rows.len() == 1, "{id} came back as {stanza_id} and is not archived");
                ensure!(
                    rows[0].stanza_id == *stanza_id,
                    "{id} came back as {stanza_id}, archived as {}",
                    rows[0].stanza_id
                );
            }
        }
        Ok(())
    }
}

fn copy_in(group: &str, row: &Shown) -> Copy {
    Copy {
        group: address(group),
        stanza_id: row.archived.id.to_string(),
        id: row.archived.client_id.as_deref().unwrap_or_default().to_owned(),
        body: row.archived.body.as_deref().unwrap_or_default().to_owned(),
        is_live: true,
        is_of_room: false,
        is_older: false,
    }
}

fn name_in(row: &Shown) -> Option<String> {
    let text = format!("<presence xmlns='jabber:component:accept'>{}</presence>", row.archived.payload);
    announced_name(&text.parse().ok()?)
}

/// What a device got is what the archive says; live copies came in its order, but for repeats, for what was said before it
/// logged in, and for what it sent again: that is acknowledged when it comes.
fn in_order(device: &Device, index: usize, messages: &Messages, archive: &Archive) -> Result<()> {
    let who = format!("{}/{}", device.user, device.resource);
    let (mut seen, mut newest) = (HashSet::new(), BTreeMap::<&str, &str>::new());
    for copy in &device.got.copies {
        let row = archive.copy(&copy.group, &copy.stanza_id);
        let row = row.with_context(|| format!("{who} got {copy:?}, which is not archived"))?;
        ensure!((&row.id, &row.body) == (&copy.id, &copy.body), "{who} got {copy:?}, archived as {row:?}");
        let members =
            GROUPS.iter().find(|(group, _)| address(group) == copy.group).map(|(_, members)| *members);
        let may = members.is_some_and(|members| members.contains(&device.user)) || device.user == GUEST;
        ensure!(may, "{who} is not in the group of {copy:?}");
        let in_room = device.is_of_room() && copy.group == address(GROUPS[0].0);
        ensure!(in_room || !copy.is_of_room, "{who} joined no room, and got {copy:?} as if it had");
        let sent = Messages::number(&copy.id).and_then(|number| messages.sent.get(number));
        let was_sent_again = sent.is_some_and(|sent| sent.device == index && sent.times > 1);
        if seen.insert(&copy.stanza_id) && copy.is_live && !copy.is_older && !was_sent_again {
            let before = newest.insert(&copy.group, &copy.stanza_id).unwrap_or_default();
            ensure!(before < copy.stanza_id.as_str(), "{who} got {} after {before}", copy.stanza_id);
        }
    }
    Ok(())
}

/// Everybody who was a member all the time has each archived message: on a device that was there all the time on that
/// one, else on any, or stored by the host; in the archive alone only when what would have brought it was lost. How
/// many of these there are.
fn everybody_has_everything(world: &World, archive: &Archive) -> Result<usize> {
    let mut archive_only = 0;
    for (group, members) in GROUPS {
        for row in archive.messages.get(&address(group)).into_iter().flat_map(BTreeMap::values) {
            let number = Messages::number(&row.id).with_context(|| format!("nobody sent {row:?}"))?;
            for user in members.iter().filter(|user| **user != GHOST) {
                if !has(world, user, row) {
                    let why = world.messages.excused.get(&((*user).to_owned(), row.id.clone()));
                    ensure!(why.is_some(), "{user} has no copy of {} ({})", row.id, row.stanza_id);
                    archive_only += 1;
                }
                let in_group = |device: &&Device| !device.is_of_room() || group == GROUPS[0].0;
                for device in world.devices.iter().filter(|device| device.user == *user).filter(in_group) {
                    let stayed = matches!(device.link, DeviceLink::On(..))
                        && device.since <= number
                        && device.is_known;
                    let got = device.got.copies.iter().any(|copy| copy.stanza_id == row.stanza_id);
                    ensure!(
                        !stayed || got,
                        "{user}/{} was there and did not get {} ({})",
                        device.resource,
                        row.id,
                        row.stanza_id
                    );
                }
            }
        }
    }
    Ok(archive_only)
}

/// Has a user a copy on any device, or stored?
fn has(world: &World, user: &str, row: &Copy) -> bool {
    let own = world.devices.iter().filter(|device| device.user == user);
    let stored = world.host.stored.get(user).into_iter().flatten();
    own.flat_map(|device| &device.got.copies).any(|copy| copy.stanza_id == row.stanza_id)
        || stored.filter_map(Copy::of).any(|copy| copy.stanza_id == row.stanza_id)
}

/// Every device that is there and joined the room is in it, and what is stored says so, too; who has gone is not, as soon as
/// something was said there.
async fn rooms_hold_who_is_there(world: &World) -> Result<()> {
    let store = Store::open(&format!("sqlite://{}", world.database.display())).await?;
    let room = GroupId::parse(GROUPS[0].0).map_err(anyhow::Error::msg)?;
    let stored: BTreeSet<_> = store.present_in(&room).await?.iter().map(ToString::to_string).collect();
    store.close().await?;
    for device in world.devices.iter().filter(|device| device.is_of_room() && device.is_on()) {
        let jid = format!("{}@{HOST}/{}", device.user, device.resource);
        ensure!(device.is_known, "{jid} joined the room, and heard nothing of it");
        ensure!(stored.contains(&jid), "{jid} is in the room, and that is not stored: {stored:?}");
    }
    // If anybody was there who could say it, he said the last message of all there.
    let spoke = world.messages.sent.last().is_some_and(|sent| {
        let device = &world.devices[sent.device];
        sent.reflected.is_some() && device.is_on() && !device.is_of_room()
    });
    let is_on = |jid: &&String| {
        let on = world.devices.iter().filter(|device| device.is_on());
        on.map(|device| format!("{}@{HOST}/{}", device.user, device.resource)).any(|on| on == **jid)
    };
    let gone = stored.iter().find(|jid| spoke && !is_on(jid));
    ensure!(gone.is_none(), "{gone:?} has gone, and is in the room still");
    Ok(())
}

/// Every device that was there all the time, and known to be, heard every name that the group was given.
fn renames_were_heard(world: &World, archive: &Archive) -> Result<()> {
    let (group, members) = GROUPS[0];
    for (name, since) in world.names.iter().filter(|(name, _)| archive.names.contains(name)) {
        // In a room it is only said that something has changed.
        let told = |device: &&Device| members.contains(&device.user) && !device.is_of_room();
        for device in world.devices.iter().filter(told) {
            let stayed =
                matches!(device.link, DeviceLink::On(..)) && device.since < *since && device.is_known;
            let heard = device.got.names.contains(name);
            ensure!(
                !stayed || heard,
                "{}/{} did not hear that {group} is called {name}",
                device.user,
                device.resource
            );
        }
    }
    Ok(())
}
