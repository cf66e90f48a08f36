//! Questions: answered from the store, beside the engine, so that nobody's long list delays anybody's message.
//!
//! What may be seen is decided by `core::sight`; how it is written, by the dialect.

mod history;
mod rooms;

pub(crate) use history::names;

use std::sync::Arc;
use std::time::{Duration, Instant};

use groupchat_core::page::Paged;
use groupchat_core::{BareJid, GroupId, Limits, Mid, Nick, Refusal, Sight, sight};
use groupchat_dialect::encode::ServiceInfo;
use groupchat_dialect::{Outbound, Query, Question, encode};
use groupchat_payloads::MemberKey as NamedMember;
use groupchat_store::{ArchiveScope, MemberKey, Store, StoreError, Summary};
use minidom::Element;
use tokio::sync::{Semaphore, SetOnce};
use tracing::error;

use crate::clock::Clock;
use crate::config::MucMode;
use crate::identity;

/// Answers questions. Shared by as many as are being answered at once.
pub(crate) struct Queries {
    /// The service's domain.
    pub(crate) domain: BareJid,
    /// What it says of itself.
    pub(crate) info: ServiceInfo,
    /// How much is too much.
    pub(crate) limits: Limits,
    /// How far groups are rooms.
    pub(crate) rooms: MucMode,
    /// The time.
    pub(crate) clock: Clock,
    /// Since when it runs.
    pub(crate) started: Instant,
    /// The store, once it is open.
    pub(crate) store: Arc<SetOnce<Store>>,
    /// Questions that may read at once: fewer than the store has connections, so that the engine never waits for one.
    pub(crate) reading: Arc<Semaphore>,
}

/// Questions that read the database at once; the store has more connections than that.
pub(crate) const READING_MAX: usize = groupchat_store::CONNECTIONS_MIN - 2;

/// How long a question waits for a database that is not open yet.
const OPENING_PATIENCE: Duration = Duration::from_secs(10);

/// A question's answer: the payload of a result, if it has one.
type Answer = Result<Option<Element>, Refusal>;

impl Queries {
    /// The same with other limits.
    pub(crate) fn with(&self, info: ServiceInfo, limits: Limits) -> Self {
        Self {
            domain: self.domain.clone(),
            info,
            limits,
            rooms: self.rooms,
            clock: self.clock.clone(),
            started: self.started,
            store: Arc::clone(&self.store),
            reading: Arc::clone(&self.reading),
        }
    }

    /// The answer to a question that needs no database.
    pub(crate) fn answer_at_once(&self, question: &Question) -> Option<Outbound> {
        let payload = match (&question.query, &question.group) {
            (Query::DiscoInfo, None) => Some(encode::disco_service_info(&self.info)),
            (Query::Version, _) => Some(encode::version(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))),
            (Query::Time, _) => Some(encode::time(self.clock.now())),
            (Query::UniqueName, None) if self.rooms == MucMode::Full => {
                Some(encode::unique(identity::group_id().as_str()))
            }
            (Query::Uptime, _) => Some(encode::uptime(self.started.elapsed().as_secs())),
            (Query::ArchiveForm, _) => Some(encode::archive_form()),
            (Query::ArchivePreferences, _) => Some(encode::archive_preferences()),
            _ => return None,
        };
        Some(encode::result(&question.origin, payload.as_ref()))
    }

    /// The answer to a question to the database: one stanza, or a page of the archive and the result that ends it.
    pub(crate) async fn answer(&self, question: &Question) -> Vec<Outbound> {
        if tokio::time::timeout(OPENING_PATIENCE, self.store.wait()).await.is_err() {
            return vec![encode::refused(&question.origin, &Refusal::Unavailable)];
        }
        // Never closed, so there is always a place, sooner or later.
        let _place = self.reading.acquire().await;
        let answer = match (&question.query, &question.group) {
            (Query::Archive(query), _) => history::page(self, question, query).await,
            (_, None) => self.of_service(question).await.map(|payload| vec![result(question, payload)]),
            (_, Some(group)) => {
                self.of_group(question, group).await.map(|payload| vec![result(question, payload)])
            }
        };
        answer.unwrap_or_else(|refusal| vec![encode::refused(&question.origin, &refusal)])
    }

    async fn of_service(&self, question: &Question) -> Answer {
        let (asker, domain) = (question.origin.from.bare(), self.domain.as_str());
        Ok(match &question.query {
            Query::DiscoItems(paging) => {
                let found = self.store.wait().await.public_groups(&paging.page).await.map_err(refusal)?;
                Some(encode::disco_service_items(
                    domain,
                    paging,
                    &paged(found, |group| (group.id, group.name.into())),
                ))
            }
            Query::MyGroups(paging) => {
                let found = self.store.wait().await.groups_of(asker, &paging.page).await.map_err(refusal)?;
                let found = paged(found, |group| encode::MyGroup {
                    id: group.id,
                    name: group.name.into(),
                    members: group.members,
                    role: group.role,
                });
                Some(encode::my_groups(domain, paging, &found))
            }
            Query::GroupsNamed(name) => {
                let found =
                    self.store.wait().await.groups_named(name.trim(), asker, self.limits.page_items).await;
                let found: Vec<_> = found.map_err(refusal)?.into_iter().map(info).collect();
                Some(encode::groups_named(domain, &found))
            }
            Query::Inbox(paging) => Some(history::inbox(self, asker, paging).await?),
            Query::ArchiveMetadata => {
                Some(history::metadata(self.store.wait().await, ArchiveScope::AllOf(asker.clone())).await?)
            }
            Query::GroupInfo
            | Query::Avatar
            | Query::VCard
            | Query::Traffic
            | Query::Members(_)
            | Query::MemberInfo(_)
            | Query::Receipts(_)
            | Query::Archive(_)
            | Query::ArchiveForm
            | Query::ArchivePreferences
            | Query::AdminList(..)
            | Query::RoomForm
            | Query::UniqueName
            | Query::Registration
            | Query::ReservedNick
            | Query::DiscoInfo
            | Query::Ping
            | Query::Version
            | Query::Time
            | Query::Uptime => return Err(Refusal::Unknown),
        })
    }

    async fn of_group(&self, question: &Question, id: &GroupId) -> Answer {
        let store = self.store.wait().await;
        let domain = self.domain.as_str();
        let asker = question.origin.from.bare();
        let summary = store.summary(id, asker).await.map_err(refusal)?.ok_or(Refusal::NoSuchGroup)?;
        if summary.locked && summary.role.is_none() {
            return Err(Refusal::NoSuchGroup);
        }
        let inside = match sight(summary.settings.visibility, summary.role) {
            Sight::Nothing => return Err(Refusal::NoSuchGroup),
            Sight::Outside => false,
            Sight::Inside => true,
        };
        let members_only =
            Err(Refusal::NotAllowed("only members may see who is in this group, and what was said"));
        Ok(Some(match &question.query {
            Query::DiscoInfo => {
                let contacts = if inside { rooms::contacts(store, id).await? } else { Vec::new() };
                let info = encode::GroupInfo { contacts, ..info(summary) };
                encode::disco_group_info(&info, self.rooms != MucMode::Off)
            }
            Query::GroupInfo => encode::group_info(domain, &info(summary)),
            Query::DiscoItems(_) if !inside => encode::disco_no_items(),
            Query::Members(_) | Query::MemberInfo(_) | Query::Receipts(_) | Query::ArchiveMetadata
                if !inside =>
            {
                return members_only;
            }
            Query::AdminList(..)
            | Query::RoomForm
            | Query::Registration
            | Query::ReservedNick
            | Query::VCard
            | Query::Traffic
                if self.rooms == MucMode::Off =>
            {
                return Err(Refusal::Unknown);
            }
            Query::AdminList(..) | Query::RoomForm if !inside => return members_only,
            Query::AdminList(list, paging) => rooms::list(store, &summary, *list, paging).await?,
            Query::RoomForm => rooms::form(&summary)?,
            Query::Registration => rooms::registration(store, &summary, asker).await?,
            Query::ReservedNick => rooms::reserved_nick(store, &summary, asker).await?,
            Query::Avatar => encode::avatar(store.avatar(id).await.map_err(refusal)?.as_ref()),
            Query::VCard => encode::vcard(store.avatar(id).await.map_err(refusal)?.as_ref()),
            Query::Traffic => encode::traffic(),
            Query::Receipts(message) => history::receipts(store, &summary, asker, message).await?,
            Query::ArchiveMetadata => {
                history::metadata(store, ArchiveScope::Group { id: id.clone(), reader: asker.clone() })
                    .await?
            }
            Query::DiscoItems(paging) if rooms::has(store, id, &question.origin.from).await? => {
                let found = rooms::occupants_page(store, id, paging).await?;
                encode::disco_room_items(domain, id, paging, &found)
            }
            Query::DiscoItems(paging) => {
                let found = store.members(id, &paging.page).await.map_err(refusal)?;
                encode::disco_group_items(domain, id, paging, &found)
            }
            Query::Members(paging) => {
                encode::members(paging, &store.members(id, &paging.page).await.map_err(refusal)?)
            }
            Query::MemberInfo(named) => {
                let found = store.member(id, &self.key(named)?).await.map_err(refusal)?;
                encode::member_info(&found.ok_or(Refusal::NoSuchMember)?)
            }
            Query::MyGroups(_)
            | Query::GroupsNamed(_)
            | Query::Inbox(_)
            | Query::Archive(_)
            | Query::ArchiveForm
            | Query::ArchivePreferences
            | Query::UniqueName
            | Query::Ping
            | Query::Version
            | Query::Time
            | Query::Uptime => return Err(Refusal::Unknown),
        }))
    }

    fn key(&self, named: &NamedMember) -> Result<MemberKey, Refusal> {
        Ok(match named {
            NamedMember::Jid(jid) => {
                MemberKey::Jid(BareJid::parse(jid).map_err(|invalid| Refusal::Address(invalid.to_string()))?)
            }
            NamedMember::Mid(mid) => MemberKey::Mid(Mid::from_stored(mid)),
            NamedMember::Nick(nick) => MemberKey::Nick(Nick::parse(nick, &self.limits)?),
        })
    }
}

fn result(question: &Question, payload: Option<Element>) -> Outbound {
    encode::result(&question.origin, payload.as_ref())
}

fn info(summary: Summary) -> encode::GroupInfo {
    let Summary { id, settings, members, role, created, .. } = summary;
    encode::GroupInfo { id, settings, members, role, created, contacts: Vec::new() }
}

fn paged<A, B>(found: Paged<A>, turn: impl Fn(A) -> B) -> Paged<B> {
    let Paged { items, first_index, total } = found;
    Paged { items: items.into_iter().map(turn).collect(), first_index, total }
}

fn refusal(problem: StoreError) -> Refusal {
    if matches!(problem, StoreError::NoSuchItem(_)) {
        return Refusal::NoSuchItem;
    }
    error!(error = %problem, "A question could not be answered: {problem}");
    Refusal::Unavailable
}
