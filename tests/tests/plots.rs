//! The pictures of `docs/performance.md` are drawn from its tables, and show what these say. `PLOTS_WRITE=1 cargo test -p
//! groupchat-tests --test plots` draws them anew; `cargo xtask bench --write` does that behind its figures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;

const DOCUMENT: &str = "docs/performance.md";
const FOLDER: &str = "docs/performance";
const SIZE: (u32, u32) = (760, 440);
/// Of title and legend.
const HEAD: i32 = 72;
/// Legible on white and on black.
const INK: RGBColor = RGBColor(118, 131, 144);

/// Who passes messages on.
struct Through {
    /// As the tables name it.
    name: &'static str,
    /// As the pictures do.
    short: &'static str,
    /// Where its name stands.
    at: (i32, i32),
    colour: RGBColor,
}

const THROUGH: [Through; 5] = [
    Through { name: "host's own MUC", short: "host's own MUC", at: (74, 40), colour: RGBColor(229, 83, 75) },
    Through {
        name: "a component that only writes, one stanza a copy",
        short: "what a link takes",
        at: (216, 40),
        colour: INK,
    },
    Through {
        name: "a component that only writes, multicast",
        short: "what its multicast takes",
        at: (366, 40),
        colour: RGBColor(163, 113, 247),
    },
    Through {
        name: "xmpp-groupchat, one stanza a copy",
        short: "xmpp-groupchat, one stanza a copy",
        at: (74, 60),
        colour: RGBColor(56, 139, 253),
    },
    Through {
        name: "xmpp-groupchat, multicast",
        short: "xmpp-groupchat, multicast",
        at: (366, 60),
        colour: RGBColor(45, 164, 78),
    },
];

/// One line of a table.
#[derive(Debug, Clone, Copy)]
struct Row {
    deliveries: f64,
    /// At half the load.
    p99_ms: Option<f64>,
}

/// By who passes on and how many members there are.
type Host = BTreeMap<(usize, u32), Row>;

/// A line with its points.
struct Line {
    place: usize,
    points: Vec<(f64, f64)>,
}

#[test]
fn pictures_show_what_the_tables_say() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no workspace")?;
    let text = std::fs::read_to_string(root.join(DOCUMENT))?;
    let hosts = hosts(&text)?;
    ensure!(!hosts.is_empty(), "{DOCUMENT} has no tables of hosts");
    for (name, host) in &hosts {
        let pictures = [
            (format!("{name}-deliveries.svg"), deliveries(name, host)?),
            (format!("{name}-delay.svg"), delays(name, host)?),
        ];
        for (file, picture) in pictures {
            keep(&root.join(FOLDER).join(&file), &picture)?;
            ensure!(text.contains(&format!("performance/{file}")), "{DOCUMENT} does not show {file}");
        }
    }
    Ok(())
}

fn keep(file: &PathBuf, picture: &str) -> Result<()> {
    if std::env::var_os("PLOTS_WRITE").is_some() {
        return std::fs::write(file, picture).with_context(|| file.display().to_string());
    }
    let drawn = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let name = file.display();
    ensure!(drawn == picture, "{name} is not what the tables say: `cargo xtask bench --only plots` draws it");
    Ok(())
}

/// The tables that begin with a line like `prosody, 10 members`.
fn hosts(text: &str) -> Result<BTreeMap<String, Host>> {
    let mut hosts: BTreeMap<String, Host> = BTreeMap::new();
    let mut current = None;
    for line in text.lines() {
        if let Some((host, members)) = line.strip_suffix(" members").and_then(|line| line.split_once(", ")) {
            current = members.parse::<u32>().ok().map(|members| (host.to_owned(), members));
        } else if line.starts_with('#') {
            current = None;
        }
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let place = THROUGH.iter().position(|through| cells.get(1) == Some(&through.name));
        if let (Some((host, members)), Some(place)) = (&current, place) {
            hosts.entry(host.clone()).or_default().insert((place, *members), row(&cells)?);
        }
    }
    Ok(hosts)
}

fn row(cells: &[&str]) -> Result<Row> {
    let cell = |place: usize| cells.get(place).copied().context("a table without all of its columns");
    let p99 = cell(7)?.split_once(", ").map(|(_, p99)| p99.parse());
    Ok(Row { deliveries: cell(2)?.parse()?, p99_ms: p99.transpose()? })
}

fn lines(host: &Host, value: impl Fn(&Row) -> Option<f64>) -> Vec<Line> {
    let line = |place: usize| {
        let own = host.iter().filter(|((through, _), _)| *through == place);
        let points = own.filter_map(|((_, members), row)| Some((f64::from(*members), value(row)?)));
        Line { place, points: points.collect() }
    };
    (0..THROUGH.len()).map(line).filter(|line| !line.points.is_empty()).collect()
}

fn deliveries(host: &str, rows: &Host) -> Result<String> {
    let lines = lines(rows, |row| Some(row.deliveries));
    let most = lines.iter().flat_map(|line| &line.points).map(|(_, y)| *y).fold(0.0, f64::max);
    draw(&format!("{host}: deliveries/s, as fast as it goes"), &lines, 0.0..most * 1.1)
}

fn delays(host: &str, rows: &Host) -> Result<String> {
    let lines = lines(rows, |row| row.p99_ms);
    let values = || lines.iter().flat_map(|line| &line.points).map(|(_, y)| *y);
    let (least, most) = (values().fold(f64::MAX, f64::min), values().fold(1.0, f64::max));
    let title =
        format!("{host}: 99 of 100 copies took no longer than so many ms, at half the load of its own MUC");
    draw(&title, &lines, (least / 2.0..most * 2.0).log_scale())
}

fn draw<Y>(title: &str, lines: &[Line], range: Y) -> Result<String>
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let mut picture = String::new();
    {
        let area = SVGBackend::with_string(&mut picture, SIZE).into_drawing_area();
        let text = |size: u32| ("sans-serif", size).into_font().color(&INK);
        let (head, body) = area.split_vertically(HEAD);
        head.draw(&Text::new(title.to_owned(), (74, 8), text(16)))?;
        let members: Vec<f64> = lines.iter().flat_map(|line| &line.points).map(|(x, _)| *x).collect();
        let (least, most) =
            (members.iter().copied().fold(f64::MAX, f64::min), members.iter().copied().fold(1.0, f64::max));
        let mut chart = ChartBuilder::on(&body)
            .margin(10)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d((least / 1.3..most * 1.3).log_scale(), range)?;
        chart
            .configure_mesh()
            .axis_style(INK)
            .bold_line_style(INK.mix(0.25))
            .light_line_style(TRANSPARENT)
            .label_style(text(13))
            .x_desc("members of the group, all of them online")
            .x_label_formatter(&|members| number(*members))
            .y_label_formatter(&|value| number(*value))
            .axis_desc_style(text(13))
            .draw()?;
        for Line { place, points } in lines {
            let Through { short, at: (left, top), colour, .. } = THROUGH[*place];
            let style = colour.stroke_width(2);
            head.draw(&PathElement::new([(left, top), (left + 18, top)], style))?;
            head.draw(&Text::new(short, (left + 24, top - 7), text(13)))?;
            chart.draw_series(LineSeries::new(points.iter().copied(), style))?;
            let mark = |&point: &(f64, f64)| match place {
                0 => Cross::new(point, 5, style).into_dyn(),
                1 | 2 => TriangleMarker::new(point, 5, style).into_dyn(),
                3 => Circle::new(point, 4, style).into_dyn(),
                _ => Circle::new(point, 4, colour.filled()).into_dyn(),
            };
            chart.draw_series(points.iter().map(mark))?;
        }
        area.present()?;
    }
    Ok(picture)
}

/// With commas between thousands.
fn number(value: f64) -> String {
    if value < 10.0 && value > 0.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn tables_are_read() -> Result<()> {
    let table = "prosody, 10 members\n\n| through | deliveries/s |\n| --- | ---: |\n\
                 | host's own MUC | 17442 | 35.9, 87.8 | 5.47 | – | 8682 | 6.8, 13.5 | – |\n\
                 | a component that only writes, one stanza a copy | 10722 | 64.9, 80.8 | 9.31 | – | – | – | – |\n";
    let hosts = hosts(table)?;
    let rows: Vec<_> = hosts["prosody"].values().map(|row| (row.deliveries, row.p99_ms)).collect();
    assert_eq!(rows, [(17_442.0, Some(13.5)), (10_722.0, None)]);
    assert_eq!([number(0.0), number(2.5), number(70_000.0)], ["0", "2.5", "70,000"]);
    Ok(())
}
