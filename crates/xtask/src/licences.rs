//! The licences and origins of everything that is built in, checked by cargo-deny against `deny.toml`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::shell::{cargo, output_of, root, run, say};

/// The version that `deny.toml` is written for.
const VERSION: &str = "0.20";

/// Checks them; installs cargo-deny into the target folder first if it is missing.
pub(crate) fn check() -> Result<()> {
    let deny = match installed() {
        Some(deny) => deny,
        None => install()?,
    };
    // Advisories are left out: they are fetched from the network and change without any change of ours.
    run(Command::new(deny).args(["check", "licenses", "bans", "sources"]).current_dir(root()))
}

fn ours() -> PathBuf {
    root().join("target/tools")
}

fn installed() -> Option<PathBuf> {
    let wanted = format!("cargo-deny {VERSION}.");
    [ours().join("bin/cargo-deny"), PathBuf::from("cargo-deny")].into_iter().find(|deny| {
        output_of(Command::new(deny).arg("--version")).is_some_and(|version| version.starts_with(&wanted))
    })
}

fn install() -> Result<PathBuf> {
    say(&format!("installing cargo-deny {VERSION} into target/tools, once; this takes a few minutes"));
    let version = format!("~{VERSION}");
    let mut command = cargo(["install", "cargo-deny", "--locked", "--no-default-features"]);
    run(command.args(["--version", &version, "--root"]).arg(ours()))?;
    Ok(ours().join("bin/cargo-deny"))
}
