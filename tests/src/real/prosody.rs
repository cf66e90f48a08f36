//! A Prosody with the modules of a small site, plain connections and short XEP-0198 sessions.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::{Account, Addresses, Domain, Process, Site, Usage, program, stop};

const CONFIG: &str = "prosody.cfg.lua";

const SETTINGS: &str = r#"
run_as_root = true
interfaces = { "127.0.0.1" }
component_interfaces = { "127.0.0.1" }
c2s_direct_tls_ports = {}
s2s_ports = {}
modules_enabled = {
	"roster", "saslauth", "disco", "ping", "pep", "blocklist", "vcard4", "vcard_legacy", "offline", "smacks",
	"carbons", "version", "time", "presence", "message", "iq", "c2s",
}
modules_disabled = { "s2s", "tls", "dialback" }
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
storage = "internal"
smacks_hibernation_time = 3
blocklist_cache_size = 10000
certificates = "."
"#;

/// Where Debian keeps the module that tells a component the presence of users.
const MODULE: &str = "/usr/lib/prosody/modules/mod_privilege/mod_privilege.lua";

/// In the section of a host that tells its component the presence of all users, and of one that passes on stanzas to
/// many: as `deploy/prosody.cfg.lua` has it.
const TELLING: &str = r#"	privileged_entities = { ["groupchat.localhost"] = { presence = "managed_entity" } }
"#;

/// The modules of a host that does both.
const MODULES: &str = r#"	modules_enabled = { "privilege", "groupchat_multicast" }
"#;

/// And of one that only passes on stanzas.
const MULTICAST: &str = r#"	modules_enabled = { "groupchat_multicast" }
"#;

/// A component with rooms. Who comes is not told to all others: that would take minutes, and is not compared.
const ROOMS: &str = r#"Component "rooms.localhost" "muc"
	muc_room_locking = false
	muc_room_default_presence_broadcast = { visitor = false; participant = false; moderator = false }
"#;

/// What takes clients that come by WebSocket, beside the module for the others.
const WEBSOCKET: &str = r#""c2s", "websocket""#;
/// Where it does, without encryption.
const WEB: &str = r#"
http_interfaces = { "127.0.0.1" }
https_ports = {}
"#;

/// What operators start from.
const SHIPPED: &str = include_str!("../../../deploy/prosody.cfg.lua");

/// Where they put our own module.
const ELSEWHERE: &str = "/usr/local/lib/prosody/modules";

/// Our own module is here.
const PLUGINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/prosody");

/// The modules of the component that is told, and of a host that only tells.
const TOLD: &str = r#"	modules_enabled = { "privilege" }
"#;

/// A Prosody that can be killed, stopped and started again with the same ports and data; ends on drop.
#[derive(Debug)]
pub struct Prosody {
    /// Where it listens.
    pub addresses: Addresses,
    /// Its log.
    pub log: PathBuf,
    // Before the folder, so that nothing is written there any more when it is removed.
    process: Option<Process>,
    folder: TempDir,
}

impl Prosody {
    /// Starts one that serves these domains, components and users, and waits until it accepts connections.
    pub fn start(domains: &[Domain], accounts: &[Account]) -> Result<Self> {
        Self::serve(&Site::of(domains, accounts))
    }

    /// Starts one that serves all this, and waits until it accepts connections.
    pub fn serve(site: &Site) -> Result<Self> {
        if !site.telling.is_empty() && !Path::new(MODULE).is_file() {
            bail!("`prosody-modules` is not installed: run `cargo xtask test`, which installs it");
        }
        let mut started =
            Self::configured(&site.accounts, |folder, addresses| configuration(folder, addresses, site))?;
        if let (true, Some(process)) = (site.websocket, &mut started.process) {
            started.addresses.wait_for_web(process, &started.log)?;
        }
        Ok(started)
    }

    /// Starts one that serves all this, and more sections of its configuration.
    pub fn serve_with(site: &Site, more: &str) -> Result<Self> {
        Self::configured(&site.accounts, |folder, addresses| configuration(folder, addresses, site) + more)
    }

    /// Where it keeps its data.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts one with the configuration that is shipped, but for its ports and for where it writes.
    pub fn shipped() -> Result<Self> {
        Self::configured(&[], |folder, addresses| {
            let settings = format!("{}run_as_root = true\n", places(folder, addresses));
            let shipped = SHIPPED.replace("pidfile = \"/run/prosody/prosody.pid\"\n", &settings);
            shipped.replace("log = { info = \"*syslog\" }\n", "").replace(ELSEWHERE, PLUGINS)
        })
    }

    fn configured(
        accounts: &[Account],
        configuration: impl FnOnce(&Path, &Addresses) -> String,
    ) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("groupchat-prosody-").tempdir()?;
        let addresses = Addresses::free()?;
        std::fs::write(folder.path().join(CONFIG), configuration(folder.path(), &addresses))?;
        for account in accounts {
            write_account(folder.path(), account).context("cannot write an account of Prosody")?;
        }
        let log = folder.path().join("prosody.log");
        let mut prosody = Self { addresses, log, process: None, folder };
        prosody.restart()?;
        Ok(prosody)
    }

    /// Starts it again after it was killed or stopped, and waits until it accepts connections.
    pub fn restart(&mut self) -> Result<()> {
        let folder = self.folder.path();
        let mut command = Command::new(program("prosody")?);
        command.arg("-F").arg("--config").arg(folder.join(CONFIG)).current_dir(folder);
        let process = Process::start("prosody", &command, &folder.join("output.log"))?;
        self.addresses.wait(self.process.insert(process), &self.log)
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

/// Where it writes, and listens.
fn places(folder: &Path, addresses: &Addresses) -> String {
    let path = folder.display();
    let (clients, components) = (addresses.clients.port(), addresses.components.port());
    format!(
        "pidfile = '{path}/prosody.pid'\ndata_path = '{path}/data'\n\
         log = {{ {{ levels = {{ min = 'info' }}, to = 'file', filename = '{path}/prosody.log' }} }}\n\
         c2s_ports = {{ {clients} }}\ncomponent_ports = {{ {components} }}\n"
    )
}

fn configuration(folder: &Path, addresses: &Addresses, site: &Site) -> String {
    let mut text = SETTINGS.to_owned();
    if let (true, Some(domain)) = (site.websocket, site.domains().first()) {
        let port = addresses.web.port();
        text = text.replace("\"c2s\"", WEBSOCKET);
        // Browsers name an address and not a domain; their stream says which domain they mean.
        let _ = writeln!(text, "{WEB}http_ports = {{ {port} }}\nhttp_default_host = \"{domain}\"");
    }
    if let Some(certificate) = &site.certificate {
        let (certificate, key) = (certificate.certificate.display(), certificate.key.display());
        text = text.replace("\"s2s\", \"tls\"", "\"s2s\"").replace("\"c2s\"", "\"c2s\", \"tls\"");
        text = text.replace("c2s_require_encryption = false", "c2s_require_encryption = true");
        text = text.replace("allow_unencrypted_plain_auth = true", "allow_unencrypted_plain_auth = false");
        let _ = writeln!(text, "ssl = {{ certificate = '{certificate}', key = '{key}' }}");
    }
    let _ = writeln!(text, "{}plugin_paths = {{ '{PLUGINS}' }}", places(folder, addresses));
    // All settings of all hosts must precede the first component, or Prosody reads them as the component's.
    for domain in site.domains() {
        let _ = writeln!(text, "VirtualHost \"{domain}\"");
        let tells = site.telling.contains(domain);
        text.push_str(match (tells, site.multicast) {
            (true, true) => MODULES,
            (true, false) => TOLD,
            (false, true) => MULTICAST,
            (false, false) => "",
        });
        if tells {
            text.push_str(&TELLING.replace("localhost", domain));
        }
    }
    for domain in &site.domains {
        let (component, secret) = (domain.component(), &domain.component_secret);
        let _ = writeln!(text, "Component \"{component}\"\n\tcomponent_secret = \"{secret}\"");
        if site.telling.contains(&domain.name) {
            text.push_str(TOLD);
        }
        if site.rooms {
            text.push_str(&ROOMS.replace("localhost", &domain.name));
        }
    }
    text
}

/// As Prosody's own store of plain passwords writes it.
fn write_account(folder: &Path, account: &Account) -> Result<()> {
    let accounts = folder.join("data").join(encode(&account.domain)).join("accounts");
    std::fs::create_dir_all(&accounts)?;
    let file = accounts.join(format!("{}.dat", encode(&account.user)));
    std::fs::write(file, format!("return {{\n\t[\"password\"] = \"{}\";\n}};\n", account.password))?;
    Ok(())
}

/// Prosody's file names: each byte that is no ASCII letter or digit as `%xx`.
fn encode(name: &str) -> String {
    name.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b if b.is_ascii_alphanumeric() => encoded.push(char::from(b)),
            b => encoded.push_str(&format!("%{b:02x}")),
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::{MODULES, SHIPPED, TELLING, TOLD, encode};

    #[test]
    fn file_names() {
        assert_eq!(encode("c017.lit"), "c017%2elit");
        assert_eq!(encode("测a_"), "%e6%b5%8ba%5f");
    }

    #[test]
    fn the_lines_that_are_shipped_as_comments_are_those_that_are_tested() {
        for section in [MODULES, TELLING, TOLD] {
            let commented: String = section.lines().map(|line| format!("--{line}\n")).collect();
            assert!(SHIPPED.contains(&commented), "deploy/prosody.cfg.lua does not hold:\n{commented}");
        }
    }
}
