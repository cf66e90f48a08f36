//! The specification is true: each stanza that it shows is said in the conversation that it names, its tables name what
//! there is, and its numbers are those of the program.
//!
//! An example is a block of `xml` below a comment `<!-- from: native/post.txt -->`. It may be more complete than the
//! conversation: it may say who sent a stanza and who gets it (which is checked against the step), and it has values
//! where the conversation has `...` or a placeholder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use groupchat_core::Settings;
use groupchat_tests::matching::{Bindings, Receiver, matches};
use groupchat_tests::script::{Action, Device, Script};
use groupchat_tests::xml::{compact, parse_all};
use minidom::Element;

/// The whole specification, and its summary in Chinese.
const DOCUMENTS: [&str; 2] = ["docs/protocol.md", "docs/protocol.zh.md"];
/// What a row of the last table says whose rule no conversation proves.
const NONE_YET: &str = "none yet";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Fails with all problems at once.
fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// A block of code of a document.
struct Block {
    /// Its first line.
    line: usize,
    language: String,
    /// The conversations that the comment above it names.
    from: Vec<String>,
    text: String,
}

fn blocks(document: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    let mut from = Vec::new();
    for (line, number) in document.lines().zip(1..) {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(block), None) => block.text += &format!("{line}\n"),
            (None, Some(language)) => {
                let from = std::mem::take(&mut from);
                let language = language.to_owned();
                open = Some(Block { line: number, language, from, text: String::new() });
            }
            (None, None) => match line.strip_prefix("<!-- from: ").and_then(|rest| rest.strip_suffix(" -->"))
            {
                Some(files) => from = files.split(',').map(|file| file.trim().to_owned()).collect(),
                None if line.trim().is_empty() => {}
                None => from.clear(),
            },
        }
    }
    assert!(open.is_none(), "the last block is not closed");
    found
}

/// A stanza of a conversation, and whose device says or gets it.
struct Said {
    stanza: Element,
    devices: Vec<Device>,
    is_sent: bool,
}

fn said(script: &Script) -> Vec<Said> {
    let mut all = Vec::new();
    for step in &script.steps {
        match &step.action {
            Action::Send(devices, text) => {
                let stanzas = parse_all(text).unwrap_or_default().into_iter();
                all.extend(stanzas.map(|stanza| Said { stanza, devices: devices.clone(), is_sent: true }));
            }
            Action::Receive(devices, templates, _) => all.extend(templates.iter().map(|template| Said {
                stanza: template.stanza.clone(),
                devices: devices.clone(),
                is_sent: false,
            })),
            _ => {}
        }
    }
    all
}

impl Said {
    /// Is it the example's stanza? With what its placeholders then stand for, else the first difference.
    fn is(&self, shown: &Element, bound: &Bindings) -> Result<Bindings, String> {
        let (key, what) = if self.is_sent { ("from", "sent") } else { ("to", "received") };
        let mut shown = shown.clone();
        if let Some(address) = shown.attr(key).map(str::to_owned)
            && self.stanza.attr(key).is_none()
        {
            let is_whose =
                |device: &Device| address == device.full() || (!self.is_sent && address == device.bare());
            if !self.devices.iter().any(is_whose) {
                return Err(format!("it is not {what} by {address}"));
            }
            shown.attrs_mut().retain(|_, name, _| &***name != key);
        }
        // What hosts add is not shown, so that nothing of an example is left out of the comparison.
        matches(&self.stanza, &shown, Receiver { bare: "", domain: "" }, bound)
    }
}

/// Finds all these stanzas in a conversation, placeholders standing for the same wherever they are.
fn find(shown: &[Element], said: &[Said], bound: &Bindings) -> Result<(), String> {
    let Some((first, rest)) = shown.split_first() else { return Ok(()) };
    let mut nearest = None;
    for candidate in said {
        match candidate.is(first, bound) {
            Ok(bound) => match find(rest, said, &bound) {
                Ok(()) => return Ok(()),
                Err(why) => nearest = Some(why),
            },
            Err(why) if nearest.is_none() && candidate.stanza.attr("id") == first.attr("id") => {
                nearest = Some(format!("{}\n    {why}", compact(first)));
            }
            Err(_) => {}
        }
    }
    Err(nearest.unwrap_or_else(|| format!("{}\n    nothing like it is said there", compact(first))))
}

/// What is wrong with an example, if anything; `script` reads the conversations.
fn problem(example: &Block, script: impl Fn(&str) -> Result<Script, String>) -> Option<String> {
    if example.from.is_empty() {
        return Some("no comment above it names the conversation that it is taken from".to_owned());
    }
    let shown = match parse_all(&example.text) {
        Ok(shown) if shown.is_empty() => return Some("there is no stanza in it".to_owned()),
        Ok(shown) => shown,
        Err(error) => return Some(format!("{error:#}")),
    };
    example.from.iter().find_map(|file| match script(file) {
        Ok(script) => {
            find(&shown, &said(&script), &Bindings::new()).err().map(|why| format!("not in {file}: {why}"))
        }
        Err(why) => Some(why),
    })
}

fn conversation(file: &str) -> Result<Script, String> {
    Script::load(&root().join("tests/conversations").join(file), file).map_err(|error| error.to_string())
}

#[test]
fn every_example_is_said_in_its_conversation() {
    let mut problems = Vec::new();
    for document in DOCUMENTS {
        for block in blocks(&read(document)).iter().filter(|block| block.language == "xml") {
            problems
                .extend(problem(block, conversation).map(|why| format!("{document}:{}: {why}", block.line)));
        }
    }
    assert_none(&problems);
}

#[test]
fn every_conversation_that_is_named_is_there() {
    let mut problems = Vec::new();
    for document in DOCUMENTS {
        for file in conversations(&read(document)) {
            if !root().join("tests/conversations").join(&file).is_file() {
                problems.push(format!("{document} names {file}, which is not there"));
            }
        }
    }
    assert_none(&problems);
}

/// The conversations between backticks.
fn conversations(text: &str) -> BTreeSet<String> {
    let quoted = text.split('`').filter(|quoted| quoted.ends_with(".txt") && quoted.contains('/'));
    quoted.map(|quoted| quoted.trim_start_matches("tests/conversations/").to_owned()).collect()
}

/// The cells of the rows of the tables below a heading, down to the next one; without the heads of the tables.
fn rows(document: &str, heading: &str) -> Vec<Vec<String>> {
    let below = document.lines().skip_while(|line| !(line.starts_with('#') && line.ends_with(heading)));
    let section: Vec<&str> = below.skip(1).take_while(|line| !line.starts_with('#')).collect();
    let is_head = |at: usize| section.get(at + 1).is_some_and(|next| next.starts_with("| ---"));
    let rows = section
        .iter()
        .enumerate()
        .filter(|(at, line)| line.starts_with('|') && !line.starts_with("| ---") && !is_head(*at));
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    let rows: Vec<Vec<String>> = rows.map(|(_, line)| cells(line)).collect();
    assert!(!rows.is_empty(), "no table below `{heading}`");
    rows
}

#[test]
fn every_rule_has_its_conversation() {
    let document = read(DOCUMENTS[0]);
    let mut problems = Vec::new();
    for row in rows(&document, "Every rule and the conversation that proves it") {
        let proof = row.last().map(String::as_str).unwrap_or_default();
        if row.len() != 2 || (conversations(proof).is_empty() && !proof.starts_with(NONE_YET)) {
            problems
                .push(format!("this row has neither a conversation nor `{NONE_YET}`: {}", row.join(" | ")));
        }
    }
    assert_none(&problems);
}

#[test]
fn settings_are_those_of_the_program() {
    let document = read(DOCUMENTS[0]);
    let told: Vec<(String, String)> = rows(&document, "Settings")
        .iter()
        .map(|row| {
            let default = row[2].trim_matches('`');
            (row[0].trim_matches('`').to_owned(), if default == "–" { "" } else { default }.to_owned())
        })
        .collect();
    let settings = Settings::default();
    let true_ones: Vec<_> = settings
        .properties()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into_owned()))
        .collect();
    assert_eq!(told, true_ones);
}

#[test]
fn limits_are_those_of_the_configuration() {
    let document = read(DOCUMENTS[0]);
    let shipped = read("deploy/groupchat.toml");
    let shipped: BTreeSet<String> =
        shipped.lines().map(|line| line.split('#').next().unwrap_or_default().trim().to_owned()).collect();
    let told = rows(&document, "Limits");
    let wrong = told.iter().map(|row| format!("{} = {}", row[0].trim_matches('`'), row[1].replace(',', "")));
    let wrong: Vec<String> = wrong.filter(|line| !shipped.contains(line)).collect();
    assert_none(&wrong);
}

#[test]
fn every_namespace_is_described_and_has_a_schema() {
    const GROUPCHAT: &str = "http://jabber.org/protocol/groupchat#";
    let document = read(DOCUMENTS[0]);
    let mut schemas = BTreeSet::new();
    for block in blocks(&document).iter().filter(|block| block.language == "xsd") {
        let schema: Element =
            block.text.parse().unwrap_or_else(|error| panic!("line {}: {error}", block.line));
        schemas.extend(schema.attr("targetNamespace").map(str::to_owned));
    }
    let source = read("crates/payloads/src/ns.rs");
    let names = source.split('"').skip(1).step_by(2).filter(|text| text.starts_with(GROUPCHAT));
    // The limits are a form.
    let missing = names.filter(|name| !schemas.contains(*name) && !name.ends_with("#limits"));
    let missing: Vec<String> = missing.map(|name| format!("there is no schema of {name}")).collect();
    assert_none(&missing);
}

#[test]
fn links_within_a_document_lead_somewhere() {
    for name in DOCUMENTS {
        let document = read(name);
        let headings = document.lines().filter(|line| line.starts_with('#'));
        let anchor = |heading: &str| -> String {
            let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            text.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
        };
        let anchors: BTreeSet<String> = headings.map(anchor).collect();
        let links = document.split("](#").skip(1).filter_map(|rest| rest.split(')').next());
        let lost: Vec<String> =
            links.filter(|link| !anchors.contains(*link)).map(|link| format!("{name}: #{link}")).collect();
        assert_none(&lost);
    }
}

const CONVERSATION: &str = "# Somebody says something.
alice connects
alice sends
  <message to='tea@groupchat.shakespeare.lit' type='groupchat' id='m1'><body>Milk?</body></message>
alice receives
  <message from='tea@groupchat.shakespeare.lit/alice' type='groupchat' id='m1'>
    <body>Milk?</body>
    <stanza-id xmlns='urn:xmpp:sid:0' by='tea@groupchat.shakespeare.lit' id='{milk}'/>
  </message>
alice receives
  <iq id='1' from='tea@groupchat.shakespeare.lit' type='result'><fin xmlns='urn:xmpp:mam:2'>...<last>{milk}</last></fin></iq>
";

const EXAMPLE: &str = "
<message from='alice@shakespeare.lit/pda' to='tea@groupchat.shakespeare.lit' type='groupchat' id='m1'>
  <body>Milk?</body>
</message>
<message from='tea@groupchat.shakespeare.lit/alice' to='alice@shakespeare.lit/pda' type='groupchat' id='m1'>
  <body>Milk?</body>
  <stanza-id xmlns='urn:xmpp:sid:0' by='tea@groupchat.shakespeare.lit' id='00064fd1'/>
</message>
<iq id='1' from='tea@groupchat.shakespeare.lit' type='result'>
  <fin xmlns='urn:xmpp:mam:2' complete='true'><last>00064fd1</last></fin>
</iq>
";

fn problem_of(example: &str) -> Option<String> {
    let document = format!("Text.\n\n<!-- from: a/b.txt -->\n```xml{example}```\n");
    let block = blocks(&document).remove(0);
    problem(&block, |file| Script::parse(file, CONVERSATION).map_err(|error| error.to_string()))
}

#[test]
fn a_true_example_is_accepted() {
    assert_eq!(problem_of(EXAMPLE), None);
}

#[test]
fn a_changed_example_is_noticed() {
    let changes = [
        ("<body>Milk?</body>\n</message>\n<message", "<body>Tea?</body>\n</message>\n<message"),
        ("from='alice@shakespeare.lit/pda'", "from='bob@shakespeare.lit/pda'"),
        ("to='alice@shakespeare.lit/pda'", "to='bob@shakespeare.lit'"),
        (
            "to='tea@groupchat.shakespeare.lit' type='groupchat'",
            "to='tea@groupchat.shakespeare.lit' type='chat'",
        ),
        (
            "<stanza-id",
            "<delay xmlns='urn:xmpp:delay' from='shakespeare.lit' stamp='2026-01-01T00:00:00Z'/><stanza-id",
        ),
        ("<stanza-id xmlns='urn:xmpp:sid:0' by='tea@groupchat.shakespeare.lit' id='00064fd1'/>", ""),
        ("urn:xmpp:sid:0", "urn:xmpp:sid:1"),
        ("<last>00064fd1</last>", "<last>00064fd2</last>"),
        ("</iq>", "<more/></iq>"),
        ("</iq>", ""),
    ];
    for (old, new) in changes {
        let changed = EXAMPLE.replacen(old, new, 1);
        assert_ne!(changed, EXAMPLE, "{old}");
        assert!(problem_of(&changed).is_some(), "{changed}");
    }
}

#[test]
fn an_example_says_where_it_is_from() {
    let orphan = blocks("<!-- from: a/b.txt -->\nText between them.\n```xml\n<presence/>\n```\n").remove(0);
    assert!(problem(&orphan, conversation).is_some_and(|why| why.contains("no comment")));
    let lost = blocks("<!-- from: a/b.txt -->\n\n```xml\n<presence/>\n```\n").remove(0);
    assert!(problem(&lost, conversation).is_some_and(|why| why.contains("a/b.txt")));
}
