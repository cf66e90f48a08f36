//! The same tests on PostgreSQL and MariaDB: this program once more, with a server of its own.

use std::process::Command;

use groupchat_tests::real::{DatabaseKind, DatabaseServer};

use crate::support::SERVER;

/// There are more than so many.
const TESTS_MIN: u32 = 20;

#[test]
fn all_of_them_on_postgres() {
    once_more_on(DatabaseKind::Postgres);
}

#[test]
fn all_of_them_on_mariadb() {
    once_more_on(DatabaseKind::Mariadb);
}

fn once_more_on(kind: DatabaseKind) {
    if std::env::var_os(SERVER).is_some() {
        return;
    }
    let server = DatabaseServer::start(kind).unwrap();
    let mut tests = Command::new(std::env::current_exe().unwrap());
    tests.arg("--test-threads=4").env(SERVER, server.url());
    let output = tests.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "on {}:\n{said}\n{}",
        kind.name(),
        String::from_utf8_lossy(&output.stderr)
    );
    let passed = said.split(" passed").next().and_then(|before| before.rsplit(' ').next()?.parse().ok());
    assert!(passed.is_some_and(|passed: u32| passed >= TESTS_MIN), "too few tests were run:\n{said}");
}
