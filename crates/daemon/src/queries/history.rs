//! What was said: the archive, the inbox, and who has read what.

use groupchat_core::{BareJid, History, Refusal, Role, Sight, sight};
use groupchat_dialect::{ArchiveQuery, Outbound, Paging, Question, encode};
use groupchat_store::{ArchiveScope, MemberKey, Store, Summary};
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
    let found = store.archive(&scope, &query.filter, &query.paging.page).await.map_err(refusal)?;
    let domain = queries.domain.as_str();
    Ok(encode::archive_page(&question.origin, domain, query, &found.items, found.complete, found.total))
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
