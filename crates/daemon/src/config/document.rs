//! The settings as text, made from the comments, defaults and ranges of `sections.rs`: the file `deploy/groupchat.toml`, which
//! `xmpp-groupchat config` prints, and the table in `docs/operations.md`. A test compares both; they are not written by hand.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::Config;

/// Columns of a comment in the file.
const WIDTH: usize = 118;

const HEAD: &str = "\
# xmpp-groupchat: every setting with its default.
# The environment wins over this file: GROUPCHAT_<SECTION>__<KEY>, for example GROUPCHAT_COMPONENT__SECRET.
";

/// One thing that can be set.
#[derive(Debug)]
pub(super) struct Entry {
    /// The section, and the name within it.
    pub(super) key: String,
    /// What it is for.
    pub(super) text: String,
    /// What it is unless it is set; of the settings that must be set, an example.
    pub(super) value: Value,
    /// Must it be set?
    pub(super) is_needed: bool,
    /// The words that it may be, each with what it means.
    pub(super) words: Vec<(String, String)>,
    /// The least and the largest that it may be.
    pub(super) range: Option<(u64, u64)>,
}

/// Several of them under one name, as `[name]` in the file.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: String,
    /// What they are about.
    pub(super) text: String,
    pub(super) entries: Vec<Entry>,
}

/// All sections, in the order of `sections.rs`.
pub(super) fn sections() -> Vec<Section> {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<Config>();
    let mut found = Vec::new();
    for (name, section) in properties(schema.as_value()) {
        collect(name, section, &mut found);
    }
    found
}

/// Every setting of every section.
pub(super) fn entries() -> impl Iterator<Item = Entry> {
    sections().into_iter().flat_map(|section| section.entries)
}

/// A section, and behind it those within it.
fn collect(name: &str, schema: &Value, into: &mut Vec<Section>) {
    let (inner, own): (Vec<_>, Vec<_>) =
        properties(schema).partition(|(_, property)| property.get("properties").is_some());
    let entries = own.into_iter().map(|(key, property)| entry(&format!("{name}.{key}"), property)).collect();
    into.push(Section { name: name.to_owned(), text: description(schema), entries });
    for (key, property) in inner {
        collect(&format!("{name}.{key}"), property, into);
    }
}

fn entry(key: &str, schema: &Value) -> Entry {
    let example = schema["examples"].get(0);
    let words = schema["oneOf"].as_array().into_iter().flatten();
    Entry {
        key: key.to_owned(),
        text: description(schema),
        value: example.unwrap_or(&schema["default"]).clone(),
        is_needed: example.is_some(),
        words: words
            .filter_map(|word| Some((word["const"].as_str()?.to_owned(), description(word))))
            .collect(),
        range: schema["minimum"].as_u64().zip(schema["maximum"].as_u64()),
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    schema["properties"].as_object().into_iter().flatten().map(|(name, property)| (name.as_str(), property))
}

/// The comment of the source in one line.
fn description(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A configuration file with everything that can be set, its default, and what it is for.
pub fn example_file() -> String {
    let mut text = HEAD.to_owned();
    for section in sections() {
        text.push('\n');
        comment("# ", &section.text, &mut text);
        text += &format!("[{}]\n", section.name);
        for entry in section.entries {
            let range = entry.range.map(|(min, max)| format!(" From {min} to {max}.")).unwrap_or_default();
            let needed = if entry.is_needed { " To be filled in." } else { "" };
            comment("# ", &format!("{}{range}{needed}", entry.text), &mut text);
            for (word, meaning) in &entry.words {
                comment("#   ", &format!("{word}: {meaning}"), &mut text);
            }
            let name = entry.key.rsplit('.').next().unwrap_or_default();
            // What JSON has for texts, whole numbers and lists of texts, TOML reads as the same.
            text += &format!("{name} = {}\n", entry.value);
        }
    }
    text
}

/// Words as a comment, in lines that are not too long.
fn comment(start: &str, words: &str, into: &mut String) {
    let mut line = start.trim_end().to_owned();
    for word in words.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            *into += &format!("{line}\n");
            line = start.trim_end().to_owned();
        }
        // Behind the sign as much room as the start has.
        let room = if line == start.trim_end() { &start[line.len()..] } else { " " };
        line = format!("{line}{room}{word}");
    }
    *into += &format!("{line}\n");
}
