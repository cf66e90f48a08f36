//! An ejabberd with the modules of a small site, plain connections and short XEP-0198 sessions. The Erlang machine is
//! run directly, without node name, cookie and port mapper: several can run at once, and any user may run them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::{Account, Addresses, Domain, Process, Site, Usage, program, stop, wait_until};

const SETTINGS: &str = "
loglevel: info
log_rotate_size: infinity
auth_method: internal
auth_password_format: plain
access_rules:
  nobody: {deny: all}
s2s_access: nobody
modules:
  mod_caps: {}
  mod_carboncopy: {}
  mod_disco: {}
  mod_last: {}
  mod_offline: {}
  mod_ping: {}
  mod_privacy: {}
  mod_pubsub: {plugins: [flat, pep]}
  mod_roster: {}
  mod_stream_mgmt: {resume_timeout: 3, ack_timeout: 3600, resend_on_timeout: if_offline}
  mod_vcard: {}
  mod_version: {}
";

/// What a host allows its component: as `deploy/ejabberd.yml` has it. Access rules of the host's own, because a host
/// tells all components that its rule lets in who is online.
const ACCESS: &str = "  localhost:
    acl:
      groupchat:
        server: groupchat.localhost
    access_rules:
      groupchat:
        allow: groupchat
    modules:
";

/// Lets it send one stanza to many.
const MULTICAST: &str = "      mod_multicast:
        access: groupchat
        limits:
          remote:
            message: 1000
            presence: 1000
";

/// Tells it the presence of all users.
const TELLING: &str = "      mod_privilege:
        presence:
          managed_entity: groupchat
";

/// Rooms as large as a group may be. Who comes is not told to all others: that would take minutes, and is not compared.
const ROOMS: &str = "  mod_muc:
    host: rooms.@HOST@
    max_users: 10000
    default_room_options: {max_users: 10000, presence_broadcast: []}
";

/// Clients that come by WebSocket, without encryption.
const WEBSOCKET: &str = "  - module: ejabberd_http
    ip: 127.0.0.1
    port: @PORT@
    request_handlers:
      /xmpp-websocket: ejabberd_http_ws
";

/// What operators start from.
const SHIPPED: &str = include_str!("../../../deploy/ejabberd.yml");

/// Runs once ejabberd is up; ends the machine if an account cannot be made, so that nobody waits for it.
const REGISTER: &str = "case file:eval(\"accounts.erl\") of ok -> file:write_file(\"ready\", \"\"); E -> io:format(\"~p~n\", [E]), halt(1) end.";

/// An ejabberd that can be killed, stopped and started again with the same ports and data; ends on drop.
#[derive(Debug)]
pub struct Ejabberd {
    /// Where it listens.
    pub addresses: Addresses,
    /// Its log.
    pub log: PathBuf,
    // Before the folder, so that nothing is written there any more when it is removed.
    process: Option<Process>,
    folder: TempDir,
}

impl Ejabberd {
    /// Starts one that serves these domains, components and users, and waits until it accepts connections.
    pub fn start(domains: &[Domain], accounts: &[Account]) -> Result<Self> {
        Self::serve(&Site::of(domains, accounts))
    }

    /// Starts one that serves all this, and waits until it accepts connections.
    pub fn serve(site: &Site) -> Result<Self> {
        let mut started = Self::configured(&site.accounts, |addresses| configuration(addresses, site))?;
        if let (true, Some(process)) = (site.websocket, &mut started.process) {
            started.addresses.wait_for_web(process, &started.log)?;
        }
        Ok(started)
    }

    /// Starts one that serves all this, and more modules.
    pub fn serve_with(site: &Site, modules: &str) -> Result<Self> {
        Self::configured(&site.accounts, |addresses| {
            configuration(addresses, site).replacen("hosts:\n", &format!("{modules}hosts:\n"), 1)
        })
    }

    /// What `ejabberdctl export2sql` writes of a domain, while the server is stopped.
    pub fn export(&self, domain: &str) -> Result<PathBuf> {
        let folder = self.folder.path();
        // Else it looks for a database for a minute, to know what kind it writes for.
        let config = folder.join("ejabberd.yml");
        let text = std::fs::read_to_string(&config)?;
        std::fs::write(&config, format!("{text}sql_type: mysql\nsql_server: 127.0.0.1\nsql_port: 1\n"))?;
        let export = format!("ok = ejd2sql:export(<<\"{domain}\">>, \"export.sql\"), halt(0).");
        let outcome = erlang(&program("erl")?, folder, &self.log, &export)?.output();
        std::fs::write(&config, text)?;
        let outcome = outcome?;
        if !outcome.status.success() {
            bail!("the export failed: {}", String::from_utf8_lossy(&outcome.stdout));
        }
        Ok(folder.join("export.sql"))
    }

    /// Starts one with the configuration that is shipped, but for its ports.
    pub fn shipped() -> Result<Self> {
        Self::configured(&[], |addresses| {
            let ports = [("5222", addresses.clients), ("5347", addresses.components)];
            ports.iter().fold(SHIPPED.to_owned(), |text, (port, address)| {
                text.replace(&format!("port: {port}\n"), &format!("port: {}\n", address.port()))
            })
        })
    }

    fn configured(accounts: &[Account], configuration: impl FnOnce(&Addresses) -> String) -> Result<Self> {
        program("ejabberdctl")?;
        let folder = tempfile::Builder::new().prefix("groupchat-ejabberd-").tempdir()?;
        let addresses = Addresses::free()?;
        let path = folder.path();
        std::fs::write(path.join("ejabberd.yml"), configuration(&addresses))?;
        std::fs::write(path.join("accounts.erl"), registrations(accounts))?;
        let log = path.join("ejabberd.log");
        let mut ejabberd = Self { addresses, log, process: None, folder };
        ejabberd.restart()?;
        Ok(ejabberd)
    }

    /// Starts it again after it was killed or stopped, and waits until it accepts connections.
    pub fn restart(&mut self) -> Result<()> {
        let folder = self.folder.path();
        let (ready, output) = (folder.join("ready"), folder.join("output.log"));
        if ready.exists() {
            std::fs::remove_file(&ready)?;
        }
        let command = erlang(&program("erl")?, folder, &self.log, REGISTER)?;
        let process = self.process.insert(Process::start("ejabberd", &command, &output)?);
        wait_until(process, &output, || ready.exists())?;
        self.addresses.wait(process, &self.log)
    }

    /// What it takes of the machine.
    pub fn usage(&self) -> Result<Usage> {
        self.process.as_ref().context("the server is not running")?.usage()
    }

    /// Ends it without a warning.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Asks it to end, and waits.
    pub fn stop(&mut self) -> Result<()> {
        stop(self.process.take())
    }
}

fn erlang(erl: &Path, folder: &Path, log: &Path, then: &str) -> Result<Command> {
    let mut command = Command::new(erl);
    command
        .args(["-noinput", "+P", "250000", "-mnesia", "dir"])
        .arg(format!("\"{}\"", folder.join("database").display()))
        .args(["-s", "ejabberd", "-eval", then])
        .current_dir(folder)
        .env("HOME", folder)
        .env("ERL_LIBS", libraries()?)
        .env("ERL_CRASH_DUMP_BYTES", "0")
        .env("EJABBERD_CONFIG_PATH", folder.join("ejabberd.yml"))
        .env("EJABBERD_LOG_PATH", log)
        .env("CONTRIB_MODULES_PATH", folder.join("modules"));
    Ok(command)
}

/// Where Debian keeps Erlang libraries depends on the architecture.
fn libraries() -> Result<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib")?.flatten().map(|entry| entry.path());
    let holds_ejabberd = |folder: &PathBuf| {
        let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
        names.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().starts_with("ejabberd-"))
    };
    match folders.filter(|folder| folder.is_dir()).find(holds_ejabberd) {
        Some(folder) => Ok(folder),
        None => {
            bail!("ejabberd's libraries are not below /usr/lib: run `cargo xtask test`, which installs it")
        }
    }
}

// `global_routes: false`, or each component would get the stanzas of all of them.
fn configuration(addresses: &Addresses, site: &Site) -> String {
    let mut text = SETTINGS.to_owned();
    text.push_str(if site.rooms { ROOMS } else { "" });
    if let Some(certificate) = &site.certificate {
        let (certificate, key) = (certificate.certificate.display(), certificate.key.display());
        let _ = writeln!(text, "certfiles:\n  - {certificate}\n  - {key}");
    }
    text.push_str("hosts:\n");
    for domain in site.domains() {
        let _ = writeln!(text, "  - {domain}");
    }
    let _ = write!(
        text,
        "listen:\n  - module: ejabberd_c2s\n    ip: 127.0.0.1\n    port: {}\n    max_stanza_size: 262144\n    \
         shaper: none\n    access: all\n    starttls_required: {}\n  \
         - module: ejabberd_service\n    ip: 127.0.0.1\n    port: {}\n    shaper: none\n    \
         global_routes: false\n    hosts:\n",
        addresses.clients.port(),
        site.certificate.is_some(),
        addresses.components.port()
    );
    for domain in &site.domains {
        let _ = writeln!(
            text,
            "      {}:\n        password: \"{}\"",
            domain.component(),
            domain.component_secret
        );
    }
    if site.websocket {
        text.push_str(&WEBSOCKET.replace("@PORT@", &addresses.web.port().to_string()));
    }
    let mut allowing = site.domains();
    allowing.retain(|domain| site.multicast || site.telling.contains(*domain));
    if !allowing.is_empty() {
        text.push_str("append_host_config:\n");
    }
    for domain in allowing {
        text.push_str(&ACCESS.replace("localhost", domain));
        text.push_str(if site.multicast { MULTICAST } else { "" });
        text.push_str(if site.telling.contains(domain) { TELLING } else { "" });
    }
    text
}

/// An Erlang script that makes the accounts that are not there from before. Bytes, because the machine's own encoding is not known.
fn registrations(accounts: &[Account]) -> String {
    let binary = |text: &str| {
        let bytes: Vec<String> = text.bytes().map(|byte| byte.to_string()).collect();
        format!("<<{}>>", bytes.join(","))
    };
    let mut text = String::new();
    for account in accounts {
        let (user, domain) = (binary(&account.user), binary(&account.domain));
        let _ = writeln!(
            text,
            "case ejabberd_auth:try_register({user}, {domain}, {}) of ok -> ok; {{error, exists}} -> ok end.",
            binary(&account.password)
        );
    }
    text.push_str("ok.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::{ACCESS, MULTICAST, SHIPPED, TELLING};

    #[test]
    fn the_lines_that_are_shipped_are_those_that_are_tested() {
        assert!(
            SHIPPED.contains(&[ACCESS, MULTICAST].concat()),
            "deploy/ejabberd.yml does not hold:\n{MULTICAST}"
        );
        let commented: String = TELLING.lines().map(|line| format!("#{line}\n")).collect();
        assert!(SHIPPED.contains(&commented), "deploy/ejabberd.yml does not hold:\n{commented}");
    }
}
