//! What was shown, as an SVG picture of a terminal window.

use std::fmt::Write as _;

use groupchat_tests::xml::escape;

use crate::screen::{Line, Tone, columns, width};

/// Pixels of one column and of one line.
const COLUMN: f64 = 8.4;
const LINE: f64 = 21.0;
/// Pixels between the window's edge and the text; above it there is the title bar, too.
const MARGIN: f64 = 22.0;
const BAR: f64 = 34.0;

/// Draws the lines.
pub(crate) fn draw(lines: &[Line]) -> String {
    let start = lines.iter().position(|line| !line.is_empty()).unwrap_or_default();
    let end = lines.iter().rposition(|line| !line.is_empty()).map_or(start, |last| last + 1);
    let lines = &lines[start..end];
    let columns_max = lines.iter().map(|line| line.iter().map(|(_, text)| width(text)).sum::<usize>()).max();
    let (w, h) = (
        columns_max.unwrap_or_default() as f64 * COLUMN + 2.0 * MARGIN,
        lines.len() as f64 * LINE + BAR + MARGIN,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w:.0}\" height=\"{h:.0}\" viewBox=\"0 0 {w:.0} {h:.0}\" \
         role=\"img\" aria-label=\"A terminal: three people talk in a group\">\n\
         <style>text {{ font: 14px 'DejaVu Sans Mono', Menlo, Consolas, 'Noto Sans Mono CJK SC', monospace }}</style>\n\
         <rect width=\"{w:.0}\" height=\"{h:.0}\" rx=\"10\" fill=\"#1d2129\"/>\n"
    );
    for (position, colour) in ["#ff5f57", "#febc2e", "#28c840"].into_iter().enumerate() {
        let x = MARGIN + 18.0 * position as f64;
        let _ = writeln!(svg, "<circle cx=\"{x:.0}\" cy=\"18\" r=\"5.5\" fill=\"{colour}\"/>");
    }
    for (position, line) in lines.iter().enumerate() {
        let y = BAR + LINE * (position as f64 + 0.8);
        let mut column = 0;
        for (tone, text) in line {
            for run in runs(text) {
                draw_run(&mut svg, *tone, run, column, y);
                column += width(run);
            }
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// One run at its column. Its length is given, because nobody knows which font a viewer has.
fn draw_run(svg: &mut String, tone: Tone, run: &str, column: usize, y: f64) {
    // Spaces at the ends are no ink, and some viewers drop them and stretch the rest.
    let column = column + (run.len() - run.trim_start().len());
    let run = run.trim();
    if run.is_empty() {
        return;
    }
    let (x, length) = (MARGIN + column as f64 * COLUMN, width(run) as f64 * COLUMN);
    let (colour, more) = look(tone);
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{colour}\"{more} textLength=\"{length:.1}\">{}</text>",
        escape(run)
    );
}

fn look(tone: Tone) -> (&'static str, &'static str) {
    match tone {
        Tone::Plain => ("#e6e8eb", ""),
        Tone::Dim => ("#8b93a1", ""),
        Tone::Strong => ("#ffffff", " font-weight=\"bold\""),
        Tone::Good => ("#7ec77b", ""),
        Tone::Read => ("#56c8e0", ""),
        Tone::Person(0) => ("#e08ad0", " font-weight=\"bold\""),
        Tone::Person(1) => ("#e5c16c", " font-weight=\"bold\""),
        Tone::Person(_) => ("#7fb0f5", " font-weight=\"bold\""),
    }
}

/// Pieces of characters of one width.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = columns(rest.chars().next()?);
        let end = rest.find(|c| columns(c) != first).unwrap_or(rest.len());
        let (run, left) = rest.split_at(end);
        rest = left;
        Some(run)
    })
}
