//! Servers and their modules from Debian packages, installed when they are missing.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell::{installed, output_of, run, say};

/// What the tests or the demo start, or what a server loads.
pub(crate) struct Package {
    /// What Debian calls it.
    name: &'static str,
    /// What is there when it is installed.
    sign: Sign,
}

enum Sign {
    /// A program.
    Program(&'static str),
    /// A file at this place.
    File(&'static str),
}

/// Prosody.
pub(crate) const PROSODY: Package = Package { name: "prosody", sign: Sign::Program("prosody") };
/// Modules for Prosody that others wrote; Prosody finds them where Debian puts them.
pub(crate) const PROSODY_MODULES: Package = Package {
    name: "prosody-modules",
    sign: Sign::File("/usr/lib/prosody/modules/mod_privilege/mod_privilege.lua"),
};
/// ejabberd.
pub(crate) const EJABBERD: Package = Package { name: "ejabberd", sign: Sign::Program("ejabberdctl") };
/// A library for clients, for Debian's Python: a stock client that the tests drive.
pub(crate) const SLIXMPP: Package = Package {
    name: "python3-slixmpp",
    sign: Sign::File("/usr/lib/python3/dist-packages/slixmpp/__init__.py"),
};
/// A client for the terminal.
pub(crate) const PROFANITY: Package = Package { name: "profanity", sign: Sign::Program("profanity") };
/// A client for the desktop.
pub(crate) const GAJIM: Package = Package { name: "gajim", sign: Sign::Program("gajim") };
/// A screen that nobody sees.
pub(crate) const XVFB: Package = Package { name: "xvfb", sign: Sign::Program("xvfb-run") };
/// What lets a client onto it.
pub(crate) const XAUTH: Package = Package { name: "xauth", sign: Sign::Program("xauth") };
/// The bus by which programs of a desktop find each other.
pub(crate) const DBUS: Package = Package { name: "dbus-daemon", sign: Sign::Program("dbus-run-session") };
/// What says something to a program on it.
pub(crate) const GDBUS: Package = Package { name: "libglib2.0-bin", sign: Sign::Program("gdbus") };
/// A terminal that a program types into and reads.
pub(crate) const TMUX: Package = Package { name: "tmux", sign: Sign::Program("tmux") };
/// PostgreSQL.
pub(crate) const POSTGRESQL: Package = Package { name: "postgresql", sign: Sign::Program("postgres") };
/// MariaDB's server, without what would run it as a service of the machine.
pub(crate) const MARIADB: Package = Package { name: "mariadb-server-core", sign: Sign::Program("mariadbd") };
/// What the script that makes a new database of MariaDB needs besides.
pub(crate) const MARIADB_TOOLS: Package =
    Package { name: "mariadb-client-core", sign: Sign::Program("my_print_defaults") };

/// What looks at units.
pub(crate) const SYSTEMD: Package = Package { name: "systemd", sign: Sign::Program("systemd-analyze") };
/// What looks at a running service, and at its own rules.
pub(crate) const PROMETHEUS: Package = Package { name: "prometheus", sign: Sign::Program("promtool") };
/// What looks at shell scripts.
pub(crate) const SHELLCHECK: Package = Package { name: "shellcheck", sign: Sign::Program("shellcheck") };
/// What finds out which libraries a Debian package needs.
pub(crate) const DPKG_DEV: Package = Package { name: "dpkg-dev", sign: Sign::Program("dpkg-shlibdeps") };
/// A browser, for pages and for a client that is one.
pub(crate) const CHROMIUM: Package = Package { name: "chromium", sign: Sign::Program("chromium") };
/// What runs clients in JavaScript, and what drives the browser.
pub(crate) const NODEJS: Package = Package { name: "nodejs", sign: Sign::Program("node") };
/// What installs them.
pub(crate) const NPM: Package = Package { name: "npm", sign: Sign::Program("npm") };
/// What makes certificates.
pub(crate) const OPENSSL: Package = Package { name: "openssl", sign: Sign::Program("openssl") };

impl Package {
    fn is_installed(&self) -> bool {
        match self.sign {
            Sign::Program(program) => installed(program).is_some(),
            Sign::File(file) => Path::new(file).is_file(),
        }
    }
}

/// Run as root with the names of the packages. Debian starts a server that it installs, and again at every boot; that
/// is not wanted here, since we start our own. A `policy-rc.d` of the machine's owner is left as it is.
const INSTALL: &str = r#"set -eu
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends "$@"
if [ -d /run/systemd/system ]; then
    for service in "$@"; do
        systemctl disable --quiet --now "$service" || true
    done
fi
"#;

/// Installs those of the packages that are not there yet.
///
/// # Errors
/// They cannot be installed from here; tells what to do instead.
pub(crate) fn ensure(packages: &[Package]) -> Result<()> {
    let missing = packages.iter().filter(|package| !package.is_installed());
    let missing: Vec<&str> = missing.map(|package| package.name).collect();
    if missing.is_empty() {
        let names: Vec<&str> = packages.iter().map(|package| package.name).collect();
        say(&format!("installed: {}", names.join(", ")));
        return Ok(());
    }
    let names = missing.join(" ");
    if installed("apt-get").is_none() {
        bail!(
            "{names} must be installed, and there is no apt-get here to do it: install by hand, then try again"
        );
    }
    let mut command = as_root()
        .with_context(|| format!("{names} must be installed: run `apt-get install {names}` as root first"))?;
    say(&format!("installing from Debian: {names} (as programs only; no service is started)"));
    command.args(["sh", "-c", INSTALL, "install"]).args(&missing);
    run(&mut command).with_context(|| format!("Debian's {names} could not be installed"))
}

/// The start of a command that root is to run.
fn as_root() -> Result<Command> {
    let user = output_of(Command::new("id").arg("-u")).context("cannot tell who runs this")?;
    if user.trim() == "0" {
        return Ok(Command::new("env"));
    }
    let sudo = installed("sudo").context("this is not run by root, and there is no sudo")?;
    Ok(Command::new(sudo))
}
