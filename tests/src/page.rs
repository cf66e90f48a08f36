//! What operators look at: a page, by HTTP, and as a real browser shows it. Not here: who serves it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A page, by HTTP: its status and its text.
pub fn get(address: SocketAddr, page: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET {page} HTTP/1.0\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, text) = answer.split_once("\r\n\r\n").context("no answer")?;
    Ok((head.split_whitespace().nth(1).context("no status")?.parse()?, text.to_owned()))
}

/// Waits until a page has this status; gives its text.
pub fn wait_for(address: SocketAddr, page: &str, status: u16) -> Result<String> {
    let start = Instant::now();
    loop {
        let answer = get(address, page);
        match answer {
            Ok((is, text)) if is == status => return Ok(text),
            _ => ensure!(start.elapsed() < PATIENCE, "{page} is not {status}: {answer:?}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What a browser makes of a page, as HTML.
pub fn in_browser(url: &str) -> Result<String> {
    browse(url, "--dump-dom", (1280, 900))
}

/// What a browser makes of a page, as a picture of this width and height in a file.
pub fn picture(url: &str, size: (u32, u32), file: &Path) -> Result<()> {
    browse(url, &format!("--screenshot={}", file.display()), size)?;
    let made = std::fs::read(file).with_context(|| format!("no picture {}", file.display()))?;
    // PNG, 3rd edition, 5.2 and 11.2.1: the signature, then the head with width and height.
    let at = |place: usize| {
        made.get(place..place + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes)
    };
    ensure!(
        made.starts_with(b"\x89PNG\r\n\x1a\n") && (at(16), at(20)) == size,
        "{} is no such picture",
        file.display()
    );
    Ok(())
}

fn browse(url: &str, what: &str, (width, height): (u32, u32)) -> Result<String> {
    let profile = tempfile::tempdir()?;
    let mut command = Command::new("chromium");
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
    ]);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    command.arg(format!("--window-size={width},{height}")).args(["--virtual-time-budget=3000", what]);
    let output = command.arg(url).output().context("cannot run chromium: `cargo xtask test` installs it")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
