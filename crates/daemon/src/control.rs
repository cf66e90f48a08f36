//! The control socket: a Unix socket that only the program's own user can open. A line comes in (a command, as
//! JSON), a line goes out (what it came to), and the connection ends.
//!
//! Not here: what the commands are (`admin`).

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

use crate::admin::{Admin, AdminCommand, Report, Said};

/// Bytes of a line, either way.
const LINE_MAX: u64 = 4 * 1_024 * 1_024;
/// How long whoever connects may take to say what he wants, and the answer to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// What goes out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    /// What it came to.
    Done(Report),
    /// Why not.
    Refused(String),
}

/// Serves until `stop` is asked. That it cannot costs the operator his tool, and users nothing.
pub(crate) async fn serve(path: &Path, admin: Admin, stop: CancellationToken) {
    let listener = match listen(path).await {
        Ok(listener) => listener,
        Err(problem) => {
            error!("No control socket at {}: {problem}", path.display());
            return;
        }
    };
    info!("Control socket at {}", path.display());
    loop {
        tokio::select! {
            taken = listener.accept() => match taken {
                Ok((stream, _)) => {
                    // One at a time: administrators can wait for each other.
                    if let Err(problem) = answer(stream, &admin).await {
                        debug!("A control connection failed: {problem}");
                    }
                }
                Err(problem) => debug!("A control connection failed: {problem}"),
            },
            () = stop.cancelled() => break,
        }
    }
    // It was ours; what is left of it hinders nobody.
    let _ = std::fs::remove_file(path);
}

/// Takes the place of a socket that nobody listens at any more.
async fn listen(path: &Path) -> std::io::Result<UnixListener> {
    if UnixStream::connect(path).await.is_err() {
        // There may be none.
        let _ = std::fs::remove_file(path);
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn answer(stream: UnixStream, admin: &Admin) -> std::io::Result<()> {
    let by = stream
        .peer_cred()
        .map_or_else(|_| "somebody by socket".into(), |peer| format!("uid {} by socket", peer.uid()));
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    let mut reading = BufReader::new(reading.take(LINE_MAX));
    timeout(PATIENCE, reading.read_line(&mut line)).await??;
    let said: Said = match serde_json::from_str::<AdminCommand>(&line) {
        Ok(command) => admin.carry_out(command, &by).await,
        Err(problem) => Err(problem.to_string()),
    };
    let mut answer = serde_json::to_vec(&said.map_or_else(Answer::Refused, Answer::Done))?;
    answer.push(b'\n');
    timeout(PATIENCE, writing.write_all(&answer)).await?
}

/// The other side: has a running component do it.
///
/// # Errors
/// Nobody listens there.
pub(crate) async fn ask(path: &Path, command: &AdminCommand) -> std::io::Result<Said> {
    let mut stream = UnixStream::connect(path).await?;
    let mut line = serde_json::to_vec(command)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut text = String::new();
    timeout(PATIENCE, stream.take(LINE_MAX).read_to_string(&mut text)).await??;
    Ok(match serde_json::from_str(&text)? {
        Answer::Done(report) => Ok(report),
        Answer::Refused(why) => Err(why),
    })
}
