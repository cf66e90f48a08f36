//! A child process that cannot outlive the program that started it, however that one ends. Knows nothing of servers.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// A shell stands between: it passes on the signals that it reads, and kills the child when its input ends, which the
/// kernel sees to when the tests die, even by SIGKILL. It ends when the child does.
const GUARD: &str = r#"
# A file that may not grow any more is an error to a server, not its end.
trap '' XFSZ
exec 3<&0
"$@" </dev/null 3<&- &
pid=$!
{ while read -r signal; do kill -s "$signal" $pid; done; kill -s KILL $pid; } <&3 2>/dev/null &
reader=$!
exec 3<&-
wait $pid
status=$?
kill -s KILL $reader 2>/dev/null
exit $status
"#;

/// A running child, killed on drop.
#[derive(Debug)]
pub(super) struct Process {
    name: String,
    guard: Child,
}

/// What a process takes of the machine.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// All threads, the system's work for them included, since it was started.
    pub cpu_seconds: f64,
    /// What it holds of the memory (its resident set).
    pub resident_kib: u64,
}

impl Process {
    /// Starts `command`, whose output goes to `log`.
    pub(super) fn start(name: &str, command: &Command, log: &Path) -> Result<Self> {
        let output = File::options().create(true).append(true).open(log).context("cannot open the log")?;
        let mut guard = Command::new("/bin/sh");
        guard.args(["-c", GUARD, "guard"]).arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => guard.env(key, value),
                None => guard.env_remove(key),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            guard.current_dir(folder);
        }
        guard.stdin(Stdio::piped()).stdout(output.try_clone()?).stderr(output);
        let guard = guard.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name: name.to_owned(), guard })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The child's process id: the guard's only child that is no shell.
    pub(super) fn id(&self) -> Option<u32> {
        let guard = self.guard.id();
        let children = std::fs::read_to_string(format!("/proc/{guard}/task/{guard}/children")).ok()?;
        let mut children = children.split_whitespace().filter_map(|id| id.parse().ok());
        children.find(|id| {
            let name = std::fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
            !name.is_empty() && name.trim_end() != "sh"
        })
    }

    /// What it takes of the machine.
    pub(super) fn usage(&self) -> Result<Usage> {
        /// Of a second (USER_HZ, the same on all of Linux).
        const TICKS: f64 = 100.0;
        let id = self.id().with_context(|| format!("{} is not running", self.name))?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident_kib = line.and_then(|line| line.trim().strip_suffix("kB"));
        let resident_kib = resident_kib.and_then(|number| number.trim().parse().ok());
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
        // Behind the name, which may hold anything: user and system time are the 12th and 13th.
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace());
        let ticks =
            fields.map(|fields| fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum());
        let told = ticks.map(|ticks: f64| ticks / TICKS).zip(resident_kib);
        let (cpu_seconds, resident_kib) = told.context("the system does not tell")?;
        Ok(Usage { cpu_seconds, resident_kib })
    }

    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.guard.try_wait(), Ok(None))
    }

    /// Sends SIGTERM and waits; false if the process did not end within `patience`.
    pub(super) fn terminate(&mut self, patience: Duration) -> bool {
        self.end_by("TERM", patience)
    }

    /// Sends a signal that asks for the end, by its name without `SIG`, and waits; false if that did not come within
    /// `patience`.
    pub(super) fn end_by(&mut self, signal: &str, patience: Duration) -> bool {
        self.signal(signal);
        let start = Instant::now();
        while start.elapsed() < patience {
            if self.has_ended() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// Sends SIGKILL and waits for the end.
    pub(super) fn kill(&mut self) {
        drop(self.guard.stdin.take());
        // It was killed or had ended before; there is nothing to be done about an error.
        self.guard.wait().ok();
    }

    fn signal(&mut self, signal: &str) {
        if let Some(input) = &mut self.guard.stdin {
            // Fails only if the process has ended, which the caller notices.
            writeln!(input, "{signal}").ok();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str) -> Process {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        Process::start("sh", &command, Path::new("/dev/null")).expect("starts")
    }

    #[test]
    fn ends_by_itself_on_request_or_by_force() {
        let mut short = start("exit 0");
        assert!(short.terminate(Duration::from_secs(5)));
        assert!(start("exec sleep 100").terminate(Duration::from_secs(5)));
        let mut stubborn = start("trap '' TERM; while :; do sleep 0.1; done");
        std::thread::sleep(Duration::from_millis(100));
        assert!(!stubborn.terminate(Duration::from_millis(100)));
        stubborn.kill();
        assert!(stubborn.has_ended());
    }
}
