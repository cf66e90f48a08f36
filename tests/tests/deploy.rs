//! What is shipped to run the component beside a server: as far as it can be tried without a container engine, it is started;
//! the rest is read and compared with what it names.

use std::collections::BTreeSet;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use groupchat_tests::real::{Addresses, Ejabberd, Prosody, build_component};
use saphyr::{LoadableYamlNode as _, Yaml};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(root().join(path)).with_context(|| path.to_owned())
}

/// The shipped configuration of the component beside the shipped one of a server: `doctor` is content.
fn go_together(name: &str, host: &Addresses) -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("groupchat.toml"), read("deploy/groupchat.toml")?)?;
    let mut command = Command::new(build_component()?);
    command.arg("doctor").current_dir(folder.path()).env("GROUPCHAT_HTTP__LISTEN", "");
    let output = command.env("GROUPCHAT_COMPONENT__SERVER", host.components.to_string()).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    for expected in
        ["accepts groupchat.localhost", "lists groupchat.localhost", "every kind of stanza", "0 errors"]
    {
        ensure!(said.contains(expected), "{name}: {expected} is not in\n{said}");
    }
    Ok(())
}

#[test]
fn the_shipped_prosody_goes_with_the_shipped_component() -> Result<()> {
    go_together("Prosody", &Prosody::shipped()?.addresses)
}

#[test]
fn the_shipped_ejabberd_goes_with_the_shipped_component() -> Result<()> {
    go_together("ejabberd", &Ejabberd::shipped()?.addresses)
}

#[test]
fn systemd_takes_the_unit() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let program = build_component()?;
    let unit = read("deploy/xmpp-groupchat.service")?;
    ensure!(unit.contains("\nExecStart=xmpp-groupchat run "));
    let file = folder.path().join("xmpp-groupchat.service");
    std::fs::write(
        &file,
        unit.replace("ExecStart=xmpp-groupchat", &format!("ExecStart={}", program.display())),
    )?;
    let mut verify = Command::new("systemd-analyze");
    let output =
        verify.arg("verify").arg(&file).output().context("systemd-analyze: run `cargo xtask test` first")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && !said.contains("xmpp-groupchat.service"), "{said}");
    Ok(())
}

/// What a program says to systemd until it says this.
fn wait_for(socket: &UnixDatagram, wanted: &str) -> Result<()> {
    let (start, mut heard) = (Instant::now(), String::new());
    let mut buffer = [0; 4_096];
    while start.elapsed() < PATIENCE {
        if let Ok(bytes) = socket.recv(&mut buffer) {
            let said = String::from_utf8_lossy(&buffer[..bytes]).into_owned();
            if said.lines().any(|line| line.starts_with(wanted)) {
                return Ok(());
            }
            heard.push_str(&said);
        }
    }
    anyhow::bail!("{wanted} was not said, but: {heard}")
}

#[test]
fn systemd_hears_when_it_is_up_that_it_lives_and_that_it_stops() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config =
        "[component]\ndomain = 'g.localhost'\nsecret = 's'\nserver = '127.0.0.1:1'\n[http]\nlisten = ''\n";
    std::fs::write(folder.path().join("groupchat.toml"), config)?;
    let name = folder.path().join("notify");
    let socket = UnixDatagram::bind(&name)?;
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let mut command = Command::new(build_component()?);
    command.arg("run").current_dir(folder.path()).env("NOTIFY_SOCKET", &name).env("WATCHDOG_USEC", "300000");
    let mut child = command.stderr(Stdio::null()).spawn()?;
    for wanted in ["READY=1", "STATUS=no link to the XMPP server", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"] {
        wait_for(&socket, wanted)?;
    }
    Command::new("kill").arg(child.id().to_string()).status()?;
    wait_for(&socket, "STOPPING=1")?;
    ensure!(child.wait()?.success());
    Ok(())
}

#[test]
fn the_program_is_built_by_the_script_of_the_image() -> Result<()> {
    // Made before, so that the script finds everything done.
    let program = build_component()?;
    let target = program.parent().and_then(Path::parent).context("no target folder")?;
    let folder = tempfile::tempdir()?;
    let mut build = Command::new(root().join("deploy/build.sh"));
    build.arg(folder.path()).env("PROFILE", "dev").env("CARGO_TARGET_DIR", target);
    let output = build.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let version = Command::new(folder.path().join("xmpp-groupchat")).arg("--version").output()?;
    ensure!(String::from_utf8_lossy(&version.stdout).starts_with("xmpp-groupchat "));
    Ok(())
}

/// The instructions of a Dockerfile, with continued lines joined.
fn instructions(text: &str) -> Vec<(String, String)> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(' ')).map(|(a, b)| (a.to_owned(), b.trim().to_owned())).collect()
}

#[test]
fn images_are_pinned_and_run_by_nobody_special() -> Result<()> {
    for file in ["deploy/docker/groupchat.Dockerfile", "deploy/docker/prosody.Dockerfile"] {
        let all = instructions(&read(file)?);
        let of = |name: &str| {
            all.iter().filter(|(is, _)| is == name).map(|(_, what)| what.as_str()).collect::<Vec<_>>()
        };
        for image in of("FROM") {
            let tag =
                image.split_whitespace().next().and_then(|image| image.split_once(':')).map(|(_, tag)| tag);
            ensure!(
                tag.is_some_and(|tag| tag.contains(|c: char| c.is_ascii_digit())),
                "{file}: {image} has no version"
            );
        }
        ensure!(of("USER").last().is_some_and(|user| *user != "root"), "{file} runs as root");
        ensure!(of("HEALTHCHECK").len() == 1, "{file} says nothing of its health");
        for copied in of("COPY").into_iter().filter(|copied| !copied.starts_with("--from")) {
            let source = copied.split_whitespace().next().unwrap_or_default();
            ensure!(root().join(source).exists(), "{file} copies {source}, which is not there");
        }
        let scripts = of("RUN").into_iter().filter(|run| run.starts_with("deploy/"));
        for script in scripts.filter_map(|run| run.split_whitespace().next()) {
            ensure!(root().join(script).is_file(), "{file} runs {script}, which is not there");
        }
    }
    Ok(())
}

/// What is known to go wrong with Dockerfiles, as far as ours could have it.
#[test]
fn images_have_no_known_mistakes() -> Result<()> {
    let ignored = read(".dockerignore")?;
    let mut problems = Vec::new();
    for file in ["deploy/docker/groupchat.Dockerfile", "deploy/docker/prosody.Dockerfile"] {
        for (is, what) in instructions(&read(file)?) {
            let wrong = match is.as_str() {
                "ADD" => Some("COPY says what it does"),
                "RUN" if what.contains("apt-get install") && !what.contains("--no-install-recommends") => {
                    Some("installs more than is needed")
                }
                "RUN" if what.contains("apt-get") && !what.contains("rm -rf /var/lib/apt/lists/*") => {
                    Some("keeps the lists of packages")
                }
                "RUN" if what.contains("sudo") => Some("is root already"),
                "CMD" | "ENTRYPOINT" if !what.starts_with('[') => Some("a shell would take the signals"),
                "WORKDIR" if !what.starts_with('/') => Some("is relative"),
                "COPY" if ignored.lines().any(|line| what.starts_with(line.trim_start_matches('/'))) => {
                    Some("is left out by .dockerignore")
                }
                _ => None,
            };
            problems.extend(wrong.map(|why| format!("{file}: {is} {what}: {why}")));
        }
    }
    ensure!(problems.is_empty(), "{}", problems.join("\n"));
    // The compiler of the image is new enough.
    let manifest = read("Cargo.toml")?;
    let needed = manifest.split("rust-version = \"").nth(1).and_then(|rest| rest.split('"').next());
    let image = read("deploy/docker/groupchat.Dockerfile")?;
    let has = image.split("FROM rust:").nth(1).and_then(|rest| rest.split('-').next());
    let numbers =
        |version: &str| version.split('.').filter_map(|part| part.parse().ok()).collect::<Vec<u32>>();
    let (needed, has) =
        (needed.map(numbers).context("no rust-version")?, has.map(numbers).context("no rust")?);
    ensure!(has >= needed, "the image has Rust {has:?}, the project wants {needed:?}");
    Ok(())
}

fn yaml(path: &str) -> Result<Yaml<'static>> {
    let text: &'static str = read(path)?.leak();
    Yaml::load_from_str(text)?.into_iter().next().with_context(|| format!("{path} is empty"))
}

#[test]
fn what_composes_the_services_names_what_is_there() -> Result<()> {
    let compose = yaml("deploy/docker-compose.yml")?;
    let services = compose["services"].as_mapping().context("no services")?;
    let names: BTreeSet<&str> = services.keys().filter_map(|name| name.as_str()).collect();
    ensure!(names == BTreeSet::from(["groupchat", "postgres", "prosody"]), "{names:?}");
    for name in names {
        let service = &compose["services"][name];
        if let Some(file) = service
            .as_mapping()
            .and_then(|_| service.as_mapping_get("build"))
            .and_then(|build| build["dockerfile"].as_str())
        {
            ensure!(root().join(file).is_file(), "{name} is built by {file}, which is not there");
        }
        let host = service.as_mapping_get("network_mode").and_then(|mode| mode.as_str());
        let after = service.as_mapping_get("depends_on").and_then(|after| after.as_sequence());
        let after = after.into_iter().flatten().filter_map(|name| name.as_str());
        for other in host.and_then(|host| host.strip_prefix("service:")).into_iter().chain(after) {
            ensure!(
                services.keys().any(|name| name.as_str() == Some(other)),
                "{name} wants {other}, which is not there"
            );
        }
        let environment = service.as_mapping_get("environment").and_then(|given| given.as_mapping());
        for variable in
            environment.into_iter().flat_map(|given| given.keys()).filter_map(|name| name.as_str())
        {
            let Some(key) = variable.strip_prefix("GROUPCHAT_") else { continue };
            let key = key.to_lowercase().replace("__", ".");
            let handbook = read("docs/operations.md")?;
            ensure!(handbook.contains(&format!("| `{key}` |")), "{name} sets {key}, which there is not");
        }
        for volume in
            service["volumes"].as_sequence().into_iter().flatten().filter_map(|volume| volume.as_str())
        {
            let volume = volume.split(':').next().unwrap_or_default();
            ensure!(
                compose["volumes"].contains_mapping_key(volume),
                "{name} has a volume {volume} that nobody makes"
            );
        }
    }
    Ok(())
}

#[test]
fn clients_reach_the_trial_and_nobody_else_does() -> Result<()> {
    let compose = yaml("deploy/docker-compose.yml")?;
    let services = compose["services"].as_mapping().context("no services")?;
    let mut published = Vec::new();
    for name in services.keys().filter_map(|name| name.as_str()) {
        let ports = compose["services"][name].as_mapping_get("ports").and_then(|ports| ports.as_sequence());
        let ports = ports.into_iter().flatten().filter_map(|port| port.as_str());
        published.extend(ports.map(|port| (name, port)));
    }
    ensure!(published == [("prosody", "127.0.0.1:5222:5222")], "{published:?}");
    // What the image makes of the configuration.
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("prosody.cfg.lua");
    std::fs::write(&file, read("deploy/prosody.cfg.lua")?)?;
    let all = instructions(&read("deploy/docker/prosody.Dockerfile")?);
    let edit = all.iter().find(|(is, what)| is == "RUN" && what.starts_with("sed ")).context("no sed")?;
    let edit = edit.1.replace("/etc/prosody/prosody.cfg.lua", &file.display().to_string());
    ensure!(Command::new("sh").arg("-c").arg(edit).status()?.success());
    let made = std::fs::read_to_string(&file)?;
    ensure!(made.contains("interfaces = { \"*\" }; component_interfaces = { \"127.0.0.1\" }\n"), "{made}");
    Ok(())
}

#[test]
fn alerts_and_dashboard_can_be_read() -> Result<()> {
    let alerts = yaml("deploy/prometheus/alerts.yml")?;
    let rules = alerts["groups"][0]["rules"].as_sequence().context("no rules")?;
    ensure!(rules.len() >= 5);
    let cases = read("deploy/prometheus/alerts.test.yml")?;
    for rule in rules {
        let name = rule["alert"].as_str().unwrap_or_default();
        ensure!(cases.matches(&format!("alertname: {name}\n")).count() >= 1, "{name} is not tried");
        let has = |key: &str| rule[key].as_str().is_some();
        ensure!(has("alert") && has("expr") && rule["annotations"]["summary"].as_str().is_some(), "{rule:?}");
    }
    let dashboard: serde_json::Value = serde_json::from_str(&read("deploy/grafana/xmpp-groupchat.json")?)?;
    let panels = dashboard["panels"].as_array().context("no panels")?;
    ensure!(panels.len() >= 10 && panels.iter().all(|panel| panel["targets"][0]["expr"].is_string()));
    Ok(())
}

#[test]
fn what_the_front_page_installs_is_there() -> Result<()> {
    let page = read("README.md")?;
    let installed: Vec<&str> =
        page.lines().filter_map(|line| line.trim().strip_prefix("sudo install ")).collect();
    ensure!(installed.len() == 3, "{installed:?}");
    for line in installed {
        let source = line.split_whitespace().find(|word| !word.starts_with('-')).unwrap_or_default();
        ensure!(source.starts_with("target/") || root().join(source).is_file(), "{source} is not there");
    }
    Ok(())
}

#[test]
fn scripts_have_no_known_mistakes() -> Result<()> {
    let scripts = ["build.sh", "try-package.sh", "debian/postinst", "debian/prerm", "debian/postrm"]
        .map(|name| root().join("deploy").join(name));
    let output = Command::new("shellcheck").args(scripts).output();
    let output = output.context("cannot run shellcheck: `cargo xtask test` installs it")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

#[test]
fn alerts_are_given_when_they_should_be_and_not_before() -> Result<()> {
    for (what, file) in [("check", "alerts.yml"), ("test", "alerts.test.yml")] {
        let mut promtool = Command::new("promtool");
        promtool.args([what, "rules"]).arg(root().join("deploy/prometheus").join(file));
        let output = promtool.output().context("cannot run promtool: `cargo xtask test` installs it")?;
        let said = [output.stdout, output.stderr].concat();
        ensure!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&said));
    }
    Ok(())
}

#[test]
fn the_package_holds_what_is_there() -> Result<()> {
    let manifest = read("crates/daemon/Cargo.toml")?;
    let section = manifest.split("[package.metadata.deb]").nth(1).context("no package")?;
    let assets =
        section.split("assets = [").nth(1).and_then(|rest| rest.split("\n]").next()).context("no assets")?;
    let mut count = 0;
    for line in assets.lines().filter(|line| line.contains('[')) {
        let source = line.split('"').nth(1).context("no source")?;
        count += 1;
        // What is built is there after the build.
        let built = source.starts_with("target/");
        ensure!(built || root().join("crates/daemon").join(source).is_file(), "{source} is not there");
    }
    ensure!(count >= 5, "{assets}");
    Ok(())
}
