//! The program as an operator meets it: what it says, where, and with which exit code.

#![expect(clippy::unwrap_used, reason = "a test that cannot run fails")]

use std::process::{Command, Output};

use tempfile::TempDir;

struct Shell {
    folder: TempDir,
}

impl Shell {
    fn with(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("groupchat.toml"), config).unwrap();
        Self { folder }
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        self.run_with(arguments, &[])
    }

    fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_xmpp-groupchat"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (status.code().unwrap_or(-1), text(stdout), text(stderr))
    }
}

const GOOD: &str = "[component]\ndomain = 'groupchat.localhost'\nsecret = 's3cret'\n[http]\nlisten = ''\n";

#[test]
fn check_tells_every_problem_with_its_place_and_exits_78() {
    let shell = Shell::with("[component]\ndomain = 'a b'\nport = 1\n");
    let (code, out, err) = shell.run(&["check"]);
    assert_eq!((code, out.as_str()), (78, ""));
    for expected in [
        "groupchat.toml: component.domain:",
        "component.port: there is no such key",
        "3 problems in the configuration",
    ] {
        assert!(err.contains(expected), "{expected} is not in {err}");
    }
    let (code, out, err) = Shell::with(GOOD).run(&["check"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("everything is in order") && !out.contains("s3cret"), "{out}");
    let (code, _, err) = Shell::with(GOOD).run(&["check", "--config", "elsewhere.toml"]);
    assert!(code == 78 && err.contains("elsewhere.toml: cannot be read"), "{err}");
}

#[test]
fn config_prints_a_file_that_can_be_used_however_much_of_it_is_read() {
    let shell = Shell::with("no configuration is needed");
    let (code, out, err) = shell.run(&["config"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let (code, _, err) = Shell::with(&out).run(&["check"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let mut closed = Command::new("sh");
    closed.args(["-c", "\"$0\" config | :", env!("CARGO_BIN_EXE_xmpp-groupchat")]);
    assert!(closed.output().unwrap().stderr.is_empty());
}

#[test]
fn migrate_shows_and_does_what_is_missing() {
    let shell = Shell::with(GOOD);
    let (code, out, err) = shell.run(&["migrate", "status"]);
    assert!(code == 0 && out.contains("missing  m2026"), "{out}{err}");
    let (code, out, err) = shell.run(&["migrate", "up"]);
    assert!(code == 0 && out.contains("applied  m2026") && !out.contains("missing"), "{out}{err}");
    assert!(shell.folder.path().join("groupchat.db").exists());
}

#[test]
fn a_backup_is_made_once_and_only_of_what_is_there() {
    let shell = Shell::with(GOOD);
    let (code, _, err) = shell.run(&["backup", "--to", "copy.db"]);
    assert!(code == 69 && err.contains("there is no such file"), "{err}");
    assert!(!shell.folder.path().join("groupchat.db").exists(), "nothing is made by looking");
    shell.run(&["migrate", "up"]);
    let (code, out, err) = shell.run(&["backup", "--to", "copy.db"]);
    assert!(code == 0 && out.starts_with("copy.db: ") && out.contains("checked"), "{out}{err}");
    let (code, _, err) = shell.run(&["backup", "--to", "copy.db"]);
    assert!(code == 1 && err.contains("copy.db") && err.contains("exists"), "{err}");
}

#[test]
fn a_database_is_copied_into_an_empty_one() {
    let shell = Shell::with(GOOD);
    let copy = |from: &str, to: &str| shell.run(&["copy", "--from", from, "--to", to]);
    let (code, _, err) = copy("sqlite://groupchat.db", "sqlite://other.db");
    assert!(code == 69 && err.contains("there is no such file"), "{err}");
    shell.run(&["migrate", "up"]);
    let (code, out, err) = copy("sqlite://groupchat.db", "sqlite://other.db");
    assert!(code == 0 && out.contains("tig_group_message") && out.contains("read the same"), "{out}{err}");
    let (code, _, err) = copy("sqlite://groupchat.db", "redis://h");
    assert!(code == 78 && err.contains("redis://h"), "{err}");
    // As it is done with passwords in the URLs.
    let urls = [("GROUPCHAT_COPY_FROM", "sqlite://groupchat.db"), ("GROUPCHAT_COPY_TO", "sqlite://third.db")];
    let (code, out, err) = shell.run_with(&["copy"], &urls);
    assert!(code == 0 && out.contains("read the same"), "{out}{err}");
    let (code, out, err) = shell.run_with(&["check"], &urls);
    assert!(code == 0, "they are no settings: {out}{err}");
    let (code, out, _) = shell.run_with(&["copy", "--help"], &urls);
    assert!(code == 0 && out.contains("GROUPCHAT_COPY_FROM") && !out.contains("third.db"), "{out}");
}

#[test]
fn a_database_that_cannot_be_opened_ends_the_program_with_the_reason() {
    let config = format!("{GOOD}[database]\nurl = 'sqlite:///nonexistent/folder/groupchat.db'\n");
    for command in [["run"].as_slice(), &["migrate", "up"]] {
        let (code, _, err) = Shell::with(&config).run(command);
        assert!(
            code == 78 && err.contains("opening the database") && err.contains("/nonexistent/folder"),
            "{code} {err}"
        );
    }
}

#[test]
fn help_names_every_command_and_the_environment() {
    let (code, out, _) = Shell::with(GOOD).run(&["--help"]);
    assert_eq!(code, 0);
    for expected in ["run ", "check ", "migrate ", "copy ", "backup ", "GROUPCHAT_<SECTION>__<KEY>"] {
        assert!(out.contains(expected), "{expected} is not in {out}");
    }
    assert_eq!(Shell::with(GOOD).run(&["dance"]).0, 2);
}
