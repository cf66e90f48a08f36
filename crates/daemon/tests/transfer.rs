//! Groups and accounts as files, as an operator meets them: what the program writes, takes and refuses.

#![expect(clippy::unwrap_used, reason = "a test that cannot run fails")]

use std::path::Path;
use std::process::{Command, Output};

use groupchat_core::{
    Archived, ArchivedKind, BareJid, Change, GroupId, Jid, Limits, MemberSpec, Mentions, Mid, NewGroup,
    ReadBy, Settings, StanzaId, Timestamp, create,
};
use groupchat_store::{Batch, Store};
use tempfile::TempDir;

/// A service's folder with its configuration.
struct Place(TempDir);

impl Place {
    fn new(domain: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = format!("[component]\ndomain = '{domain}'\nsecret = 's'\n[http]\nlisten = ''\n");
        std::fs::write(folder.path().join("groupchat.toml"), config).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_xmpp-groupchat"))
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (status.code().unwrap_or(-1), text(stdout), text(stderr))
    }

    async fn store(&self) -> Store {
        let store = Store::open(&format!("sqlite://{}", self.path("groupchat.db").display())).await.unwrap();
        store.migrate().await.unwrap();
        store
    }
}

/// A group with so many messages.
async fn fill(store: &Store, id: &str, first_id: i64, messages: i64) {
    let id = GroupId::parse(id).unwrap();
    let owner = BareJid::parse("alice@h").unwrap();
    let bob = MemberSpec { jid: "bob@h".into(), ..MemberSpec::default() };
    let new = NewGroup { members: vec![bob], ..NewGroup::default() };
    let made = create(id.clone(), &owner, &new, &Settings::default(), &Limits::default(), Timestamp(1));
    let made = made.unwrap().changes.into_iter().map(|change| (id.clone(), change)).collect();
    store.commit(&Batch { now: Timestamp(1), changes: made, ..Batch::default() }).await.unwrap();
    let archive: Vec<Archived> = (0..messages)
        .map(|number| Archived {
            id: StanzaId(first_id + number),
            group: id.clone(),
            at: Timestamp(1_700_000_000_000 + number),
            kind: ArchivedKind::Message,
            sender: Jid::parse("bob@h/电话 🐎").unwrap(),
            mid: Mid::from_stored("bob"),
            client_id: Some(format!("m{number}").into()),
            body: Some("奶茶? <&>".into()),
            ordinal: number + 1,
            countable: true,
            corrects: None,
            read_by: ReadBy::Members,
            mentions: Mentions { all: number % 7 == 0, members: Vec::new() },
            payload: "<body>奶茶? &lt;&amp;&gt;</body>".into(),
        })
        .collect();
    let posted = archive.iter().map(|row| (id.clone(), Change::Posted { author: row.sender.bare().clone() }));
    let changes = posted.collect();
    store.commit(&Batch { changes, archive, ..Batch::default() }).await.unwrap();
}

fn without_header(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with("{\"type\":\"header\"")).collect()
}

#[tokio::test]
async fn groups_go_from_one_service_to_another() {
    let from = Place::new("groupchat.localhost");
    let store = from.store().await;
    fill(&store, "tea", 1_700_000_000_000_000, 450).await;
    fill(&store, "测试群", 1_700_000_001_000_000, 3).await;
    let (code, tea, err) = from.run(&["export", "group", "tea@groupchat.localhost"]);
    assert_eq!((code, err.as_str()), (0, "453 records\n"));
    assert!(
        tea.starts_with("{\"type\":\"header\",\"format\":\"xmpp-groupchat-export\",\"version\":1,"),
        "{tea:.300}"
    );
    let (code, _, err) = from.run(&["export", "group", "测试群", "--to", "one.jsonl"]);
    assert_eq!(code, 0, "{err}");
    let one = std::fs::read_to_string(from.path("one.jsonl")).unwrap();
    let (code, _, err) = from.run(&["export", "group", "测试群", "--to", "one.jsonl"]);
    assert!(code == 1 && err.contains("making the file one.jsonl"), "{err}");
    for (wrong, why) in
        [("none", "there is no group `none`"), ("tea@elsewhere.lit", "is not at groupchat.localhost")]
    {
        let (code, out, err) = from.run(&["export", "group", wrong]);
        assert!(code == 1 && out.is_empty() && err.contains(why), "{err}");
    }
    let (code, bob, _) = from.run(&["export", "user", "BOB@h"]);
    assert_eq!((code, bob.matches("\"type\":\"message\"").count()), (0, 453));

    let to = Place::new("groups.elsewhere.lit");
    std::fs::write(to.path("both.jsonl"), format!("{tea}\n{one}")).unwrap();
    let (code, out, err) = to.run(&["import", "file", "both.jsonl", "--dry-run"]);
    assert!(
        code == 0 && out.contains("tea: 2 members, 0 former ones, 0 banned, 0 waiting, 450 messages"),
        "{out}{err}"
    );
    assert!(out.contains("2 groups would be imported") && !to.path("groupchat.db").exists(), "{out}");
    let (code, out, err) = to.run(&["import", "file", "both.jsonl"]);
    assert!(code == 0 && out.contains("2 groups imported"), "{out}{err}");
    for (id, expected) in [("tea", &tea), ("测试群", &one)] {
        let (_, again, _) = to.run(&["export", "group", id]);
        assert_eq!(without_header(&again), without_header(expected));
    }
    let (code, _, err) = to.run(&["import", "file", "both.jsonl"]);
    assert!(code == 65 && err.contains("there is a group `tea` already"), "{err}");
    let (code, out, err) = to.run(&["import", "file", "both.jsonl", "--replace"]);
    assert!(code == 0 && out.contains("2 groups imported"), "{out}{err}");
}

#[tokio::test]
async fn files_that_are_not_whole_are_refused() {
    let from = Place::new("groupchat.localhost");
    fill(&from.store().await, "tea", 1_700_000_000_000_000, 5).await;
    let (_, tea, _) = from.run(&["export", "group", "tea"]);
    let (_, bob, _) = from.run(&["export", "user", "bob@h"]);
    let lines: Vec<&str> = tea.lines().collect();
    let without = |number: usize| {
        let mut lines = lines.clone();
        lines.remove(number);
        lines.join("\n")
    };
    let to = Place::new("groupchat.localhost");
    for (text, why) in [
        (String::new(), "there is nothing in it"),
        (without(0), "begins with a header"),
        (without(1), "the group itself comes first"),
        (without(lines.len() - 1), "it was cut short"),
        (without(4), "there should be 8 records, and there are 7"),
        (tea[..tea.len() - 200].to_owned(), "line "),
        (tea.replace("\"version\":1", "\"version\":2"), "version 2 of the format"),
        (tea.replace("xmpp-groupchat-export", "other"), "is not the format"),
        (tea.replace("&amp;", "&"), "its payload is no XML"),
        (tea.replace("<body>", "<b:body>"), "its payload is no XML"),
        (tea.replace("\"role\":\"owner\"", "\"role\":\"king\""), "`role` cannot be `king`"),
        (bob, "what was exported of a user is for him"),
    ] {
        std::fs::write(to.path("in.jsonl"), text).unwrap();
        let (code, out, err) = to.run(&["import", "file", "in.jsonl"]);
        assert!(code != 0 && err.contains(why), "{why}: {code} {out}{err}");
        let (code, _, _) = to.run(&["export", "group", "tea"]);
        assert_eq!(code, 1, "{why}: nothing is kept");
    }
}

#[test]
fn nothing_is_imported_while_the_component_runs() {
    let place = Place::new("groupchat.localhost");
    let _running = std::os::unix::net::UnixListener::bind(place.path("groupchat.sock")).unwrap();
    assert!(Path::new(&place.path("groupchat.sock")).exists());
    for said in [&[][..], &["--component-is-stopped"]] {
        let (code, _, err) = place.run(&[&["import", "file", "in.jsonl"], said].concat());
        assert!(code == 1 && err.contains("stop it first"), "{err}");
    }
}

#[tokio::test]
async fn who_cannot_see_whether_the_component_runs_is_asked() {
    let from = Place::new("groupchat.localhost");
    fill(&from.store().await, "tea", 1_700_000_000_000_000, 5).await;
    let (_, tea, _) = from.run(&["export", "group", "tea"]);
    let place = Place::new("groupchat.localhost");
    let _running = std::os::unix::net::UnixListener::bind(place.path("groupchat.sock")).unwrap();
    // The same database, seen from another folder: the socket is not there.
    let elsewhere = Place::new("groupchat.localhost");
    std::fs::write(elsewhere.path("in.jsonl"), tea).unwrap();
    let url = format!("[database]\nurl = 'sqlite://{}'\n", place.path("groupchat.db").display());
    let config = |more: &str| {
        let text = std::fs::read_to_string(place.path("groupchat.toml")).unwrap();
        std::fs::write(elsewhere.path("groupchat.toml"), format!("{text}{url}{more}")).unwrap();
    };
    let import =
        |more: &[&str]| elsewhere.run(&[&["import", "file", "in.jsonl", "--dry-run"], more].concat());
    for (more, why) in
        [("", "to be seen from here"), ("[control]\nsocket = ''\n", "no control socket is configured")]
    {
        config(more);
        let (code, _, err) = import(&[]);
        assert!(code == 1 && err.contains(why) && err.contains("--component-is-stopped"), "{err}");
        let (code, out, err) = import(&["--component-is-stopped"]);
        assert!(code == 0 && out.contains("1 groups would be imported"), "{out}{err}");
    }
    config(&format!("[control]\nsocket = '{}'\n", place.path("none.sock").display()));
    let (code, _, err) = import(&[]);
    assert!(code == 0, "{err}");
    // A database server may be asked from another machine than the component's.
    let text = std::fs::read_to_string(elsewhere.path("groupchat.toml")).unwrap();
    let text = text.replace(url.trim_end(), "[database]\nurl = 'postgres://127.0.0.1:1/groupchat'");
    std::fs::write(elsewhere.path("groupchat.toml"), text).unwrap();
    let (code, _, err) = import(&[]);
    assert!(code == 1 && err.contains("to be seen from here"), "{err}");
}
