//! Programs of others that come from crates.io, installed into the target folder when they are missing.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::shell::{cargo, output_of, run, say, target};

/// One of them: the version is the one that our use of it is written for.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

impl Tool {
    /// The program, installed first if it is missing.
    pub(crate) fn ensure(&self) -> Result<PathBuf> {
        match self.installed() {
            Some(program) => Ok(program),
            None => self.install(),
        }
    }

    fn installed(&self) -> Option<PathBuf> {
        let wanted = format!("{} {}.", self.name, self.version);
        [ours().join("bin").join(self.name), PathBuf::from(self.name)].into_iter().find(|program| {
            output_of(Command::new(program).arg("--version"))
                .is_some_and(|version| version.starts_with(&wanted))
        })
    }

    fn install(&self) -> Result<PathBuf> {
        let Self { name, version } = self;
        say(&format!(
            "installing {name} {version} into {}, once; this takes a few minutes",
            ours().display()
        ));
        let mut command = cargo(["install", name, "--locked", "--no-default-features"]);
        run(command.args(["--version", &format!("~{version}"), "--root"]).arg(ours()))?;
        Ok(ours().join("bin").join(name))
    }
}

fn ours() -> PathBuf {
    target().join("tools")
}
