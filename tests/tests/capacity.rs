//! The table of capacity in `docs/operations.md` is made from the measurements in `docs/performance.md`. `PLOTS_WRITE=1 cargo test -p
//! groupchat-tests --test capacity` makes it anew; `cargo xtask bench --write` does that behind its figures.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};

const MEASURED: &str = "docs/performance.md";
const DOCUMENT: &str = "docs/operations.md";
const START: &str = "<!-- capacity: cargo xtask bench --only plots -->\n\n";
const END: &str = "\n<!-- end of capacity -->";
/// Members of the groups, all of them online.
const MEMBERS: [u32; 3] = [10, 100, 1_000];
/// What the table tells: its words, and where and by whom it was measured.
const ROWS: [(&str, &str, &str); 6] = [
    ("the component by itself, each message on the disk", ALONE, ""),
    ("on Prosody, one stanza a copy", "prosody", "xmpp-groupchat, one stanza a copy"),
    ("on Prosody, with our module", "prosody", "xmpp-groupchat, multicast"),
    ("Prosody's own rooms", "prosody", "host's own MUC"),
    ("on ejabberd", "ejabberd", "xmpp-groupchat, one stanza a copy"),
    ("ejabberd's own rooms", "ejabberd", "host's own MUC"),
];
const ALONE: &str = "alone";

/// Messages a second, by where, by whom, and by how many members.
type Figures = BTreeMap<(String, String, u32), f64>;

fn figures(text: &str) -> Figures {
    let mut found = Figures::new();
    let mut place = None;
    for line in text.lines() {
        if let Some((host, members)) = line.strip_suffix(" members").and_then(|line| line.split_once(", ")) {
            place = members.parse::<u32>().ok().map(|members| (host.to_owned(), members));
        } else if line.starts_with('#') {
            place = None;
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let number = |at: usize| cells.get(at).and_then(|cell| cell.parse::<f64>().ok());
        match (&place, cells.get(1), number(1), number(2)) {
            (Some((host, members)), Some(through), None, Some(deliveries)) => {
                let key = (host.clone(), (*through).to_owned(), *members);
                found.insert(key, deliveries / f64::from(*members));
            }
            (None, _, Some(members), Some(messages)) if cells.len() == 7 => {
                found.insert((ALONE.into(), String::new(), members as u32), messages);
            }
            _ => {}
        }
    }
    found
}

/// As people write it, without more digits than it is sure of.
fn number(value: f64) -> String {
    if value < 10.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let head = digits.len() % 3;
    let groups = digits.as_bytes()[head..].chunks(3).map(|three| String::from_utf8_lossy(three).into_owned());
    let groups: Vec<String> =
        [digits[..head].to_owned()].into_iter().filter(|part| !part.is_empty()).chain(groups).collect();
    groups.join(",")
}

fn table(figures: &Figures) -> Result<String> {
    let heads: String = MEMBERS.iter().map(|members| format!(" {} |", number(f64::from(*members)))).collect();
    let mut table = format!(
        "| messages a second into groups with so many members online |{heads}\n| --- |{}\n",
        " ---: |".repeat(3)
    );
    for (words, place, through) in ROWS {
        let cell = |members: &u32| {
            let found = figures.get(&(place.to_owned(), through.to_owned(), *members));
            found
                .map(|value| format!(" {} |", number(*value)))
                .with_context(|| format!("{MEASURED} has no {words}"))
        };
        let cells = MEMBERS.iter().map(cell).collect::<Result<String>>()?;
        table += &format!("| {words} |{cells}\n");
    }
    Ok(table)
}

#[test]
fn capacity_is_what_was_measured() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no workspace")?;
    let table = table(&figures(&std::fs::read_to_string(root.join(MEASURED))?))?;
    let text = std::fs::read_to_string(root.join(DOCUMENT))?;
    let (before, rest) = text.split_once(START).with_context(|| format!("{DOCUMENT} has no table"))?;
    let (told, after) = rest.split_once(END).context("the table has no end")?;
    if std::env::var_os("PLOTS_WRITE").is_some() {
        return Ok(std::fs::write(root.join(DOCUMENT), format!("{before}{START}{table}{END}{after}"))?);
    }
    ensure!(
        told == table,
        "{DOCUMENT} does not tell what was measured: `cargo xtask bench --only plots`\n{table}"
    );
    Ok(())
}

#[test]
fn tables_are_read() {
    let text = "| members | messages/s | copies/s | CPU s | MB |\n| ---: |\n| 10 | 31103 | 311032 | 3.64 | 59 |\n\n\
                prosody, 100 members\n\n| through | deliveries/s |\n| --- |\n| host's own MUC | 19734 | 1, 2 | 5 | – | 1 | 2 | – |\n";
    let found: Vec<_> = figures(text).into_iter().collect();
    let key = |place: &str, through: &str, members| (place.to_owned(), through.to_owned(), members);
    assert_eq!(found, [(key("alone", "", 10), 31_103.0), (key("prosody", "host's own MUC", 100), 197.34)]);
    assert_eq!([3.117, 46.1, 858.2, 2_824.0, 31_103.0].map(number), ["3.1", "46", "858", "2,824", "31,103"]);
}
