//! The figures in `docs/performance.md`: each part has a place of its own, between two comments.

use anyhow::{Context, Result};

use super::Part;
use crate::shell::{root, say};

const DOCUMENT: &str = "docs/performance.md";

/// Puts the figures of a part in the place of those that were there.
pub(super) fn put(part: Part, figures: &str) -> Result<()> {
    let path = root().join(DOCUMENT);
    let text = std::fs::read_to_string(&path)?;
    let replaced = replaced(&text, &part.word(), figures);
    std::fs::write(&path, replaced.with_context(|| format!("{DOCUMENT} has no place for {}", part.word()))?)?;
    say(&format!("The figures are in {DOCUMENT}."));
    Ok(())
}

fn replaced(text: &str, part: &str, figures: &str) -> Option<String> {
    let begin = format!("<!-- figures: cargo xtask bench --only {part} --write -->\n");
    let end = format!("<!-- end of {part} -->\n");
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some([before, &begin, "\n", figures.trim(), "\n\n", &end, after].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_is_replaced_and_the_rest_stays() {
        let text =
            "a\n<!-- figures: cargo xtask bench --only alone --write -->\nold\n<!-- end of alone -->\nb\n";
        let new = replaced(text, "alone", "new\n").expect("a place");
        let begin = "<!-- figures: cargo xtask bench --only alone --write -->";
        assert_eq!(new, format!("a\n{begin}\n\nnew\n\n<!-- end of alone -->\nb\n"));
        assert_eq!(replaced(text, "micro", "new"), None);
    }
}
