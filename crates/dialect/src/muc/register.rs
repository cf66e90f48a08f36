//! Registration with a room: to ask to become a member, by a nick; and to leave. XEP-0045 §7.10, §7.12.

use groupchat_core::{Command, Person, Refusal, Removal};
use minidom::Element;
use xmpp_parsers::data_forms::{DataForm, DataFormType, Field, FieldType};
use xmpp_parsers::ns;

use super::owner::labelled;
use crate::form;

/// Registration. XEP-0077.
pub(crate) const REGISTER: &str = "jabber:iq:register";
const FORM_TYPE: &str = "http://jabber.org/protocol/muc#register";
const NICK: &str = "muc#register_roomnick";

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
