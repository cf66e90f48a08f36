//! The rows of the micro-benches, from what criterion prints in its terse form.

/// A table; what is no figure is left out.
pub(super) fn table(printed: &str) -> String {
    let rows = printed.lines().filter_map(row);
    let head = "| part | for | takes | each |\n| --- | ---: | ---: | ---: |\n";
    head.to_owned() + &rows.collect::<String>()
}

/// From `test decide/10 ... bench:        1234 ns/iter (+/- 5)`.
fn row(line: &str) -> Option<String> {
    let (name, figures) = line.strip_prefix("test ")?.split_once("bench:")?;
    let name = name.trim().trim_end_matches("...").trim();
    let nanos: f64 = figures.trim().split_once(" ns/iter")?.0.replace(',', "").parse().ok()?;
    let (part, size) = name.split_once('/').unwrap_or((name, "1 message"));
    let count: f64 = size.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(1.0);
    let size = match part {
        "decide" => format!("a group of {size}"),
        "encode and splice" => format!("{size} copies"),
        "commit" => format!("a batch of {size}"),
        _ => size.to_owned(),
    };
    let (all, each) = (spoken(nanos), spoken(nanos / count));
    Some(format!("| {part} | {size} | {all} | {each} |\n"))
}

fn spoken(nanos: f64) -> String {
    match nanos {
        ..1_000.0 => format!("{nanos:.0} ns"),
        ..1_000_000.0 => format!("{:.1} µs", nanos / 1_000.0),
        _ => format!("{:.2} ms", nanos / 1_000_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_made_of_what_criterion_prints() {
        let printed = "Running benches\ntest decide/1000 ... bench:       12,340 ns/iter (+/- 5)\n\n";
        let rows = table(printed);
        assert!(rows.ends_with("---: |\n| decide | a group of 1000 | 12.3 µs | 12 ns |\n"), "{rows}");
        assert_eq!(row("test x ... ok"), None);
    }
}
