//! Registration with a room: to ask to become a member, by a nick; and to leave. What those are asked by a form who let
//! people in, and their answer. XEP-0045 §7.10, §7.12, §9.9.

use std::sync::Arc;

use groupchat_core::{Addition, BareJid, Command, MemberRef, MemberSpec, Person, Refusal, Removal};
use minidom::Element;
use xmpp_parsers::data_forms::{DataForm, DataFormType, Field, FieldType};
use xmpp_parsers::ns;

use super::admin;
use super::owner::{labelled, truth};
use crate::decode::is_plain;
use crate::encode::Group;
use crate::{Outbound, form, xml};

/// Registration. XEP-0077.
pub(crate) const REGISTER: &str = "jabber:iq:register";
const FORM_TYPE: &str = "http://jabber.org/protocol/muc#register";
const NICK: &str = "muc#register_roomnick";
const ALLOW: &str = "muc#register_allow";
/// Whose request it is: XEP-0045 has such a field in the form by which one asks for voice.
const ACCOUNT: &str = "muc#jid";

/// The command that a request is.
pub(crate) fn command(payload: &Element) -> Result<Command, Refusal> {
    if payload.has_child("remove", REGISTER) {
        return Ok(Command::RemoveMembers(Removal::default()));
    }
    let fields = payload.get_child("x", ns::DATA_FORMS).into_iter().flat_map(Element::children);
    let field = fields.into_iter().find(|field| field.attr("var") == Some(NICK));
    let value = field.and_then(|field| field.children().find(|child| child.name() == "value"));
    let nick = value.or_else(|| payload.get_child("username", REGISTER)).map(Element::text);
    Ok(Command::Join { nick: nick.filter(|nick| !nick.is_empty()), person: Person::default() })
}

/// The form for somebody who is not a member; a member's nick.
pub fn registration(nick: Option<&str>) -> Element {
    let mut query = Element::bare("query", REGISTER);
    if let Some(nick) = nick {
        query.append_child(Element::bare("registered", REGISTER));
        query.append_child(Element::builder("username", REGISTER).append(nick).build());
        return query;
    }
    let field = Field { required: true, ..labelled(Field::new(NICK, FieldType::TextSingle), "Nick") };
    let form = DataForm {
        type_: DataFormType::Form,
        title: Some("Membership".into()),
        instructions: Some("By which nick do you want to become a member?".into()),
        fields: vec![Field::new("FORM_TYPE", FieldType::Hidden).with_value(FORM_TYPE), field],
    };
    query.append_child(form::to_fill_in(form));
    query
}

/// Somebody asks to join: for owners and admins who are in the room.
pub fn request(group: &Group<'_>, jid: &BareJid, nick: Option<&str>, to: Vec<Arc<str>>) -> Outbound {
    let field = |var: &str, type_: FieldType, label: &str, value: &str| {
        labelled(Field::new(var, type_), label).with_value(value)
    };
    let form = DataForm {
        type_: DataFormType::Form,
        title: Some("Somebody asks to join".into()),
        instructions: None,
        fields: [
            Some(Field::new("FORM_TYPE", FieldType::Hidden).with_value(FORM_TYPE)),
            Some(field(ACCOUNT, FieldType::JidSingle, "Account", jid.as_str())),
            nick.map(|nick| field(NICK, FieldType::TextSingle, "Nick", nick)),
            Some(field(ALLOW, FieldType::Boolean, "Let this person in", "0")),
        ]
        .into_iter()
        .flatten()
        .collect(),
    };
    let text = format!("{jid} asks to join.");
    let body = Element::builder("body", xml::STREAM).append(text).build();
    let from = group.id.at(group.domain);
    let head = xml::open("message", &[("from", Some(&from))]);
    xml::stanza(head, to, &xml::content([&body, &form::to_fill_in(form)]), "message")
}

/// The command of the answer to such a form; `None`: the message is something else.
pub(crate) fn answer(stanza: &Element, domain: &BareJid) -> Option<Result<Command, Refusal>> {
    let form = stanza.get_child("x", ns::DATA_FORMS)?;
    let value = |var: &str| {
        let field =
            form.children().find(|field| field.name() == "field" && field.attr("var") == Some(var))?;
        field.children().find(|child| child.name() == "value").map(Element::text)
    };
    let is_answer = matches!(stanza.attr("type"), None | Some("normal"))
        && form.attr("type") == Some("submit")
        && value("FORM_TYPE").as_deref() == Some(FORM_TYPE)
        && !stanza.children().any(|child| is_plain(child, "body"));
    is_answer.then(|| answered(value(ACCOUNT), value(NICK), value(ALLOW), domain))
}

fn answered(
    account: Option<String>,
    nick: Option<String>,
    allow: Option<String>,
    domain: &BareJid,
) -> Result<Command, Refusal> {
    let missing =
        |what: &str| Refusal::Malformed(format!("the form has no field `{what}` that says anything"));
    let jid = admin::account(&account.ok_or_else(|| missing(ACCOUNT))?, domain)?;
    let is_let_in = allow.as_deref().and_then(truth).ok_or_else(|| missing(ALLOW))?;
    if !is_let_in {
        let who = vec![MemberRef::Jid(jid)];
        // Another admin may have said yes meanwhile.
        return Ok(Command::RemoveMembers(Removal { who, pending_only: true, ..Removal::default() }));
    }
    let nick = nick.filter(|nick| !nick.is_empty());
    let spec = MemberSpec { jid: jid.to_string(), nick, ..MemberSpec::default() };
    Ok(Command::AddMembers(Addition { members: vec![spec], ..Addition::default() }))
}
