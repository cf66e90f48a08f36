//! The rules of the house, as tests: the map shows what is there, dependencies point where they may, files have
//! headers and stay readable, and documentation says what the files of `deploy/` say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a crate is built from: all that it may name in its manifest, or what must not even come in by others.
struct Arrow {
    package: &'static str,
    rule: Rule,
}

enum Rule {
    /// Direct dependencies are these and no others.
    Only(&'static [&'static str]),
    /// None of these anywhere below.
    Never(&'static [&'static str]),
    /// Nothing of this workspace anywhere below but these.
    OfOurs(&'static [&'static str]),
}

const TLS: &[&str] = &["rustls", "native-tls", "openssl", "openssl-sys", "ring", "aws-lc-rs", "aws-lc-sys"];
const XML: &[&str] = &["minidom", "rxml", "xmpp-parsers", "xso", "tokio-xmpp"];
const SQL: &[&str] = &["sea-orm", "sea-orm-migration", "sqlx", "sqlx-core"];
const CORE: &str = "groupchat-core";
const PAYLOADS: &str = "groupchat-payloads";

/// The table of `crates/README.md`.
const ARROWS: &[Arrow] = &[
    Arrow { package: CORE, rule: Rule::Only(&["jid", "precis-profiles", "thiserror"]) },
    Arrow { package: CORE, rule: Rule::Never(&["tokio", "tracing", "minidom", "xmpp-parsers", "sea-orm"]) },
    Arrow { package: PAYLOADS, rule: Rule::Only(&["minidom", "thiserror"]) },
    Arrow { package: "groupchat-client", rule: Rule::Only(&[PAYLOADS, "jid", "minidom", "thiserror"]) },
    Arrow { package: "groupchat-dialect", rule: Rule::Never(SQL) },
    Arrow { package: "groupchat-dialect", rule: Rule::Never(&["tokio", "tokio-xmpp"]) },
    Arrow { package: "groupchat-dialect", rule: Rule::OfOurs(&[CORE, PAYLOADS]) },
    Arrow { package: "groupchat-store", rule: Rule::Never(XML) },
    Arrow {
        package: "groupchat-store",
        rule: Rule::OfOurs(&[CORE, "groupchat-entity", "groupchat-migration"]),
    },
    Arrow { package: "groupchat-link", rule: Rule::OfOurs(&[]) },
    Arrow { package: "groupchat-link", rule: Rule::Never(SQL) },
    Arrow { package: "groupchat-entity", rule: Rule::OfOurs(&[]) },
    Arrow { package: "groupchat-migration", rule: Rule::OfOurs(&[]) },
    Arrow { package: "xtask", rule: Rule::Only(&["anyhow", "clap"]) },
    Arrow { package: "xmpp-groupchat", rule: Rule::Never(TLS) },
];

/// Where conversations may be.
const CONVERSATIONS: &[&str] = &["admin", "native", "muc", "mixed", "refused", "host"];
/// Lines of a file, without its tests.
const LINES_MAX: usize = 400;
/// Hosts of the web that we name: this machine, namespaces, standards, licences. Those of examples end in `.lit`.
const HOSTS: &[&str] = &[
    "127.0.0.1",
    "jabber.org",
    "etherx.jabber.org",
    "prosody.im",
    "www.w3.org",
    "xmpp.org",
    "www.apache.org",
];
/// What has no place in the text of a project: half-finished work, and talk about how it was made.
const UNWANTED: &[&str] = &[
    "todo!(",
    "unimplemented!(",
    "fixme",
    "language model",
    "sub-agent",
    "subagent",
    "work session",
    "as requested",
    "/home/",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All files below `folder` with one of these endings, relative to the workspace; nothing that is built, installed or hidden.
fn files(folder: &str, endings: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && name != "node_modules" && !name.starts_with('.') {
                folders.push(path);
            } else if path.is_file() && endings.iter().any(|ending| name.ends_with(ending)) {
                let path = path.strip_prefix(root()).expect("below the workspace");
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<String> {
    let folders = ["crates", "entity", "migration", "tests", "examples"];
    folders.iter().flat_map(|folder| files(folder, &[".rs"])).collect()
}

fn documents() -> Vec<String> {
    let named = [
        "README.md",
        "crates/README.md",
        "tests/README.md",
        "deploy/README.md",
        "examples/web/README.md",
        "CHANGELOG.md",
    ];
    named.iter().map(|name| (*name).to_owned()).chain(files("docs", &[".md"])).collect()
}

/// Fails with all problems at once.
fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// What stands between backticks, outside of blocks of code.
fn quoted(text: &str) -> Vec<String> {
    let mut in_block = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

/// The targets of links within the repository, relative to the document.
fn links(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains("://")).map(str::to_owned).collect()
}

fn is_repository_path(quoted: &str) -> bool {
    const FOLDERS: &[&str] =
        &["crates/", "entity/", "migration/", "tests/", "examples/", "deploy/", "docs/", ".ci/", ".cargo/"];
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    FOLDERS.iter().any(|folder| quoted.starts_with(folder)) && quoted.chars().all(plain)
}

#[test]
fn documents_name_what_is_there() {
    let mut problems = Vec::new();
    for document in documents() {
        let text = read(&document);
        for path in quoted(&text).into_iter().filter(|quoted| is_repository_path(quoted)) {
            if !root().join(&path).exists() {
                problems.push(format!("{document} names `{path}`, which is not there"));
            }
        }
        let folder = root().join(&document).parent().expect("a folder").to_owned();
        for target in links(&text) {
            if !folder.join(&target).exists() {
                problems.push(format!("{document} links to {target}, which is not there"));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn every_crate_is_on_the_map() {
    let map: BTreeSet<String> = quoted(&read("crates/README.md")).into_iter().collect();
    let manifests = files("", &["Cargo.toml"]);
    let folders = manifests.iter().filter_map(|manifest| manifest.strip_suffix("/Cargo.toml"));
    let missing = folders.filter(|folder| !map.contains(*folder));
    let missing: Vec<String> = missing.map(|folder| format!("`{folder}` is not on the map")).collect();
    assert_none(&missing);
}

/// The names of the crates that a package is built from, as cargo resolves them for this machine.
fn built_from(package: &str, more: &[&str]) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["tree", "--package", package, "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
    let output = command.args(more).current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("names of crates");
    let names = text.lines().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != package).map(str::to_owned).collect()
}

fn is_ours(package: &str) -> bool {
    package.starts_with("groupchat-") || ["xmpp-groupchat", "xtask"].contains(&package)
}

#[test]
fn dependencies_point_where_they_may() {
    let mut problems = Vec::new();
    for Arrow { package, rule } in ARROWS {
        let wrong: Vec<String> = match rule {
            Rule::Only(allowed) => {
                let direct = built_from(package, &["--depth", "1"]).into_iter();
                direct.filter(|name| !allowed.contains(&name.as_str())).collect()
            }
            Rule::Never(forbidden) => {
                let all = built_from(package, &[]).into_iter();
                all.filter(|name| forbidden.contains(&name.as_str())).collect()
            }
            Rule::OfOurs(allowed) => {
                let all = built_from(package, &[]).into_iter();
                all.filter(|name| is_ours(name) && !allowed.contains(&name.as_str())).collect()
            }
        };
        if !wrong.is_empty() {
            problems.push(format!("{package} must not use {}", wrong.join(", ")));
        }
    }
    assert_none(&problems);
}

#[test]
fn programs_for_users_stand_on_the_client_library_alone() {
    let lock = read("examples/groupchat-cli/Cargo.lock");
    let names = lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let ours: Vec<&str> = names.filter(|name| is_ours(name)).collect();
    assert_eq!(ours, ["groupchat-cli", "groupchat-client", "groupchat-payloads"]);
    assert!(read("examples/echo-bot/src/main.rs").lines().count() < 100, "the bot is to be read at a glance");
}

#[test]
fn source_files_have_a_header_and_stay_readable() {
    let mut problems = Vec::new();
    for path in sources() {
        let text = read(&path);
        if !text.starts_with("//!") {
            problems.push(format!("{path} does not begin with `//!` and what it is for"));
        }
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines = code.lines().count();
        if lines > LINES_MAX {
            problems.push(format!("{path} has {lines} lines without its tests; {LINES_MAX} at most"));
        }
    }
    assert_none(&problems);
}

#[test]
fn the_page_has_headers_and_stays_readable() {
    let mut problems = Vec::new();
    let sources = files("examples/web", &[".ts", ".tsx", ".mjs", ".css"]);
    for path in sources.into_iter().filter(|path| !path.contains("/dist/") && !path.ends_with(".config.ts")) {
        let text = read(&path);
        if !text.starts_with("// ") && !text.starts_with("/* ") {
            problems.push(format!("{path} does not begin with a comment that says what it is for"));
        }
        if text.lines().count() > LINES_MAX {
            problems.push(format!("{path} has more than {LINES_MAX} lines"));
        }
    }
    assert_none(&problems);
}

#[test]
fn texts_are_about_the_project_and_nothing_else() {
    let here = root().to_string_lossy().into_owned();
    let mut problems = Vec::new();
    // This file holds the words itself.
    let texts = files("", &[".rs", ".md", ".toml", ".txt", ".lua", ".yml", ".service", ".svg"]);
    for path in texts.into_iter().filter(|path| path != "tests/tests/house.rs") {
        let text = read(&path);
        let lower = text.to_lowercase();
        for word in UNWANTED.iter().filter(|word| lower.contains(**word)) {
            problems.push(format!("{path} says `{word}`"));
        }
        if text.contains(&here) {
            problems.push(format!("{path} names the folder that this copy happens to lie in"));
        }
        for host in hosts(&text).into_iter().filter(|host| !is_known(host)) {
            problems.push(format!("{path} names the host {host}; if that is right, add it to the list"));
        }
    }
    assert_none(&problems);
}

#[test]
fn what_the_tests_install_is_told() {
    let source = read("crates/xtask/src/packages.rs");
    let installed: BTreeSet<&str> =
        source.split("name: \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let document = read("tests/README.md");
    let section = document.split("\n## What is installed\n").nth(1).expect("the section");
    let table = section.split("\n## ").next().into_iter().flat_map(str::lines);
    let told = table.filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let told: BTreeSet<&str> =
        told.flat_map(|cell| cell.split("`, `")).map(|name| name.trim_end_matches('`')).collect();
    assert_eq!(told, installed);
}

#[test]
fn troubles_are_told_in_the_words_of_the_program() {
    let source: String = files("crates", &[".rs"]).iter().map(|file| read(file)).collect();
    // Texts of several lines are one in the program.
    let source = source.split("\\\n").map(str::trim_start).collect::<String>();
    let document = read("docs/operations.md");
    let section = document.split("\n## Troubleshooting\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let rows = section
        .into_iter()
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let words: Vec<String> = rows.flat_map(quoted).collect();
    assert!(words.len() > 30, "{words:?}");
    let unknown = words.iter().filter(|words| !source.contains(words.trim_start_matches("groupchat_")));
    let unknown: Vec<String> = unknown.map(|words| format!("the program never says: {words}")).collect();
    assert_none(&unknown);
}

#[test]
fn the_handbook_leads_to_each_of_its_parts() {
    let document = read("docs/operations.md");
    let anchor = |heading: &str| -> String {
        let kept = heading.to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()
    };
    let headings = document.lines().filter(|line| line.starts_with('#'));
    let there: BTreeSet<String> =
        headings.map(|line| anchor(line.trim_start_matches('#').trim_start())).collect();
    let named: BTreeSet<String> =
        document.split("](#").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_owned).collect();
    let lost = named.difference(&there).map(|name| format!("there is no #{name}"));
    let (contents, _) = document.split_once("\n## ").expect("a first part");
    let parts = document.lines().filter_map(|line| line.strip_prefix("## ")).map(anchor);
    let unnamed = parts.filter(|part| !contents.contains(&format!("](#{part})")));
    assert_none(
        &lost.chain(unnamed.map(|part| format!("the contents do not name #{part}"))).collect::<Vec<_>>(),
    );
}

fn is_known(host: &str) -> bool {
    HOSTS.contains(&host) || host.ends_with(".lit")
}

/// The hosts of all web addresses in a text.
fn hosts(text: &str) -> BTreeSet<String> {
    let rests = ["http://", "https://"].into_iter().flat_map(|scheme| text.split(scheme).skip(1));
    let host = |rest: &str| -> String {
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-.".contains(*c)).collect()
    };
    rests.map(host).filter(|host| !host.is_empty()).collect()
}

#[test]
fn conversations_lie_in_known_folders() {
    let wrong = files("tests/conversations", &[""]).into_iter().filter(|path| {
        let inside = path.trim_start_matches("tests/conversations/");
        let folder = inside.split('/').next().unwrap_or_default();
        !CONVERSATIONS.contains(&folder) || !inside.contains('/') || !path.ends_with(".txt")
    });
    let wrong: Vec<String> = wrong.map(|path| format!("{path} is no .txt file in a known folder")).collect();
    assert_none(&wrong);
}

/// Blocks of code of one language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let start = format!("```{language}\n");
    text.split(&start).skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

#[test]
fn what_the_front_page_shows_is_what_is_shipped() {
    let page = read("README.md");
    let mut problems = Vec::new();
    for (language, file) in [("lua", "deploy/prosody.cfg.lua"), ("yaml", "deploy/ejabberd.yml")] {
        let shipped = read(file);
        let shown = blocks(&page, language);
        assert!(!shown.is_empty(), "the front page shows nothing of {file}");
        let differs = shown.iter().filter(|block| !shipped.contains(block.as_str()));
        problems.extend(differs.map(|block| format!("{file} does not hold these lines:\n{block}")));
    }
    // Of the settings the page shows a part, without their comments.
    let shipped = read("deploy/groupchat.toml");
    let shipped: BTreeSet<&str> = shipped.lines().map(without_comment).collect();
    for block in blocks(&page, "toml") {
        let differs = block
            .lines()
            .map(|line| without_comment(line.trim_start()))
            .filter(|line| !shipped.contains(line));
        problems.extend(differs.map(|line| format!("deploy/groupchat.toml does not say: {line}")));
    }
    assert_none(&problems);
}

fn without_comment(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim_end()
}
