//! The commands of administrators as forms for XMPP clients: made of the same definition as the shell's arguments, and read
//! back by it.
//!
//! Not here: the definition (`table.rs`), sessions and who may (`adhoc.rs`).

use std::any::TypeId;
use std::sync::LazyLock;

use clap::{Arg, ArgAction, FromArgMatches, Subcommand};
use groupchat_dialect::{AdhocField, AdhocForm, AdhocKind};

use super::table::{Account, AdminCommand};

static ALL: LazyLock<clap::Command> = LazyLock::new(|| {
    let all = clap::Command::new("ctl").no_binary_name(true).subcommand_required(true);
    let all = all.disable_help_flag(true).disable_help_subcommand(true);
    let mut all = AdminCommand::augment_subcommands(all);
    all.build();
    all
});

/// Every command: its name, and what it is for.
pub(crate) fn commands() -> impl Iterator<Item = (&'static str, String)> {
    ALL.get_subcommands().map(|command| (command.get_name(), about(command)))
}

/// The form of this command, if there is such a command; without fields if it takes nothing.
pub(crate) fn form_of(name: &str) -> Option<AdhocForm> {
    let command = ALL.find_subcommand(name)?;
    Some(AdhocForm { title: about(command), fields: command.get_arguments().map(field).collect() })
}

fn about(command: &clap::Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn field(argument: &Arg) -> AdhocField {
    let options: Vec<_> =
        argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let kind = match argument.get_value_parser().type_id() {
        _ if matches!(argument.get_action(), ArgAction::SetTrue) => AdhocKind::Boolean,
        _ if !options.is_empty() => AdhocKind::Choice(options),
        id if id == TypeId::of::<Account>() => AdhocKind::Jid,
        id if id == TypeId::of::<u64>() => AdhocKind::Number,
        _ => AdhocKind::Text,
    };
    let default = argument.get_default_values().first().map(|value| value.to_string_lossy().into_owned());
    AdhocField {
        name: argument.get_id().to_string(),
        label: argument.get_help().map(ToString::to_string).unwrap_or_default(),
        required: argument.is_required_set(),
        value: if kind == AdhocKind::Boolean { Some("0".into()) } else { default },
        kind,
    }
}

/// The command that a filled-in form asks for.
///
/// # Errors
/// What is wrong with it, naming the field.
pub(crate) fn read(name: &str, form: &[(String, Vec<String>)]) -> Result<AdminCommand, String> {
    let command = ALL.find_subcommand(name).ok_or("there is no such command")?;
    let known = |field: &str| command.get_arguments().any(|argument| argument.get_id() == field);
    if let Some((unknown, _)) = form.iter().find(|(field, _)| field != "FORM_TYPE" && !known(field)) {
        return Err(format!("there is no field `{unknown}`"));
    }
    let (mut options, mut positional) = (vec![name.to_owned()], vec!["--".to_owned()]);
    for argument in command.get_arguments() {
        let id = argument.get_id().as_str();
        let values = form.iter().filter(|(field, _)| field == id).flat_map(|(_, values)| values);
        let values: Vec<_> = values.filter(|value| !value.is_empty()).collect();
        match (values.as_slice(), argument.get_long()) {
            ([], _) if argument.is_required_set() => return Err(format!("the field `{id}` is empty")),
            ([], _) => {}
            ([value], Some(long)) if matches!(argument.get_action(), ArgAction::SetTrue) => {
                match value.as_str() {
                    "1" | "true" => options.push(format!("--{long}")),
                    "0" | "false" => {}
                    _ => return Err(format!("the field `{id}` is yes or no, 1 or 0")),
                }
            }
            ([value], Some(long)) => options.push(format!("--{long}={value}")),
            ([value], None) => positional.push((*value).clone()),
            _ => return Err(format!("the field `{id}` takes one value")),
        }
    }
    let matches = ALL.clone().try_get_matches_from(options.into_iter().chain(positional));
    let read = matches.and_then(|matches| AdminCommand::from_arg_matches(&matches));
    read.map_err(|problem| {
        let text = problem.to_string();
        let first = text.lines().next().unwrap_or_default();
        first.trim_start_matches("error: ").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(name: &str, fields: &[(&str, &str)]) -> Result<AdminCommand, String> {
        let form: Vec<_> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
        read(name, &form)
    }

    #[test]
    fn every_command_has_a_form_that_says_what_everything_is() {
        let names: Vec<_> = commands().collect();
        assert!(names.len() > 10);
        for (name, about) in names {
            assert!(!about.is_empty(), "{name}");
            for field in form_of(name).unwrap().fields {
                assert!(!field.label.is_empty(), "{name}: {}", field.name);
                assert!(!(field.required && field.value.is_some()), "{name}: {}", field.name);
            }
        }
        let kinds: Vec<_> = form_of("add").unwrap().fields.into_iter().map(|field| field.kind).collect();
        let roles = ["owner", "admin", "member"].map(str::to_owned).to_vec();
        assert_eq!(kinds, [AdhocKind::Text, AdhocKind::Jid, AdhocKind::Choice(roles)]);
        assert_eq!(form_of("groups").unwrap().fields[2].kind, AdhocKind::Number);
        assert_eq!(form_of("nonsense"), None);
    }

    #[test]
    fn a_form_is_read_as_the_shell_reads_it() {
        let created = read_one("create", &[("id", "--tea"), ("owner", "alice@a.lit/x"), ("name", "-n")]);
        let Ok(AdminCommand::Create { id, owner, name }) = created else { panic!("{created:?}") };
        assert_eq!((id.0.as_str(), owner.0.as_str(), name.as_deref()), ("--tea", "alice@a.lit", Some("-n")));
        let listed = read_one("groups", &[("FORM_TYPE", "x"), ("search", ""), ("limit", "")]);
        assert_eq!(listed, Ok(AdminCommand::Groups { search: None, after: None, limit: 100 }));
        for (fields, named) in [
            (vec![("id", "tea")], "owner"),
            (vec![("id", "tea"), ("owner", "a@")], "a@"),
            (vec![("id", "tea"), ("owner", "a@b"), ("colour", "red")], "colour"),
        ] {
            let refused = read_one("create", &fields).unwrap_err();
            assert!(refused.contains(named) && !refused.contains('\n'), "{refused}");
        }
        assert!(read_one("groups", &[("limit", "many")]).unwrap_err().contains("many"));
    }
}
