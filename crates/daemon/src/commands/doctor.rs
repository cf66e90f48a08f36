//! `xmpp-groupchat doctor`: looks at everything that the component needs, and tells what is wrong and what to do.
//!
//! It connects as the component itself, so it must not be running; if it is, it is asked instead.

mod database;
mod finding;
mod front;
mod host;

use std::process::ExitCode;

use finding::{Finding, State};

use super::{ConfigFile, block_on, complain, exit, run, say};
use crate::config::Config;
use crate::logging;

/// How it is told.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    file: ConfigFile,
    /// Tell it as JSON
    #[arg(long)]
    json: bool,
}

/// Looks at everything, and tells all of it.
pub(super) fn examine(options: &Options) -> ExitCode {
    let file = options.file.config.display().to_string();
    let findings = match Config::load(&options.file.config, std::env::vars()) {
        Err(problems) => {
            let told = problems
                .iter()
                .map(|problem| Finding::error("configuration", problem.to_string(), exit::CONFIG));
            told.collect()
        }
        Ok(config) => {
            logging::start_quietly();
            let mut findings = vec![Finding::ok("configuration", file)];
            match block_on(async { Ok(all(&config).await) }) {
                Ok(found) => findings.extend(found),
                Err(problem) => {
                    findings.push(Finding::error("program", format!("{problem:#}"), exit::FAILURE));
                }
            }
            findings
        }
    };
    if options.json {
        json(&findings);
    } else {
        table(&findings);
    }
    ExitCode::from(finding::exit(&findings))
}

async fn all(config: &Config) -> Vec<Finding> {
    let mut findings = database::look(&config.database.url).await;
    let (front, is_running) = front::look(&config.http.listen).await;
    findings.extend(front);
    if is_running {
        let text = "the component runs and was asked: stop it for a closer look at the XMPP server";
        findings.push(Finding::new("XMPP server", State::Skipped, text.into()));
    } else {
        findings.extend(host::look(config, run::link_config(config)).await);
    }
    findings
}

fn table(findings: &[Finding]) {
    let widest = findings.iter().map(|finding| finding.topic.len()).max().unwrap_or_default();
    for Finding { topic, state, text, .. } in findings {
        say(&format!("{:<8} {topic:<widest$}  {text}", state.name()));
    }
    let of = |state: State| findings.iter().filter(|finding| finding.state == state).count();
    say(&format!("{} errors, {} warnings", of(State::Error), of(State::Warning)));
}

fn json(findings: &[Finding]) {
    match serde_json::to_string_pretty(findings) {
        Ok(text) => say(&text),
        Err(problem) => complain(&problem.to_string()),
    }
}
