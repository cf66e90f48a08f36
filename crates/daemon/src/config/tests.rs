//! What a configuration may say, and how every mistake in it is told.

use std::collections::BTreeSet;

use secrecy::ExposeSecret;

use super::*;

const SMALLEST: &str = "[component]\ndomain = 'groupchat.localhost'\nsecret = '007'\n";

fn read(text: &str, environment: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::read(text, "groupchat.toml", environment)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn the_smallest_file_is_enough_and_the_environment_wins() {
    let config = read(SMALLEST, &[]).unwrap();
    assert_eq!(config.component.secret.expose_secret(), "007");
    let config = read(
        SMALLEST,
        &[("GROUPCHAT_COMPONENT__SECRET", "0815"), ("GROUPCHAT_LIMITS__PAGE_ITEMS", "7"), ("PATH", "/bin")],
    );
    let config = config.unwrap();
    assert_eq!((config.component.secret.expose_secret(), config.limits.page_items), ("0815", 7));
}

#[test]
fn every_problem_is_told_at_once_with_its_place() {
    let problems = read(
        "[component]\ndomain = 'a b'\nserver = 'nowhere'\nport = 5\n[limits]\npage_items = 'many'\nnick_chars = 900\n\
         [colour]\nred = 1\n[log]\nformat = 'yaml'\n",
        &[("GROUPCHAT_SERVICE__NAMES", "x")],
    );
    let problems = problems.unwrap_err().join("\n");
    for expected in [
        "groupchat.toml: component.port: there is no such key; [component] has domain, secret, secret_file, server",
        "groupchat.toml: component.domain: must be a domain",
        "groupchat.toml: component.secret: is missing",
        "groupchat.toml: component.server: must be host:port",
        "groupchat.toml: limits.page_items: invalid type",
        "groupchat.toml: limits.nick_chars: must be from 16 to 64",
        "groupchat.toml: colour.red: there is no such section; there are component, control, database",
        "groupchat.toml: log.format: unknown variant",
        "environment variable GROUPCHAT_SERVICE__NAMES: service.names: there is no such key",
    ] {
        assert!(problems.contains(expected), "{expected}\nis not in\n{problems}");
    }
    assert_eq!(problems.lines().count(), 9, "{problems}");
}

#[test]
fn a_secret_is_never_shown() {
    let problems = read("[component]\ndomain = 'g.localhost'\nsecret = 4711\n", &[]).unwrap_err().join("\n");
    assert!(problems.contains("component.secret: must be a text in quotes"), "{problems}");
    assert!(!problems.contains("4711"), "{problems}");
    let config = read(SMALLEST, &[]).unwrap();
    assert!(!format!("{config:?}").contains("007"));
    let unquoted =
        read("[component]\ndomain = 'g.localhost'\nsecret = s3cret\n", &[]).unwrap_err().join("\n");
    assert!(unquoted.contains("line 3") && !unquoted.contains("s3cret"), "{unquoted}");
}

#[test]
fn a_secret_may_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, " s3cret \n").unwrap();
    let text = format!("[component]\ndomain = 'g.localhost'\nsecret_file = '{}'\n", file.display());
    assert_eq!(read(&text, &[]).unwrap().component.secret.expose_secret(), " s3cret ");
    let both = read(&text, &[("GROUPCHAT_COMPONENT__SECRET", "x")]).unwrap_err().join("\n");
    assert!(both.contains("keep one of them"), "{both}");
    let missing = read(&text.replace("secret'\n", "nothing'\n"), &[]).unwrap_err().join("\n");
    assert!(missing.contains("cannot be read"), "{missing}");
}

#[test]
fn what_is_no_toml_is_told() {
    assert!(read("[component\n", &[]).unwrap_err()[0].contains("is no TOML"));
    assert!(
        Config::load(Path::new("/nonexistent/groupchat.toml"), []).unwrap_err()[0]
            .text
            .contains("cannot be read")
    );
}

/// With this in the environment the file and the table are written instead of compared.
const WRITE: &str = "CONFIG_WRITE";

fn compare(file: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(path, expected).unwrap();
        return;
    }
    let found = std::fs::read_to_string(path).unwrap();
    assert!(
        found == expected,
        "{file} is not as the sources have it: `{WRITE}=1 cargo test -p xmpp-groupchat config`"
    );
}

#[test]
fn the_shipped_file_is_made_from_the_sources() {
    compare("deploy/groupchat.toml", &example_file());
    let config = Config::read(&example_file(), "deploy/groupchat.toml", []).unwrap();
    let mut defaults = Config::default();
    defaults.component.domain.clone_from(&config.component.domain);
    assert_eq!(values_of(&config), values_of(&defaults));
    let documented = document::entries().map(|setting| setting.key);
    assert_eq!(documented.collect::<BTreeSet<_>>(), known_keys().into_iter().map(|(key, _)| key).collect());
}

#[test]
fn every_setting_says_what_it_is_for() {
    for section in document::sections() {
        assert!(section.text.ends_with('.'), "{section:?}");
        for setting in section.entries {
            assert!(setting.text.ends_with(['.', '?']) && setting.text.len() > 10, "{setting:?}");
            assert!(setting.words.iter().all(|(_, meaning)| !meaning.is_empty()), "{setting:?}");
            assert!(!setting.value.is_number() || setting.range.is_some(), "{setting:?} has no limit");
        }
    }
}

#[test]
fn the_table_of_the_handbook_is_made_from_the_sources() {
    const FILE: &str = "docs/operations.md";
    const START: &str = "<!-- settings: CONFIG_WRITE=1 cargo test -p xmpp-groupchat config -->\n\n";
    const END: &str = "\n<!-- end of settings -->";
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(FILE)).unwrap();
    let (before, rest) = text.split_once(START).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let mut table = "| setting | default | what it is for |\n| --- | --- | --- |\n".to_owned();
    for setting in document::entries() {
        let words = setting.words.iter().map(|(word, meaning)| format!(" `{word}`: {meaning}"));
        let range = setting.range.map(|(min, max)| format!(" From {min} to {max}.")).unwrap_or_default();
        let default = if setting.is_needed { "must be set".into() } else { format!("`{}`", setting.value) };
        table += &format!(
            "| `{}` | {default} | {}{}{range} |\n",
            setting.key,
            setting.text,
            words.collect::<String>()
        );
    }
    compare(FILE, &format!("{before}{START}{table}{END}{after}"));
}
