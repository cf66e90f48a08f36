//! The archive as clients read it. XEP-0313 (`urn:xmpp:mam:2`, extended), XEP-0059.
//!
//! Not here: who may read what (the store shows each reader what is his).

use std::collections::HashMap;
use std::sync::Arc;

use groupchat_core::reading::{ArchiveFilter, Shown, Tombstone, With};
use groupchat_core::{Archived, ArchivedKind, BareJid, Jid, Limits, Mid, Refusal, Role, StanzaId, Timestamp};
use minidom::Element;
use xmpp_parsers::data_forms::{DataForm, DataFormType, Field, FieldType};
use xmpp_parsers::ns;
use xmpp_parsers::rsm::{First, SetResult};

use crate::decode::group_of;
use crate::{ArchiveQuery, Origin, Outbound, Query, date, muc, native, paging, xml};

/// Longest `queryid`, in characters.
const QUERY_ID_CHARS_MAX: usize = 255;
/// The feature of the extended form. XEP-0313 §4.1.6.
pub(crate) const EXTENDED: &str = "urn:xmpp:mam:2#extended";

/// The question in a payload of the archive's namespace.
pub(crate) fn query(
    payload: &Element,
    kind: &str,
    domain: &BareJid,
    limits: &Limits,
) -> Result<Query, Refusal> {
    match (payload.name(), kind) {
        ("query", "set") => Ok(Query::Archive(Box::new(archive_query(payload, domain, limits)?))),
        ("query", _) => Ok(Query::ArchiveForm),
        ("metadata", "get") => Ok(Query::ArchiveMetadata),
        ("prefs", "get") => Ok(Query::ArchivePreferences),
        ("prefs", _) => {
            Err(Refusal::NotAllowed("what a group archives is the group's to say, not each reader's"))
        }
        _ => Err(Refusal::Unknown),
    }
}

fn archive_query(payload: &Element, domain: &BareJid, limits: &Limits) -> Result<ArchiveQuery, Refusal> {
    let mut paging = paging::read(payload, limits).map_err(|why| Refusal::Malformed(why.into()))?;
    paging.page.items_max = paging.page.items_max.min(limits.page_items);
    let mut query = ArchiveQuery {
        query_id: query_id(payload)?,
        filter: ArchiveFilter::default(),
        paging,
        is_flipped: payload.has_child("flip-page", ns::MAM),
    };
    let form = payload.get_child("x", ns::DATA_FORMS);
    for field in form.into_iter().flat_map(Element::children).filter(|child| child.name() == "field") {
        let values =
            field.children().filter(|child| child.name() == "value").map(Element::text).collect::<Vec<_>>();
        fill(&mut query.filter, field.attr("var").unwrap_or_default(), &values, domain, limits)?;
    }
    Ok(query)
}

/// It is repeated in every message of the answer.
fn query_id(payload: &Element) -> Result<Option<String>, Refusal> {
    match payload.attr("queryid") {
        Some(id) if id.chars().count() > QUERY_ID_CHARS_MAX => {
            Err(Refusal::TooLong { what: "queryid", chars_max: QUERY_ID_CHARS_MAX })
        }
        id => Ok(id.map(str::to_owned)),
    }
}

fn fill(
    filter: &mut ArchiveFilter,
    field: &str,
    values: &[String],
    domain: &BareJid,
    limits: &Limits,
) -> Result<(), Refusal> {
    let value = values.first().map(String::as_str).unwrap_or_default();
    let wrong = || Refusal::Malformed(format!("the field `{field}` cannot be `{value}`"));
    let at = || date::read(value).map(Some).ok_or_else(wrong);
    let id = |text: &str| StanzaId::parse(text).ok_or(Refusal::NoSuchItem);
    match field {
        "FORM_TYPE" => {}
        "start" => filter.start = at()?,
        "end" => filter.end = at()?,
        "after-id" => filter.after_id = Some(id(value)?),
        "before-id" => filter.before_id = Some(id(value)?),
        "ids" if values.len() > limits.page_items => {
            return Err(Refusal::TooMany { what: "ids of one query", max: limits.page_items });
        }
        "ids" => filter.ids = values.iter().map(|value| id(value)).collect::<Result<_, _>>()?,
        "with" => {
            let jid = Jid::parse(value).map_err(|invalid| Refusal::Address(invalid.to_string()))?;
            filter.with = with(&jid, domain).ok_or_else(wrong)?;
        }
        _ => return Err(Refusal::Malformed(format!("there is no field `{field}` in an archive query"))),
    }
    Ok(())
}

fn with(jid: &Jid, domain: &BareJid) -> Option<With> {
    if jid.bare().domain() != domain.as_str() {
        return Some(With::Account(jid.bare().clone()));
    }
    let group = group_of(jid.bare())?;
    Some(match jid.resource() {
        Some(mid) => With::Member(group, Mid::from_stored(mid)),
        None => With::Group(group),
    })
}

/// By which names a room knows those who said something: by their member ids.
pub type RoomNames = HashMap<Mid, RoomName>;

/// By which name a room knows somebody. Who has left is known by his last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomName {
    /// How it calls him.
    pub nick: Arc<str>,
    /// His account.
    pub jid: BareJid,
    /// What he is now; `None`: no member.
    pub role: Option<Role>,
}

/// The page as messages, one a row, and the result that ends it; as a room says them where there are names for it.
pub fn page(
    origin: &Origin,
    domain: &str,
    query: &ArchiveQuery,
    rows: &[Shown],
    is_complete: bool,
    total: Option<usize>,
    room: Option<&RoomNames>,
) -> Vec<Outbound> {
    let asker: Arc<str> = origin.from.to_string().into();
    let one = |shown: &Shown| {
        let mut result = xml::open(
            "result",
            &[
                ("xmlns", Some(ns::MAM)),
                ("queryid", query.query_id.as_deref()),
                ("id", Some(&shown.archived.id.to_string())),
            ],
        );
        result.push('>');
        result.push_str(&forwarded(domain, shown, room));
        result.push_str("</result>");
        let head = xml::open("message", &[("from", Some(&origin.at))]);
        xml::stanza(head, vec![asker.clone()], &result, "message")
    };
    let mut said: Vec<_> =
        if query.is_flipped { rows.iter().rev().map(one).collect() } else { rows.iter().map(one).collect() };
    let set = SetResult {
        first: rows.first().map(|first| First { index: None, item: first.archived.id.to_string() }),
        last: rows.last().map(|last| last.archived.id.to_string()),
        count: total,
    };
    let mut fin = Element::builder("fin", ns::MAM).append(Element::from(set)).build();
    if is_complete {
        groupchat_payloads::set(&mut fin, "complete", "true");
    }
    said.push(crate::encode::result(origin, Some(&fin)));
    said
}

/// A row as it is forwarded. Its content stands in the client's namespace, which is the stream's for whoever reads it.
fn forwarded(domain: &str, shown: &Shown, room: Option<&RoomNames>) -> String {
    let row = &shown.archived;
    let group = row.group.at(domain);
    let (stanza_id, stamp) = (row.id.to_string(), date::write(row.at));
    let named = room.and_then(|names| names.get(&row.mid));
    let name = named.map_or(row.mid.as_str(), |named| &named.nick);
    let from = match row.kind {
        ArchivedKind::Message => format!("{group}/{name}"),
        ArchivedKind::Event => group.clone(),
    };
    let id = row.client_id.as_deref().unwrap_or(&stanza_id);
    let mut text = format!("<forwarded xmlns='{}'>", ns::FORWARD);
    text.push_str(&xml::open("delay", &[("xmlns", Some(ns::DELAY)), ("stamp", Some(&stamp))]));
    text.push_str("/>");
    let head = [
        ("xmlns", Some("jabber:client")),
        ("from", Some(&*from)),
        ("id", Some(id)),
        ("type", Some("groupchat")),
    ];
    text.push_str(&xml::open("message", &head));
    text.push('>');
    match &shown.retracted {
        None => text.push_str(&muc::by_nick(&group, row, name)),
        Some(tombstone) => text.push_str(&tombstone_content(&group, tombstone)),
    }
    text.push_str(&native::stanza_id(&group, &stanza_id));
    if let Some(named) = named.filter(|_| row.kind == ArchivedKind::Message) {
        text.push_str(&occupant(row, named));
    }
    text.push_str("</message></forwarded>");
    text
}

/// Who said it: everybody in a group may know everybody. XEP-0313 §6.1.2, XEP-0421.
fn occupant(row: &Archived, named: &RoomName) -> String {
    let item = muc::item(&[
        ("affiliation", Some(named.role.map_or("none", muc::affiliation))),
        ("role", Some("none")),
        ("jid", Some(named.jid.as_str())),
    ]);
    xml::content([&muc::user([item])]) + &muc::occupant_id(&row.mid)
}

fn tombstone_content(group: &str, tombstone: &Tombstone) -> String {
    let by = format!("{group}/{}", tombstone.by);
    let mut retracted = Element::bare("retracted", "urn:xmpp:message-retract:1");
    groupchat_payloads::set(&mut retracted, "stamp", &date::write(tombstone.at));
    if tombstone.moderated {
        let mut moderated = Element::bare("moderated", "urn:xmpp:message-moderate:1");
        groupchat_payloads::set(&mut moderated, "by", &by);
        retracted.append_child(moderated);
    }
    if let Some(reason) = &tombstone.reason {
        let reason = Element::builder("reason", "urn:xmpp:message-retract:1").append(reason.clone()).build();
        retracted.append_child(reason);
    }
    xml::content([&retracted])
}

/// Where an archive begins and ends. XEP-0313 §5.
pub fn metadata(bounds: Option<[(StanzaId, Timestamp); 2]>) -> Element {
    let mut metadata = Element::bare("metadata", ns::MAM);
    for (name, (id, at)) in ["start", "end"].into_iter().zip(bounds.into_iter().flatten()) {
        let mut bound = Element::bare(name, ns::MAM);
        groupchat_payloads::set(&mut bound, "id", &id.to_string());
        groupchat_payloads::set(&mut bound, "timestamp", &date::write(at));
        metadata.append_child(bound);
    }
    metadata
}

/// The fields that an archive query may have. XEP-0313 §4.1.5.
pub fn form() -> Element {
    let field = |var: &str, kind| Field::new(var, kind);
    let form = DataForm {
        type_: DataFormType::Form,
        title: None,
        instructions: None,
        fields: vec![
            field("FORM_TYPE", FieldType::Hidden).with_value(ns::MAM),
            field("with", FieldType::JidSingle),
            field("start", FieldType::TextSingle),
            field("end", FieldType::TextSingle),
            field("before-id", FieldType::TextSingle),
            field("after-id", FieldType::TextSingle),
            field("ids", FieldType::ListMulti),
        ],
    };
    Element::builder("query", ns::MAM).append(Element::from(form)).build()
}

/// Everything is archived, for everybody alike.
pub fn preferences() -> Element {
    let mut prefs = Element::bare("prefs", ns::MAM);
    groupchat_payloads::set(&mut prefs, "default", "always");
    prefs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &str) -> Result<ArchiveQuery, Refusal> {
        let payload = format!(
            "<query xmlns='urn:xmpp:mam:2' queryid='q'><x xmlns='jabber:x:data' type='submit'>{fields}</x></query>"
        );
        archive_query(&payload.parse().unwrap(), &BareJid::parse("g.s.lit").unwrap(), &Limits::default())
    }

    fn field(var: &str, value: &str) -> String {
        format!("<field var='{var}'><value>{value}</value></field>")
    }

    #[test]
    fn every_field_is_read() {
        let fields = [
            ("start", "2026-01-01T00:00:00Z"),
            ("end", "2026-01-01T00:00:01Z"),
            ("after-id", "0006000000000001"),
            ("before-id", "0006000000000002"),
            ("ids", "0006000000000003"),
        ];
        let query = read(&fields.map(|(var, value)| field(var, value)).concat()).unwrap();
        let expected = ArchiveFilter {
            start: Some(Timestamp(1_767_225_600_000)),
            end: Some(Timestamp(1_767_225_601_000)),
            after_id: StanzaId::parse("0006000000000001"),
            before_id: StanzaId::parse("0006000000000002"),
            ids: StanzaId::parse("0006000000000003").into_iter().collect(),
            with: With::Anybody,
        };
        assert_eq!(query.filter, expected);
        let tea = groupchat_core::GroupId::parse("tea").unwrap();
        for (jid, with) in [
            ("tea@g.s.lit", With::Group(tea.clone())),
            ("Tea@g.s.lit/crone", With::Member(tea, Mid::from_stored("crone"))),
            ("hag@s.lit/pda", With::Account(BareJid::parse("hag@s.lit").unwrap())),
        ] {
            assert_eq!(read(&field("with", jid)).unwrap().filter.with, with);
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert!(
            matches!(read(&field("start", "yesterday")), Err(Refusal::Malformed(text)) if text.contains("start"))
        );
        assert!(
            matches!(read(&field("colour", "red")), Err(Refusal::Malformed(text)) if text.contains("colour"))
        );
        assert_eq!(read(&field("after-id", "nonsense")), Err(Refusal::NoSuchItem));
        assert!(matches!(read(&field("with", "g.s.lit")), Err(Refusal::Malformed(_))));
        let ids = format!("<field var='ids'>{}</field>", "<value>0006000000000001</value>".repeat(101));
        assert!(matches!(read(&ids), Err(Refusal::TooMany { .. })));
    }
}
