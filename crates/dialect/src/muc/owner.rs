//! The configuration of a room as a form, on the settings of the group; and its destruction. XEP-0045 §10.
//!
//! What a group always is (persistent, archived, everybody known to everybody) can be asked for, and not be denied. A field
//! that would promise something else is refused by its name; what promises nothing is passed over.

use groupchat_core::{By, Command, Configuration, Farewell, Jid, Join, Refusal, Settings, Visibility};
use minidom::Element;
use xmpp_parsers::data_forms::{DataForm, DataFormType, Field, FieldType, Option_};
use xmpp_parsers::ns;

use crate::form;

/// Configuration and destruction.
pub(crate) const MUC_OWNER: &str = "http://jabber.org/protocol/muc#owner";
const FORM_TYPE: &str = "http://jabber.org/protocol/muc#roomconfig";
/// Prosody's name for what members may do, which stock clients know.
const MEMBER_INVITES: &str = "{http://prosody.im/protocol/muc}roomconfig_allowmemberinvites";

/// What a field of the form is on our side.
enum Means {
    /// A setting that is a text.
    Text(&'static str),
    /// A setting that lets members do something.
    ByMembers(&'static str),
    /// Who may post, the other way round.
    Moderated,
    /// Who sees the group.
    Public,
    /// Who can come in on his own.
    MembersOnly,
    /// It is this, and nothing else.
    Always(&'static [&'static str]),
    /// It promises nothing.
    Nothing,
}

fn means(field: &str) -> Option<Means> {
    Some(match field {
        "FORM_TYPE" => Means::Nothing,
        "muc#roomconfig_roomname" => Means::Text("name"),
        "muc#roomconfig_roomdesc" => Means::Text("description"),
        "muc#roomconfig_lang" => Means::Text("lang"),
        "muc#roomconfig_publicroom" => Means::Public,
        "muc#roomconfig_membersonly" => Means::MembersOnly,
        "muc#roomconfig_moderatedroom" => Means::Moderated,
        "muc#roomconfig_changesubject" => Means::ByMembers("configure"),
        "muc#roomconfig_allowinvites" | MEMBER_INVITES => Means::ByMembers("invite"),
        "muc#roomconfig_persistentroom"
        | "muc#roomconfig_enablearchiving"
        | "muc#roomconfig_enablelogging"
        | "mam"
        | "muc#roomconfig_mam" => Means::Always(&["1", "true"]),
        "muc#roomconfig_whois" => Means::Always(&["anyone"]),
        "muc#roomconfig_allowpm" => Means::Always(&["anyone", "participants"]),
        "muc#roomconfig_passwordprotectedroom" => Means::Always(&["0", "false"]),
        "muc#roomconfig_roomsecret" => Means::Always(&[""]),
        "muc#roomconfig_roomadmins" | "muc#roomconfig_roomowners" => Means::Always(&[""]),
        "muc#roomconfig_historylength"
        | "muc#roomconfig_defaulthistorymessages"
        | "muc#roomconfig_maxusers"
        | "muc#roomconfig_presencebroadcast"
        | "muc#roomconfig_getmemberlist"
        | "muc#maxhistoryfetch" => Means::Nothing,
        // Of others than rooms, as the id of a meeting.
        other if !other.starts_with("muc#roomconfig_") => Means::Nothing,
        _ => return None,
    })
}

/// The command that a request is.
pub(crate) fn command(payload: &Element) -> Result<Command, Refusal> {
    if let Some(destroy) = payload.get_child("destroy", MUC_OWNER) {
        return destruction(destroy);
    }
    let form = payload.get_child("x", ns::DATA_FORMS);
    match form.and_then(|form| form.attr("type")) {
        Some("cancel") => Ok(Command::Configure(Configuration::Cancelled)),
        Some("submit") => submitted(form),
        _ => Err(Refusal::Malformed("a submitted form, or <destroy/>, is missing".into())),
    }
}

fn destruction(destroy: &Element) -> Result<Command, Refusal> {
    let reason = destroy.get_child("reason", MUC_OWNER).map(Element::text).filter(|text| !text.is_empty());
    let alternate = destroy.attr("jid").filter(|jid| !jid.is_empty()).map(Jid::parse).transpose();
    let alternate = alternate.map_err(|invalid| Refusal::Address(invalid.to_string()))?;
    Ok(Command::Delete(Farewell { reason: reason.map(Into::into), alternate }))
}

fn submitted(form: Option<&Element>) -> Result<Command, Refusal> {
    let (mut properties, mut is_members_only) = (Vec::new(), None);
    let fields = form.into_iter().flat_map(Element::children).filter(|child| child.name() == "field");
    for field in fields {
        let name = field.attr("var").unwrap_or_default();
        let value = field.children().find(|child| child.name() == "value").map(Element::text);
        let value = value.unwrap_or_default();
        let wrong = || Refusal::Property { name: name.to_owned(), value: value.clone() };
        let yes = || truth(&value).ok_or_else(wrong);
        let mut set = |property: &str, value: &str| properties.push((property.to_owned(), value.to_owned()));
        match means(name).ok_or_else(|| Refusal::UnknownProperty(name.to_owned()))? {
            Means::Text(property) => set(property, &value),
            Means::ByMembers(property) => set(property, if yes()? { "members" } else { "admins" }),
            Means::Moderated => set("post", if yes()? { "admins" } else { "members" }),
            Means::Public => set("visibility", if yes()? { "public" } else { "private" }),
            Means::MembersOnly => is_members_only = Some(yes()?),
            Means::Always(values) if values.contains(&value.as_str()) => {}
            Means::Always(_) => return Err(wrong()),
            Means::Nothing => {}
        }
    }
    // An empty name is none: clients send the field as they found it.
    properties.retain(|(name, value)| name != "name" || !value.trim().is_empty());
    Ok(Command::Configure(Configuration::Submitted { properties, is_members_only }))
}

pub(super) fn truth(value: &str) -> Option<bool> {
    match value {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

/// The form as it stands.
pub fn form(settings: &Settings) -> Element {
    let form = DataForm {
        type_: DataFormType::Form,
        title: Some(format!("Configuration of {}", settings.name)),
        instructions: Some("What members see, and what they may do".into()),
        fields: fields(settings),
    };
    Element::builder("query", MUC_OWNER).append(form::to_fill_in(form)).build()
}

fn fields(settings: &Settings) -> Vec<Field> {
    let by_members = |by: By| by == By::Members;
    vec![
        Field::new("FORM_TYPE", FieldType::Hidden).with_value(FORM_TYPE),
        section("General"),
        text("muc#roomconfig_roomname", "Name", &settings.name),
        text("muc#roomconfig_roomdesc", "Description", &settings.description),
        text("muc#roomconfig_lang", "Language (as en, or zh-CN)", &settings.lang),
        yes("muc#roomconfig_persistentroom", "Stays when nobody is in it (always)", true),
        yes("muc#roomconfig_publicroom", "Listed for everybody", settings.visibility == Visibility::Public),
        section("Who may come and see"),
        yes("muc#roomconfig_membersonly", "For members only", settings.join != Join::Open),
        yes("muc#roomconfig_allowinvites", "Members may add others", by_members(settings.invite)),
        yes(MEMBER_INVITES, "Members may invite others", by_members(settings.invite)),
        choice("muc#roomconfig_whois", "Who may see addresses", &[("anyone", "Every member")]),
        section("Who may say what"),
        yes("muc#roomconfig_moderatedroom", "Only owners and admins may post", !by_members(settings.post)),
        yes(
            "muc#roomconfig_changesubject",
            "Members may change the subject and these settings",
            by_members(settings.configure),
        ),
        choice("muc#roomconfig_allowpm", "Who may send private messages", &[("anyone", "Every member")]),
        section("Archive"),
        yes("muc#roomconfig_enablearchiving", "Messages are archived (always)", true),
    ]
}

/// A field with the words that people read.
pub(super) fn labelled(field: Field, label: &str) -> Field {
    Field { label: Some(label.to_owned()), ..field }
}

fn section(title: &str) -> Field {
    Field { var: None, ..Field::new("", FieldType::Fixed).with_value(title) }
}

fn text(var: &str, label: &str, value: &str) -> Field {
    labelled(Field::new(var, FieldType::TextSingle), label).with_value(value)
}

fn yes(var: &str, label: &str, value: bool) -> Field {
    labelled(Field::new(var, FieldType::Boolean), label).with_value(if value { "1" } else { "0" })
}

fn choice(var: &str, label: &str, values: &[(&str, &str)]) -> Field {
    let option = |(value, label): &(&str, &str)| Option_ {
        label: Some((*label).to_owned()),
        value: (*value).to_owned(),
    };
    let field = labelled(Field::new(var, FieldType::ListSingle), label);
    let value = values.first().map_or("", |(value, _)| value);
    Field { options: values.iter().map(option).collect(), ..field }.with_value(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use groupchat_core::Limits;

    fn read(fields: &[(&str, &str)]) -> Result<Command, Refusal> {
        let fields: String = fields
            .iter()
            .map(|(var, value)| format!("<field var='{var}'><value>{value}</value></field>"))
            .collect();
        let query =
            format!("<query xmlns='{MUC_OWNER}'><x xmlns='jabber:x:data' type='submit'>{fields}</x></query>");
        command(&query.parse().unwrap())
    }

    #[test]
    fn the_form_sent_back_as_it_was_changes_nothing() {
        let settings = Settings { name: "Tea".into(), invite: By::Members, ..Settings::default() };
        let form = fields(&settings);
        let sent: Vec<(&str, &str)> = form
            .iter()
            .filter_map(|field| {
                Some((field.var.as_deref()?, field.values.first().map_or("", String::as_str)))
            })
            .collect();
        let Ok(Command::Configure(Configuration::Submitted { properties, is_members_only })) = read(&sent)
        else {
            panic!("it is refused");
        };
        assert_eq!(settings.with(&properties, &Limits::default()), Ok(settings));
        assert_eq!(is_members_only, Some(true));
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (field, value) in [
            ("muc#roomconfig_whois", "moderators"),
            ("muc#roomconfig_persistentroom", "0"),
            ("muc#roomconfig_roomsecret", "sesame"),
            ("muc#roomconfig_moderatedroom", "perhaps"),
        ] {
            let refused = Refusal::Property { name: field.into(), value: value.into() };
            assert_eq!(read(&[(field, value)]), Err(refused));
        }
        let unknown = "muc#roomconfig_colour";
        assert_eq!(read(&[(unknown, "red")]), Err(Refusal::UnknownProperty(unknown.into())));
        assert!(read(&[("muc#roominfo_meetingId", "1"), ("muc#roomconfig_maxusers", "9")]).is_ok());
    }
}
