//! The demo: three people and a group on a Prosody of its own. `cargo xtask demo` installs and builds what it takes
//! and runs this program.
//!
//! Everything that is shown was received as a stanza first; what does not arrive ends the demo with an error. What is
//! said is in `story.rs`, how it looks in `screen.rs` and `picture.rs`.

mod person;
mod picture;
mod screen;
mod stay;
mod story;
mod web;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::Parser;
use groupchat_tests::cli::Cli;
use groupchat_tests::real::{Account, Component, Domain, Prosody, Site};
use tokio::signal::unix::{SignalKind, signal};

use screen::{Screen, Tone};

/// The users' domain.
const DOMAIN: &str = "localhost";
/// Everybody's password; the servers listen on the loopback interface only.
const PASSWORD: &str = "tea";
/// Who plays; the last one is away at first.
const PEOPLE: [&str; 3] = ["alice", "bob", "小红"];

/// Three people and a group, on a Prosody and a component of their own.
#[derive(Debug, Parser)]
struct Options {
    /// End after the conversation instead of staying up to be tried
    #[arg(long)]
    once: bool,
    /// Also draw what is shown as an SVG picture
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // There is nobody to tell if this cannot be written either.
            writeln!(std::io::stderr(), "\nerror: {problem:#}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        shown = show(options) => shown,
        // The servers end and their files go when what holds them is dropped.
        heard = tokio::signal::ctrl_c() => heard.context("listening to Ctrl-C"),
        _ = terminate.recv() => Ok(()),
    }
}

async fn show(options: &Options) -> Result<()> {
    let mut screen = Screen::new();
    let domain = Domain { name: DOMAIN.to_owned(), component_secret: "demo".to_owned() };
    let accounts = PEOPLE.map(|user| Account {
        domain: DOMAIN.to_owned(),
        user: user.to_owned(),
        password: PASSWORD.to_owned(),
    });
    let page = (!options.once).then(web::Page::build);
    let site = Site { websocket: true, ..Site::of(std::slice::from_ref(&domain), &accounts) };
    let prosody = Prosody::serve(&site)?;
    let component = Component::start(&domain, &prosody.addresses, &[])?;
    let address = stay::public_address(prosody.addresses.clients).await;
    screen.gap();
    screen.show(&[
        (Tone::Strong, "xmpp-groupchat"),
        (Tone::Dim, &format!("  on a Prosody at {address}, groups kept in SQLite")),
    ]);
    story::play(&mut screen, address, &domain).await.map_err(|problem| {
        anyhow!("{problem:#}\n\nThe end of the component's log:\n{}", component.log_tail())
    })?;
    if let Some(file) = &options.svg {
        let picture = picture::draw(screen.lines());
        std::fs::write(file, picture).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let cli = Cli::build(DOMAIN, PASSWORD, address)?;
    tokio::task::block_in_place(|| stay::look(&mut screen, &cli))?;
    if let Some(page) = page {
        let page = page.serve(&prosody.addresses, &domain).await;
        stay::explain(&mut screen, address, &domain, &cli, &page);
        std::future::pending::<()>().await;
    }
    Ok(())
}
