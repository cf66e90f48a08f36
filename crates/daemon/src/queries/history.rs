//! What was said: the archive, the inbox, and who has read what.

use groupchat_core::reading::{ArchiveFilter, Shown, With};
use groupchat_core::{BareJid, GroupId, History, Mid, Nick, Refusal, Role, Sight, sight};
use groupchat_dialect::{ArchiveQuery, Outbound, Paging, Question, encode};
use groupchat_store::{ArchiveScope, Known, MemberKey, Store, StoreError, Summary};
use minidom::Element;

use super::{Queries, refusal};

/// A page of the archive of a group, or of all groups of the asker. XEP-0313 §4.
pub(super) async fn page(
    queries: &Queries,
    question: &Question,
    query: &ArchiveQuery,
) -> Result<Vec<Outbound>, Refusal> {
    let store = queries.store.wait().await;
    let asker = question.origin.from.bare();
    let scope = match &question.group {
        None => ArchiveScope::AllOf(asker.clone()),
        Some(id) => {
            let summary = store.summary(id, asker).await.map_err(refusal)?.ok_or(Refusal::NoSuchGroup)?;
            match sight(summary.settings.visibility, summary.role) {
                Sight::Inside => ArchiveScope::Group { id: id.clone(), reader: asker.clone() },
                Sight::Outside => {
                    return Err(Refusal::NotAllowed("only members may read what was said here"));
                }
                Sight::Nothing => return Err(Refusal::NoSuchGroup),
            }
        }
    };
    let domain = queries.domain.as_str();
    let room = match &question.group {
        Some(group) if is_for_rooms(store, question, group).await? => Some(group),
        _ => None,
    };
    let filter = match (room, &query.filter.with) {
        (Some(group), With::Member(_, nick)) => by_nick(store, group, nick, &query.filter).await?,
        _ => query.filter.clone(),
    };
    let found = store.archive(&scope, &filter, &query.paging.page).await.map_err(refusal)?;
    let names = match room {
        Some(group) => Some(names(store, group, &found.items).await.map_err(refusal)?),
        None => None,
    };
    let (items, total) = (&found.items, found.total);
    Ok(encode::archive_page(&question.origin, domain, query, items, found.complete, total, names.as_ref()))
}

/// Does the asker hear of this group as in a room? By the device, or because his account knows nothing else.
async fn is_for_rooms(store: &Store, question: &Question, group: &GroupId) -> Result<bool, Refusal> {
    let asker = &question.origin.from;
    let by_device = store.is_present(group, asker).await.map_err(refusal)?;
    Ok(by_device || store.is_in_rooms_only(asker.bare()).await.map_err(refusal)?)
}

/// The filter of a client that names members by their nicks.
async fn by_nick(
    store: &Store,
    group: &GroupId,
    nick: &Mid,
    filter: &ArchiveFilter,
) -> Result<ArchiveFilter, Refusal> {
    let key = MemberKey::Nick(Nick::from_stored(nick.as_str()));
    let member = store.member(group, &key).await.map_err(refusal)?;
    let mid = member.map_or_else(|| nick.clone(), |member| member.mid);
    Ok(ArchiveFilter { with: With::Member(group.clone(), mid), ..filter.clone() })
}

/// By which names a room knows those who said this.
pub(crate) async fn names(
    store: &Store,
    group: &GroupId,
    rows: &[Shown],
) -> Result<encode::RoomNames, StoreError> {
    let mids = rows.iter().map(|row| &row.archived.mid).collect();
    let known = store.known(group, &mids).await?;
    let name = |mid: &Mid, known: &Known| encode::RoomName {
        nick: known.nick.in_room(mid).into(),
        jid: known.jid.clone(),
        role: known.role,
    };
    Ok(known.iter().map(|(mid, known)| (mid.clone(), name(mid, known))).collect())
}

/// Where an archive begins and ends. XEP-0313 §5.
pub(super) async fn metadata(store: &Store, scope: ArchiveScope) -> Result<Element, Refusal> {
    let bounds = store.archive_bounds(&scope).await.map_err(refusal)?;
    Ok(encode::archive_metadata(bounds.map(|(oldest, newest)| [oldest, newest])))
}

/// The asker's groups with what is unread in them.
pub(super) async fn inbox(queries: &Queries, asker: &BareJid, paging: &Paging) -> Result<Element, Refusal> {
    let store = queries.store.wait().await;
    let found = store.inbox(asker, &paging.page, queries.clock.now()).await.map_err(refusal)?;
    Ok(encode::inbox(queries.domain.as_str(), paging, &found))
}

/// Who has read a message: by name for its author and those who look after the group, for others how many.
pub(super) async fn receipts(
    store: &Store,
    group: &Summary,
    asker: &BareJid,
    message: &str,
) -> Result<Element, Refusal> {
    if !group.settings.receipts {
        return Err(Refusal::NotAllowed("there are no read receipts in this group"));
    }
    let found = store.found(&group.id, message).await.map_err(refusal)?.ok_or(Refusal::NoSuchMessage)?;
    // An id is about the microsecond of its making.
    let before_him = group.joined.is_some_and(|joined| found.id.0 < joined.0.saturating_mul(1_000));
    if before_him && group.settings.history == History::SinceJoin {
        return Err(Refusal::NoSuchMessage);
    }
    let own = store.member(&group.id, &MemberKey::Jid(asker.clone())).await.map_err(refusal)?;
    let is_author = own.is_some_and(|own| own.mid == found.mid);
    let (readers, unread) = store.receipts(&group.id, found.id).await.map_err(refusal)?;
    let readers: Vec<_> = readers.into_iter().map(|reader| (reader.mid, reader.at)).collect();
    let may_know = is_author || group.role >= Some(Role::Admin);
    Ok(encode::receipts(may_know.then_some(&readers), readers.len(), unread))
}
