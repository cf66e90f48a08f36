//! `cargo xtask pictures`: draws the pictures of `docs/operations.md` anew, of a real service under load. The test `pictures`, long,
//! and into `docs`.

use anyhow::Result;

use crate::packages::{self, CHROMIUM, PROMETHEUS, PROSODY};
use crate::shell::{cargo, heading, root, run};

/// Draws them; takes minutes.
pub(crate) fn draw() -> Result<()> {
    heading("Packages");
    packages::ensure(&[PROSODY, PROMETHEUS, CHROMIUM])?;
    heading("Two minutes of load, then the pictures");
    let mut command = cargo(["test", "--package", "groupchat-tests", "--test", "pictures"]);
    run(command.env("PICTURES_WRITE", "1").current_dir(root()))
}
