//! The chat page of `examples/web`: built, and served on the loopback interface beside a host. Not here: what it does, and
//! who looks at it.

use std::collections::HashMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};
use axum::Router;
use axum::http::{StatusCode, Uri, header};
use tokio::net::TcpListener;

use crate::npm;

/// The page's folder.
pub const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/web");

/// Where the page looks for what it is to know of its site.
const CONFIG: &str = "/config.json";

/// The page as it was built: its files, by their paths.
#[derive(Debug)]
pub struct Page(HashMap<String, Vec<u8>>);

/// Installs what the page is made with and builds it, once in a process. Takes some seconds.
///
/// # Errors
/// npm is missing, has no network for what it has not installed yet, or the page does not build.
pub fn build() -> Result<&'static Page> {
    static BUILT: OnceLock<std::result::Result<Page, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build_now().map_err(|problem| format!("{problem:#}")));
    built.as_ref().map_err(|problem| anyhow!("{problem}"))
}

fn build_now() -> Result<Page> {
    let folder = Path::new(FOLDER);
    npm::install(folder)?;
    // Another process may build it, too; nobody reads a half of it.
    let held = File::open(folder.join("package.json"))?;
    held.lock()?;
    run(&["run", "build"])?;
    let mut files = HashMap::new();
    read(&folder.join("dist"), "", &mut files).context("cannot read what was built")?;
    let index = files.get("/index.html").context("the page has no beginning")?.clone();
    files.insert("/".to_owned(), index);
    Ok(Page(files))
}

/// Runs npm in the page's folder.
///
/// # Errors
/// It cannot be run, or fails; tells what it said.
pub fn run(arguments: &[&str]) -> Result<()> {
    let output = Command::new("npm")
        .args(arguments)
        .current_dir(FOLDER)
        .output()
        .context("cannot run npm: `cargo xtask test` installs it")?;
    ensure!(
        output.status.success(),
        "npm {} fails:\n{}{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Serves the page, with this as `config.json`, until the runtime ends; gives where.
///
/// # Errors
/// The listener has no address.
pub fn serve(page: &'static Page, config: String, listener: TcpListener) -> Result<SocketAddr> {
    let address = listener.local_addr()?;
    let answer = move |uri: Uri| {
        let content = match uri.path() {
            CONFIG => Some(config.clone().into_bytes()),
            path => page.0.get(path).cloned(),
        };
        let answer = content
            .map(|content| ([(header::CONTENT_TYPE, kind(uri.path()))], content))
            .ok_or(StatusCode::NOT_FOUND);
        async move { answer }
    };
    // It ends with the runtime; an error of one connection is the browser's to notice.
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await.ok() });
    Ok(address)
}

fn read(folder: &Path, below: &str, files: &mut HashMap<String, Vec<u8>>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{below}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read(&entry.path(), &name, files)?;
        } else {
            files.insert(name, std::fs::read(entry.path())?);
        }
    }
    Ok(())
}

fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        _ => "text/html; charset=utf-8",
    }
}
