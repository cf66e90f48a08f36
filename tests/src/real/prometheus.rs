//! A Prometheus that asks a running service as `docs/operations.md` has it, only more often, with the shipped rules.

use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tempfile::TempDir;

use super::{Process, START_TIME_MAX, free_address, program, tail, wait_until};
use crate::page;

/// The document that says how Prometheus is configured.
const DOCUMENT: &str = include_str!("../../../docs/operations.md");
/// Where the document has the service.
const USUAL_ADDRESS: &str = "127.0.0.1:5348";
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/prometheus/alerts.yml");

/// A Prometheus that has begun to ask; ends on drop.
#[derive(Debug)]
pub struct Prometheus {
    address: SocketAddr,
    // Before the folder, so that nothing is written there any more when it is removed.
    _process: Process,
    _folder: TempDir,
}

impl Prometheus {
    /// Starts one that asks the service at this address every second.
    pub fn start(service: SocketAddr) -> Result<Self> {
        let shown = DOCUMENT.split("```text\n").find(|block| block.starts_with("scrape_configs:"));
        let shown = shown.and_then(|rest| rest.split("```").next()).context("no configuration is shown")?;
        ensure!(shown.contains(USUAL_ADDRESS), "the service is elsewhere in\n{shown}");
        let asks = shown.replace(USUAL_ADDRESS, &service.to_string());
        let every = "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\n";
        let folder = tempfile::Builder::new().prefix("groupchat-prometheus-").tempdir()?;
        let config = folder.path().join("prometheus.yml");
        std::fs::write(&config, format!("{every}rule_files: ['{RULES}']\n{asks}"))?;
        let address = free_address()?;
        let mut command = Command::new(program("prometheus")?);
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
        command.arg(format!("--web.listen-address={address}"));
        let log = folder.path().join("prometheus.log");
        let mut process = Process::start("prometheus", &command, &log)?;
        wait_until(&mut process, &log, || {
            TcpStream::connect(address).is_ok()
                && page::get(address, "/-/ready").is_ok_and(|(status, _)| status == 200)
        })?;
        let prometheus = Self { address, _process: process, _folder: folder };
        // It gathers what to ask for some seconds before it asks.
        let start = Instant::now();
        while !prometheus.query("up == 1").is_ok_and(|found| !found.is_empty()) {
            ensure!(start.elapsed() < START_TIME_MAX, "it asks nobody; its log:\n{}", tail(&log));
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(prometheus)
    }

    /// What an expression is now: series with their labels and value.
    pub fn query(&self, expression: &str) -> Result<Vec<Value>> {
        let result = self.ask("query", expression, "")?;
        Ok(result.as_array().with_context(|| format!("{expression} is no series"))?.clone())
    }

    /// What it was in the last `seconds`, in a few hundred steps at most.
    pub fn query_range(&self, expression: &str, seconds: u64) -> Result<Vec<Value>> {
        let now = self.now()?;
        let range = format!("&start={}&end={now}&step={}", now - seconds as f64, (seconds / 240).max(1));
        let result = self.ask("query_range", expression, &range)?;
        Ok(result.as_array().with_context(|| format!("{expression} is no series"))?.clone())
    }

    /// Its clock, in seconds since 1970.
    pub fn now(&self) -> Result<f64> {
        let result = self.ask("query", "time()", "")?;
        result[1].as_str().and_then(|text| text.parse().ok()).context("it does not tell the time")
    }

    /// Its version.
    pub fn version(&self) -> Result<String> {
        let (_, text) = page::get(self.address, "/api/v1/status/buildinfo")?;
        let answer: Value = serde_json::from_str(&text)?;
        answer["data"]["version"].as_str().map(str::to_owned).context("it does not tell its version")
    }

    /// The alerts that it watches for, as its HTTP interface tells them.
    pub fn rules(&self) -> Result<Vec<Value>> {
        let (_, text) = page::get(self.address, "/api/v1/rules")?;
        let answer: Value = serde_json::from_str(&text)?;
        let groups = answer["data"]["groups"].as_array().into_iter().flatten();
        Ok(groups.flat_map(|group| group["rules"].as_array().into_iter().flatten()).cloned().collect())
    }

    fn ask(&self, what: &str, expression: &str, more: &str) -> Result<Value> {
        let query = utf8_percent_encode(expression, NON_ALPHANUMERIC);
        let (status, text) = page::get(self.address, &format!("/api/v1/{what}?query={query}{more}"))?;
        ensure!(status == 200, "{expression}: {text}");
        let mut answer: Value = serde_json::from_str(&text)?;
        Ok(answer["data"]["result"].take())
    }
}
