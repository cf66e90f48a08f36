//! Ad-hoc commands (XEP-0050) at the service's own address: what is asked is read, and forms (XEP-0004, XEP-0122), results
//! and errors are written.
//!
//! Not here: which commands there are, what they take, and who may use them.

use minidom::{Element, rxml};
use xmpp_parsers::data_forms::{DataForm, DataFormType, Field, FieldType, Option_};
use xmpp_parsers::data_forms_validate::{Datatype, Method, Validate};
use xmpp_parsers::disco::{DiscoInfoResult, Identity};
use xmpp_parsers::ns::{DATA_FORMS, DISCO_INFO, DISCO_ITEMS};
use xmpp_parsers::stanza_error::{DefinedCondition as Condition, ErrorType};

use crate::{Origin, Outbound, refusal};

/// Commands, and the node under which they are listed.
pub(crate) const COMMANDS: &str = "http://jabber.org/protocol/commands";
/// Bytes of the rows of a result: hosts take stanzas of 256 KiB and more.
const ROWS_BYTES_MAX: usize = 100_000;

/// Something is wanted of the service's commands.
#[derive(Debug, Clone, PartialEq)]
pub struct Adhoc {
    /// Who asks, and how he is answered.
    pub origin: Origin,
    /// What he wants.
    pub wish: AdhocWish,
}

/// What is wanted of the service's commands.
#[derive(Debug, Clone, PartialEq)]
pub enum AdhocWish {
    /// Which there are. XEP-0050 §2.2.
    List,
    /// What the list of them is.
    ListInfo,
    /// What the command of this name is. XEP-0050 §2.3.
    Info(String),
    /// To use one.
    Run(AdhocRun),
}

/// A step in the use of a command. XEP-0050 §3.
#[derive(Debug, Clone, PartialEq)]
pub struct AdhocRun {
    /// The command.
    pub node: String,
    /// What the steps before it are known by.
    pub session: Option<String>,
    /// Which step.
    pub action: AdhocAction,
    /// The fields that were filled in, with their values.
    pub form: Option<Vec<(String, Vec<String>)>>,
}

/// Which step is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdhocAction {
    /// To begin, or what the responder calls the usual one.
    Execute,
    /// To end it.
    Complete,
    /// Forward.
    Next,
    /// Back.
    Prev,
    /// To give up.
    Cancel,
}

/// Why a command is not carried out. XEP-0050 §4.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdhocError {
    /// There is no such action.
    MalformedAction,
    /// The action is not possible in this step.
    BadAction,
    /// The language is none.
    BadLocale,
    /// The form is missing, or a field of it is wrong.
    BadPayload,
    /// It was never given.
    BadSession,
    /// It was given, but is at an end.
    SessionExpired,
    /// Who asks may not.
    Forbidden,
    /// There is no such command.
    NoSuchCommand,
}

/// A form to fill in.
#[derive(Debug, Clone, PartialEq)]
pub struct AdhocForm {
    /// What it is for.
    pub title: String,
    /// What is to be filled in.
    pub fields: Vec<AdhocField>,
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq)]
pub struct AdhocField {
    /// Its name.
    pub name: String,
    /// What it means.
    pub label: String,
    /// What can stand there.
    pub kind: AdhocKind,
    /// It cannot be left out.
    pub required: bool,
    /// What stands there before anything is filled in.
    pub value: Option<String>,
}

/// What can stand in a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdhocKind {
    /// A line of text.
    Text,
    /// An address.
    Jid,
    /// Yes or no.
    Boolean,
    /// A number, not below 0. XEP-0122 §3.2.
    Number,
    /// One of these.
    Choice(Vec<String>),
}

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AdhocResult {
    /// What it was.
    pub title: String,
    /// Names, and their values.
    pub facts: Vec<(String, Vec<String>)>,
    /// What the columns of the rows are called.
    pub columns: Vec<String>,
    /// Rows.
    pub rows: Vec<Vec<String>>,
    /// If not all of them fit, the last ones are shown, and not the first.
    pub last_first: bool,
}

/// What is wanted of commands, if anything is.
pub(crate) fn read(payload: &Element, kind: &str) -> Option<Result<AdhocWish, AdhocError>> {
    match (payload.name(), payload.ns().as_str(), payload.attr("node"), kind) {
        ("command", COMMANDS, _, "set") => Some(run(payload).map(AdhocWish::Run)),
        ("query", DISCO_ITEMS, Some(COMMANDS), "get") => Some(Ok(AdhocWish::List)),
        ("query", DISCO_INFO, Some(COMMANDS), "get") => Some(Ok(AdhocWish::ListInfo)),
        ("query", DISCO_INFO, Some(node), "get") if !node.is_empty() => {
            Some(Ok(AdhocWish::Info(node.to_owned())))
        }
        _ => None,
    }
}

fn run(command: &Element) -> Result<AdhocRun, AdhocError> {
    let action = match command.attr("action") {
        None | Some("execute") => AdhocAction::Execute,
        Some("complete") => AdhocAction::Complete,
        Some("next") => AdhocAction::Next,
        Some("prev") => AdhocAction::Prev,
        Some("cancel") => AdhocAction::Cancel,
        Some(_) => return Err(AdhocError::MalformedAction),
    };
    if command.attr_ns(&rxml::Namespace::XML, "lang").is_some_and(|language| !is_language(language)) {
        return Err(AdhocError::BadLocale);
    }
    let form = command.get_child("x", DATA_FORMS);
    let (form, action) = match form.map(|form| (form.attr("type"), form)) {
        None => (None, action),
        Some((Some("submit"), form)) => (Some(fields(form)), action),
        Some((Some("cancel"), _)) => (None, AdhocAction::Cancel),
        Some(_) => return Err(AdhocError::BadPayload),
    };
    let session = command.attr("sessionid").filter(|id| !id.is_empty()).map(str::to_owned);
    Ok(AdhocRun { node: command.attr("node").unwrap_or_default().to_owned(), session, action, form })
}

/// Whatever the language, it is answered in English; but it should be one. RFC 5646 §2.1.
fn is_language(tag: &str) -> bool {
    tag.split('-')
        .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

fn fields(form: &Element) -> Vec<(String, Vec<String>)> {
    let fields = form.children().filter(|child| child.is("field", DATA_FORMS));
    let named = fields.filter_map(|field| Some((field.attr("var")?, field)));
    let values = |field: &Element| {
        field.children().filter(|child| child.is("value", DATA_FORMS)).map(Element::text).collect()
    };
    named.map(|(name, field)| (name.to_owned(), values(field))).collect()
}

/// The list of commands: names, and what they are for.
pub fn list<'a>(domain: &str, commands: impl Iterator<Item = (&'a str, &'a str)>) -> Element {
    let items = commands.map(|(node, title)| {
        element(DISCO_ITEMS, "item", &[("jid", domain), ("node", node), ("name", title)])
    });
    let mut query = element(DISCO_ITEMS, "query", &[("node", COMMANDS)]);
    for item in items {
        query.append_child(item);
    }
    query
}

/// What the list of commands is.
pub fn list_info() -> Element {
    info(COMMANDS, Identity::new("automation", "command-list", "en", "Commands"), &[DISCO_INFO, DISCO_ITEMS])
}

/// What one command is.
pub fn command_info(node: &str, title: &str) -> Element {
    info(node, Identity::new("automation", "command-node", "en", title), &[COMMANDS, DATA_FORMS, DISCO_INFO])
}

fn info(node: &str, identity: Identity, features: &[&str]) -> Element {
    let features = features.iter().map(|feature| (*feature).to_owned()).collect();
    let identities = vec![identity];
    DiscoInfoResult { node: Some(node.to_owned()), identities, features, extensions: Vec::new() }.into()
}

/// A form to fill in, after which the command is carried out.
pub fn asks(node: &str, session: &str, form: &AdhocForm) -> Element {
    let mut actions = element(COMMANDS, "actions", &[("execute", "complete")]);
    actions.append_child(Element::bare("complete", COMMANDS));
    let fields = form.fields.iter().map(field).collect();
    let title = Some(form.title.clone());
    let form = DataForm { type_: DataFormType::Form, title, instructions: None, fields };
    let mut command = command(node, session, "executing");
    command.append_child(actions);
    command.append_child(form.into());
    command
}

fn field(field: &AdhocField) -> Field {
    let type_ = match field.kind {
        AdhocKind::Text | AdhocKind::Number => FieldType::TextSingle,
        AdhocKind::Jid => FieldType::JidSingle,
        AdhocKind::Boolean => FieldType::Boolean,
        AdhocKind::Choice(_) => FieldType::ListSingle,
    };
    let options: &[String] = if let AdhocKind::Choice(options) = &field.kind { options } else { &[] };
    let number = Validate {
        datatype: Some(Datatype::Integer),
        method: Some(Method::Range { min: Some("0".into()), max: None }),
        list_range: None,
    };
    Field {
        label: Some(field.label.clone()),
        required: field.required,
        options: options.iter().map(|value| Option_ { label: None, value: value.clone() }).collect(),
        values: field.value.iter().cloned().collect(),
        validate: (field.kind == AdhocKind::Number).then_some(number),
        ..Field::new(&field.name, type_)
    }
}

/// It was done, with what came of it; or (`Err`) why not.
pub fn done(node: &str, session: &str, said: Result<(&str, &AdhocResult), &str>) -> Element {
    let (kind, text, result) = match said {
        Ok((text, result)) => ("info", text.to_owned(), Some(result)),
        Err(why) => ("error", why.to_owned(), None),
    };
    let mut left_out = 0;
    let form = result.and_then(|result| {
        let shown = fitting(&result.rows, result.last_first);
        left_out = result.rows.len() - shown.len();
        (!result.facts.is_empty() || !result.rows.is_empty()).then(|| result_form(result, shown))
    });
    let text = if left_out == 0 { text } else { format!("{text}; {left_out} rows do not fit in here") };
    let mut note = element(COMMANDS, "note", &[("type", kind)]);
    note.append_text(text);
    let mut command = command(node, session, "completed");
    command.append_child(note);
    if let Some(form) = form {
        command.append_child(form);
    }
    command
}

/// As many rows as a stanza holds, of one end.
fn fitting(rows: &[Vec<String>], last_first: bool) -> &[Vec<String>] {
    let mut bytes = 0;
    let fits = |row: &&Vec<String>| {
        bytes += row.iter().map(|cell| 60 + cell.len()).sum::<usize>();
        bytes <= ROWS_BYTES_MAX
    };
    if last_first {
        &rows[rows.len() - rows.iter().rev().take_while(fits).count()..]
    } else {
        &rows[..rows.iter().take_while(fits).count()]
    }
}

fn result_form(result: &AdhocResult, rows: &[Vec<String>]) -> Element {
    let fact = |(name, values): &(String, Vec<String>)| {
        let type_ = if values.len() == 1 { FieldType::TextSingle } else { FieldType::TextMulti };
        Field { label: Some(name.clone()), values: values.clone(), ..Field::new(&var(name), type_) }
    };
    let fields = result.facts.iter().map(fact).collect();
    let title = Some(result.title.clone());
    let mut form =
        Element::from(DataForm { type_: DataFormType::Result_, title, instructions: None, fields });
    if rows.is_empty() {
        return form;
    }
    let columns: Vec<_> = result.columns.iter().map(|name| (name, var(name))).collect();
    let mut reported = Element::bare("reported", DATA_FORMS);
    for (name, var) in &columns {
        let column = [("var", var.as_str()), ("label", name), ("type", "text-single")];
        reported.append_child(element(DATA_FORMS, "field", &column));
    }
    form.append_child(reported);
    for row in rows {
        let mut item = Element::bare("item", DATA_FORMS);
        for ((_, var), cell) in columns.iter().zip(row) {
            let mut value = Element::bare("value", DATA_FORMS);
            value.append_text(cell);
            let mut field = element(DATA_FORMS, "field", &[("var", var)]);
            field.append_child(value);
            item.append_child(field);
        }
        form.append_child(item);
    }
    form
}

/// What a program calls something that people call so.
fn var(name: &str) -> String {
    name.replace(' ', "-")
}

/// It was given up.
pub fn canceled(node: &str, session: &str) -> Element {
    command(node, session, "canceled")
}

fn command(node: &str, session: &str, status: &str) -> Element {
    element(COMMANDS, "command", &[("node", node), ("sessionid", session), ("status", status)])
}

fn element(namespace: &str, name: &str, attributes: &[(&str, &str)]) -> Element {
    let mut element = Element::bare(name, namespace);
    for (key, value) in attributes {
        groupchat_payloads::set(&mut element, key, value);
    }
    element
}

/// A command is not carried out, and why.
pub fn failed(origin: &Origin, error: AdhocError, text: Option<&str>) -> Outbound {
    use AdhocError as E;
    let (condition, kind, specific, usual) = match error {
        E::MalformedAction => bad_request("malformed-action", "there is no such action"),
        E::BadAction => bad_request("bad-action", "this action is not possible here"),
        E::BadLocale => bad_request("bad-locale", "this is no language"),
        E::BadPayload => bad_request("bad-payload", "a filled-in form is missing"),
        E::BadSession => bad_request("bad-sessionid", "this session was not given by this service"),
        E::SessionExpired => (
            Condition::NotAllowed,
            ErrorType::Cancel,
            Some("session-expired"),
            "this session is at an end: begin again",
        ),
        E::Forbidden => {
            (Condition::Forbidden, ErrorType::Auth, None, "only for administrators of the service")
        }
        E::NoSuchCommand => (Condition::ItemNotFound, ErrorType::Cancel, None, "there is no such command"),
    };
    let specific = specific.map(|name| Element::bare(name, COMMANDS));
    let error = refusal::error_with(&origin.at, (condition, kind), text.unwrap_or(usual), specific);
    refusal::error_stanza(origin, None, &error)
}

fn bad_request(
    specific: &'static str,
    usual: &'static str,
) -> (Condition, ErrorType, Option<&'static str>, &'static str) {
    (Condition::BadRequest, ErrorType::Modify, Some(specific), usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_run(xml: &str) -> Result<AdhocRun, AdhocError> {
        match read(&xml.parse().unwrap(), "set") {
            Some(Ok(AdhocWish::Run(run))) => Ok(run),
            Some(Err(error)) => Err(error),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_wrong_with_a_step_is_named() {
        let run =
            |rest: &str| read_run(&format!("<command xmlns='{COMMANDS}' node='groups' {rest}</command>"));
        assert_eq!(run("action='dance'>"), Err(AdhocError::MalformedAction));
        assert_eq!(run("xml:lang='e n'>"), Err(AdhocError::BadLocale));
        assert_eq!(run("><x xmlns='jabber:x:data' type='form'/>"), Err(AdhocError::BadPayload));
        let begin = run("xml:lang='de-AT'>").unwrap();
        assert_eq!((begin.action, begin.form, begin.session), (AdhocAction::Execute, None, None));
        assert_eq!(run("><x xmlns='jabber:x:data' type='cancel'/>").unwrap().action, AdhocAction::Cancel);
        let filled =
            run("sessionid='s' action='complete'><x xmlns='jabber:x:data' type='submit'><field var='a'>\
             <value>1</value><value>2</value></field><field/></x>");
        assert_eq!(filled.unwrap().form, Some(vec![("a".into(), vec!["1".into(), "2".into()])]));
    }

    #[test]
    fn what_does_not_fit_into_a_stanza_is_left_out_and_told() {
        let rows = (0..500).map(|number| vec![format!("{number}:{}", "x".repeat(1_000))]).collect();
        let mut result = AdhocResult { columns: vec!["a b".into()], rows, ..AdhocResult::default() };
        let shown = |result: &AdhocResult| String::from(&done("n", "s", Ok(("500 rows", result))));
        let text = shown(&result);
        assert!(text.len() < 150_000 && text.contains("500 rows; 4"), "{}", text.len());
        assert!(text.contains("var=\"a-b\"") || text.contains("var='a-b'"));
        assert!(text.contains(">0:x") && !text.contains(">499:x"));
        result.last_first = true;
        let text = shown(&result);
        assert!(text.len() < 150_000 && text.contains("500 rows; 4"), "{}", text.len());
        assert!(text.contains(">499:x") && !text.contains(">0:x"));
    }
}
