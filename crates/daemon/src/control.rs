//! The control socket: a Unix socket that only the program's own user can open. A line comes in (a command, as
//! JSON), a line goes out (what it came to), and the connection ends. A few may come at once.
//!
//! Not here: what the commands are (`admin`).

use std::io::{Error, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

use crate::admin::{Admin, AdminCommand, Report, Said};

/// Bytes of a command, and of what it came to.
const COMMAND_BYTES_MAX: u64 = 1024 * 1024;
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Connections at once; more have to wait.
const CONNECTIONS_MAX: usize = 16;
/// How long whoever connects may take to say what he wants, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long whoever asks waits for the answer. What takes longest is somebody who is erased from many groups.
pub(crate) const ANSWER_PATIENCE: Duration = Duration::from_secs(300);
/// How long a stop waits for what was begun.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

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
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            taken = listener.accept(), if connections.len() < CONNECTIONS_MAX => match taken {
                Ok((stream, _)) => drop(connections.spawn(attend(stream, admin.clone(), stop.clone()))),
                Err(problem) => debug!("A control connection failed: {problem}"),
            },
            Some(_) = connections.join_next() => {}
            () = stop.cancelled() => break,
        }
    }
    let last = async { while connections.join_next().await.is_some() {} };
    if timeout(STOP_PATIENCE, last).await.is_err() {
        debug!("The control socket closes before everything was answered");
    }
    // It was ours; what is left of it hinders nobody.
    let _ = std::fs::remove_file(path);
}

/// Takes the place of a socket that nobody listens at any more, and of nothing else.
async fn listen(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_socket() => {
            let why = "there is something else: let control.socket name a file of its own";
            return Err(Error::new(ErrorKind::AlreadyExists, why));
        }
        Ok(_) if UnixStream::connect(path).await.is_err() => std::fs::remove_file(path)?,
        // Somebody listens there, or nothing is there.
        Ok(_) | Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// One connection, to its end.
async fn attend(stream: UnixStream, admin: Admin, stop: CancellationToken) {
    if let Err(problem) = answer(stream, &admin, &stop).await {
        debug!("A control connection failed: {problem}");
    }
}

async fn answer(stream: UnixStream, admin: &Admin, stop: &CancellationToken) -> std::io::Result<()> {
    let by = stream
        .peer_cred()
        .map_or_else(|_| "somebody by socket".into(), |peer| format!("uid {} by socket", peer.uid()));
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    let mut reading = BufReader::new(reading.take(COMMAND_BYTES_MAX));
    tokio::select! {
        read = timeout(PATIENCE, reading.read_line(&mut line)) => read??,
        // Whoever has said nothing yet does not hold up the end.
        () = stop.cancelled() => return Ok(()),
    };
    let said: Said = match serde_json::from_str::<AdminCommand>(&line) {
        Ok(command) => admin.carry_out(command, &by).await,
        Err(problem) => Err(problem.to_string()),
    };
    timeout(PATIENCE, writing.write_all(&written(said)?)).await?
}

/// The answer as a line.
fn written(said: Said) -> std::io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&said.map_or_else(Answer::Refused, Answer::Done))?;
    if line.len() >= ANSWER_BYTES_MAX {
        let mib = ANSWER_BYTES_MAX / 1024 / 1024;
        let why = format!("the answer is longer than {mib} MiB: ask for less at once (--limit)");
        line = serde_json::to_vec(&Answer::Refused(why))?;
    }
    line.push(b'\n');
    Ok(line)
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// Nobody listens there.
    #[error("nobody can be asked: does the component run, as the user of this socket? ({0})")]
    Unreachable(Error),
    /// It is late.
    #[error("no answer for {} s; it may still be done, and `ctl audit` tells how it ended", .0.as_secs())]
    Late(Duration),
    /// It was begun, perhaps, and there is no answer.
    #[error("the component ended before it answered ({0}); `ctl audit` tells what was done")]
    Broken(Error),
}

/// The other side: has a running component do it, and waits so long for the answer.
///
/// # Errors
/// Why there is no answer.
pub(crate) async fn ask(path: &Path, command: &AdminCommand, patience: Duration) -> Result<Said, Unanswered> {
    let stream = UnixStream::connect(path).await.map_err(Unanswered::Unreachable)?;
    match timeout(patience, exchange(stream, command)).await {
        Ok(answer) => answer.map_err(Unanswered::Broken),
        Err(_) => Err(Unanswered::Late(patience)),
    }
}

async fn exchange(mut stream: UnixStream, command: &AdminCommand) -> std::io::Result<Said> {
    let mut line = serde_json::to_vec(command)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut text = String::new();
    stream.take(ANSWER_BYTES_MAX as u64 + 1).read_to_string(&mut text).await?;
    Ok(match serde_json::from_str(&text)? {
        Answer::Done(report) => Ok(report),
        Answer::Refused(why) => Err(why),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whatever_is_no_socket_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("groupchat.db");
        std::fs::write(&path, "all that was said").unwrap();
        let refused = listen(&path).await.unwrap_err();
        assert!(refused.to_string().contains("control.socket"), "{refused}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "all that was said");
        std::os::unix::fs::symlink(&path, folder.path().join("link")).unwrap();
        assert!(listen(&folder.path().join("link")).await.is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "all that was said");
        // What a crash left behind does go, and what is in use does not.
        let path = folder.path().join("socket");
        drop(listen(&path).await.unwrap());
        let listening = listen(&path).await.unwrap();
        assert!(listen(&path).await.is_err());
        drop(listening);
    }

    #[tokio::test]
    async fn it_is_told_why_there_is_no_answer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let patience = Duration::from_millis(50);
        let none = ask(&path, &AdminCommand::Status, patience).await.unwrap_err();
        assert!(none.to_string().contains("does the component run"), "{none}");
        let listener = UnixListener::bind(&path).unwrap();
        let late = ask(&path, &AdminCommand::Status, patience).await.unwrap_err();
        assert!(late.to_string().contains("it may still be done"), "{late}");
        let (asked, ()) = tokio::join!(ask(&path, &AdminCommand::Status, PATIENCE), async {
            // The one that lost patience comes first.
            for _ in 0..2 {
                drop(listener.accept().await.unwrap());
            }
        });
        assert!(matches!(asked, Err(Unanswered::Broken(_))), "{asked:?}");
    }

    #[test]
    fn an_answer_that_is_too_long_is_refused_in_words() {
        let rows = vec![[String::from("x").repeat(1024)]; ANSWER_BYTES_MAX / 1024];
        let line = written(Ok(Report::of("all").table(["text"], rows))).unwrap();
        let text = String::from_utf8(line).unwrap();
        assert!(text.len() < 200 && text.contains("--limit"), "{text:.300}");
    }
}
