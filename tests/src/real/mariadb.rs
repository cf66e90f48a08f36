//! A MariaDB as Debian ships it, but for one thing: it does not wait for the disk. A machine that fails takes the test along.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::{Process, free_address, program, wait_until};

/// Who runs the server: root must say that it means to, everybody else is himself.
const USER: &str = "--user=root";

/// A MariaDB that takes connections; ends on drop.
#[derive(Debug)]
pub struct Mariadb {
    port: u16,
    // Before the folder, so that nothing is written there any more when it is removed.
    _process: Process,
    _folder: TempDir,
}

impl Mariadb {
    /// Makes one and waits until it takes connections.
    pub fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("groupchat-mariadb-").tempdir()?;
        let (data, port) = (folder.path().join("data"), free_address()?.port());
        let mut install = Command::new(program("mariadb-install-db")?);
        install.args(own(&data)).args(["--auth-root-authentication-method=normal", "--skip-test-db", USER]);
        let output = install.output().context("cannot run mariadb-install-db")?;
        ensure!(
            output.status.success(),
            "mariadb-install-db failed:\n{}",
            String::from_utf8_lossy(&output.stdout)
        );
        let mut command = Command::new(program("mariadbd")?);
        command.args(own(&data)).args([USER, "--bind-address=127.0.0.1", "--skip-name-resolve"]);
        command.arg(format!("--port={port}"));
        for (option, file) in [("socket", "socket"), ("pid-file", "pid")] {
            command.arg(format!("--{option}={}", folder.path().join(file).display()));
        }
        command.args(["--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=0"]);
        command.arg("--max-connections=300");
        let log = folder.path().join("mariadb.log");
        let mut process = Process::start("mariadbd", &command, &log)?;
        wait_until(&mut process, &log, || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        Ok(Self { port, _process: process, _folder: folder })
    }

    /// As the service's configuration has it, without a database.
    pub fn server(&self) -> String {
        format!("mysql://root@127.0.0.1:{}", self.port)
    }
}

/// Whatever this machine has configured is of no interest.
fn own(data: &Path) -> [PathBuf; 2] {
    ["--no-defaults".into(), format!("--datadir={}", data.display()).into()]
}
