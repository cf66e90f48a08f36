//! Programs that are run, and what is said about it on the terminal.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// The folder that the workspace is in.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The cargo that runs this.
pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// A cargo for the programs for users, which are a workspace of their own, built into the same folder.
pub(crate) fn cargo_of_examples<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = cargo(arguments);
    command.current_dir(root().join("examples/groupchat-cli")).env("CARGO_TARGET_DIR", target());
    command
}

/// Runs a program whose output goes to the terminal, and waits.
///
/// # Errors
/// It cannot be started, or says by its exit status that it failed.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", words(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", words(command));
    }
    Ok(())
}

/// What a program prints; `None` if it is not there or fails.
pub(crate) fn output_of(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

/// The installed program of this name.
pub(crate) fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    std::env::split_paths(&path)
        // Where Debian keeps servers; not on every user's path.
        .chain([PathBuf::from("/usr/sbin")])
        .chain(versions.map(|version| version.path().join("bin")))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// A command as one would type it, shortened if it is a whole script.
fn words(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut text = program.to_string_lossy().into_owned();
    for argument in command.get_args().map(|argument| argument.to_string_lossy()) {
        text.push(' ');
        text.push_str(if argument.contains('\n') { "…" } else { &argument });
    }
    format!("`{text}`")
}

/// A line on standard output.
#[expect(clippy::print_stdout, reason = "this is what the user came for")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// A line that stands out from the output of the programs around it.
pub(crate) fn heading(line: &str) {
    say(&if colours() { format!("\n\x1b[1;36m━━ {line}\x1b[0m") } else { format!("\n━━ {line}") });
}

/// Why it did not work, with all its causes.
#[expect(clippy::print_stderr, reason = "the last thing that is said before the program fails")]
pub(crate) fn complain(problem: &anyhow::Error) {
    eprintln!("{}: {problem:#}", paint("1;31", "error"));
}

/// The text in a colour, where colours are shown.
pub(crate) fn paint(colour: &str, text: &str) -> String {
    if colours() { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
}

fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A duration as people say it.
pub(crate) fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(spoken(Duration::from_millis(1_240)), "1.2 s");
        assert_eq!(spoken(Duration::from_secs(125)), "2 min 05 s");
    }

    #[test]
    fn failures_name_the_command() {
        let problem = run(Command::new("/bin/sh").args(["-c", "exit 3"])).expect_err("it fails");
        assert_eq!(problem.to_string(), "`sh -c exit 3` ended with exit status: 3");
        assert!(run(&mut Command::new("/nowhere/at-all")).is_err());
    }
}
