//! The shipped dashboard without Grafana, which Debian does not have: every panel's expressions are worked out by a real
//! Prometheus, and the results are drawn as the panel is described, at its place. Not here: how it is drawn (`dashboard.html`).

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::real::Prometheus;

const DASHBOARD: &str = include_str!("../../deploy/grafana/xmpp-groupchat.json");
const PAGE: &str = include_str!("dashboard.html");
/// What Grafana puts in the place of `$__rate_interval`: four times the time between two questions, which is a second here.
const RATE_INTERVAL: &str = "4s";
/// Kinds of panels that are drawn.
const KINDS: [&str; 2] = ["stat", "timeseries"];
/// Units that are written.
const UNITS: [&str; 6] = ["short", "ops", "bytes", "Bps", "percentunit", "s"];

/// The dashboard over the last `seconds`, as a page of HTML.
///
/// # Errors
/// A panel is of a kind or a unit that is not known here, or one of its expressions gives nothing.
pub fn page(prometheus: &Prometheus, seconds: u64) -> Result<String> {
    let dashboard: Value = serde_json::from_str(DASHBOARD)?;
    let panels = dashboard["panels"].as_array().context("no panels")?;
    let panels =
        panels.iter().map(|described| panel(prometheus, described, seconds)).collect::<Result<Vec<_>>>()?;
    let now = prometheus.now()?;
    let data = json!({
        "title": dashboard["title"], "version": prometheus.version()?, "panels": panels,
        "start": now - seconds as f64, "end": now,
    });
    // Nothing in it may end the element that holds it.
    Ok(PAGE.replacen("DATA", &data.to_string().replace('<', "\\u003c"), 1))
}

fn panel(prometheus: &Prometheus, described: &Value, seconds: u64) -> Result<Value> {
    let title = described["title"].as_str().context("a panel without a title")?;
    let kind = described["type"].as_str().unwrap_or_default();
    let defaults = &described["fieldConfig"]["defaults"];
    let unit = defaults["unit"].as_str().unwrap_or_default();
    ensure!(KINDS.contains(&kind) && UNITS.contains(&unit), "{title}: a {kind} in {unit} cannot be drawn");
    let mut lines = Vec::new();
    for target in described["targets"].as_array().context("no targets")? {
        let expression = target["expr"].as_str().context("no expression")?;
        let expression = expression.replace("$__rate_interval", RATE_INTERVAL);
        let found = prometheus.query_range(&expression, seconds)?;
        ensure!(found.len() == 1, "{title}: {expression} gives {} lines", found.len());
        lines.push(json!({ "name": target["legendFormat"], "points": points(&found[0]) }));
    }
    Ok(json!({
        "title": title, "type": kind, "unit": unit, "place": described["gridPos"], "lines": lines,
        "mappings": defaults["mappings"][0]["options"],
    }))
}

/// Times and values, as numbers; what is none (no request in that time) is left out.
fn points(series: &Value) -> Vec<Value> {
    let values = series["values"].as_array().into_iter().flatten();
    let number = |point: &Value| point[1].as_str()?.parse::<f64>().ok().filter(|number| number.is_finite());
    values.filter_map(|point| Some(json!([point[0], number(point)?]))).collect()
}
