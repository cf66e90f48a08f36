//! `cargo xtask deb`: the Debian package, built with cargo-deb and tried by `deploy/try-package.sh`. What is in it stands in
//! `crates/daemon/Cargo.toml`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::packages::{self, DPKG_DEV, SHELLCHECK, SYSTEMD};
use crate::shell::{cargo, heading, output_of, root, run, say, target};
use crate::tools::Tool;

/// In the version that the package's description is written for.
const CARGO_DEB: Tool = Tool { name: "cargo-deb", version: "3.8" };

/// Where the package goes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The folder; `target/debian` unless told otherwise
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

/// Which program is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    /// That of `deploy/build.sh`, for operators.
    Release,
    /// That of the tests, which is there already: the package is tried as well with it, and given to nobody.
    Development,
}

/// Builds the package and tries it.
pub(crate) fn make(options: &Options) -> Result<()> {
    packages::ensure(&[DPKG_DEV, SHELLCHECK, SYSTEMD])?;
    let folder = options.output.clone().unwrap_or_else(|| target().join("debian"));
    let package = pack(Program::Release, &folder)?;
    say(&format!("{} is ready: apt-get install ./… as root", package.display()));
    Ok(())
}

/// The same with what the tests have built.
pub(crate) fn try_development() -> Result<()> {
    pack(Program::Development, &target().join("debian/development")).map(|_| ())
}

fn pack(program: Program, folder: &Path) -> Result<PathBuf> {
    let tool = CARGO_DEB.ensure()?;
    std::fs::remove_dir_all(folder).ok();
    std::fs::create_dir_all(folder)?;
    heading("Building");
    let mut command = Command::new(tool);
    command.args(["--package", "xmpp-groupchat", "--locked", "--quiet", "--output"]).arg(folder);
    if program == Program::Development {
        run(cargo(["build", "--package", "xmpp-groupchat"]).current_dir(root()))?;
        command.args(["--no-build", "--profile", "dev", "--fast"]);
    }
    run(command.current_dir(root()))?;
    let files = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let made: Vec<PathBuf> = files.filter(|file| file.extension().is_some_and(|end| end == "deb")).collect();
    ensure!(made.len() == 1, "{} holds {made:?}", folder.display());
    let package = made.into_iter().next().context("no package")?;
    heading("Installing, upgrading, removing and purging it in a root of its own");
    match as_root() {
        Some(mut command) => run(command.arg(root().join("deploy/try-package.sh")).arg(&package))?,
        None => say("not tried: whoever runs this is not root, and may not become it in a namespace"),
    }
    Ok(package)
}

/// The start of a command that believes to be root. Who is not becomes it in a namespace of his own, where nothing else is
/// his; none where the kernel or a container does not allow that.
fn as_root() -> Option<Command> {
    let user = output_of(Command::new("id").arg("-u")).unwrap_or_default();
    if user.trim() == "0" {
        return Some(Command::new("env"));
    }
    let namespace = || {
        let mut command = Command::new("unshare");
        command.arg("--map-root-user");
        command
    };
    output_of(namespace().arg("true")).map(|_| namespace())
}
