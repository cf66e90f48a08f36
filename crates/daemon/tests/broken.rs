//! What is broken, and what the operator hears of it: each with words of its own, and an exit code that tells whose fault it is.
//! Servers that misbehave are played here; `tests/tests/operators.rs` has the real ones.

#![expect(clippy::unwrap_used, reason = "a test that cannot run fails")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Nothing is wrong with this, but that nobody is at the port.
const GOOD: &str = "[component]\ndomain = 'groupchat.localhost'\nsecret = 's3cret'\nserver = '127.0.0.1:1'\n\
    [http]\nlisten = ''\n";

/// One thing that is broken.
struct Case {
    name: &'static str,
    /// What is asked of the program.
    command: &'static [&'static str],
    /// The whole configuration.
    config: String,
    environment: &'static [(&'static str, &'static str)],
    /// What is in the folder besides.
    prepare: fn(&TempDir),
    exit: i32,
    /// All of these are said.
    said: &'static [&'static str],
}

/// A mistake in the configuration.
fn mistake(name: &'static str, config: &str, said: &'static [&'static str]) -> Case {
    let (command, environment) = (&["check"][..], &[][..]);
    Case { name, command, config: config.into(), environment, prepare: |_| {}, exit: 78, said }
}

/// Something around the program that is not as it should be.
fn trouble(name: &'static str, config: String, exit: i32, said: &'static [&'static str]) -> Case {
    Case { name, command: &["doctor"], config, environment: &[], prepare: |_| {}, exit, said }
}

fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from));
    GOOD.replace(from, to)
}

fn with_database(url: &str) -> String {
    format!("{GOOD}[database]\nurl = '{url}'\n")
}

fn mistakes() -> Vec<Case> {
    let dotted = |line: &str| format!("{line}\n{GOOD}");
    vec![
        mistake("no TOML", "[component\n", &["groupchat.toml", "is no TOML", "line 1"]),
        mistake(
            "unknown key",
            &with("secret =", "port = 5\nsecret ="),
            &["component.port", "no such key", "has domain, secret"],
        ),
        mistake("unknown section", &dotted("colour.red = 1"), &["colour.red", "no such section"]),
        mistake("wrong type", &dotted("limits.page_items = 'many'"), &["limits.page_items", "invalid type"]),
        mistake("unknown word", &dotted("log.format = 'yaml'"), &["log.format", "unknown variant"]),
        mistake("no domain", &with("'groupchat.localhost'", "''"), &["component.domain", "is missing"]),
        mistake(
            "wrong domain",
            &with("'groupchat.localhost'", "'a b'"),
            &["component.domain", "must be a domain"],
        ),
        mistake("no secret", &with("'s3cret'", "''"), &["component.secret", "is missing"]),
        mistake(
            "two secrets",
            &with("secret =", "secret_file = 'x'\nsecret ="),
            &["component.secret_file", "keep one of them"],
        ),
        mistake(
            "no secret file",
            &with("secret = 's3cret'", "secret_file = 'nowhere'"),
            &["component.secret_file", "nowhere cannot be read"],
        ),
        Case {
            prepare: |folder| std::fs::write(folder.path().join("secret"), "\n").unwrap(),
            ..mistake(
                "empty secret file",
                &with("secret = 's3cret'", "secret_file = 'secret'"),
                &["component.secret_file", "is empty"],
            )
        },
        mistake("no port", &with("127.0.0.1:1", "localhost"), &["component.server", "must be host:port"]),
        mistake(
            "unknown database",
            &with_database("redis://h"),
            &["database.url", "must begin with sqlite://"],
        ),
        mistake("limit", &dotted("limits.nick_chars = 900"), &["limits.nick_chars", "must be from 16 to 64"]),
        mistake("log level", &dotted("log.level = '=?'"), &["log.level", "must be error, warn"]),
        mistake(
            "http address",
            &with("listen = ''", "listen = 'here'"),
            &["http.listen", "must be address:port"],
        ),
        mistake(
            "contact",
            &dotted("service.abuse_addresses = ['me']"),
            &["service.abuse_addresses", "must be URIs"],
        ),
        mistake("default", &dotted("service.defaults.join = 'never'"), &["service.defaults", "never"]),
        Case {
            environment: &[("GROUPCHAT_SERVICE__NAMES", "x")],
            ..mistake("environment", GOOD, &["environment variable GROUPCHAT_SERVICE__NAMES", "no such key"])
        },
        Case {
            command: &["check", "--config", "elsewhere.toml"],
            ..mistake("no file", GOOD, &["elsewhere.toml", "cannot be read", "make one"])
        },
        Case { command: &["check", "--config", "."], ..mistake("folder", GOOD, &["cannot be read"]) },
    ]
}

fn troubles() -> Vec<Case> {
    let stream_error = |condition: &str| {
        format!(
            "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' \
             xmlns='jabber:component:accept' id='1' from='groupchat.localhost'><stream:error>\
             <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
        )
    };
    let played = |answer: &str| with("127.0.0.1:1", &server(answer));
    vec![
        trouble("port closed", GOOD.into(), 69, &["refused the connection", "is the XMPP server up"]),
        trouble(
            "no such host",
            with("127.0.0.1:1", "nowhere.invalid:5347"),
            69,
            &["cannot resolve", "nowhere.invalid"],
        ),
        trouble("wrong secret", played(&stream_error("not-authorized")), 77, &["refuses the secret"]),
        trouble(
            "unknown domain",
            played(&stream_error("host-unknown")),
            78,
            &["knows no component", "add it"],
        ),
        trouble("domain taken", played(&stream_error("conflict")), 75, &["is taken", "another copy"]),
        trouble(
            "web server",
            played("HTTP/1.1 400 Bad Request\r\n\r\n<p>"),
            76,
            &["does not speak the component protocol"],
        ),
        trouble("server starts", played(""), 69, &["closed the connection during the handshake"]),
        trouble(
            "no folder",
            with_database("sqlite:///nonexistent/folder/g.db"),
            78,
            &["/nonexistent/folder", "create it"],
        ),
        Case {
            prepare: |folder| {
                std::fs::write(folder.path().join("g.db"), "no database, but long".repeat(99)).unwrap();
            },
            ..trouble(
                "no database",
                with_database("sqlite://g.db"),
                65,
                &["sqlite://g.db", "must be a SQLite database"],
            )
        },
        Case {
            prepare: make_newer,
            ..trouble(
                "newer schema",
                with_database("sqlite://g.db"),
                65,
                &["m29990101_000001_future", "newer version"],
            )
        },
        Case {
            prepare: make_newer,
            command: &["run"],
            ..trouble(
                "newer schema at the start",
                with_database("sqlite://g.db"),
                65,
                &["m29990101_000001_future"],
            )
        },
        Case {
            prepare: |folder| execute(folder, ORIGINAL),
            ..trouble(
                "original shape",
                with_database("sqlite://g.db"),
                69,
                &["warning", "of the original shape", "make a backup first"],
            )
        },
        Case {
            prepare: |folder| execute(folder, &["CREATE TABLE tig_group (id INT, colour INT)"]),
            ..trouble(
                "somebody else's tables",
                with_database("sqlite://g.db"),
                65,
                &["somebody else's tables", "tig_group", "a database of its own"],
            )
        },
        trouble(
            "database server away",
            with_database("postgres://me:hidden@127.0.0.1:1/g"),
            69,
            &["postgres://me@127.0.0.1:1/g", "refused", "that the server runs"],
        ),
        Case {
            command: &["copy", "--from", "sqlite://no.db", "--to", "sqlite://to.db"],
            ..trouble("nothing to copy", GOOD.into(), 69, &["no.db", "there is no such file"])
        },
    ]
}

/// A server that says this to whoever connects, and ends the connection.
fn server(answer: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answer = answer.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // What the program says first; then ours.
            stream.read(&mut [0; 4_096]).unwrap_or_default();
            stream.write_all(answer.as_bytes()).unwrap_or_default();
            stream.shutdown(std::net::Shutdown::Write).unwrap_or_default();
            while stream.read(&mut [0; 4_096]).is_ok_and(|bytes| bytes > 0) {}
        }
    });
    address
}

fn make_newer(folder: &TempDir) {
    run(folder, &["migrate", "up"], &[]);
    let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29990101_000001_future', 0)";
    execute(folder, &[newer]);
}

const ORIGINAL: &[&str] = &[
    "CREATE TABLE tig_group (groupId TEXT, name TEXT, description TEXT)",
    "CREATE TABLE tig_group_member (groupId TEXT, userId TEXT, isReceived INT, authority TEXT)",
    "CREATE TABLE tig_group_message (msg_id TEXT, groupId TEXT, timestamp INT, sender_jid TEXT, body TEXT)",
];

/// Does this in the database, which is made if it is missing.
fn execute(folder: &TempDir, statements: &[&str]) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("g.db").display());
        let db = sea_orm::Database::connect(&url).await.unwrap();
        for statement in statements {
            sea_orm::ConnectionTrait::execute_unprepared(&db, statement).await.unwrap();
        }
        db.close().await.unwrap();
    });
}

fn run(folder: &TempDir, arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xmpp-groupchat"));
    command.args(arguments).current_dir(folder.path()).env_clear().envs(environment.iter().copied());
    let Output { status, stdout, stderr } = command.output().unwrap();
    let said = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (status.code().unwrap_or(-1), said)
}

/// What is wrong with what is said.
fn complaint(case: &Case) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("groupchat.toml"), &case.config).unwrap();
    (case.prepare)(&folder);
    let (code, said) = run(&folder, case.command, case.environment);
    let missing: Vec<_> = case.said.iter().filter(|words| !said.contains(*words)).collect();
    let leaked = said.contains("s3cret") || said.contains("hidden");
    let wrong = code != case.exit || !missing.is_empty() || leaked;
    let name = case.name;
    wrong.then(|| {
        format!(
            "{name}: {code} instead of {}; missing {missing:?}; leaked: {leaked}; said:\n{said}",
            case.exit
        )
    })
}

#[test]
fn everything_that_is_broken_has_its_own_words_and_code() {
    let cases: Vec<Case> = mistakes().into_iter().chain(troubles()).collect();
    assert!(cases.len() >= 25, "{}", cases.len());
    let complaints: Vec<String> = cases.iter().filter_map(complaint).collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}
