//! Programs in JavaScript that tests drive: what their folder's `package-lock.json` names is installed there, in
//! `node_modules`, with npm. Not here: the programs, and what they are for.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// A copy of the lock that `node_modules` was installed from. npm empties the folder before it installs, so the copy is
/// there only if it came to an end.
const INSTALLED: &str = "node_modules/.installed-from.json";

/// Installs what the lock of `folder` names, unless it is there: exactly these versions, and without running what the
/// packages bring to be run. Tests may call it at once, from several processes too.
///
/// # Errors
/// There is no lock, npm is missing, or it cannot install; what it said is in the error.
pub fn install(folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    // Held until the end: whoever comes meanwhile waits here, and finds all done.
    let held = File::open(&lock).with_context(|| format!("{} cannot be read", lock.display()))?;
    held.lock()?;
    let wanted = std::fs::read(&lock)?;
    let installed = folder.join(INSTALLED);
    if std::fs::read(&installed).is_ok_and(|is| is == wanted) {
        return Ok(());
    }
    let mut npm = Command::new("npm");
    // npm 9 would pack what a package links to in its own folders, and then find it missing in the lock.
    npm.args(["ci", "--ignore-scripts", "--install-links=false", "--no-audit", "--no-fund"])
        .current_dir(folder);
    let output = npm.output().context("cannot run npm: `cargo xtask test` installs it")?;
    ensure!(
        output.status.success(),
        "npm cannot install what {} needs:\n{}{}",
        folder.display(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    // A lock without packages makes no folder.
    std::fs::create_dir_all(folder.join("node_modules"))?;
    std::fs::write(installed, wanted).context("cannot note what was installed")
}

#[cfg(test)]
mod tests {
    use super::{INSTALLED, install};

    const NOTHING: &str =
        r#"{ "name": "nothing", "lockfileVersion": 3, "packages": { "": { "name": "nothing" } } }"#;

    #[test]
    fn installs_when_the_lock_is_new_and_only_then() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert!(install(path).is_err(), "there is nothing to install from");
        std::fs::write(path.join("package.json"), r#"{ "name": "nothing" }"#).unwrap();
        std::fs::write(path.join("package-lock.json"), NOTHING).unwrap();
        install(path).unwrap();
        let sign = path.join("node_modules/sign");
        std::fs::write(&sign, "").unwrap();
        install(path).unwrap();
        assert!(sign.exists(), "it was installed a second time");
        std::fs::write(path.join("package-lock.json"), format!("{NOTHING}\n")).unwrap();
        install(path).unwrap();
        assert!(!sign.exists() && path.join(INSTALLED).exists(), "it was not installed anew");
    }

    #[test]
    fn what_cannot_be_installed_is_told_and_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("package.json"),
            r#"{ "name": "x", "dependencies": { "y": "1.0.0" } }"#,
        )
        .unwrap();
        std::fs::write(folder.path().join("package-lock.json"), NOTHING).unwrap();
        let problem = install(folder.path()).unwrap_err().to_string();
        assert!(problem.contains("npm cannot install"), "{problem}");
        assert!(!folder.path().join(INSTALLED).exists());
    }
}
