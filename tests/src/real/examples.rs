//! The example programs for users: a workspace of their own, built beside the component when a test needs them.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

use super::component::profile_folder;

/// The folder that holds `groupchat-cli` and `echo-bot`, built when they are missing or older than their sources. Once
/// a run.
pub fn build_examples() -> Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}"))).clone().map_err(anyhow::Error::msg)
}

fn build() -> Result<PathBuf> {
    let profile = profile_folder()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // The versions of their lock, whatever is newer.
    command.args(["build", "--quiet", "--locked", "--workspace"]);
    command.args(profile.ends_with("release").then_some("--release"));
    if let Some(target) = profile.parent() {
        command.arg("--target-dir").arg(target);
    }
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/groupchat-cli"));
    let output = command.output().context("cannot run cargo to build the examples")?;
    if !output.status.success() {
        bail!("the examples cannot be built:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(profile)
}
